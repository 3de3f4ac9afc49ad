"""Row conditions as expressions of PostgreSQL, where there is an exact one.

Text is compared as canonical values are: without blanks around it, by code points. Numbers and
dates are compared only where the column's own type is one.
"""

from collections.abc import Callable, Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa

from landbridge.condition import Condition, Operator, Scalar, holds
from node.node_file import FieldTable, FieldType
from node.sources.operands import NULL_TESTS, not_executable, operands
from node.sources.parsers import codes_of, empty_signs
from node.sources.tables import Kind, kind_of

_Expression = sa.ColumnElement[bool]
_BLANKS: Final = "".join(sign for sign in map(chr, range(1, 0x3001)) if sign.isspace())
"""What Python strips and PostgreSQL by itself would not."""
_TEXTUAL: Final = (Kind.TEXT, Kind.INTEGER, Kind.NUMERIC, Kind.BOOLEAN, Kind.NAMED)
"""Kinds whose cast to text is the text that readers see."""
_CODED: Final = (FieldType.CODE, FieldType.BOOLEAN)
_TYPED: Final[dict[tuple[FieldType, Kind], Callable[[str], object]]] = {
    (FieldType.INTEGER, Kind.INTEGER): Decimal,
    (FieldType.DECIMAL, Kind.INTEGER): Decimal,
    (FieldType.DECIMAL, Kind.NUMERIC): Decimal,
    (FieldType.MONEY, Kind.INTEGER): Decimal,
    (FieldType.MONEY, Kind.NUMERIC): Decimal,
    (FieldType.DATE, Kind.DATE): date.fromisoformat,
    (FieldType.TIMESTAMP, Kind.TIMESTAMP): datetime.fromisoformat,
}
"""Fields whose values a column's own type compares, and how an operand becomes such a value."""
_NOT_NUMBERS: Final = ("NaN", "Infinity", "-Infinity")


def write_condition(
    dataset: str, field: FieldTable, condition: Condition, column: sa.Column[Any]
) -> _Expression:
    """Write a checked condition on a column.

    Raises:
        LandbridgeError: LB-1101 when there is no exact expression.
    """
    kind = kind_of(column)
    if kind in _TEXTUAL:
        text = _text(column)
        empty = sa.or_(column.is_(None), text.in_(sorted(empty_signs(field))))
        if condition.operator is Operator.IS_NULL:
            return empty
        if field.type in _CODED and field.separator is None:
            return sa.and_(sa.not_(empty), _write_coded(field, condition, text))
        if field.type is FieldType.TEXT:
            return sa.and_(sa.not_(empty), _write_compared(condition, text, str))
    convert = _TYPED.get((field.type, kind))
    zoned = isinstance(column.type, sa.DateTime) and column.type.timezone
    if convert is None or field.separator is not None or zoned:
        raise not_executable(
            dataset,
            condition,
            f"the column {column.name!r} of type {column.type} cannot be compared as {field.type}",
        )
    return sa.and_(_is_value(field, column, kind), _write_compared(condition, column, convert))


def _text(column: sa.Column[Any]) -> sa.ColumnElement[str]:
    return sa.func.btrim(sa.cast(column, sa.Text), _BLANKS, type_=sa.Text).collate("C")


def _is_value(field: FieldTable, column: sa.Column[Any], kind: Kind) -> _Expression:
    """Tell values apart from signs for empty and from what is no finite number."""
    signs = sorted(empty_signs(field) - {""})
    if kind in (Kind.INTEGER, Kind.NUMERIC):
        return _text(column).not_in([*signs, *_NOT_NUMBERS])
    if field.dates == () and signs:
        return sa.func.to_char(column, "YYYY-MM-DD").not_in(signs)
    return column.is_not(None)


def _write_coded(
    field: FieldTable, condition: Condition, text: sa.ColumnElement[str]
) -> _Expression:
    natives = [native for native, code in codes_of(field).items() if holds(condition, code)]
    return text.in_(natives)


def _write_compared(
    condition: Condition, column: sa.ColumnElement[Any], convert: Callable[[str], object]
) -> _Expression:
    if condition.operator in NULL_TESTS:
        return column.is_not(None) if condition.operator is Operator.NOT_NULL else column.is_(None)
    values = [convert(str(operand)) for operand in operands(condition)]
    if condition.operator is Operator.IN:
        return column.in_(values)
    return _COMPARE[condition.operator](column, values[0])
