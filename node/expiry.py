"""Expiry at source: adverse records past their term are not read, whoever asks.

The term counts from an event's day. On the day on which it ends a record is still given, from the
next day on it is not; which day it is, is read from the clock of the dataset's time zone. A record
whose event has no day, or none that can be read, does not expire.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Final, Self
from zoneinfo import ZoneInfo

from landbridge.memorandum.condition import AllOf, Condition, Operator, Rule
from landbridge.period import Period
from node.node_file import DatasetTable
from node.predicates import rules_on

_DAY: Final = timedelta(days=1)
_KEPT: Final = 16
"""Rules that are kept: the one of today, and that of yesterday for a question under way."""


@dataclass(frozen=True, slots=True)
class Expiry:
    """After which term which records of a dataset are not read any more."""

    event: str
    """The date field from which the term counts."""
    term: Period
    zone: tzinfo
    adverse: tuple[Rule, ...] = ()
    """What a record must meet to expire at all."""

    @classmethod
    def of(cls, dataset: DatasetTable) -> Self | None:
        """Read the rule of a dataset; None where its records never expire."""
        table = dataset.expiry
        if table is None:
            return None
        zone = UTC if table.time_zone == "UTC" else ZoneInfo(table.time_zone)
        return cls(table.event, table.term, zone, table.adverse)

    def expired(self, at: int) -> Rule:
        """Return what exactly those records meet that are past their term; `at` is Unix ms."""
        return _expired(self, self.day(at))

    def day(self, at: int) -> date:
        """Return the dataset's day at a time, Unix ms: within it the same records expire."""
        return datetime.fromtimestamp(at / 1000, self.zone).date()


def expiries(datasets: Iterable[DatasetTable]) -> Mapping[str, Expiry]:
    """Read the rules of all datasets that have one, by the dataset's name."""
    found = {dataset.name: Expiry.of(dataset) for dataset in datasets}
    return {name: expiry for name, expiry in found.items() if expiry}


def first_in_term(term: Period, day: date) -> date:
    """Return the earliest day of an event whose term has not ended before a day.

    Counted from the event's day, as laws do: five years from 29 February end on 28 February.
    """
    first = term.before(day)
    while first < day and term.after(first) < day:
        first += _DAY
    while first > date.min and term.after(first - _DAY) >= day:
        first -= _DAY
    return first


@lru_cache(_KEPT)
def _expired(expiry: Expiry, day: date) -> Rule:
    passed = Condition(expiry.event, Operator.LT, first_in_term(expiry.term, day).isoformat())
    return AllOf((*rules_on(expiry.adverse, day), passed)) if expiry.adverse else passed
