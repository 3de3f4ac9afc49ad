"""One rule on one day as a question: which of the values can a record have together?

Each field takes one of finitely many values that stand for all others. Conditions that every record
must meet cut these down, field by field; a few records that read well are tried; what is left open
then is for an SMT solver, which has only to choose a number for each field.
"""

import importlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import cached_property, partial
from itertools import islice, product
from typing import Any, Final

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

_TRIES: Final = 64
_Numbers = frozenset[int]


class Question:
    """One rule on one day, with the values that its fields can have."""

    def __init__(self, rule: Rule, values: Mapping[str, Sequence[Value]], day: date | None) -> None:
        """Take the day where the rule speaks of one."""
        self._rule = rule
        self._values = values
        self._day = day
        self._met = {
            condition: frozenset(_met_by(condition, values[condition.field]))
            for condition in conditions_of(rule)
        }

    @cached_property
    def signature(self) -> tuple[object, ...]:
        """What the answer depends on: which values meet which condition."""
        return (
            tuple(len(values) for values in self._values.values()),
            tuple(self._met[condition] for condition in conditions_of(self._rule)),
        )

    def answer(self, tries: int = _TRIES) -> dict[str, Value] | None:
        """Return a record that meets the rule, one that reads well if need be; None if none does.

        Raises:
            LandbridgeError: LB-1101 when it needs the solver, which is not installed.
        """
        left = {field: frozenset(range(len(values))) for field, values in self._values.items()}
        for part in _parts(self._rule):
            if isinstance(part, Condition):
                left[part.field] &= self._met[part]
            elif isinstance(part, Not) and isinstance(part.part, Condition):
                left[part.part.field] -= self._met[part.part]
        if not all(left.values()):
            return None
        found = self._try_some(left, tries) or self._ask_solver(left)
        if found is None:
            return None
        return {field: self._values[field][number] for field, number in found.items()}

    def _try_some(self, left: Mapping[str, _Numbers], tries: int) -> dict[str, int] | None:
        fields = list(left)
        likely = [sorted(left[field], key=partial(self._oddity, field)) for field in fields]
        for numbers in islice(product(*likely), tries):
            record = dict(zip(fields, numbers, strict=True))
            if self._is_met(self._rule, record):
                return record
        return None

    def _oddity(self, field: str, number: int) -> tuple[int, int]:
        """Rank a value: ordinary ones first, then days to come, empty and unreadable ones."""
        value = self._values[field][number]
        if value is UNREADABLE:
            return 3, number
        if value is None:
            return 2, number
        ahead = (
            self._day is not None
            and isinstance(value, str)
            and MOMENT.fullmatch(value) is not None
            and value[: len("2026-01-31")] > self._day.isoformat()
        )
        return int(ahead), number

    def _is_met(self, rule: Rule, record: Mapping[str, int]) -> bool:
        match rule:
            case AllOf():
                return all(self._is_met(part, record) for part in rule.parts)
            case AnyOf():
                return any(self._is_met(part, record) for part in rule.parts)
            case Not():
                return not self._is_met(rule.part, record)
            case _:
                return record[rule.field] in self._met[rule]

    def _ask_solver(self, left: Mapping[str, _Numbers]) -> dict[str, int] | None:
        z3 = _load_solver()
        places = {field: f"v{number}" for number, field in enumerate(left)}
        solver = z3.SimpleSolver()
        lines = [f"(declare-const {place} Int)" for place in places.values()]
        lines += [f"(assert {_one_of(places[field], numbers)})" for field, numbers in left.items()]
        solver.from_string("\n".join([*lines, f"(assert {self._write(self._rule, places)})"]))
        if solver.check() != z3.sat:
            return None
        model = solver.model()
        chosen = {str(place): model[place].as_long() for place in model.decls()}
        return {field: chosen.get(place, min(left[field])) for field, place in places.items()}

    def _write(self, rule: Rule, places: Mapping[str, str]) -> str:
        match rule:
            case AllOf():
                return f"(and true {' '.join(self._write(part, places) for part in rule.parts)})"
            case AnyOf():
                return f"(or false {' '.join(self._write(part, places) for part in rule.parts)})"
            case Not():
                return f"(not {self._write(rule.part, places)})"
            case _:
                return _one_of(places[rule.field], self._met[rule])


def _parts(rule: Rule) -> Iterator[Rule]:
    """Give what every record that meets the rule must meet, as far as that is easily seen."""
    if isinstance(rule, AllOf):
        for part in rule.parts:
            yield from _parts(part)
    elif isinstance(rule, Not) and isinstance(rule.part, Not):
        yield from _parts(rule.part.part)
    elif isinstance(rule, Not) and isinstance(rule.part, AnyOf):
        for part in rule.part.parts:
            yield from _parts(Not(part))
    elif isinstance(rule, Not) and isinstance(rule.part, AllOf) and len(rule.part.parts) == 1:
        yield from _parts(Not(rule.part.parts[0]))
    elif isinstance(rule, AnyOf) and len(rule.parts) == 1:
        yield from _parts(rule.parts[0])
    else:
        yield rule


def _met_by(condition: Condition, values: Sequence[Value]) -> Iterator[int]:
    """Number the values that meet a condition."""
    if condition.operator is not Operator.IN or not isinstance(condition.value, tuple):
        yield from (n for n, value in enumerate(values) if holds(condition, value))
        return
    # One look each, as lists of a thousand values are compared with as many.
    texts = frozenset(each for each in condition.value if isinstance(each, str))
    truths = frozenset(each for each in condition.value if isinstance(each, bool))
    numbers = frozenset(map(read_number, condition.value)) - {None}
    for n, value in enumerate(values):
        if isinstance(value, bool):
            is_listed = value in truths
        elif isinstance(value, str):
            is_listed = value in texts
        else:
            is_listed = isinstance(value, int | Decimal) and value in numbers
        if is_listed:
            yield n


def _one_of(place: str, numbers: Iterable[int]) -> str:
    runs: list[tuple[int, int]] = []
    for number in sorted(numbers):
        if runs and runs[-1][1] == number - 1:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    written = (f"(and (<= {first} {place}) (<= {place} {last}))" for first, last in runs)
    return f"(or false {' '.join(written)})"


def _load_solver() -> Any:  # noqa: ANN401 - an optional library
    try:
        return importlib.import_module("z3")
    except ImportError:
        raise refuse(
            Reason.INVALID_CONFIGURATION,
            "comparing row conditions needs the solver z3, which is not installed",
            next_step="`pip install 'landbridge[analysis]'`",
        ) from None
