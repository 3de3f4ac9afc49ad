"""What row conditions need, as MariaDB and MySQL write it.

Collations of theirs tell fewer texts apart than readers do, and pad texts with blanks; days may be
stored that no calendar has.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from node.sources.forms import BLANKS, Expression, Forms, is_sign, itself
from node.sources.tables import Kind, kind_of

_AROUND: Final = f"\\A[{BLANKS}]++|(?<![{BLANKS}])[{BLANKS}]++\\z"
"""Blanks around a text, as regular expressions of MariaDB find them in one pass."""


def _has_text(column: sa.Column[Any]) -> bool:
    # The server writes zeros that the driver leaves out.
    return not getattr(column.type, "zerofill", False)


def _text(column: sa.Column[Any]) -> sa.ColumnElement[Any]:
    written = sa.cast(column, mysql.CHAR(charset="utf8mb4"))
    # As bytes: the order of UTF-8 is that of code points, and no collation has a say.
    return sa.cast(sa.func.regexp_replace(written, _AROUND, ""), sa.LargeBinary)


def _literal(text: sa.BindParameter[Any]) -> sa.ColumnElement[Any]:
    return sa.cast(text, sa.LargeBinary)


def _is_null(column: sa.Column[Any]) -> Expression:
    # `IS NULL` itself is true of 0000-00-00 in a column that is NOT NULL.
    return sa.cast(column, mysql.CHAR).is_(None)


def _is_sign(column: sa.Column[Any], signs: Sequence[str]) -> Expression:
    # Of days and times that are none, readers see the server's own writing.
    unreal = sa.and_(
        sa.not_(_is_real(column)),
        sa.cast(column, mysql.CHAR(charset="utf8mb4")).in_([sa.literal(sign) for sign in signs]),
    )
    return sa.or_(is_sign(column, signs), sa.func.coalesce(unreal, sa.false(), type_=sa.Boolean))


def _is_real(column: sa.Column[Any]) -> Expression:
    if kind_of(column) not in (Kind.DATE, Kind.TIMESTAMP):
        return sa.true()
    last = sa.func.dayofmonth(sa.func.last_day(column), type_=sa.Integer)
    found = sa.and_(
        sa.func.dayofmonth(column, type_=sa.Integer).between(1, last),
        sa.func.year(column, type_=sa.Integer).between(1, date.max.year),
    )
    return sa.func.coalesce(found, sa.false(), type_=sa.Boolean)


MARIADB_FORMS: Final = Forms(
    has_text=_has_text,
    text=_text,
    literal=_literal,
    is_null=_is_null,
    is_sign=_is_sign,
    is_real=_is_real,
    moment=itself,
    has_grids=True,
)
