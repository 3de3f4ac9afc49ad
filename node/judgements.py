"""Judgements that are kept: the verdicts on all questions that are alike, by one policy.

They are forgotten as soon as the memoranda allow something else, a clause begins or ends, or the
moment is another: the day, whether revocation data are too old, and what is past its term.
"""

from collections.abc import Hashable
from typing import Final, NamedTuple

from landbridge.memorandum.life import Span
from landbridge.policy.authorization import Policy
from node.verdict import Verdict

_MOST_KEPT: Final = 128


class Judgement(NamedTuple):
    """Verdicts on the datasets of a question, in its order, and when they hold."""

    verdicts: tuple[Verdict, ...]
    steady: Span
    """From when, and until when, Unix milliseconds."""


class _Known:
    """The judgements by one policy at one moment, by what they follow from."""

    __slots__ = ("_judgements", "moment", "policy")

    def __init__(self, policy: Policy | None, moment: Hashable) -> None:
        self.policy = policy
        self.moment = moment
        self._judgements: dict[Hashable, Judgement] = {}

    def find(self, key: Hashable, at: int) -> Judgement | None:
        """Return the judgement of a key, where it holds at a time."""
        judgement = self._judgements.get(key)
        if judgement is None:
            return None
        start, end = judgement.steady
        return judgement if start <= at < end else None

    def keep(self, key: Hashable, judgement: Judgement) -> None:
        """Keep a judgement."""
        if len(self._judgements) >= _MOST_KEPT:
            self._judgements.clear()
        self._judgements[key] = judgement


class Judgements:
    """The judgements of a node by the policy of the moment. Thread-safe."""

    def __init__(self) -> None:
        self._known = _Known(None, None)

    def of(self, policy: Policy, moment: Hashable) -> _Known:
        """Return those by a policy at a moment; all others are forgotten."""
        known = self._known
        if known.policy is not policy or known.moment != moment:
            known = self._known = _Known(policy, moment)
        return known
