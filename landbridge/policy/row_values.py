"""The values that a field can have, cut where row conditions tell them apart.

However many values a field can have, conditions tell only few kinds of them apart: each value that
some condition names, and each gap between two of them that follow one another. One value stands
for all of its kind, so that a question on all records becomes a question on finitely many. Whether
there is any value in a gap depends on the type: none lies between two days that follow each other.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise
from typing import Any, Final

from landbridge.memorandum.condition import UNREADABLE, Condition, Operator, Scalar, Unreadable
from landbridge.policy.value_gaps import (
    DAY,
    MOMENT,
    TIME,
    day_between,
    is_real,
    number_between,
    read_number,
    text_between,
    time_between,
    whole_at,
    whole_between,
)

Value = Scalar | Decimal | Unreadable | None
"""What `landbridge.memorandum.condition.holds` compares."""

_EQUALITY: Final = (
    Operator.EQ,
    Operator.NE,
    Operator.IN,
    Operator.IS_NULL,
    Operator.NOT_NULL,
)

_ANY_TEXT: Final = ("other", "another", "still another")

SEVERAL: Final = "several"
"""Stands for the value of a field that holds several."""


class ValueKind(StrEnum):
    """What values a field has."""

    TEXT = "text"
    WHOLE = "a whole number"
    NUMBER = "a number"
    DAY = "a day"
    TIME = "a time"
    DAY_OR_TIME = "a day or a time"
    TRUTH = "true or false"
    CODE = "a code"
    LIST = "several values"


@dataclass(frozen=True, slots=True)
class FieldType:
    """The values of a field: one kind, or several where only the operands tell."""

    kinds: tuple[ValueKind, ...]
    codes: tuple[str, ...] = ()
    """All values of a field of codes."""
    inferred: bool = False
    """Whether no description of the dataset says so."""

    def __str__(self) -> str:
        """Write it as a reader would say it."""
        return " or ".join(self.kinds)


def infer(conditions: Iterable[Condition]) -> FieldType:
    """Take the type of a field from what it is compared with; several where that leaves it open."""
    operands = [each for condition in conditions for each in _operands(condition)]
    texts = [each for each in operands if isinstance(each, str)]
    numbers = [each for each in operands if isinstance(each, int) and not isinstance(each, bool)]
    truths = [each for each in operands if isinstance(each, bool)]
    kinds: list[ValueKind] = []
    if texts and all(map(DAY.fullmatch, texts)):
        kinds.append(ValueKind.DAY_OR_TIME)
    elif texts and all(map(TIME.fullmatch, texts)):
        kinds.append(ValueKind.TIME)
    elif texts:
        kinds.append(ValueKind.TEXT)
    if numbers or (texts and all(read_number(text) is not None for text in texts)):
        kinds.append(ValueKind.NUMBER)
    if truths:
        kinds.append(ValueKind.TRUTH)
    return FieldType(tuple(kinds) or (ValueKind.TEXT,), inferred=True)


def representatives(type_: FieldType, conditions: Sequence[Condition]) -> list[Value]:
    """Return one value for each kind of value that the conditions tell apart.

    Ordinary values come first, then the empty one, then an unreadable one.
    """
    operands = {each for condition in conditions for each in _operands(condition)}
    ordered = any(condition.operator not in _EQUALITY for condition in conditions)
    values: list[Value] = []
    for kind in type_.kinds:
        if kind is ValueKind.LIST:
            values.append(SEVERAL)
        elif kind is ValueKind.TRUTH:
            values += [True, False]
        elif kind is ValueKind.CODE:
            values += type_.codes
        else:
            values += _cut(_line(kind, operands), operands, ordered=ordered)
    return [*values, None, UNREADABLE]


@dataclass(frozen=True, slots=True)
class _Line:
    """Values in their order."""

    read: Callable[[object], Any]
    """Reads an operand; None where no value of this kind can be compared with it."""
    value_at: Callable[[Any], Value]
    """Returns the value that an operand is; None where it is none of the field."""
    between: Callable[[Any, Any], Value]
    """Returns a value above one operand and below another; None where there is none."""


def _cut(line: _Line, operands: Iterable[Scalar], *, ordered: bool) -> list[Value]:
    points = sorted({point for each in operands if (point := line.read(each)) is not None})
    named: list[Value] = [value for point in points if (value := line.value_at(point)) is not None]
    ends = [None, *points, None]
    gaps: list[Value] = [
        value for low, high in pairwise(ends) if (value := line.between(low, high)) is not None
    ]
    if ordered or not gaps:
        return named + gaps
    # Where nothing asks for the order, what no condition names is all the same.
    rest = next((text for text in _ANY_TEXT if text not in points), gaps[0])
    return [
        *named,
        rest if isinstance(gaps[0], str) and line is _LINES[ValueKind.TEXT] else gaps[0],
    ]


def _line(kind: ValueKind, operands: Iterable[Scalar]) -> _Line:
    texts = [each for each in operands if isinstance(each, str)]
    form = {ValueKind.DAY: DAY, ValueKind.TIME: MOMENT, ValueKind.DAY_OR_TIME: MOMENT}.get(kind)
    if form is not None and all(form.fullmatch(text) and is_real(text) for text in texts):
        return _LINES[kind]
    if form is not None:
        return _LINES[ValueKind.TEXT]
    return _LINES[kind]


def _operands(condition: Condition) -> tuple[Scalar, ...]:
    value = condition.value
    if isinstance(value, tuple):
        return value
    return (value,) if isinstance(value, str | int) else ()


def _read_text(operand: object) -> str | None:
    return operand if isinstance(operand, str) else None


_LINES: Final[dict[ValueKind, _Line]] = {
    ValueKind.TEXT: _Line(_read_text, lambda text: text or None, text_between),
    ValueKind.WHOLE: _Line(read_number, whole_at, whole_between),
    ValueKind.NUMBER: _Line(read_number, lambda number: number, number_between),
    ValueKind.DAY: _Line(_read_text, lambda text: text, day_between),
    ValueKind.TIME: _Line(
        _read_text, lambda text: text if TIME.fullmatch(text) else None, time_between
    ),
    ValueKind.DAY_OR_TIME: _Line(
        _read_text,
        lambda text: text,
        lambda low, high: day_between(low, high) or time_between(low, high),
    ),
}
