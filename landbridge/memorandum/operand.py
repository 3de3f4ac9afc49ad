"""What a row condition compares with: fixed values, periods, and what a query asks."""

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import Enum, StrEnum
from typing import Final

from landbridge.period import Period

Scalar = str | int | bool
"""One fixed value: dates and times as ISO 8601 text, decimals as text."""

_SCALAR_TYPES = (str, int)  # bool is a kind of int


class Unreadable(Enum):
    """Stands for a value that cannot be read as its type; it meets no condition at all."""

    UNREADABLE = "unreadable"


UNREADABLE: Final = Unreadable.UNREADABLE


@dataclass(frozen=True, slots=True)
class Asked:
    """Stands for what a query gives for one of a predicate's arguments."""

    argument: str

    def __str__(self) -> str:
        """Write it as a reader would say it."""
        return f"the asked {self.argument}"


class Operator(StrEnum):
    """How a field is compared."""

    EQ = "eq"
    NE = "ne"
    IN = "in"
    LT = "lt"
    LE = "le"
    GT = "gt"
    GE = "ge"
    BETWEEN = "between"
    WITHIN = "within"
    IS_NULL = "is-null"
    NOT_NULL = "not-null"


_ORDERS = {Operator.LT, Operator.LE, Operator.GT, Operator.GE}
_NULL_TESTS = {Operator.IS_NULL, Operator.NOT_NULL}
_TWO = 2
_ONE_KIND = "needs values of one kind; beside a decimal write a whole number as one, such as 9.0"

Operand = Scalar | tuple[Scalar, ...] | Period | Asked | None
"""What one condition compares with; None for the tests of empty and filled."""


def find_problem(operator: Operator, value: object) -> str:
    """Say what is wrong with a value for an operator; empty where nothing is."""
    if operator in _NULL_TESTS:
        problem = "" if value is None else "takes no value"
    elif operator is Operator.WITHIN:
        problem = "" if isinstance(value, Period) else "needs a period such as P5Y"
    elif operator is Operator.IN:
        problem = _find_problem_in_list(value)
    elif operator is Operator.BETWEEN:
        problem = _find_problem_in_range(value)
    else:
        problem = _find_problem_in_value(operator, value)
    return problem


def _find_problem_in_value(operator: Operator, value: object) -> str:
    if not isinstance(value, (*_SCALAR_TYPES, Asked)):
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
        return _ONE_KIND
    return ""


def _find_problem_in_range(values: object) -> str:
    if not isinstance(values, tuple) or len(values) != _TWO:
        return "needs a list of two values, the lower one first"
    if any(isinstance(value, bool) or not isinstance(value, _SCALAR_TYPES) for value in values):
        return "needs two values that have an order"
    if type(values[0]) is not type(values[1]):
        return _ONE_KIND
    low, high = (to_number(value) for value in values)
    numbers = low is not None and high is not None
    if (low > high) if numbers else (values[0] > values[1]):  # type: ignore[operator]
        return "needs the lower value first"
    return ""


def to_number(bound: Scalar | None) -> int | Decimal | None:
    """Read a fixed value as a number; None where it is none."""
    if not isinstance(bound, str):
        return bound
    try:
        number = Decimal(bound)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
