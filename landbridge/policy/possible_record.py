"""Whether any record can meet a rule: decided for all records at once, by an SMT solver.

    finder = RecordFinder(lambda provider, dataset, field: None)
    found = finder.find(("p", "d"), Not(rule), first, last)

The answer is exact. Each field takes one of finitely many values that stand for all others
(`landbridge.policy.row_values`); the solver joins them. What it finds is shown only after `meets`,
by which nodes are judged too, has said the same of it; where it finds nothing there is nothing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from landbridge.memorandum.condition import (
    UNREADABLE,
    AllOf,
    Condition,
    Not,
    Rule,
    conditions_of,
    meets,
    on_day,
)
from landbridge.policy.record_question import Question
from landbridge.policy.row_values import FieldType, Value, infer, representatives
from landbridge.policy.rule_days import days_to_try, has_periods
from landbridge.policy.value_gaps import MOMENT

Dataset = tuple[str, str]
"""Provider and dataset."""
TypeOf = Callable[[str, str, str], FieldType | None]
"""Gives the type of a provider's dataset's field, or None where nothing tells."""

_MAX_REMEMBERED: Final = 20_000


@dataclass(frozen=True, slots=True)
class Witness:
    """A record that shows a difference."""

    values: tuple[tuple[str, Value], ...]
    """The fields that matter, by name."""
    day: date | None
    """The day on which it shows it; None where the day does not matter."""


EVERY_RECORD: Final = Witness((), None)
"""Shows a difference that every record shows."""


class RecordFinder:
    """Finds records that meet rules; remembers what it found."""

    def __init__(self, type_of: TypeOf) -> None:
        self._type_of = type_of
        self._found: dict[tuple[Dataset, Rule, date, date], Witness | None] = {}
        self.inferred: dict[tuple[str, str, str], FieldType] = {}
        """Fields whose types nothing told, with what was taken for it."""

    def find_difference(
        self,
        dataset: Dataset,
        wider: Sequence[Rule],
        narrower: Sequence[Rule],
        days: tuple[date, date],
    ) -> Witness | None:
        """Find a record that meets all rules of the first and not all of the second.

        Raises:
            LandbridgeError: LB-1101 when the solver is not installed.
        """
        # What both demand, a record of the one cannot fail to meet.
        further = tuple(rule for rule in narrower if rule not in wider)
        return self.find(dataset, AllOf((*wider, Not(AllOf(further)))), *days) if further else None

    def find_any(
        self, dataset: Dataset, where: Sequence[Rule], days: tuple[date, date]
    ) -> Witness | None:
        """Find a record that meets all rules.

        Raises:
            LandbridgeError: LB-1101 when the solver is not installed.
        """
        return self.find(dataset, AllOf(tuple(where)), *days) if where else EVERY_RECORD

    def find(self, dataset: Dataset, rule: Rule, first: date, last: date) -> Witness | None:
        """Find a record that meets a rule on some day of a time, both days included.

        Raises:
            LandbridgeError: LB-1101 when the solver is not installed.
        """
        if not has_periods(rule):
            first = last = date.min
        key = dataset, rule, first, last
        if key not in self._found:
            if len(self._found) >= _MAX_REMEMBERED:
                self._found.clear()
            self._found[key] = self._find(dataset, rule, first, last)
        return self._found[key]

    def _find(self, dataset: Dataset, rule: Rule, first: date, last: date) -> Witness | None:
        moving = has_periods(rule)
        tried = set()
        for day in days_to_try(rule, first, last):
            bound = on_day(rule, day)
            fields = self._values(dataset, bound)
            question = Question(bound, fields, day if moving else None)
            if question.signature in tried:
                continue
            tried.add(question.signature)
            record = question.answer()
            if record is not None:
                if not meets(bound, record.__getitem__):
                    raise AssertionError(f"no record meets {rule}, though the solver found one")
                return Witness(tuple(record.items()), day if moving else None)
        return None

    def _values(self, dataset: Dataset, rule: Rule) -> dict[str, list[Value]]:
        by_field: dict[str, list[Condition]] = {}
        for condition in conditions_of(rule):
            by_field.setdefault(condition.field, []).append(condition)
        values = {}
        for field, conditions in by_field.items():
            type_ = self._type_of(*dataset, field)
            if type_ is None:
                type_ = self.inferred[*dataset, field] = infer(conditions)
            values[field] = representatives(type_, conditions)
        return values


def words_of(value: Value) -> str:
    """Write a value of a witness as a reader would say it."""
    if value is None:
        return "empty"
    if value is UNREADABLE:
        return "unreadable"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return format(value, "f") if -30 < value.adjusted() < 30 else str(value)  # noqa: PLR2004
    return repr(value) if isinstance(value, str) and not MOMENT.fullmatch(value) else str(value)
