"""Looking at a dataset's table: indexes, numbers of rows, and how much of it can be read.

Nothing found here says what any record holds: counts only.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import sqlalchemy as sa

from landbridge.errors import LandbridgeError
from landbridge.subject import IdentifierScheme, Schemes
from node.node_file import FieldTable, KeyTable
from node.sources.binding import Bound
from node.sources.database import ReadOnlyDatabase
from node.sources.keys import Key
from node.sources.parsers import Quality, Reading, compile_parser
from node.sources.tables import DatabaseTables, NativeTable, kind_of

SAMPLE: Final = 1000
"""Values of each column that are read."""
_FILES: Final = {"sqlite": "SQLite", "duckdb": "DuckDB"}
_SERVERS: Final = {
    "postgresql": ("PostgreSQL", "SHOW transaction_read_only", "on"),
    "mariadb": ("MariaDB", "SELECT @@tx_read_only", "1"),
    "mysql": ("MySQL", "SELECT @@transaction_read_only", "1"),
}
"""What to call a server, how to ask whether sessions only read, and what it answers then."""


class Verdict(StrEnum):
    """How bad a finding is."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    verdict: Verdict
    place: str
    message: str
    next_step: str = ""


def inspect_database(database: ReadOnlyDatabase, place: str) -> Finding:
    """Say whether sessions refuse to write."""
    kind = database.dialect.name
    if kind in _FILES:
        return Finding(Verdict.PASS, place, f"the {_FILES[kind]} file is opened read only")
    title, query, on = _SERVERS[kind]
    ((mode,),) = database.read(query, ())
    is_on = str(mode) == on
    return Finding(
        Verdict.PASS if is_on else Verdict.FAIL,
        place,
        f"{title} answers; sessions are read only: {'on' if is_on else 'off'}",
    )


def inspect_dataset(bound: Bound, tables: DatabaseTables, schemes: Schemes) -> Iterator[Finding]:
    """Look at one dataset."""
    name, native = bound.dataset.name, bound.native
    yield _count(name, native)
    if native.file == "" and tables.may_write(native.table):
        yield Finding(
            Verdict.WARN,
            name,
            f"the database's user may change the table {native.table.name!r}",
            "give the node a user who may only SELECT; its sessions are read only in any case",
        )
    keys, fields = bound.dataset.keys, bound.dataset.fields
    try:
        values = _read_sample(native, [*(k.column for k in keys), *(f.column for f in fields)])
    except LandbridgeError as error:
        yield Finding(Verdict.FAIL, name, f"{error.message}: {error.__cause__}", error.next_step)
        return
    indexed = tables.indexed(native.table)
    for key in keys:
        place = f"{name}, key {key.scheme}"
        has_side = key.separator is not None and (key.column, key.separator) in native.sides
        yield _inspect_index(place, key, native, is_indexed=has_side or key.column in indexed)
        if not key.covers_group:
            scheme = schemes[key.scheme]
            read = Key(key, scheme, kind_of(native.table.c[key.column]))
            yield from _inspect_spellings(place, read, scheme, values[key.column])
    for field in fields:
        yield _inspect_field(name, field, schemes, values[field.column])


def _count(name: str, native: NativeTable) -> Finding:
    query = sa.select(sa.func.count()).select_from(native.table)
    kind = f"file {native.file}" if native.file else f"table {native.table.name}"
    found = f"{kind}: {len(native.columns)} columns"
    try:
        ((rows,),) = _run(native, query)
    except LandbridgeError:
        return Finding(Verdict.PASS, name, f"{found}; its rows are too many to count in time")
    if rows == 0:
        return Finding(Verdict.WARN, name, f"{found}, no rows", "fill the table, or remove it")
    return Finding(Verdict.PASS, name, f"{found}, {rows} rows")


def _read_sample(native: NativeTable, columns: Sequence[str]) -> dict[str, list[object]]:
    query = sa.select(*(native.table.c[name] for name in columns))
    rows = _run(native, query.limit(SAMPLE))
    return {name: [row[at] for row in rows] for at, name in enumerate(columns)}


def _run(native: NativeTable, query: sa.Select[Any]) -> list[tuple[Any, ...]]:
    compiled = query.compile(
        dialect=native.database.dialect, compile_kwargs={"literal_binds": True}
    )
    return native.database.read(str(compiled), ())


def _inspect_index(place: str, key: KeyTable, native: NativeTable, *, is_indexed: bool) -> Finding:
    if is_indexed:
        return Finding(Verdict.PASS, place, f"the column {key.column!r} has an index")
    return Finding(
        Verdict.WARN,
        place,
        f"the column {key.column!r} has no index: every question reads the whole table",
        f"create an index on {key.column!r} of {native.table.name!r}",
    )


def _inspect_spellings(
    place: str, key: Key, scheme: IdentifierScheme, values: Sequence[object]
) -> Iterator[Finding]:
    """Find identifiers that no question finds, as they are not written in a stated spelling."""
    items = [item for value in values for item in key.items(value) if item.strip()]
    readable = [item for item in items if not key.names_nobody(item)]
    if items and not readable:
        yield Finding(
            Verdict.FAIL,
            place,
            f"none of {len(items)} values is an identifier of {scheme.title}",
            "correct the key's scheme or column",
        )
    hidden = sum(not _is_found(item, key, scheme) for item in readable)
    if hidden:
        yield Finding(
            Verdict.WARN,
            place,
            f"{hidden} of {len(readable)} identifiers are written in none of the key's spellings:"
            " no question finds them",
            f"add one to `spellings`; the scheme has: {', '.join(scheme.spellings)}",
        )


def _is_found(item: str, key: Key, scheme: IdentifierScheme) -> bool:
    return any(text == item for _, text in key.spell(scheme.normalise(item)))


def _inspect_field(
    name: str, field: FieldTable, schemes: Schemes, values: Sequence[object]
) -> Finding:
    parse = compile_parser(field, schemes)
    read = [parse(value) for value in values]
    unreadable = sum(map(_is_unreadable, read))
    empty = sum(reading.quality is Quality.EMPTY for reading in read)
    place = f"{name}, field {field.name}"
    found = f"{field.type}: of {len(read)} values, {empty} are empty, {unreadable} are unreadable"
    if unreadable:
        return Finding(
            Verdict.WARN,
            place,
            found,
            "correct the field's type, codes, dates or empties; as it is, answers give these values"
            " as native text only",
        )
    return Finding(Verdict.PASS, place, found)


def _is_unreadable(reading: Reading) -> bool:
    if isinstance(reading.value, tuple):
        return any(map(_is_unreadable, reading.value))
    return reading.quality is Quality.UNREADABLE
