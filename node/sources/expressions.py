"""Single row conditions as expressions of a database, where there is an exact one.

Text is compared as canonical values are: without blanks around it, by code points. Numbers and
dates are compared only where the column's own type is one. Every expression is true or false, never
NULL. How each database writes what this needs stands in `node.sources.forms`.

A condition is taken apart first: into how it compares, for which a statement is compiled once, and
into the values, which are given with every run.
"""

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from typing import Any, Final

import sqlalchemy as sa

from landbridge.memorandum.condition import Condition, Operator, Scalar, holds
from node.node_file import FieldType
from node.sources.fields import PublishedField
from node.sources.forms import Expression, Forms
from node.sources.grid import Grid, Side
from node.sources.operands import not_executable, operands
from node.sources.parsers import codes_of, empty_signs
from node.sources.tables import Kind, kind_of

Bind = Callable[[sa.types.TypeEngine[Any]], sa.BindParameter[Any]]
"""Makes the place of the next value."""

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


class Join(Enum):
    """How the terms of a comparison are joined."""

    EMPTY = "is empty"
    ALL = "all"
    ANY = "any"


@dataclass(frozen=True, slots=True)
class Comparison:
    """How a condition compares a field, apart from the values."""

    field: str
    join: Join
    terms: tuple[Operator | Side, ...]
    """One a value; a side where there is no value, as all numbers of the column are on it."""


@lru_cache
def forms_of(dialect: str) -> Forms:
    """Return the forms of a database by SQLAlchemy's name of it; a node loads only its own."""
    # ruff: disable[PLC0415]
    match dialect:
        case "postgresql":
            from node.sources.postgresql_forms import POSTGRESQL_FORMS

            return POSTGRESQL_FORMS
        case "mariadb" | "mysql":
            from node.sources.mariadb_forms import MARIADB_FORMS

            return MARIADB_FORMS
        case "duckdb":
            from node.sources.duckdb_forms import DUCKDB_FORMS

            return DUCKDB_FORMS
        case _:
            from node.sources.untried_forms import UNTRIED_FORMS

            return UNTRIED_FORMS[dialect]
    # ruff: enable[PLC0415]


def take_apart(
    dataset: str, field: PublishedField, condition: Condition, dialect: str
) -> tuple[Comparison, tuple[object, ...]]:
    """Take a checked condition apart: how it compares, and with which values.

    Raises:
        LandbridgeError: LB-1101 when there is no exact expression.
    """
    name = field.table.name
    is_text = _is_textual(field, forms_of(dialect))
    is_typed = _is_typed(field)
    if condition.operator is Operator.IS_NULL and (is_text or is_typed):
        return Comparison(name, Join.EMPTY, ()), ()
    if field.table.separator is None:
        if is_text and field.table.type in _CODED:
            codes = codes_of(field.table).items()
            natives = tuple(native for native, code in codes if holds(condition, code))
            return Comparison(name, Join.ANY, (Operator.EQ,) * len(natives)), natives
        if is_typed or (is_text and field.table.type is FieldType.TEXT):
            terms = _terms(condition)
            if is_typed:
                terms = _typed_terms(field.column, terms, forms_of(dialect))
            join = Join.ANY if condition.operator is Operator.IN else Join.ALL
            return (
                Comparison(name, join, tuple(sign for sign, _ in terms)),
                tuple(value for sign, value in terms if isinstance(sign, Operator)),
            )
    raise not_executable(
        dataset,
        condition,
        f"values in the column {field.column.name!r} of type {field.column.type} cannot be"
        f" compared as {field.table.type} there",
    )


def express(field: PublishedField, comparison: Comparison, dialect: str, bind: Bind) -> Expression:
    """Write a comparison, with a place for each of its values."""
    forms, column = forms_of(dialect), field.column
    signs = sorted(empty_signs(field.table))
    compared: sa.ColumnElement[Any]
    if _is_textual(field, forms):
        compared = forms.text(column)
        literals = [forms.literal(sa.literal(sign, sa.Text)) for sign in signs]
        empty = sa.or_(forms.is_null(column), compared.in_(literals))
    else:
        compared = forms.moment(column)
        empty = sa.or_(forms.is_null(column), forms.is_sign(column, signs))
    if comparison.join is Join.EMPTY:
        return empty
    real: Expression = sa.true()
    if _is_typed(field):
        real = _is_real(field, forms)
        type_ = _type_of(column, forms)
        compared = forms.moment(column)

        def place() -> sa.ColumnElement[Any]:
            return bind(type_)
    else:

        def place() -> sa.ColumnElement[Any]:
            return forms.literal(bind(sa.Text()))

    parts = [
        _COMPARE[sign](compared, place()) if isinstance(sign, Operator) else sign.expression
        for sign in comparison.terms
    ]
    if comparison.join is Join.ALL:
        return sa.and_(sa.not_(empty), real, *parts)
    return sa.and_(sa.not_(empty), real, sa.or_(sa.false(), *parts))


def _is_textual(field: PublishedField, forms: Forms) -> bool:
    return kind_of(field.column) in _TEXTUAL and forms.has_text(field.column)


def _is_typed(field: PublishedField) -> bool:
    return (field.table.type, kind_of(field.column)) in _TYPED and not getattr(
        field.column.type, "timezone", False
    )


def _terms(condition: Condition) -> list[tuple[Operator | Side, Scalar]]:
    if condition.operator is Operator.NOT_NULL:
        return []
    values = operands(condition)
    if condition.operator is Operator.IN:
        return [(Operator.EQ, value) for value in values]
    if condition.operator is Operator.BETWEEN:
        return [(Operator.GE, values[0]), (Operator.LE, values[1])]
    return [(condition.operator, values[0])]


def _typed_terms(
    column: sa.Column[Any], terms: Sequence[tuple[Operator | Side, Scalar]], forms: Forms
) -> list[tuple[Operator | Side, Any]]:
    """Give each value the type of its column."""
    kind = kind_of(column)
    if kind is Kind.DATE:
        return [(sign, date.fromisoformat(str(value))) for sign, value in terms]
    if kind is Kind.TIMESTAMP:
        # A day means its first instant.
        return [(sign, datetime.fromisoformat(str(value))) for sign, value in terms]
    numbers = [(sign, Decimal(str(value))) for sign, value in terms]
    if not forms.has_grids:
        return list(numbers)
    grid = Grid.of(column)
    moved = [grid.move(sign, number) for sign, number in numbers if isinstance(sign, Operator)]
    if kind is Kind.INTEGER:
        return [(sign, int(number)) for sign, number in moved]
    return list(moved)


def _type_of(column: sa.Column[Any], forms: Forms) -> sa.types.TypeEngine[Any]:
    # By the type of a whole-number column the driver would round the operand.
    if kind_of(column) in _NUMBERS and not forms.has_grids:
        return sa.Numeric()
    return column.type


def _is_real(field: PublishedField, forms: Forms) -> Expression:
    real = forms.is_real(field.column)
    if field.table.type is FieldType.INTEGER and getattr(field.column.type, "unsigned", False):
        # Whole numbers of 64 bits with a sign are all that a field holds.
        return sa.and_(real, field.column <= _LARGEST)
    return real
