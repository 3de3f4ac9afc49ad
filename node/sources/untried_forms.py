"""Forms of Oracle and SQL Server: they compile, and no test has ever run them against a server.

A node refuses to open such a database until one has (`node.sources.opening`).
"""

from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import mssql, oracle

from node.sources.forms import BLANKS, Expression, Forms, is_in_range, is_null, is_sign, itself
from node.sources.tables import Kind, kind_of

_AROUND: Final = f"^[{BLANKS}]+|[{BLANKS}]+$"
_ORACLE_TEXT: Final = oracle.VARCHAR2(4000)
_UTF8: Final = "Latin1_General_100_BIN2_UTF8"


def _is_text(column: sa.Column[Any]) -> bool:
    # Of numbers and the like, both servers write another text than their drivers do.
    return kind_of(column) is Kind.TEXT


def _is_real(column: sa.Column[Any]) -> Expression:
    return is_in_range(column) if kind_of(column) in (Kind.DATE, Kind.TIMESTAMP) else sa.true()


def _oracle_bytes(text: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    # Oracle takes an empty text for NULL: with a sign before it, none is empty.
    signed = sa.literal_column("'.'", _ORACLE_TEXT).concat(text)
    binary = sa.literal_column("'NLS_SORT=BINARY'", _ORACLE_TEXT)
    return sa.func.nlssort(signed, binary, type_=sa.LargeBinary)


def _oracle_text(column: sa.Column[Any]) -> sa.ColumnElement[Any]:
    written = sa.cast(column, _ORACLE_TEXT)
    return _oracle_bytes(sa.func.regexp_replace(written, _AROUND, "", type_=_ORACLE_TEXT))


def _mssql_bytes(text: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    # As bytes of UTF-8, whose order is that of code points; texts are padded to compare them.
    written = sa.cast(text.collate(_UTF8), mssql.VARCHAR())
    return sa.cast(written, mssql.VARBINARY("max"))  # type: ignore[no-untyped-call]


def _mssql_text(column: sa.Column[Any]) -> sa.ColumnElement[Any]:
    written = sa.cast(column, mssql.NVARCHAR())
    blanks = sa.literal(BLANKS, mssql.NVARCHAR())
    return _mssql_bytes(sa.func.trim(blanks.op("FROM")(written), type_=mssql.NVARCHAR()))


UNTRIED_FORMS: Final = {
    "oracle": Forms(
        has_text=_is_text,
        text=_oracle_text,
        literal=_oracle_bytes,
        is_null=is_null,
        is_sign=is_sign,
        is_real=_is_real,
        moment=itself,
        has_grids=True,
    ),
    "mssql": Forms(
        has_text=_is_text,
        text=_mssql_text,
        literal=_mssql_bytes,
        is_null=is_null,
        is_sign=is_sign,
        is_real=_is_real,
        moment=itself,
        has_grids=True,
    ),
}
"""By SQLAlchemy's name of the database."""
