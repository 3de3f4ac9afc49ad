"""What a change of memoranda changes: exactly, at each instant, with a record that shows it.

    differences = compare(old, new, RecordFinder(type_of))

For each agency, dataset, field and purpose, and each stretch of time between two instants at which
something changes, the clause that releases before is held against the one that releases after.
Clauses that are written alike need no further look. Where the row conditions differ, the solver
finds a record that only one of them lets through, or proves that there is none.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from landbridge.policy.authorization import Policy
from landbridge.policy.circumstances import alike
from landbridge.policy.clause_difference import ClauseComparer, Effect, Shown
from landbridge.policy.coverage import Clause, Coverage, Standing
from landbridge.policy.outlook import Access, accesses, releasing
from landbridge.policy.possible_record import RecordFinder, Witness
from landbridge.policy.terms import TermChange


@dataclass(frozen=True, slots=True)
class Difference:
    """What changes for one field or predicate in one stretch of time."""

    access: Access
    name: str
    start: int
    """First Unix millisecond."""
    end: int
    """First Unix millisecond after it."""
    old: Clause | None
    new: Clause | None
    shown: Shown
    standings: frozenset[Standing]
    """In which circumstances."""

    @property
    def effect(self) -> Effect:
        """What comes of it."""
        return self.shown.effect

    @property
    def appears(self) -> Witness | None:
        """A record that becomes visible; None where it is proven that none does."""
        return self.shown.appears

    @property
    def disappears(self) -> Witness | None:
        """A record that is no longer visible; None where it is proven that none is."""
        return self.shown.disappears

    @property
    def terms(self) -> tuple[TermChange, ...]:
        """The terms that are not the same."""
        return self.shown.terms


_Pair = tuple[Clause | None, Clause | None]
_Key = tuple[str, int, int, Clause | None, Clause | None]
_NOTHING: Final = (None, None)
_FRAME: Final = ("valid", "legal_basis", "stale_revocation", "consent_desks")
"""What clauses take from their memorandum."""


def compare(old: Policy, new: Policy, finder: RecordFinder, *, since: int = 0) -> list[Difference]:
    """Return every difference between two policies, from a time in Unix milliseconds on.

    Raises:
        LandbridgeError: LB-1101 when row conditions have to be compared and no solver is installed.
    """
    before, after = accesses(old), accesses(new)
    untouched = _untouched(old, new)
    comparer = ClauseComparer(finder)
    differences: list[Difference] = []
    for access in sorted({**before, **after}):
        coverages = before.get(access), after.get(access)
        if not _is_untouched(coverages, untouched):
            differences += _compare_access(access, coverages, comparer, since)
    return differences


def compare_moments(
    policy: Policy, finder: RecordFinder, first: int, last: int
) -> list[Difference]:
    """Return what changes by itself, as time passes, between two times in Unix milliseconds.

    Each difference is between the last instant before its `start` and `start` itself.
    """
    comparer = ClauseComparer(finder)
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
        differences += _judge_all(access, found, comparer)
    return differences


def _untouched(old: Policy, new: Policy) -> frozenset[int]:
    """Name, by `id`, the grants of which nothing is otherwise: text, frame, successor, notices."""
    before = {memorandum.id: memorandum for memorandum in old.memoranda}
    found: set[int] = set()
    for memorandum in new.memoranda:
        earlier = before.get(memorandum.id)
        if earlier is None or not (
            old.settled.superseded_at.get(earlier.id) == new.settled.superseded_at.get(earlier.id)
            and old.settled.notices.get(earlier.id) == new.settled.notices.get(earlier.id)
            and all(getattr(earlier, key) == getattr(memorandum, key) for key in _FRAME)
        ):
            continue
        for one, other in zip(earlier.grants, memorandum.grants, strict=False):
            if one is other or one == other:
                found |= {id(one), id(other)}
    return frozenset(found)


def _is_untouched(
    coverages: tuple[Coverage | None, Coverage | None], untouched: frozenset[int]
) -> bool:
    old, new = coverages
    return (
        old is not None
        and new is not None
        and len(old.clauses) == len(new.clauses)
        and all(id(clause.grant) in untouched for clause in (*old.clauses, *new.clauses))
    )


def _compare_access(
    access: Access,
    coverages: tuple[Coverage | None, Coverage | None],
    comparer: ClauseComparer,
    since: int,
) -> list[Difference]:
    clauses = [clause for coverage in coverages if coverage for clause in coverage.clauses]
    found: dict[_Key, set[Standing]] = {}
    for like, standings in alike(clauses).items():
        for name, start, end, old, new in _pairs(coverages, like):
            if end > since:
                key = name, max(start, since), end, old, new
                found.setdefault(key, set()).update(standings)
    return _judge_all(access, found, comparer)


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
    access: Access, found: dict[_Key, set[Standing]], comparer: ClauseComparer
) -> list[Difference]:
    differences = []
    for (name, start, end, old, new), standings in found.items():
        shown = comparer.compare(access, name, (start, end), old, new)
        if shown is not None:
            differences.append(
                Difference(access, name, start, end, old, new, shown, frozenset(standings))
            )
    return sorted(differences, key=lambda difference: (difference.start, difference.end))
