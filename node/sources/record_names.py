"""Names of records, read back as what the columns that name them hold, and compared exactly.

A name is what readers see. Databases compare texts by collations that tell fewer of them apart, and
numbers by their size, whatever their writing is: here two are one only if their names are.
"""

import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from node.sources.expressions import Bind
from node.sources.native import native_text
from node.sources.statements import Untyped
from node.sources.tables import Kind, Naming, kind_of

_WHOLE: Final = range(-(1 << 63), 1 << 64)
"""Whole numbers that columns can hold."""
_READABLE: Final = (Kind.TEXT, Kind.NAMED, Kind.INTEGER, Kind.NUMERIC, Kind.DATE)


def read_name(naming: Naming, record: str, dialect: str) -> tuple[object, ...] | None:
    """Read a record's name as the values of the columns that name it; None where that is not sure.

    A name of several columns in which one holds the joining sign could be read in two ways.
    """
    if not record.startswith(naming.prefix) or "\x00" in record:
        return None
    rest = record.removeprefix(naming.prefix)
    parts = rest.split("/") if len(naming.columns) > 1 else [rest]
    if len(parts) != len(naming.columns):
        return None
    values = [
        _read(column, part, dialect) for column, part in zip(naming.columns, parts, strict=True)
    ]
    return None if any(value is None for value in values) else tuple(values)


def equals(column: sa.Column[Any], bind: Bind, dialect: str) -> sa.ColumnElement[bool]:
    """Write that a column holds exactly the value that was read from a name."""
    kind = kind_of(column)
    if kind is Kind.TEXT:
        return _TEXTS.get(dialect, _plain)(column, bind)
    if kind is Kind.NUMERIC and dialect == "postgresql":
        # A column without a scale holds 1.1 and 1.10.
        return sa.cast(column, sa.Text) == bind(Untyped())
    return column == bind(Untyped())


def _read(column: sa.Column[Any], text: str, dialect: str) -> object | None:
    kind = kind_of(column)
    if kind is Kind.TEXT:
        return text
    if not text or kind not in _READABLE:
        return None
    if dialect == "sqlite" or (kind is Kind.NUMERIC and dialect == "postgresql"):
        # SQLite keeps in a column whatever it is given, and takes a text as the column would.
        return text
    value: object = None
    with suppress(ValueError, InvalidOperation):
        value = _VALUES[kind](column, text)
    # Not every text that can be read is what a reader sees.
    return value if native_text(value) == text else None


def _read_named(column: sa.Column[Any], text: str) -> str | None:
    # Databases fail on what is no value of such a column.
    if isinstance(column.type, sa.Uuid):
        return str(uuid.UUID(text))
    return text if text in getattr(column.type, "enums", (text,)) else None


def _read_whole(_column: sa.Column[Any], text: str) -> int | None:
    return int(text) if int(text) in _WHOLE else None


_VALUES: Final[Mapping[Kind, Callable[[sa.Column[Any], str], object]]] = {
    Kind.NAMED: _read_named,
    Kind.INTEGER: _read_whole,
    Kind.NUMERIC: lambda _, text: Decimal(text),
    Kind.DATE: lambda _, text: date.fromisoformat(text),
}


def _filled(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    # SQL NULL is named by an empty text, too.
    return sa.func.coalesce(column, sa.literal_column("''"), type_=sa.Text)


def _plain(column: sa.Column[Any], bind: Bind) -> sa.ColumnElement[bool]:
    return _filled(column) == bind(Untyped())


def _sqlite(column: sa.Column[Any], bind: Bind) -> sa.ColumnElement[bool]:
    return _filled(column).collate("BINARY") == bind(Untyped())


def _postgresql(column: sa.Column[Any], bind: Bind) -> sa.ColumnElement[bool]:
    # A cast would take away the blanks of a column of fixed width, which its name has.
    text = column if isinstance(column.type, sa.CHAR) else sa.cast(column, sa.Text)
    return _filled(text).collate("C") == bind(Untyped())


def _mariadb(column: sa.Column[Any], bind: Bind) -> sa.ColumnElement[bool]:
    written = sa.cast(_filled(column), mysql.CHAR(charset="utf8mb4"))
    return sa.cast(written, sa.LargeBinary) == sa.cast(bind(sa.Text()), sa.LargeBinary)


def _duckdb(column: sa.Column[Any], bind: Bind) -> sa.ColumnElement[bool]:
    written = sa.func.encode(_filled(column), type_=sa.LargeBinary)
    return written == sa.func.encode(bind(sa.Text()), type_=sa.LargeBinary)


_TEXTS: Final[Mapping[str, Callable[[sa.Column[Any], Bind], sa.ColumnElement[bool]]]] = {
    "sqlite": _sqlite,
    "postgresql": _postgresql,
    "mariadb": _mariadb,
    "mysql": _mariadb,
    "duckdb": _duckdb,
}
