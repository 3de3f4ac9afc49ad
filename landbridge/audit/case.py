"""The entries of one query, in all the logs that are shown, and whose logs these are."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Final

from landbridge.agency import Role
from landbridge.audit.fact import Fact
from landbridge.audit.finding import Finding, Kind, Proof
from landbridge.audit.heads import Standing
from landbridge.audit.released import Released, by_agency
from landbridge.audit.shown_log import Party
from landbridge.clock import to_iso
from landbridge.v1 import log_pb2

_WRITTEN_BY: Final[Mapping[int, Role]] = {
    log_pb2.ENTRY_KIND_QUERY: Role.REQUESTER,
    log_pb2.ENTRY_KIND_RECEIPT: Role.REQUESTER,
    log_pb2.ENTRY_KIND_ANSWER: Role.NODE,
    log_pb2.ENTRY_KIND_PROFILE: Role.GATEWAY,
}
EARLIEST: Final = 1_577_836_800_000
"""2020-01-01, Unix milliseconds: no log is older."""
A_DAY_MS: Final = 86_400_000
_LAST_MS: Final = 253_402_300_800_000
_COMBINATIONS: Final = 65_536
_DIGITS: Final = 16


class Shown:
    """The logs that are shown, and what their entries say of datasets.

    `whole` names roles and agencies of which every log is shown, as (role, agency); of gateways
    (role, ""): only then does it mean something that an entry is in none of them. `rewritten` are
    logs known to be forked: that an entry stands elsewhere in them is not told again. `standing`
    tells how a head stands that came with a named entry.
    """

    def __init__(
        self,
        parties: Iterable[Party],
        *,
        whole: frozenset[tuple[Role, str]],
        rewritten: frozenset[str],
        accesses_of: Callable[[bytes], list[log_pb2.Access]],
        standing: Callable[[int, int, bytes], Standing],
    ) -> None:
        self.parties = {party.number: party for party in parties}
        self.rewritten = rewritten
        self._in_place = {
            (number, kind)
            for number, party in self.parties.items()
            for kind, role in _WRITTEN_BY.items()
            if party.role is role
        }
        self._logs: dict[tuple[Role, str], list[Party]] = {
            (role, agency): [
                party
                for party in self.parties.values()
                if party.role is role and agency in ("", party.agency)
            ]
            for role, agency in whole
        }
        self._accesses_of = accesses_of
        self.standing = standing
        self._listed = lru_cache(_COMBINATIONS)(self._read_listed)
        self._differences = lru_cache(_COMBINATIONS)(self._compare)

    def is_in_place(self, fact: Fact) -> bool:
        """Tell whether an entry is of the kind that its log is for."""
        return (fact.log, fact.kind) in self._in_place

    def logs(self, role: Role, agency: str = "") -> list[Party]:
        """Return all logs of a role, of one agency or of all; none unless every one is shown."""
        return self._logs.get((role, agency), [])

    def listed(self, fact: Fact) -> Mapping[str, Released]:
        """Return what an entry of a gateway or requester lists, by agency."""
        return self._listed(fact.accesses)

    def datasets(self, answer: Fact) -> set[str]:
        """Return the datasets of a node's entry."""
        return {access.dataset for access in self._accesses_of(answer.accesses)}

    def differences(self, answers: Iterable[Fact], agency: str, teller: Fact) -> Sequence[str]:
        """Say how what a party lists of an agency differs from what that agency's entries say."""
        names = tuple(sorted(answer.accesses for answer in answers))
        return self._differences(names, agency, teller.accesses)

    def _read_listed(self, name: bytes) -> Mapping[str, Released]:
        return by_agency(self._accesses_of(name))

    def _compare(self, answers: tuple[bytes, ...], agency: str, teller: bytes) -> Sequence[str]:
        given = Released(access for name in answers for access in self._accesses_of(name))
        return given.differences(self._listed(teller).get(agency, Released(())))


class Case:
    """One query, with what has been found out about it so far."""

    def __init__(self, shown: Shown, facts: Sequence[Fact]) -> None:
        self.shown = shown
        self.facts = [fact for fact in facts if shown.is_in_place(fact)]
        self.asked: list[Fact] = []
        self.received: list[Fact] = []
        self.handed: list[Fact] = []
        self.answered: list[Fact] = []
        places = {
            log_pb2.ENTRY_KIND_QUERY: self.asked,
            log_pb2.ENTRY_KIND_RECEIPT: self.received,
            log_pb2.ENTRY_KIND_PROFILE: self.handed,
            log_pb2.ENTRY_KIND_ANSWER: self.answered,
        }
        for fact in self.facts:
            places[fact.kind].append(fact)  # type: ignore[index]
        self.tellers = (*self.handed, *self.received)
        self.named: dict[Fact, list[Fact]] = {teller: [] for teller in self.tellers}
        """The entries that a profile or a receipt names, and that are there."""
        self.accused: set[int] = set()
        """Numbers of the logs that were found to lack something of this query."""

    def party(self, fact: Fact) -> Party:
        """Return whose log an entry stands in."""
        return self.shown.parties[fact.log]

    def agrees_on_requester(self) -> bool:
        """Tell whether all entries name the same requester, purpose and case."""
        return len({fact.who for fact in self.facts}) == 1

    def is_out_of_time(self) -> bool:
        """Tell whether some entry is dated a day or more away from the others, or impossibly."""
        times = [fact.at for fact in self.facts]
        return min(times) < EARLIEST or max(times) - min(times) >= A_DAY_MS

    def finding(  # noqa: PLR0913  one for each part of the sentence
        self,
        kind: Kind,
        party: Party,
        what: str,
        proof: Iterable[Fact],
        *,
        topic: str = "",
        may_be_late: bool = False,
        word: Iterable[Fact] = (),
    ) -> Finding:
        """Put a finding about this query together."""
        first = (self.asked or self.facts)[0]
        alone = tuple(dict.fromkeys(self.party(fact).origin for fact in word))
        rests = f", on the word of {' and '.join(alone)} alone" if alone else ""
        requester, purpose = first.said[:2]
        return Finding(
            kind,
            party.origin,
            f"{party.origin} {what}{rests} (query {first.query.hex()[:_DIGITS]} of {requester}"
            f" for {purpose}, {written(first.at)})",
            query=first.query,
            requester=requester,
            purpose=purpose,
            at=max(fact.at for fact in self.facts),
            proof=tuple(Proof(self.party(fact).origin, fact.position, fact.leaf) for fact in proof),
            word=alone,
            topic=topic,
            may_be_late=may_be_late,
        )

    def place(self, fact: Fact) -> str:
        """Name an entry."""
        return f"entry {fact.position} of {self.party(fact).origin}"

    def places(self, facts: Iterable[Fact]) -> str:
        """Name entries."""
        return " and ".join(map(self.place, facts))


def written(at: int) -> str:
    """Write a time, which a dishonest log may have put anywhere."""
    return to_iso(at) if 0 <= at < _LAST_MS else f"{at} ms"
