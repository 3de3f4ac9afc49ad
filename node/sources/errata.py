"""Errata in loaded files: the node's own copy says what the agency has corrected.

A row is known by the cells that name it, and a cell is changed only where it says what the erratum
found wrong. So an erratum ends by itself once the agency publishes the file anew with the right
value, or without the row, and never changes what it was not written for.
"""

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from landbridge.errors import Reason, refuse
from landbridge.rights.erratum import Erratum
from node.sources.native import native_text
from node.sources.parsers import split_cell
from node.sources.tables import ITEM, LINE

Lists = Sequence[tuple[str, str, str]]
"""Table, column and separator of the columns of which a side table holds the single items."""
Told = Callable[["Unfit"], None]
"""Is told of each erratum that changed nothing."""

_WAIT_S: Final = 30.0
_PAGE: Final = 5000


@dataclass(frozen=True, slots=True)
class Unfit:
    """An erratum that changed nothing, and why."""

    erratum: Erratum
    why: str


@dataclass(frozen=True, slots=True)
class Errata:
    """What is corrected in what is loaded, and who is told of what no longer fits."""

    all: tuple[Erratum, ...] = ()
    told: Told = lambda _: None


def apply_errata(
    connection: Any,  # noqa: ANN401 - SQLite or DuckDB, an optional library
    errata: Sequence[Erratum],
    lists: Lists,
    told: Told,
) -> None:
    """Apply errata, in their order, to the tables of one connection; `told` of those that end.

    One whose row says already what it wants is applied.

    Raises:
        LandbridgeError: LB-1105 when a column cannot hold the corrected value.
    """
    for erratum in errata:
        columns = _columns(connection, erratum.table)
        needed = {column for column, _ in erratum.row} | {column for column, *_ in erratum.cells}
        if needed - columns.keys():
            told(Unfit(erratum, "the table has no such columns any more"))
            continue
        rows = _find(connection, erratum)
        if len(rows) != 1:
            told(Unfit(erratum, f"{len(rows)} rows are named so" if rows else "the row is gone"))
            continue
        ((line, found),) = rows
        if found == tuple(now for _, _, now in erratum.cells):
            continue
        if found != tuple(was for _, was, _ in erratum.cells):
            told(Unfit(erratum, "the row says something else than what was wrong"))
            continue
        for column, _, now in erratum.cells:
            _set(connection, erratum, line, (column, columns[column], now))
            for table, listed, separator in lists:
                if (table, listed) == (erratum.table, column):
                    _list_anew(connection, (table, column, separator), line, now)


def correct_sqlite(
    target: Path, errata: Sequence[Erratum], lists: Lists, told: Told, finish: Callable[[Any], None]
) -> None:
    """Apply errata to a SQLite file that a node reads meanwhile, in one transaction.

    `finish` writes what the file follows from now, before the transaction ends.

    Raises:
        LandbridgeError: LB-1105 when the file cannot be written.
    """
    try:
        with closing(sqlite3.connect(target, timeout=_WAIT_S, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                apply_errata(connection, errata, lists, told)
                finish(connection)
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")
    except sqlite3.Error as error:
        raise refuse(
            Reason.UNREADABLE_FILE,
            f"the loaded file cannot be corrected: {error}",
            where=str(target),
            next_step="correct it again; the erratum is kept, and is applied at the next start",
        ) from error


def _columns(connection: Any, table: str) -> dict[str, str]:  # noqa: ANN401
    """Return the columns of a table and their types; none where there is no such table."""
    if not _has(connection, table):
        return {}
    rows = connection.execute(f"PRAGMA table_info({_text(table)})").fetchall()
    return {str(row[1]): str(row[2]) for row in rows}


def _has(connection: Any, table: str) -> bool:  # noqa: ANN401
    query = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?"
    return connection.execute(query, [table]).fetchone() is not None


def _find(connection: Any, erratum: Erratum) -> list[tuple[int, tuple[str, ...]]]:  # noqa: ANN401
    """Find the rows that an erratum names: the line of each, and what its cells say now."""
    named = tuple(value for _, value in erratum.row)
    read = [LINE, *(column for column, _ in erratum.row), *(cell[0] for cell in erratum.cells)]
    rows = connection.execute(
        f"SELECT {', '.join(map(_quoted, read))} FROM {_quoted(erratum.table)}"  # noqa: S608 - quoted
    )
    found = []
    while page := rows.fetchmany(_PAGE):
        for line, *cells in page:
            texts = tuple(map(native_text, cells))
            if texts[: len(named)] == named:
                found.append((int(line), texts[len(named) :]))
    return found


def _set(connection: Any, erratum: Erratum, line: int, cell: tuple[str, str, str]) -> None:  # noqa: ANN401
    column, type_, now = cell
    where = f"{_quoted(erratum.table)}, {erratum.record}, column {column}"
    value = "?" if type_.upper() in ("TEXT", "VARCHAR", "") else f"TRY_CAST(? AS {type_})"
    statement = (
        f"UPDATE {_quoted(erratum.table)} SET {_quoted(column)} = {value}"  # noqa: S608 - quoted
        f" WHERE {_quoted(LINE)} = ?"
    )
    connection.execute(statement, [now, line])
    written = connection.execute(
        f"SELECT {_quoted(column)} FROM {_quoted(erratum.table)} WHERE {_quoted(LINE)} = ?",  # noqa: S608 - quoted
        [line],
    ).fetchone()
    if native_text(written[0]) != now:
        raise refuse(
            Reason.UNREADABLE_FILE,
            f"a column of the type {type_} cannot hold the corrected value",
            where=where,
            next_step="write the value as the file would",
        )


def _list_anew(connection: Any, side: tuple[str, str, str], line: int, cell: str) -> None:  # noqa: ANN401
    table = _quoted("~".join(side))
    connection.execute(f"DELETE FROM {table} WHERE {_quoted(LINE)} = ?", [line])  # noqa: S608 - quoted
    for item in split_cell(cell, side[2]):
        connection.execute(
            f"INSERT INTO {table} ({_quoted(LINE)}, {_quoted(ITEM)}) VALUES (?, ?)",  # noqa: S608 - quoted
            [line, item],
        )


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(name: str) -> str:
    return "'" + name.replace("'", "''") + "'"
