"""Row conditions of a grant: which records of a dataset a clause releases.

A condition compares one canonical field with fixed values. The node runs it inside its database;
`holds` says the same thing in Python and is the yardstick for every dialect. Several conditions of
one grant must all hold.
"""

import operator as comparison
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

from landbridge.errors import Reason, refuse

Scalar = str | int | bool
"""One fixed value: dates and times as ISO 8601 text, decimals as text."""

_SCALAR_TYPES = (str, int)  # bool is a kind of int


class Operator(StrEnum):
    """How a field is compared."""

    EQ = "eq"
    NE = "ne"
    IN = "in"
    LT = "lt"
    LE = "le"
    GT = "gt"
    GE = "ge"
    IS_NULL = "is-null"
    NOT_NULL = "not-null"


_COMPARE: dict[Operator, Callable[[Any, Any], bool]] = {
    Operator.EQ: comparison.eq,
    Operator.NE: comparison.ne,
    Operator.LT: comparison.lt,
    Operator.LE: comparison.le,
    Operator.GT: comparison.gt,
    Operator.GE: comparison.ge,
}
_IN_WORDS = {
    Operator.EQ: "is",
    Operator.NE: "is filled and is not",
    Operator.IN: "is one of",
    Operator.LT: "is below",
    Operator.LE: "is at most",
    Operator.GT: "is above",
    Operator.GE: "is at least",
    Operator.IS_NULL: "is empty",
    Operator.NOT_NULL: "is filled",
}
_ORDERS = {Operator.LT, Operator.LE, Operator.GT, Operator.GE}
_NULL_TESTS = {Operator.IS_NULL, Operator.NOT_NULL}


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison of a canonical field.

    The value is a tuple for `in`, None for the two null tests, and one scalar otherwise.

    Raises:
        LandbridgeError: LB-4101 when the value does not fit the operator.
    """

    field: str
    operator: Operator
    value: Scalar | tuple[Scalar, ...] | None = None

    def __post_init__(self) -> None:
        """Refuse what could only be guessed at."""
        problem = find_problem(self.operator, self.value)
        if problem:
            raise refuse(
                Reason.MALFORMED_MEMORANDUM,
                f"condition on {self.field!r}: {self.operator} {problem}",
            )

    def __str__(self) -> str:
        """Write the condition as a reader would say it."""
        words = f"{self.field} {_IN_WORDS[self.operator]}"
        if self.value is None:
            return words
        values = self.value if isinstance(self.value, tuple) else (self.value,)
        return f"{words} {', '.join(_in_words(value) for value in values)}"


def find_problem(operator: Operator, value: object) -> str:
    """Say what is wrong with a value for an operator; empty where nothing is."""
    if operator in _NULL_TESTS:
        return "" if value is None else "takes no value"
    if operator is Operator.IN:
        return _find_problem_in_list(value)
    if not isinstance(value, _SCALAR_TYPES):
        return "needs one value: text, a whole number, true or false"
    if isinstance(value, bool) and operator in _ORDERS:
        return "needs a value that has an order, not true or false"
    return ""


def _find_problem_in_list(values: object) -> str:
    if not isinstance(values, tuple) or not values:
        return "needs a list of at least one value"
    if not all(isinstance(value, _SCALAR_TYPES) for value in values):
        return "takes only text, whole numbers, true and false"
    if len({type(value) for value in values}) > 1:
        return "needs values of one kind"
    return ""


def holds(condition: Condition, value: Scalar | Decimal | None) -> bool:
    """Tell whether a record whose field has this value meets the condition.

    The value is in its canonical type: text, code, identifier, date and timestamp as `str`,
    integer as `int`, decimal and the amount of money as `Decimal`, boolean as `bool`, empty as
    None. Text is compared by code points, numbers by size. As in SQL, an empty value meets only
    `is-null`. A value of another kind than the condition's meets nothing.
    """
    if condition.operator is Operator.IS_NULL:
        return value is None
    if value is None:
        return False
    if condition.operator is Operator.NOT_NULL:
        return True
    if isinstance(condition.value, tuple):
        return any(_compare(comparison.eq, value, bound) for bound in condition.value)
    return _compare(_COMPARE[condition.operator], value, condition.value)


def _compare(
    compare: Callable[[Any, Any], bool], value: Scalar | Decimal, bound: Scalar | None
) -> bool:
    if isinstance(value, bool) or isinstance(bound, bool):
        return isinstance(value, bool) and isinstance(bound, bool) and compare(value, bound)
    if isinstance(value, str):
        return isinstance(bound, str) and compare(value, bound)
    number = _to_number(bound)
    if number is None or (isinstance(value, Decimal) and not value.is_finite()):
        return False
    return compare(value, number)


def _to_number(bound: Scalar | None) -> int | Decimal | None:
    if not isinstance(bound, str):
        return bound
    try:
        number = Decimal(bound)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _in_words(value: Scalar) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value) if isinstance(value, str) else str(value)
