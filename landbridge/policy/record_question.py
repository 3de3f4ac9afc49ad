"""One rule on one day as a question to the SMT solver: which of the values can be together.

Each field takes one of finitely many values that stand for all others, so that the solver has only
to choose a number for each field. Where it has a choice it takes a record that reads well.
"""

import importlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any

from landbridge.errors import Reason, refuse
from landbridge.memorandum.condition import (
    UNREADABLE,
    AllOf,
    AnyOf,
    Condition,
    Not,
    Operator,
    Rule,
    conditions_of,
    holds,
)
from landbridge.policy.row_values import Value
from landbridge.policy.value_gaps import MOMENT, read_number


class Question:
    """One rule on one day, with the values that its fields can have."""

    def __init__(self, rule: Rule, values: Mapping[str, Sequence[Value]], day: date | None) -> None:
        self._rule = rule
        self._day = day
        self._values = values
        self._met = {
            condition: _runs(_met_by(condition, values[condition.field]))
            for condition in conditions_of(rule)
        }

    @cached_property
    def signature(self) -> tuple[object, ...]:
        """What the answer depends on: which values meet which condition."""
        return (
            tuple(len(values) for values in self._values.values()),
            tuple(self._met[condition] for condition in conditions_of(self._rule)),
        )

    def solve(self) -> dict[str, Value] | None:
        """Return a record that meets the rule, an ordinary one where there is one; None where none.

        Raises:
            LandbridgeError: LB-1101 when the solver is not installed.
        """
        z3 = _solver()
        solver = z3.SimpleSolver()
        places = {field: z3.Int(field) for field in self._values}
        for field, place in places.items():
            solver.add(place >= 0, place < len(self._values[field]))
        solver.add(self._write(self._rule, places, z3))
        if solver.check() != z3.sat:
            return None
        model = solver.model()
        for likely in (self._is_past, self._is_filled, self._is_readable):
            solver.push()
            solver.add(*(self._within(places[field], likely, field, z3) for field in places))
            if solver.check() == z3.sat:
                model = solver.model()
                break
            solver.pop()
        return {
            field: self._values[field][model.eval(place, model_completion=True).as_long()]
            for field, place in places.items()
        }

    def _within(
        self,
        place: Any,  # noqa: ANN401
        likely: Callable[[Value], bool],
        field: str,
        z3: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        numbers = (n for n, value in enumerate(self._values[field]) if likely(value))
        return _one_of(place, _runs(numbers), z3)

    def _is_past(self, value: Value) -> bool:
        """Tell whether a value is filled, and no day to come."""
        if isinstance(value, str) and MOMENT.fullmatch(value) and self._day is not None:
            return value[: len("2026-01-31")] <= self._day.isoformat()
        return self._is_filled(value)

    @staticmethod
    def _is_filled(value: Value) -> bool:
        return value is not None and value is not UNREADABLE

    @staticmethod
    def _is_readable(value: Value) -> bool:
        return value is not UNREADABLE

    def _write(self, rule: Rule, places: Mapping[str, Any], z3: Any) -> Any:  # noqa: ANN401 - z3 has no types
        match rule:
            case AllOf():
                return z3.And([self._write(part, places, z3) for part in rule.parts])
            case AnyOf():
                return z3.Or([self._write(part, places, z3) for part in rule.parts])
            case Not():
                return z3.Not(self._write(rule.part, places, z3))
            case _:
                return _one_of(places[rule.field], self._met[rule], z3)


def _one_of(place: Any, runs: Iterable[tuple[int, int]], z3: Any) -> Any:  # noqa: ANN401
    return z3.Or(
        [
            place == first if first == last else z3.And(place >= first, place <= last)
            for first, last in runs
        ]
    )


def _met_by(condition: Condition, values: Sequence[Value]) -> Iterable[int]:
    """Number the values that meet a condition."""
    if condition.operator is not Operator.IN or not isinstance(condition.value, tuple):
        return (n for n, value in enumerate(values) if holds(condition, value))
    # One look each, as lists of a thousand values are compared with as many.
    texts = frozenset(each for each in condition.value if isinstance(each, str))
    truths = frozenset(each for each in condition.value if isinstance(each, bool))
    numbers = frozenset(map(read_number, condition.value)) - {None}
    return (n for n, value in enumerate(values) if _is_listed(value, texts, truths, numbers))


def _is_listed(
    value: Value,
    texts: frozenset[str],
    truths: frozenset[bool],
    numbers: frozenset[Decimal | None],
) -> bool:
    if isinstance(value, bool):
        return value in truths
    if isinstance(value, str):
        return value in texts
    return isinstance(value, int | Decimal) and value in numbers


def _runs(numbers: Iterable[int]) -> tuple[tuple[int, int], ...]:
    """Join numbers that follow one another."""
    runs: list[tuple[int, int]] = []
    for number in numbers:
        if runs and runs[-1][1] == number - 1:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    return tuple(runs)


def _solver() -> Any:  # noqa: ANN401 - an optional library
    try:
        return importlib.import_module("z3")
    except ImportError:
        raise refuse(
            Reason.INVALID_CONFIGURATION,
            "comparing row conditions needs the solver z3, which is not installed",
            next_step="`pip install 'landbridge[analysis]'`",
        ) from None
