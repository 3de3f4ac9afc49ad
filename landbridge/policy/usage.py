"""What is granted and not needed: clauses unused, wider than any query, or behind others."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import combinations

from landbridge.clock import to_datetime
from landbridge.memorandum.condition import AllOf
from landbridge.memorandum.life import Span
from landbridge.policy.authorization import Policy
from landbridge.policy.circumstances import ways
from landbridge.policy.coverage import Clause
from landbridge.policy.outlook import Access, accesses
from landbridge.policy.past_access import PastAccess
from landbridge.policy.possible_record import EVERY_RECORD, RecordFinder, Witness


@dataclass(frozen=True, slots=True)
class Unused:
    """What of a clause no query of the log has used."""

    clause: Clause
    entirely: bool
    """Whether nothing of it was used at all."""
    names: tuple[str, ...]
    requesters: tuple[str, ...]
    purposes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Overlap:
    """Two clauses that release the same at the same time: only the first one counts."""

    first: Clause
    second: Clause
    names: tuple[str, ...]
    accesses: tuple[Access, ...]
    both: Witness | None
    """A record that both let through; None where it is proven that there is none."""
    hidden: Witness | None
    """A record that only the second lets through, and that stays hidden; None where none does."""


def find_unused(
    policy: Policy, past: Iterable[PastAccess], now: int, provider: str = ""
) -> list[Unused]:
    """Return what no access of a log has used, of the clauses by which a provider releases.

    A clause that has not begun by now, in Unix milliseconds, could not be used.
    """
    names: dict[tuple[str, str, str, str], set[str]] = {}
    asked: dict[tuple[str, str, str, str], set[tuple[str, str]]] = {}
    for access in past:
        if access.released:
            key = access.memorandum, access.clause, access.provider, access.dataset
            names.setdefault(key, set()).update(access.released)
            asked.setdefault(key, set()).add((access.requester, access.purpose))
    found = []
    for memorandum in policy.memoranda:
        for owner, dataset in dict.fromkeys((g.provider, g.dataset) for g in memorandum.grants):
            for clause in policy.clauses(owner, dataset):
                if clause.memorandum is not memorandum or provider not in ("", owner):
                    continue
                if clause.start > now:
                    continue
                key = memorandum.id, clause.grant.clause, owner, dataset
                unused = _unused(clause, names.get(key, set()), asked.get(key, set()))
                if unused.names or unused.requesters or unused.purposes:
                    found.append(unused)
    return found


def find_overlaps(policy: Policy, finder: RecordFinder, since: int = 0) -> list[Overlap]:
    """Return the clauses that release the same to the same at the same time, from a time on.

    Raises:
        LandbridgeError: LB-1101 when row conditions have to be compared and no solver is installed.
    """
    found: dict[tuple[Clause, Clause], list[tuple[Access, Span]]] = {}
    for access, coverage in accesses(policy).items():
        spans = [
            policy.settled.spans(clause.memorandum, clause.grant, access.requester)
            for clause in coverage.clauses
        ]
        standing = list(zip(coverage.clauses, spans, strict=True))
        for (first, its), (second, others) in combinations(standing, 2):
            common = [span for span in _common(its, others) if span[1] > since]
            if common and _shared(first, second) and _open_together(first, second):
                whole = max(common[0][0], since), common[-1][1]
                found.setdefault((first, second), []).append((access, whole))
    return [_overlap(first, second, where, finder) for (first, second), where in found.items()]


def _unused(clause: Clause, names: set[str], asked: set[tuple[str, str]]) -> Unused:
    grant = clause.grant
    requesters = {requester for requester, _ in asked}
    purposes = {purpose for _, purpose in asked}
    return Unused(
        clause,
        not names,
        tuple(name for name in grant.names if name not in names),
        tuple(requester for requester in grant.requesters if requester not in requesters),
        tuple(purpose for purpose in grant.purposes if purpose not in purposes),
    )


def _shared(first: Clause, second: Clause) -> tuple[str, ...]:
    return tuple(name for name in second.grant.names if name in first.grant.names)


def _open_together(first: Clause, second: Clause) -> bool:
    return any(
        first.held_back(standing) is None and second.held_back(standing) is None
        for standing in ways((first, second))
    )


def _common(ones: Iterable[Span], others: Iterable[Span]) -> Iterator[Span]:
    others = list(others)
    for start, end in ones:
        for begin, until in others:
            if max(start, begin) < min(end, until):
                yield max(start, begin), min(end, until)


def _overlap(
    first: Clause, second: Clause, where: list[tuple[Access, Span]], finder: RecordFinder
) -> Overlap:
    access, _ = where[0]
    dataset = access.provider, access.dataset
    days = _day(min(span[0] for _, span in where)), _day(max(span[1] for _, span in where) - 1)
    rules = (*first.grant.where, *second.grant.where)
    return Overlap(
        first,
        second,
        _shared(first, second),
        tuple(access for access, _ in where),
        finder.find(dataset, AllOf(rules), *days) if rules else EVERY_RECORD,
        finder.find_difference(dataset, second.grant.where, first.grant.where, days),
    )


def _day(at: int) -> date:
    return to_datetime(at).date()
