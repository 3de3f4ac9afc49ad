"""Which clauses stand at a time: laid out once between two points at which something changes."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from landbridge.memorandum.document import Memorandum
from landbridge.memorandum.grant import Grant, Predicate
from landbridge.memorandum.life import Span
from landbridge.memorandum.words import StaleRevocation
from landbridge.policy.decision import Decision, Terms
from landbridge.reasons import Reason

ALWAYS: Final[Span] = (-(2**63), 2**63)
"""The time during which what never changes stays as it is."""


@dataclass(frozen=True, slots=True, eq=False)
class Clause:
    """A grant with what it takes from its memorandum."""

    memorandum: Memorandum
    grant: Grant
    legal_basis: str
    start: int
    """First Unix millisecond in force, as it is written."""
    end: int
    """First Unix millisecond no longer in force, as it is written."""
    release: int
    """Clauses with the same number release as one: same memorandum, clause, basis, rows, terms."""
    terms: Terms
    predicates: dict[str, Predicate]

    @property
    def serves_stale(self) -> bool:
        """Whether it releases while revocation data are too old."""
        return self.memorandum.stale_revocation is StaleRevocation.SERVE

    def held_back(self, standing: "Standing") -> Reason | None:
        """Say why it releases nothing though it is in force; None where it releases."""
        if standing.stale and not self.serves_stale:
            return Reason.STALE_REVOCATION
        if self.grant.needs_consent and not self._is_consented(standing):
            return Reason.CONSENT_MISSING
        if self.grant.sealed and not standing.sealed:
            return Reason.SEALING_REQUIRED
        return None

    def _is_consented(self, standing: "Standing") -> bool:
        if not standing.consented or standing.vouched_by is None:
            return standing.consented
        return not standing.vouched_by.isdisjoint(self.memorandum.consent_desks)


class Standing(NamedTuple):
    """What a request is like, beside its time: see `AccessRequest`."""

    stale: bool = False
    consented: bool = False
    sealed: bool = False
    vouched_by: frozenset[str] | None = None


class Epoch(NamedTuple):
    """What stands between two points in time at which something changes."""

    first: Clause | None
    by_field: dict[str, Clause]
    held_back: tuple[Clause, Reason] | None
    """The first clause that is in force and held back all the same."""
    held_back_by_field: dict[str, tuple[Clause, Reason]]
    decisions: dict[tuple[str, ...], Decision]
    """Decisions that were made already, by the wanted fields."""


class Coverage:
    """The clauses for one provider, dataset, requester, purpose and subject kind, in order."""

    __slots__ = ("_epochs", "_spans", "_times", "clauses")

    def __init__(self) -> None:
        self.clauses: list[Clause] = []
        self._spans: list[Sequence[Span]] = []
        self._times: Sequence[int] | None = None
        self._epochs: dict[tuple[int, Standing], Epoch] = {}

    def add(self, clause: Clause, spans: Sequence[Span]) -> None:
        """Add a clause behind the others with when it stands; all before the first look-up."""
        self.clauses.append(clause)
        self._spans.append(spans)
        self._times = None

    @property
    def times(self) -> Sequence[int]:
        """The Unix milliseconds at which something changes, in order."""
        if self._times is None:
            # Most are never asked for: each is put in order when it first is.
            self._times = sorted({time for spans in self._spans for span in spans for time in span})
        return self._times

    def steady(self, at: int) -> Span:
        """Return from when, and until when, the same stands as at a time, in Unix milliseconds."""
        times = self.times
        position = bisect_right(times, at)
        return (
            times[position - 1] if position else ALWAYS[0],
            times[position] if position < len(times) else ALWAYS[1],
        )

    def standing(self, at: int, standing: Standing = Standing()) -> Epoch:  # noqa: B008 - immutable
        """Return what stands at a time in Unix milliseconds."""
        key = bisect_right(self.times, at), standing
        epoch = self._epochs.get(key)
        if epoch is None:
            # Few epochs are ever asked for, so that each is laid out when it first is.
            epoch = self._epochs[key] = self._lay_out(at, standing)
        return epoch

    def _lay_out(self, at: int, standing: Standing) -> Epoch:
        in_force = [
            (clause, clause.held_back(standing))
            for clause, spans in zip(self.clauses, self._spans, strict=True)
            if any(start <= at < end for start, end in spans)
        ]
        held_back = [(clause, reason) for clause, reason in in_force if reason is not None]
        released = [clause for clause, reason in in_force if reason is None]
        by_field: dict[str, Clause] = {}
        for clause in released:
            for name in clause.grant.names:
                by_field.setdefault(name, clause)
        held_back_by_field: dict[str, tuple[Clause, Reason]] = {}
        for clause, reason in held_back:
            for name in clause.grant.names:
                held_back_by_field.setdefault(name, (clause, reason))
        return Epoch(
            released[0] if released else None,
            by_field,
            held_back[0] if held_back else None,
            held_back_by_field,
            {},
        )
