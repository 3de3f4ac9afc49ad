"""Records that are left out of what is read: withdrawn ones, cut in the statement itself.

A record is known by its name and by a key that names the subject of its case, so that a row which
another edition of a file has moved to the same line is not taken for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import sqlalchemy as sa

from landbridge.errors import Reason, refuse
from node.sources.expressions import Bind
from node.sources.lookup import Withdrawn
from node.sources.statements import Searched, Untyped, pad, padded, search, truth
from node.sources.tables import Kind, Naming, kind_of

_TEXTUAL: Final = (Kind.TEXT, Kind.NAMED)
_WHOLE: Final = range(-(1 << 63), 1 << 64)
"""Whole numbers that columns can hold."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A record to leave out, apart from the values: which keys are compared with how many."""

    keys: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class PreparedCut:
    """The same, with its values in their order: those of the name, then those of each key."""

    form: Cut
    values: tuple[object, ...]


def prepare_cut(searched: Searched, withdrawn: Withdrawn) -> PreparedCut:
    """Take a record apart.

    Raises:
        LandbridgeError: LB-2004 when its name cannot be told from others in the statement.
    """
    named = read_name(searched.naming, withdrawn.record)
    if named is None:
        raise refuse(
            Reason.SOURCE_FAILED,
            "a withdrawn record cannot be told from others by the columns that name it",
            next_step="name the records by columns of text, whole numbers or dates:"
            " `record` in node.toml",
        )
    values: list[object] = list(named)
    keys: list[tuple[int, int]] = []
    for position, key in enumerate(searched.keys):
        if key.scheme == withdrawn.subject.scheme:
            natives = [native for native, _ in key.spell(withdrawn.subject.value)]
            if natives:
                size = padded(len(natives))
                values += pad(natives, size)
                keys.append((position, size))
    return PreparedCut(Cut(tuple(keys)), tuple(values))


def write_cut(searched: Searched, cut: Cut, bind: Bind) -> sa.ColumnElement[bool]:
    """Write that a row is not the record."""
    # By a case, as a comparison with NULL is neither true nor false, and its contrary is not, too.
    return truth(_is(searched, cut, bind)) == sa.literal_column("0", sa.Integer)


def write_only(searched: Searched, records: Sequence[Cut], bind: Bind) -> sa.ColumnElement[bool]:
    """Write that a row is one of the records: just those that `write_cut` leaves out."""
    return sa.or_(*(_is(searched, record, bind) for record in records))


def _is(searched: Searched, cut: Cut, bind: Bind) -> sa.ColumnElement[bool]:
    named = [_equals(column, bind) for column in searched.naming.columns]
    about = [
        search(searched.native, searched.keys[position], [bind(Untyped()) for _ in range(size)])
        for position, size in cut.keys
    ]
    return sa.and_(*named, sa.or_(*about)) if about else sa.and_(*named)


def read_name(naming: Naming, record: str) -> tuple[object, ...] | None:
    """Read a record's name as the values of the columns that name it; None where that is not sure.

    A name of several columns in which one holds the joining sign could be read in two ways.
    """
    if not record.startswith(naming.prefix) or "\x00" in record:
        return None
    rest = record.removeprefix(naming.prefix)
    parts = rest.split("/") if len(naming.columns) > 1 else [rest]
    if len(parts) != len(naming.columns):
        return None
    values = [_read(column, part) for column, part in zip(naming.columns, parts, strict=True)]
    return None if any(value is None for value in values) else tuple(values)


def _equals(column: sa.Column[Any], bind: Bind) -> sa.ColumnElement[bool]:
    if kind_of(column) in _TEXTUAL and kind_of(column) is not Kind.NAMED:
        return sa.func.coalesce(column, sa.literal_column("''")) == bind(Untyped())
    return column == bind(Untyped())


def _read(column: sa.Column[Any], text: str) -> object | None:
    kind = kind_of(column)
    if kind in _TEXTUAL:
        return None if kind is Kind.NAMED and not text else text
    try:
        if kind is Kind.INTEGER:
            return int(text) if str(int(text)) == text and int(text) in _WHOLE else None
        if kind is Kind.NUMERIC:
            return Decimal(text)
        if kind is Kind.DATE:
            return date.fromisoformat(text)
    except (ValueError, InvalidOperation):
        return None
    return None
