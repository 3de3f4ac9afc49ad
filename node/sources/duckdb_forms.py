"""What row conditions need, as DuckDB writes it."""

from datetime import date
from typing import Any, Final

import sqlalchemy as sa

from node.sources.forms import (
    BLANKS,
    FIRST,
    LAST,
    Expression,
    Forms,
    always,
    is_in_range,
    is_null,
    is_sign,
)
from node.sources.tables import Kind, kind_of


def _text(column: sa.Column[Any]) -> sa.ColumnElement[Any]:
    # As bytes: a column may have a collation that tells fewer texts apart.
    trimmed = sa.func.trim(sa.cast(column, sa.Text), BLANKS)
    return sa.func.encode(trimmed, type_=sa.LargeBinary)


def _literal(text: sa.BindParameter[Any]) -> sa.ColumnElement[Any]:
    return sa.func.encode(text, type_=sa.LargeBinary)


def _is_real(column: sa.Column[Any]) -> Expression:
    if kind_of(column) not in (Kind.DATE, Kind.TIMESTAMP):
        return sa.true()
    return sa.or_(sa.func.isinf(column, type_=sa.Boolean), is_in_range(column))


def _moment(column: sa.Column[Any]) -> sa.ColumnElement[Any]:
    if kind_of(column) not in (Kind.DATE, Kind.TIMESTAMP):
        return column
    # The driver gives the last day that Python has for one that is infinite.
    first, last = (
        (sa.literal(date.min, sa.Date), sa.literal(date.max, sa.Date))
        if kind_of(column) is Kind.DATE
        else (sa.literal(FIRST, sa.DateTime), sa.literal(LAST, sa.DateTime))
    )
    return sa.func.least(sa.func.greatest(column, first), last, type_=column.type)


DUCKDB_FORMS: Final = Forms(
    has_text=always,
    text=_text,
    literal=_literal,
    is_null=is_null,
    is_sign=is_sign,
    is_real=_is_real,
    moment=_moment,
    has_grids=True,
)
