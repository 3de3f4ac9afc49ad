"""On which days a rule has to be looked at, as the bounds of its periods move with the day.

Two rules with a `within` can agree today and differ next month. What a rule says of records depends
only on how its bounds lie to one another, and that changes on few days: those near which a moving
bound passes a fixed one. All of these are tried; between them every day is like its neighbour.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from itertools import combinations
from typing import Final

from landbridge.memorandum.condition import Condition, Rule, conditions_of
from landbridge.period import Period
from landbridge.policy.value_gaps import DAY, is_real

_NEAR: Final = 4
"""Days around a passing: months end one to three days apart, and neighbours count."""
_CYCLE: Final = timedelta(days=146_097)
"""After 400 years the calendar repeats, day by day."""
_TELLING: Final = 2
"""Whether bounds are equal, neighbours or further apart is all that matters."""


def has_periods(rule: Rule) -> bool:
    """Tell whether the rule says something else each day."""
    return any(isinstance(condition.value, Period) for condition in conditions_of(rule))


def days_to_try(rule: Rule, first: date, last: date) -> Sequence[date]:
    """Return days, in order, among which each way is that the rule's bounds can lie."""
    if not has_periods(rule):
        return (first,)
    moving: dict[str, set[Period]] = {}
    for condition in conditions_of(rule):
        if isinstance(condition.value, Period):
            moving.setdefault(condition.field, set()).add(condition.value)
    fixed = {
        field: sorted({text for each in conditions_of(rule) for text in _texts(each, field)})
        for field in moving
    }
    days = {first, last}
    for field, periods in moving.items():
        for text in fixed[field]:
            if _is_day(text):
                days.update(_near(date.fromisoformat(text[:10]), periods, first, last))
    if _needs_every_day(moving, fixed):
        days.update(_first_of_each_way(moving, fixed, first, last))
    return sorted(days)


def _texts(condition: Condition, field: str) -> tuple[str, ...]:
    if condition.field != field:
        return ()
    value = condition.value
    operands = value if isinstance(value, tuple) else (value,)
    return tuple(operand for operand in operands if isinstance(operand, str))


def _is_day(text: str) -> bool:
    return DAY.fullmatch(text[:10]) is not None and is_real(text[:10])


def _near(bound: date, periods: set[Period], first: date, last: date) -> Iterator[date]:
    for passing in (bound, *(period.after(bound) for period in periods)):
        for off in range(-_NEAR, _NEAR + 1):
            day = date.fromordinal(
                min(max(passing.toordinal() + off, first.toordinal()), last.toordinal())
            )
            yield day


def _needs_every_day(moving: dict[str, set[Period]], fixed: dict[str, list[str]]) -> bool:
    """Tell whether periods are so near to one another that the calendar decides on the longer."""
    for field, periods in moving.items():
        if not all(map(_is_day, fixed[field])):
            return True
        for one, other in combinations(periods, 2):
            shorter, longer = sorted((one, other), key=lambda period: period.longest_days)
            if longer.before(date(2001, 2, 28)) > shorter.before(date(2001, 2, 28)) - timedelta(
                days=2 * _NEAR
            ):
                return True
    return False


def _first_of_each_way(
    moving: dict[str, set[Period]], fixed: dict[str, list[str]], first: date, last: date
) -> Iterator[date]:
    latest = max(
        [first]
        + [
            period.after(date.fromisoformat(text[:10]))
            for field, periods in moving.items()
            for text in fixed[field]
            if _is_day(text)
            for period in periods
        ]
    )
    end = min(last.toordinal(), latest.toordinal() + _CYCLE.days)
    seen = set()
    for ordinal in range(first.toordinal(), end + 1):
        day = date.fromordinal(ordinal)
        way: list[int] = []
        for field, periods in moving.items():
            starts = [period.before(day) for period in sorted(periods, key=str)]
            way += [bisect_left(fixed[field], start.isoformat()) for start in (*starts, day)]
            for one, other in combinations(starts, 2):
                apart = one.toordinal() - other.toordinal()
                way.append(max(-_TELLING, min(_TELLING, apart)))
        if tuple(way) not in seen:
            seen.add(tuple(way))
            yield day
