"""What a change of memoranda changes: exactly, at each instant, with a record that shows it.

    differences = compare(old, new, RecordFinder(type_of))

For each agency, dataset, field and purpose, and each stretch of time between two instants at which
something changes, the clause that releases before is held against the one that releases after.
Clauses that are written alike need no further look. Where the row conditions differ, the solver
finds a record that only one of them lets through, or proves that there is none.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from landbridge.clock import to_datetime
from landbridge.policy.authorization import Policy
from landbridge.policy.circumstances import alike
from landbridge.policy.coverage import Clause, Coverage, Standing
from landbridge.policy.outlook import Access, accesses, releasing
from landbridge.policy.possible_record import RecordFinder, Witness
from landbridge.policy.terms import TermChange, compare_terms, question


class Effect(StrEnum):
    """What comes of a change for a field."""

    ALLOWED = "allowed"
    REFUSED = "refused"
    RECORDS = "records"
    """Released before and after, of other records."""
    TERMS = "terms"
    """Released before and after, of the same records on other terms."""


@dataclass(frozen=True, slots=True)
class Difference:
    """What changes for one field or predicate in one stretch of time."""

    access: Access
    name: str
    start: int
    """First Unix millisecond."""
    end: int
    """First Unix millisecond after it."""
    effect: Effect
    old: Clause | None
    new: Clause | None
    appears: Witness | None
    """A record that becomes visible; None where it is proven that none does."""
    disappears: Witness | None
    """A record that is no longer visible; None where it is proven that none is."""
    terms: tuple[TermChange, ...]
    standings: frozenset[Standing]
    """In which circumstances."""


_Pair = tuple[Clause | None, Clause | None]
_Key = tuple[str, int, int, Clause | None, Clause | None]
_NOTHING: Final = (None, None)


def compare(old: Policy, new: Policy, finder: RecordFinder, *, since: int = 0) -> list[Difference]:
    """Return every difference between two policies, from a time in Unix milliseconds on.

    Raises:
        LandbridgeError: LB-1101 when row conditions have to be compared and no solver is installed.
    """
    before, after = accesses(old), accesses(new)
    touched = _touched(old, new)
    differences: list[Difference] = []
    for access in sorted({**before, **after}):
        coverages = before.get(access), after.get(access)
        if any(
            clause.memorandum.id in touched
            for coverage in coverages
            if coverage
            for clause in coverage.clauses
        ):
            differences += _compare_access(access, coverages, finder, since)
    return differences


def compare_moments(
    policy: Policy, finder: RecordFinder, first: int, last: int
) -> list[Difference]:
    """Return what changes by itself, as time passes, between two times in Unix milliseconds.

    Each difference is between the last instant before its `start` and `start` itself.
    """
    differences = []
    for access, coverage in sorted(accesses(policy).items(), key=lambda item: item[0]):
        times = [time for time in coverage.times if first < time <= last]
        found: dict[_Key, set[Standing]] = {}
        for like, standings in alike(coverage.clauses).items():
            for time in times:
                earlier = releasing(coverage, time - 1, like)
                later = releasing(coverage, time, like)
                for name in {**earlier, **later}:
                    key = name, time, time + 1, earlier.get(name), later.get(name)
                    found.setdefault(key, set()).update(standings)
        differences += _judge_all(access, found, finder)
    return differences


def _touched(old: Policy, new: Policy) -> frozenset[str]:
    """Name the memoranda of which anything can be otherwise: text, successor or notices."""
    before = {memorandum.id: memorandum for memorandum in old.memoranda}
    after = {memorandum.id: memorandum for memorandum in new.memoranda}
    return frozenset(
        id_
        for id_ in {**before, **after}
        if before.get(id_) != after.get(id_)
        or old.settled.superseded_at.get(id_) != new.settled.superseded_at.get(id_)
        or old.settled.notices.get(id_) != new.settled.notices.get(id_)
    )


def _compare_access(
    access: Access,
    coverages: tuple[Coverage | None, Coverage | None],
    finder: RecordFinder,
    since: int,
) -> list[Difference]:
    clauses = [clause for coverage in coverages if coverage for clause in coverage.clauses]
    found: dict[_Key, set[Standing]] = {}
    for like, standings in alike(clauses).items():
        for name, start, end, old, new in _pairs(coverages, like):
            if end > since:
                key = name, max(start, since), end, old, new
                found.setdefault(key, set()).update(standings)
    return _judge_all(access, found, finder)


def _pairs(
    coverages: tuple[Coverage | None, Coverage | None], standing: Standing
) -> Iterator[_Key]:
    """Give each name with the clauses that release it before and after, while these stay."""
    times = {time for coverage in coverages if coverage for time in coverage.times}
    running: dict[str, tuple[int, _Pair]] = {}
    # At the last of these times everything has ended.
    for time in sorted(times):
        old, new = (releasing(coverage, time, standing) for coverage in coverages)
        now: dict[str, _Pair] = {name: (old.get(name), new.get(name)) for name in {**old, **new}}
        for name, (since, pair) in list(running.items()):
            if now.get(name, _NOTHING) != pair:
                yield name, since, time, *pair
                del running[name]
        for name, pair in now.items():
            running.setdefault(name, (time, pair))


def _judge_all(
    access: Access, found: dict[_Key, set[Standing]], finder: RecordFinder
) -> list[Difference]:
    judged = (_judge(access, key, frozenset(standings), finder) for key, standings in found.items())
    return sorted(
        (difference for difference in judged if difference is not None),
        key=lambda difference: (difference.start, difference.end),
    )


def _judge(
    access: Access, key: _Key, standings: frozenset[Standing], finder: RecordFinder
) -> Difference | None:
    name, start, end, old, new = key
    if old is not None and new is not None and _is_written_alike(old, new, name):
        return None
    dataset = access.provider, access.dataset
    days = _day(start), _day(end - 1)
    appears = disappears = None
    changes: tuple[TermChange, ...] = ()
    if old is None or new is None:
        effect = Effect.ALLOWED if old is None else Effect.REFUSED
        appears = None if new is None else finder.find_any(dataset, new.grant.where, days)
        disappears = None if old is None else finder.find_any(dataset, old.grant.where, days)
    else:
        appears = finder.find_difference(dataset, new.grant.where, old.grant.where, days)
        disappears = finder.find_difference(dataset, old.grant.where, new.grant.where, days)
        changes = (
            *compare_terms(old, new),
            *_compare_questions(name, old, new, finder, dataset, days),
        )
        if appears is None and disappears is None and not changes:
            return None
        effect = Effect.RECORDS if appears or disappears else Effect.TERMS
    return Difference(
        access, name, start, end, effect, old, new, appears, disappears, changes, standings
    )


def _is_written_alike(old: Clause, new: Clause, name: str) -> bool:
    return (
        old.grant.where == new.grant.where
        and old.predicates.get(name) == new.predicates.get(name)
        and not compare_terms(old, new)
    )


def _compare_questions(  # noqa: PLR0913, PLR0917 - what is compared, by what
    name: str,
    old: Clause,
    new: Clause,
    finder: RecordFinder,
    dataset: tuple[str, str],
    days: tuple[date, date],
) -> Iterable[TermChange]:
    """Hold against one another what a predicate asks."""
    before, after = old.predicates.get(name), new.predicates.get(name)
    if before == after:
        return ()
    change = TermChange("question", question(before), question(after))
    if before is None or after is None or before.asks or after.asks:
        # What a query asks can be anything: another writing counts as another question.
        same = (
            before is not None
            and after is not None
            and (before.asks, before.when) == (after.asks, after.when)
        )
        return () if same else (change,)
    yes_before = (*old.grant.where, *before.when)
    yes_after = (*new.grant.where, *after.when)
    wider = finder.find_difference(dataset, yes_after, yes_before, days)
    narrower = finder.find_difference(dataset, yes_before, yes_after, days)
    return () if wider is None and narrower is None else (change,)


def _day(at: int) -> date:
    return to_datetime(at).date()
