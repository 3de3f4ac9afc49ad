"""Row conditions as expressions of PostgreSQL, where there is an exact one.

Text is compared as canonical values are: without blanks around it, by code points. Numbers and
dates are compared only where the column's own type is one.
"""

import operator
from collections.abc import Callable
from contextlib import suppress
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa

from landbridge.memorandum.condition import Condition, Operator, holds
from node.node_file import FieldTable, FieldType
from node.sources.operands import not_executable, operands
from node.sources.parsers import codes_of, empty_signs
from node.sources.tables import Kind, kind_of

_Expression = sa.ColumnElement[bool]
_Convert = Callable[[str], sa.ColumnElement[Any]]

_BLANKS: Final = "".join(sign for sign in map(chr, range(1, 0x3001)) if sign.isspace())
"""What Python strips; PostgreSQL by itself strips less."""
_NUMERIC: Final = (Kind.INTEGER, Kind.NUMERIC)
_TEXTUAL: Final = (Kind.TEXT, *_NUMERIC, Kind.BOOLEAN, Kind.NAMED)
"""Kinds whose cast to text is the text that readers see."""
_CODED: Final = (FieldType.CODE, FieldType.BOOLEAN)
_NOT_FINITE: Final = ("NaN", "Infinity", "-Infinity")
_COMPARE: Final[dict[Operator, Callable[[Any, Any], Any]]] = {
    Operator.EQ: operator.eq,
    Operator.NE: operator.ne,
    Operator.LT: operator.lt,
    Operator.LE: operator.le,
    Operator.GT: operator.gt,
    Operator.GE: operator.ge,
}


def write_condition(
    dataset: str, field: FieldTable, condition: Condition, column: sa.Column[Any]
) -> _Expression:
    """Write a checked condition on a column.

    Raises:
        LandbridgeError: LB-1101 when there is no exact expression.
    """
    kind = kind_of(column)
    convert = _TYPED.get((field.type, kind))
    text = _text(column) if kind in _TEXTUAL else None
    if text is not None:
        empty = sa.or_(column.is_(None), text.in_(sorted(empty_signs(field))))
    else:
        empty = sa.or_(column.is_(None), column.in_(_empty_moments(field, convert)))
    if condition.operator is Operator.IS_NULL and (text is not None or convert is not None):
        return empty
    expression: _Expression | None = None
    if field.separator is not None or getattr(column.type, "timezone", False):
        expression = None
    elif text is not None and field.type in _CODED:
        natives = [native for native, code in codes_of(field).items() if holds(condition, code)]
        expression = text.in_(natives)
    elif text is not None and field.type is FieldType.TEXT:
        expression = _compare(condition, text, sa.literal)
    elif convert is not None:
        finite = text.not_in(_NOT_FINITE) if text is not None else _is_finite(column)
        expression = sa.and_(finite, _compare(condition, column, convert))
    if expression is None:
        raise not_executable(
            dataset,
            condition,
            f"values in the column {column.name!r} of type {column.type} cannot be compared as"
            f" {field.type} there",
        )
    return sa.and_(sa.not_(empty), expression)


def _text(column: sa.Column[Any]) -> sa.ColumnElement[str]:
    return sa.func.btrim(sa.cast(column, sa.Text), _BLANKS, type_=sa.Text).collate("C")


def _is_finite(column: sa.Column[Any]) -> _Expression:
    return sa.func.isfinite(column, type_=sa.Boolean)


def _compare(condition: Condition, column: sa.ColumnElement[Any], convert: _Convert) -> _Expression:
    if condition.operator is Operator.NOT_NULL:
        return column.is_not(None)
    values = [convert(str(operand)) for operand in operands(condition)]
    if condition.operator is Operator.IN:
        return column.in_(values)
    compared: _Expression = _COMPARE[condition.operator](column, values[0])
    return compared


def _empty_moments(field: FieldTable, convert: _Convert | None) -> list[sa.ColumnElement[Any]]:
    """Return the days or times that stand for "empty"."""
    found = []
    for sign in sorted(empty_signs(field)):
        with suppress(ValueError):
            if convert is not None:
                found.append(convert(sign))
    return found


def _number(text: str) -> sa.ColumnElement[Any]:
    # By the type of a whole-number column the driver would round the operand.
    return sa.literal(Decimal(text), sa.Numeric)


def _day(text: str) -> sa.ColumnElement[Any]:
    return sa.literal(date.fromisoformat(text), sa.Date)


def _moment(text: str) -> sa.ColumnElement[Any]:
    return sa.literal(datetime.fromisoformat(text), sa.DateTime)


_TYPED: Final[dict[tuple[FieldType, Kind], _Convert]] = {
    (FieldType.INTEGER, Kind.INTEGER): _number,
    (FieldType.DECIMAL, Kind.INTEGER): _number,
    (FieldType.DECIMAL, Kind.NUMERIC): _number,
    (FieldType.MONEY, Kind.INTEGER): _number,
    (FieldType.MONEY, Kind.NUMERIC): _number,
    (FieldType.DATE, Kind.DATE): _day,
    (FieldType.TIMESTAMP, Kind.TIMESTAMP): _moment,
}
"""Fields whose values the column's own type compares, and how an operand is written for it."""
