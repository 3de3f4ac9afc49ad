"""Row conditions of a grant: which records of a dataset a clause releases.

A condition compares one canonical field with fixed values; `all`, `any` and `not` join conditions
to rules. The node runs them inside its database; `meets` says the same thing in Python and is the
yardstick for every dialect. Truth has two values here: what does not hold is false, so that `not`
is met by exactly the records that do not meet what it negates, those with an empty field included.
"""

import operator as comparison
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from enum import Enum, StrEnum
from typing import Any, Final

from landbridge.errors import Reason, refuse
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
    Operator.BETWEEN: "is between",
    Operator.WITHIN: "lies within the last",
    Operator.IS_NULL: "is empty",
    Operator.NOT_NULL: "is filled",
}
_ORDERS = {Operator.LT, Operator.LE, Operator.GT, Operator.GE}
_NULL_TESTS = {Operator.IS_NULL, Operator.NOT_NULL}
_TWO = 2

Operand = Scalar | tuple[Scalar, ...] | Period | Asked | None


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison of a canonical field.

    The value is a tuple for `in` and `between`, a period for `within`, None for the two null tests,
    and one scalar, or what a query asks, otherwise.

    Raises:
        LandbridgeError: LB-4101 when the value does not fit the operator.
    """

    field: str
    operator: Operator
    value: Operand = None

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
        if isinstance(self.value, Period | Asked):
            return f"{words} {self.value}"
        values = self.value if isinstance(self.value, tuple) else (self.value,)
        joined = " and " if self.operator is Operator.BETWEEN else ", "
        return f"{words} {joined.join(_in_words(value) for value in values)}"


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every part must be met."""

    parts: tuple["Rule", ...]

    def __str__(self) -> str:
        """Write the rule as a reader would say it."""
        return " and ".join(_as_part(part) for part in self.parts)


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one part must be met."""

    parts: tuple["Rule", ...]

    def __str__(self) -> str:
        """Write the rule as a reader would say it."""
        return " or ".join(_as_part(part) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Not:
    """The part must not be met."""

    part: "Rule"

    def __str__(self) -> str:
        """Write the rule as a reader would say it."""
        return f"not ({self.part})"


Rule = Condition | AllOf | AnyOf | Not
"""Which records: one condition, or several joined."""


def conditions_of(rule: Rule) -> Iterator[Condition]:
    """Give every single condition of a rule, in the order in which it is written."""
    match rule:
        case AllOf() | AnyOf():
            for part in rule.parts:
                yield from conditions_of(part)
        case Not():
            yield from conditions_of(rule.part)
        case _:
            yield rule


def changed(rule: Rule, change: Callable[[Condition], Rule]) -> Rule:
    """Return the rule with each single condition replaced; the same rule where none changes."""
    match rule:
        case AllOf() | AnyOf():
            parts = tuple(changed(part, change) for part in rule.parts)
            same = all(new is old for new, old in zip(parts, rule.parts, strict=True))
            return rule if same else replace(rule, parts=parts)
        case Not():
            part = changed(rule.part, change)
            return rule if part is rule.part else Not(part)
        case _:
            return change(rule)


def on_day(rule: Rule, day: date) -> Rule:
    """Return the rule as it reads on a day (UTC): each `within` as its two bounds.

    A day lies within the last P5Y from the same day five years ago until the day itself, both
    included; a day to come does not.
    """

    def bound(condition: Condition) -> Rule:
        if not isinstance(condition.value, Period):
            return condition
        first = condition.value.before(day).isoformat()
        last = date.max if day == date.max else day + timedelta(days=1)
        return AllOf(
            (
                Condition(condition.field, Operator.GE, first),
                # A time of the day itself is below the next day, as text is.
                Condition(condition.field, Operator.LT, last.isoformat()),
            )
        )

    return changed(rule, bound)


def with_arguments(rule: Rule, arguments: Mapping[str, Scalar]) -> Rule:
    """Return the rule with what a query asks in its place.

    Raises:
        KeyError: for an argument that is not given.
    """

    def bound(condition: Condition) -> Rule:
        if not isinstance(condition.value, Asked):
            return condition
        return replace(condition, value=arguments[condition.value.argument])

    return changed(rule, bound)


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
        return "needs values of one kind"
    return ""


def _find_problem_in_range(values: object) -> str:
    if not isinstance(values, tuple) or len(values) != _TWO:
        return "needs a list of two values, the lower one first"
    if any(isinstance(value, bool) or not isinstance(value, _SCALAR_TYPES) for value in values):
        return "needs two values that have an order"
    if type(values[0]) is not type(values[1]):
        return "needs values of one kind"
    low, high = (_to_number(value) for value in values)
    numbers = low is not None and high is not None
    if (low > high) if numbers else (values[0] > values[1]):  # type: ignore[operator]
        return "needs the lower value first"
    return ""


def meets(rule: Rule, value_of: Callable[[str], Scalar | Decimal | Unreadable | None]) -> bool:
    """Tell whether a record meets a rule; `value_of` gives its fields' values as for `holds`."""
    match rule:
        case AllOf():
            return all(meets(part, value_of) for part in rule.parts)
        case AnyOf():
            return any(meets(part, value_of) for part in rule.parts)
        case Not():
            return not meets(rule.part, value_of)
        case _:
            return holds(rule, value_of(rule.field))


def holds(condition: Condition, value: Scalar | Decimal | Unreadable | None) -> bool:
    """Tell whether a record whose field has this value meets the condition.

    The value is in its canonical type: text, code, identifier, date and timestamp as `str`,
    integer as `int`, decimal and the amount of money as `Decimal`, boolean as `bool`, empty as
    None. Text is compared by code points, numbers by size. As in SQL, an empty value meets only
    `is-null`. A value of another kind than the condition's meets nothing, nor does an unreadable
    one.

    Raises:
        ValueError: for `within` or an asked value that no day or argument has taken the place of.
    """
    if isinstance(condition.value, Period | Asked):
        raise ValueError(f"the condition {condition} stands for a value that is not known yet")  # noqa: TRY004
    if value is UNREADABLE:
        return False
    if condition.operator is Operator.IS_NULL:
        return value is None
    if value is None:
        return False
    if condition.operator is Operator.NOT_NULL:
        return True
    return _holds_filled(condition.operator, value, condition.value)


def _holds_filled(
    operator: Operator, value: Scalar | Decimal, bound: Scalar | tuple[Scalar, ...] | None
) -> bool:
    if not isinstance(bound, tuple):
        return _compare(_COMPARE[operator], value, bound)
    if operator is Operator.BETWEEN:
        low, high = bound
        return _compare(comparison.ge, value, low) and _compare(comparison.le, value, high)
    return any(_compare(comparison.eq, value, each) for each in bound)


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


def _as_part(rule: Rule) -> str:
    return f"({rule})" if isinstance(rule, AllOf | AnyOf) and len(rule.parts) > 1 else str(rule)
