"""What does not fit between the entries of one query: the rules, in their order.

Most queries look like many others: the same logs, the same accesses, every named entry in its
place. Of each such shape one is judged by the rules, and the others by it.
"""

from collections.abc import Hashable, Sequence
from typing import Final

from landbridge.agency import Role
from landbridge.audit.absences import check_absences
from landbridge.audit.agreement import check_agreement
from landbridge.audit.case import Case, Shown
from landbridge.audit.fact import Fact
from landbridge.audit.finding import Finding
from landbridge.audit.named_entries import check_named
from landbridge.v1 import log_pb2

_MOST_SHAPES: Final = 100_000
_PROFILE: Final = log_pb2.ENTRY_KIND_PROFILE
_RECEIPT: Final = log_pb2.ENTRY_KIND_RECEIPT
_NOWHERE: Final = -1


def judge(shown: Shown, facts: Sequence[Fact]) -> list[Finding]:
    """Say what does not fit; the facts are all those of one query. A pure function."""
    case = Case(shown, facts)
    if not case.facts:
        return []
    return [*check_named(case), *check_absences(case), *check_agreement(case)]


class Judge:
    """Judges queries, and knows the shapes in which everything fits."""

    def __init__(self, shown: Shown) -> None:
        self._shown = shown
        self._fitting: set[Hashable] = set()

    def judge(self, facts: Sequence[Fact]) -> list[Finding]:
        """Say what does not fit, as the function of that name does."""
        shape = self._shape(facts)
        if shape is not None and shape in self._fitting:
            return []
        found = judge(self._shown, facts)
        if shape is not None and not found and len(self._fitting) < _MOST_SHAPES:
            self._fitting.add(shape)
        return found

    def _shape(self, facts: Sequence[Fact]) -> Hashable:
        """Write down all that the rules go by; None where entries do not say the same."""
        parties, who = self._shown.parties, facts[0].who
        places = {(fact.log, fact.position): place for place, fact in enumerate(facts)}
        shape: list[Hashable] = []
        payload: bytes | None = None
        for fact in facts:
            if fact.who != who or fact.log not in parties:
                return None
            named: list[int] = []
            for number, index, leaf in fact.named() if fact.heard else ():
                place = places.get((number, index), _NOWHERE)
                if number in parties and (place == _NOWHERE or facts[place].leaf != leaf):
                    return None
                named.append(place)
            if fact.kind in (_PROFILE, _RECEIPT):
                if fact.payload != (payload or fact.payload):
                    return None
                payload = fact.payload
            names_from = parties[fact.log].names_from
            names = names_from is not None and fact.position >= names_from
            shape.append((fact.log, fact.kind, fact.step, fact.accesses, names, *named))
        requester = who[: who.index(b"\0")].decode()
        return bool(self._shown.logs(Role.REQUESTER, requester)), *shape
