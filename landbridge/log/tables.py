"""The tables of a log's file: what is read from them and written to them within one connection.

`entry` holds every entry, `tile` every full tile, `head` the one signed checkpoint, `handover` the
checkpoints at which one key took over from another, each signed by both.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import chain

from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.log.connection import Connection
from landbridge.log.tiles import TILE_BYTES, Tile

_APPLICATION = 0x4C424C47
"""Marks the file as a log of ours, to `file` as well: LBLG."""
FORMAT = 2
_LATER = (
    """CREATE TABLE IF NOT EXISTS handover (position INTEGER PRIMARY KEY,
       checkpoint BLOB NOT NULL) STRICT""",
    "CREATE TABLE IF NOT EXISTS noted (position INTEGER PRIMARY KEY, names BLOB NOT NULL) STRICT",
    """CREATE TABLE IF NOT EXISTS subject_key (block INTEGER PRIMARY KEY,
       masked BLOB NOT NULL) STRICT""",
    """CREATE TABLE IF NOT EXISTS subject_name (look_up BLOB, place INTEGER,
       PRIMARY KEY (look_up, place)) STRICT, WITHOUT ROWID""",
    "CREATE TABLE IF NOT EXISTS subject_month (month TEXT PRIMARY KEY) STRICT, WITHOUT ROWID",
    """CREATE TABLE IF NOT EXISTS named_lately (position INTEGER PRIMARY KEY,
       places BLOB NOT NULL) STRICT""",
    """CREATE TABLE IF NOT EXISTS named_run (month TEXT, run INTEGER,
       PRIMARY KEY (month, run)) STRICT, WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS named (run INTEGER, first BLOB, places BLOB NOT NULL,
       PRIMARY KEY (run, first)) STRICT""",
    "CREATE TABLE IF NOT EXISTS erased (digest BLOB PRIMARY KEY) STRICT, WITHOUT ROWID",
)
"""What logs of earlier versions may lack: changes of key, and subjects (`subject_notes`)."""
_SCHEMA = (
    "CREATE TABLE entry (position INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT",
    """CREATE TABLE tile (level INTEGER, position INTEGER, hashes BLOB NOT NULL,
       PRIMARY KEY (level, position)) STRICT, WITHOUT ROWID""",
    "CREATE TABLE head (one INTEGER PRIMARY KEY CHECK (one = 1), checkpoint BLOB NOT NULL) STRICT",
    *_LATER,
    f"PRAGMA application_id = {_APPLICATION}",
    f"PRAGMA user_version = {FORMAT}",
)

TABLES = 3 + len(_LATER)
_MOST_AT_ONCE = 64
"""Rows in one statement: while it runs, it need not ask for the interpreter again."""


def create_tables(connection: sqlite3.Connection, checkpoint: bytes) -> None:
    """Make the tables of an empty log and write its head."""
    for statement in _SCHEMA:
        connection.execute(statement)
    connection.execute("INSERT INTO head VALUES (1, ?)", (checkpoint,))


def create_missing_tables(connection: sqlite3.Connection) -> None:
    """Make the tables that were not there in earlier versions."""
    for statement in _LATER:
        connection.execute(statement)


def check_format(connection: sqlite3.Connection) -> None:
    """Check that the file is a log that this version can read.

    Raises:
        LandbridgeError: LB-5002 when it is not.
    """
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if (application, version) != (_APPLICATION, FORMAT):
        raise damaged(f"the file is not a log of format {FORMAT}")


def read_head(connection: Connection) -> bytes:
    """Return the stored checkpoint."""
    row = connection.execute("SELECT checkpoint FROM head").fetchone()
    return _blob(row, "the signed head")


def read_tile(connection: Connection, level: int, index: int) -> bytes:
    """Return a full tile."""
    row = connection.execute(
        "SELECT hashes FROM tile WHERE level = ? AND position = ?", (level, index)
    ).fetchone()
    hashes = _blob(row, f"tile {level}/{index}")
    if len(hashes) != TILE_BYTES:
        raise damaged(f"tile {level}/{index} is not full")
    return hashes


def read_entries(connection: Connection, start: int, end: int) -> list[bytes]:
    """Return the entries from one position up to, and without, another."""
    rows = connection.execute(
        "SELECT body, position FROM entry WHERE position >= ? AND position < ? ORDER BY position",
        (start, end),
    ).fetchall()
    if [position for _, position in rows] != list(range(start, end)):
        raise damaged(f"entries between {start} and {end} are missing")
    return [_blob(row, f"entry {row[1]}") for row in rows]


def has_entries_from(connection: Connection, start: int) -> bool:
    """Tell whether anything stands at or after a position, or before the first."""
    query = "SELECT 1 FROM entry WHERE position >= ? OR position < 0 LIMIT 1"
    return connection.execute(query, (start,)).fetchone() is not None


def write_batch(
    connection: Connection,
    start: int,
    entries: Sequence[bytes],
    tiles: Iterable[Tile],
    checkpoint: bytes,
) -> None:
    """Write entries, the tiles that they filled, and the head over them."""
    write_rows(connection, "entry", list(enumerate(entries, start)))
    for tile in tiles:
        connection.execute(
            "INSERT INTO tile VALUES (?, ?, ?)", (tile.level, tile.index, tile.hashes)
        )
    connection.execute("UPDATE head SET checkpoint = ?", (checkpoint,))


def write_rows(connection: Connection, table: str, rows: Sequence[Sequence[object]]) -> None:
    """Add rows, all of one length, to a table of ours."""
    start, left = 0, len(rows)
    while left:
        # Powers of two: the database then knows the statement already.
        count = min(_MOST_AT_ONCE, 1 << (left.bit_length() - 1))
        some = rows[start : start + count]
        connection.execute(_insert(table, len(some[0]), count), list(chain.from_iterable(some)))
        start, left = start + count, left - count


@cache
def _insert(table: str, columns: int, rows: int) -> str:
    row = f"({', '.join('?' * columns)})"
    return f"INSERT INTO {table} VALUES {', '.join([row] * rows)}"  # noqa: S608  one of our own


def write_handover(connection: Connection, checkpoint: bytes) -> None:
    """Write a head that both the key before and the key from now on have signed."""
    connection.execute("INSERT INTO handover (checkpoint) VALUES (?)", (checkpoint,))
    connection.execute("UPDATE head SET checkpoint = ?", (checkpoint,))


def read_handovers(connection: Connection) -> list[bytes]:
    """Return the heads at which the log's key changed, oldest first."""
    if isinstance(connection, sqlite3.Connection):
        # A file that is only read may be of an earlier version.
        query = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'handover'"
        if connection.execute(query).fetchone() is None:
            return []
    rows = connection.execute("SELECT checkpoint FROM handover ORDER BY position").fetchall()
    return [_blob(row, "the head of a change of key") for row in rows]


def damaged(message: str) -> LandbridgeError:
    """Make the error for a file that does not hold what was signed; the caller raises it."""
    return refuse(Reason.LOG_DAMAGED, message)


def _blob(row: tuple[object, ...] | None, what: str) -> bytes:
    if row is None or not isinstance(row[0], bytes):
        raise damaged(f"{what} is missing")
    return row[0]
