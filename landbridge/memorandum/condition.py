"""Row conditions of a grant: which records of a dataset a clause releases.

A condition compares one canonical field with fixed values; `all`, `any` and `not` join conditions
to rules. The node runs them inside its database; `meets` says the same thing in Python and is the
yardstick for every dialect. Truth has two values here: what does not hold is false, so that `not`
is met by exactly the records that do not meet what it negates, those with an empty field included.
"""

import operator as comparison
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from landbridge.errors import Reason, refuse
from landbridge.memorandum.operand import (
    UNREADABLE,
    Asked,
    Operand,
    Operator,
    Scalar,
    Unreadable,
    find_problem,
    to_number,
)
from landbridge.period import Period

__all__ = [
    "UNREADABLE",
    "AllOf",
    "AnyOf",
    "Asked",
    "Condition",
    "Not",
    "Operand",
    "Operator",
    "Rule",
    "Scalar",
    "Unreadable",
    "changed",
    "conditions_of",
    "holds",
    "in_words",
    "meets",
    "on_day",
    "value_in_words",
    "with_arguments",
]

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
        if isinstance(self.value, Period):
            return f"{words} {self.value.in_words()}"
        if isinstance(self.value, Asked):
            return f"{words} {self.value}"
        values = self.value if isinstance(self.value, tuple) else (self.value,)
        joined = " and " if self.operator is Operator.BETWEEN else ", "
        return f"{words} {joined.join(value_in_words(value) for value in values)}"


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


def in_words(rules: Sequence[Rule]) -> str:
    """Write rules, all of which must be met, as a reader would say it; empty where none is."""
    return str(rules[0]) if len(rules) == 1 else str(AllOf(tuple(rules)))


def value_in_words(value: Scalar) -> str:
    """Write one fixed value as a reader would say it; what cannot be seen is spelt out."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value) if isinstance(value, str) else str(value)


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
    number = to_number(bound)
    if number is None or (isinstance(value, Decimal) and not value.is_finite()):
        return False
    return compare(value, number)


def _as_part(rule: Rule) -> str:
    return f"({rule})" if isinstance(rule, AllOf | AnyOf) and len(rule.parts) > 1 else str(rule)
