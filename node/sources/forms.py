"""How each database writes what row conditions need: trimmed text, readable moments, literals."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from node.sources.tables import Kind, kind_of

Expression = sa.ColumnElement[bool]

BLANKS: Final = "".join(sign for sign in map(chr, range(1, 0x3001)) if sign.isspace())
"""What Python strips; databases by themselves strip less."""
_AROUND: Final = f"\\A[{BLANKS}]++|(?<![{BLANKS}])[{BLANKS}]++\\z"
"""Blanks around a text, as regular expressions of MariaDB find them in one pass."""
_FIRST: Final = datetime.min  # noqa: DTZ901 - columns with a time zone are not compared
_LAST: Final = datetime.max  # noqa: DTZ901
_NOT_FINITE: Final = ("NaN", "Infinity", "-Infinity")


@dataclass(frozen=True, slots=True)
class Forms:
    """The forms of one database."""

    has_text: Callable[[sa.Column[Any]], bool]
    """Whether the database writes the same text of a value as its driver does."""
    text: Callable[[sa.Column[Any]], sa.ColumnElement[Any]]
    """The text that readers see, without blanks around it, compared by code points."""
    literal: Callable[[sa.BindParameter[Any]], sa.ColumnElement[Any]]
    """A given text, to compare with such a one."""
    is_null: Callable[[sa.Column[Any]], Expression]
    """Whether a day or time is NULL."""
    is_sign: Callable[[sa.Column[Any], Sequence[str]], Expression]
    """Whether a day or time is one of the signs for "empty"."""
    is_real: Callable[[sa.Column[Any]], Expression]
    """Whether a number, day or time is one that can be read."""
    moment: Callable[[sa.Column[Any]], sa.ColumnElement[Any]]
    """A number, day or time as readers see it."""
    has_grids: bool
    """Whether numbers are compared only with those that the column itself can hold."""


def is_null(column: sa.Column[Any]) -> Expression:
    """Test a column for NULL, where nothing else passes for it."""
    return column.is_(None)


def is_sign(column: sa.Column[Any], signs: Sequence[str]) -> Expression:
    """Compare with the signs that are days or times as readers see them."""
    found: list[sa.ColumnElement[Any]] = []
    is_day = kind_of(column) is Kind.DATE
    for sign in signs:
        with suppress(ValueError):
            moment = date.fromisoformat(sign) if is_day else datetime.fromisoformat(sign)
            # `fromisoformat` reads other writings too.
            if moment.isoformat() == sign:
                found.append(sa.literal(moment, sa.Date() if is_day else sa.DateTime()))
    return column.in_(found) if found else sa.false()


def is_in_range(column: sa.Column[Any]) -> Expression:
    """Leave out days and times that Python has none of, infinite ones among them."""
    if kind_of(column) is Kind.DATE:
        return column.between(sa.literal(date.min, sa.Date), sa.literal(date.max, sa.Date))
    return column.between(sa.literal(_FIRST, sa.DateTime), sa.literal(_LAST, sa.DateTime))


def itself(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """Take a column or value as it is."""
    return column


def always(_column: sa.Column[Any]) -> bool:
    """Say so of every column."""
    return True


def _postgresql_text(column: sa.Column[Any]) -> sa.ColumnElement[Any]:
    return sa.func.btrim(sa.cast(column, sa.Text), BLANKS, type_=sa.Text).collate("C")


def _is_real_in_postgresql(column: sa.Column[Any]) -> Expression:
    if kind_of(column) in (Kind.DATE, Kind.TIMESTAMP):
        return is_in_range(column)
    return _postgresql_text(column).not_in(_NOT_FINITE)


def _has_text_in_mariadb(column: sa.Column[Any]) -> bool:
    # The server writes zeros that the driver leaves out.
    return not getattr(column.type, "zerofill", False)


def _mariadb_text(column: sa.Column[Any]) -> sa.ColumnElement[Any]:
    written = sa.cast(column, mysql.CHAR(charset="utf8mb4"))
    # As bytes: the order of UTF-8 is that of code points, and no collation has a say.
    return sa.cast(sa.func.regexp_replace(written, _AROUND, ""), sa.LargeBinary)


def _mariadb_literal(text: sa.BindParameter[Any]) -> sa.ColumnElement[Any]:
    return sa.cast(text, sa.LargeBinary)


def _is_null_in_mariadb(column: sa.Column[Any]) -> Expression:
    # `IS NULL` itself is true of 0000-00-00 in a column that is NOT NULL.
    return sa.cast(column, mysql.CHAR).is_(None)


def _is_sign_in_mariadb(column: sa.Column[Any], signs: Sequence[str]) -> Expression:
    # Of days and times that are none, readers see the server's own writing.
    unreal = sa.and_(
        sa.not_(_is_real_in_mariadb(column)),
        sa.cast(column, mysql.CHAR(charset="utf8mb4")).in_([sa.literal(sign) for sign in signs]),
    )
    return sa.or_(is_sign(column, signs), sa.func.coalesce(unreal, sa.false(), type_=sa.Boolean))


def _is_real_in_mariadb(column: sa.Column[Any]) -> Expression:
    if kind_of(column) not in (Kind.DATE, Kind.TIMESTAMP):
        return sa.true()
    last = sa.func.dayofmonth(sa.func.last_day(column), type_=sa.Integer)
    found = sa.and_(
        sa.func.dayofmonth(column, type_=sa.Integer).between(1, last),
        sa.func.year(column, type_=sa.Integer).between(1, date.max.year),
    )
    return sa.func.coalesce(found, sa.false(), type_=sa.Boolean)


def _duckdb_text(column: sa.Column[Any]) -> sa.ColumnElement[Any]:
    # As bytes: a column may have a collation that tells fewer texts apart.
    trimmed = sa.func.trim(sa.cast(column, sa.Text), BLANKS)
    return sa.func.encode(trimmed, type_=sa.LargeBinary)


def _duckdb_literal(text: sa.BindParameter[Any]) -> sa.ColumnElement[Any]:
    return sa.func.encode(text, type_=sa.LargeBinary)


def _is_real_in_duckdb(column: sa.Column[Any]) -> Expression:
    if kind_of(column) not in (Kind.DATE, Kind.TIMESTAMP):
        return sa.true()
    return sa.or_(sa.func.isinf(column, type_=sa.Boolean), is_in_range(column))


def _duckdb_moment(column: sa.Column[Any]) -> sa.ColumnElement[Any]:
    if kind_of(column) not in (Kind.DATE, Kind.TIMESTAMP):
        return column
    # The driver gives the last day that Python has for one that is infinite.
    first, last = (
        (sa.literal(date.min, sa.Date), sa.literal(date.max, sa.Date))
        if kind_of(column) is Kind.DATE
        else (sa.literal(_FIRST, sa.DateTime), sa.literal(_LAST, sa.DateTime))
    )
    return sa.func.least(sa.func.greatest(column, first), last, type_=column.type)


FORMS: Final = {
    "postgresql": Forms(
        has_text=always,
        text=_postgresql_text,
        literal=itself,
        is_null=is_null,
        is_sign=is_sign,
        is_real=_is_real_in_postgresql,
        moment=itself,
        has_grids=False,
    ),
    **dict.fromkeys(
        ("mariadb", "mysql"),
        Forms(
            has_text=_has_text_in_mariadb,
            text=_mariadb_text,
            literal=_mariadb_literal,
            is_null=_is_null_in_mariadb,
            is_sign=_is_sign_in_mariadb,
            is_real=_is_real_in_mariadb,
            moment=itself,
            has_grids=True,
        ),
    ),
    "duckdb": Forms(
        has_text=always,
        text=_duckdb_text,
        literal=_duckdb_literal,
        is_null=is_null,
        is_sign=is_sign,
        is_real=_is_real_in_duckdb,
        moment=_duckdb_moment,
        has_grids=True,
    ),
}
"""By SQLAlchemy's name of the database."""
