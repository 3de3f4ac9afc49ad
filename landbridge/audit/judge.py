"""What does not fit between the entries of one query: the rules, in their order.

Most queries look like many others: the same logs, the same accesses, every named entry in its
place. Of each such shape one is judged by the rules, and the others by it.
"""

from collections.abc import Hashable, Sequence
from typing import Final

from landbridge.agency import Role
from landbridge.audit.absences import check_absences
from landbridge.audit.agreement import check_agreement
from landbridge.audit.case import A_DAY_MS, EARLIEST, Case, Shown
from landbridge.audit.fact import NAMED, Fact
from landbridge.audit.finding import Finding
from landbridge.audit.named_entries import check_named
from landbridge.v1 import log_pb2

_MOST_SHAPES: Final = 100_000
_TELLERS: Final = (log_pb2.ENTRY_KIND_PROFILE, log_pb2.ENTRY_KIND_RECEIPT)


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
        shape: list[Hashable] = []
        payload = b""
        earliest = max(EARLIEST, min([fact.at for fact in facts]))
        for _, log, _, kind, step, at, accesses, paid, _, said, heard in facts:
            if log not in parties or said != who or not earliest <= at < earliest + A_DAY_MS:
                return None
            shape += (log, kind, step, accesses)
            if kind in _TELLERS:
                if paid != (payload or paid):
                    return None
                payload = paid
                shape.append(len(heard))
                if heard and not self._are_in_place(facts, heard, shape):
                    return None
        requester = who[: who.index(b"\0")].decode()
        return bool(self._shown.logs(Role.REQUESTER, requester)), *shape

    def _are_in_place(self, facts: Sequence[Fact], heard: bytes, shape: list[Hashable]) -> bool:
        """Look up what an entry names, and write down which entries it is."""
        for number, index, leaf, _, _ in NAMED.iter_unpack(heard):
            for place, fact in enumerate(facts):
                if fact.leaf == leaf and fact.log == number and fact.position == index:
                    shape.append(place)
                    break
            else:
                if number in self._shown.parties:
                    return False
        return True
