"""What row conditions need, as PostgreSQL writes it."""

from typing import Any, Final

import sqlalchemy as sa

from node.sources.forms import (
    BLANKS,
    Expression,
    Forms,
    always,
    is_in_range,
    is_null,
    is_sign,
    itself,
)
from node.sources.tables import Kind, kind_of

_NOT_FINITE: Final = ("NaN", "Infinity", "-Infinity")


def _text(column: sa.Column[Any]) -> sa.ColumnElement[Any]:
    return sa.func.btrim(sa.cast(column, sa.Text), BLANKS, type_=sa.Text).collate("C")


def _is_real(column: sa.Column[Any]) -> Expression:
    if kind_of(column) in (Kind.DATE, Kind.TIMESTAMP):
        return is_in_range(column)
    return _text(column).not_in(_NOT_FINITE)


POSTGRESQL_FORMS: Final = Forms(
    has_text=always,
    text=_text,
    literal=itself,
    is_null=is_null,
    is_sign=is_sign,
    is_real=_is_real,
    moment=itself,
    has_grids=False,
)
