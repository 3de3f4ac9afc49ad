"""Single row conditions as expressions of a database, where there is an exact one.

Text is compared as canonical values are: without blanks around it, by code points. Numbers and
dates are compared only where the column's own type is one. Every expression is true or false, never
NULL. How each database writes what this needs stands in `node.sources.forms`.
"""

import operator
from collections.abc import Callable, Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa

from landbridge.memorandum.condition import Condition, Operator, Scalar, holds
from node.node_file import FieldTable, FieldType
from node.sources.forms import FORMS, Expression, Forms
from node.sources.grid import Grid, Side
from node.sources.operands import not_executable, operands
from node.sources.parsers import codes_of, empty_signs
from node.sources.tables import Kind, kind_of

_TEXTUAL: Final = (Kind.TEXT, Kind.INTEGER, Kind.NUMERIC, Kind.BOOLEAN, Kind.NAMED)
"""Kinds whose cast to text is the text that readers see."""
_CODED: Final = (FieldType.CODE, FieldType.BOOLEAN)
_NUMBERS: Final = (Kind.INTEGER, Kind.NUMERIC)
_LARGEST: Final = 2**63 - 1
_TYPED: Final = frozenset(
    (
        (FieldType.INTEGER, Kind.INTEGER),
        *((type_, kind) for type_ in (FieldType.DECIMAL, FieldType.MONEY) for kind in _NUMBERS),
        (FieldType.DATE, Kind.DATE),
        (FieldType.TIMESTAMP, Kind.TIMESTAMP),
    )
)
"""Fields whose values the column's own type compares."""
_COMPARE: Final[dict[Operator, Callable[[Any, Any], Expression]]] = {
    Operator.EQ: operator.eq,
    Operator.NE: operator.ne,
    Operator.LT: operator.lt,
    Operator.LE: operator.le,
    Operator.GT: operator.gt,
    Operator.GE: operator.ge,
}


def write_condition(
    dataset: str, field: FieldTable, condition: Condition, column: sa.Column[Any], dialect: str
) -> Expression:
    """Write a checked condition on a column.

    Raises:
        LandbridgeError: LB-1101 when there is no exact expression.
    """
    forms = FORMS[dialect]
    kind = kind_of(column)
    text = forms.text(column) if kind in _TEXTUAL else None
    is_typed = (field.type, kind) in _TYPED and not getattr(column.type, "timezone", False)
    if text is not None:
        signs = map(forms.literal, sorted(empty_signs(field)))
        empty = sa.or_(forms.is_null(column), text.in_(list(signs)))
    else:
        empty = sa.or_(forms.is_null(column), forms.is_sign(column, sorted(empty_signs(field))))
    if condition.operator is Operator.IS_NULL and (text is not None or is_typed):
        return empty
    expression: Expression | None = None
    if field.separator is not None:
        expression = None
    elif text is not None and field.type in _CODED:
        natives = [native for native, code in codes_of(field).items() if holds(condition, code)]
        expression = text.in_(list(map(forms.literal, natives))) if natives else sa.false()
    elif text is not None and field.type is FieldType.TEXT:
        expression = _compare(condition, text, lambda value: forms.literal(str(value)))
    elif is_typed and kind in _NUMBERS:
        real = forms.is_real(column)
        if field.type is FieldType.INTEGER and getattr(column.type, "unsigned", False):
            # Whole numbers of 64 bits with a sign are all that a field holds.
            real = sa.and_(real, column <= _LARGEST)
        expression = sa.and_(real, _compare_numbers(condition, column, forms))
    elif is_typed:
        convert = _day if kind is Kind.DATE else _moment
        compared = _compare(condition, forms.moment(column), convert)
        expression = sa.and_(forms.is_real(column), compared)
    if expression is None:
        raise not_executable(
            dataset,
            condition,
            f"values in the column {column.name!r} of type {column.type} cannot be compared as"
            f" {field.type} there",
        )
    return sa.and_(sa.not_(empty), expression)


def _compare(
    condition: Condition,
    column: sa.ColumnElement[Any],
    convert: Callable[[Scalar], sa.ColumnElement[Any]],
) -> Expression:
    if condition.operator is Operator.NOT_NULL:
        return sa.true()
    values = list(map(convert, operands(condition)))
    if condition.operator is Operator.IN:
        return column.in_(values)
    if condition.operator is Operator.BETWEEN:
        return sa.and_(column >= values[0], column <= values[1])
    return _COMPARE[condition.operator](column, values[0])


def _compare_numbers(condition: Condition, column: sa.Column[Any], forms: Forms) -> Expression:
    if condition.operator is Operator.NOT_NULL:
        return sa.true()
    if not forms.has_grids:
        # By the type of a whole-number column the driver would round the operand.
        return _compare(
            condition, column, lambda value: sa.literal(Decimal(str(value)), sa.Numeric)
        )
    grid = Grid.of(column)
    numbers = [Decimal(str(value)) for value in operands(condition)]
    if condition.operator is Operator.IN:
        return _any(_on_grid(Operator.EQ, column, grid, number) for number in numbers)
    if condition.operator is Operator.BETWEEN:
        return sa.and_(
            _on_grid(Operator.GE, column, grid, numbers[0]),
            _on_grid(Operator.LE, column, grid, numbers[1]),
        )
    return _on_grid(condition.operator, column, grid, numbers[0])


def _on_grid(sign: Operator, column: sa.Column[Any], grid: Grid, number: Decimal) -> Expression:
    """Compare with the number that the column itself can hold and that means the same."""
    moved = grid.move(sign, number)
    if isinstance(moved, Side):
        return sa.true() if moved is Side.EVERY else sa.false()
    sign, number = moved
    whole = kind_of(column) is Kind.INTEGER
    bound = sa.literal(int(number) if whole else number, column.type)
    return _COMPARE[sign](column, bound)


def _any(parts: Iterable[Expression]) -> Expression:
    return sa.or_(sa.false(), *parts)


def _day(operand: Scalar) -> sa.ColumnElement[Any]:
    return sa.literal(date.fromisoformat(str(operand)), sa.Date)


def _moment(operand: Scalar) -> sa.ColumnElement[Any]:
    # A day means its first instant.
    return sa.literal(datetime.fromisoformat(str(operand)), sa.DateTime)
