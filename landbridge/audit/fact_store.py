"""Where a comparison keeps what it has read: a private temporary file, or a monitor's own.

Nothing in it is needed to prove anything: it is made anew from the logs at any time.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from landbridge.audit.fact import read_accesses
from landbridge.audit.facts_kept import (
    FACT_TABLES,
    FactsInFile,
    FactsInMemory,
    KeptFacts,
)
from landbridge.audit.part import Part
from landbridge.audit.roots import read_peaks, write_peaks
from landbridge.errors import Reason, refuse
from landbridge.log.checkpoint import Checkpoint
from landbridge.log.frontier import Frontier
from landbridge.log.tiles import split_hashes
from landbridge.v1 import log_pb2

_A_FILE: Final = 0
"""In the place of the log that names a head, where a file holds it."""
_APPLICATION: Final = 0x4C424155
"""Marks the file as a monitor's: LBAU."""
_FORMAT: Final = 1
_CACHE_KIB: Final = 256 * 1024
_SCHEMA: Final = f"""
CREATE TABLE log (number INTEGER PRIMARY KEY, origin TEXT NOT NULL UNIQUE,
  size INTEGER NOT NULL DEFAULT 0, peaks BLOB NOT NULL DEFAULT x'',
  checkpoint BLOB NOT NULL DEFAULT x'') STRICT;
CREATE TABLE leaves (log INTEGER, start INTEGER, peaks BLOB NOT NULL, hashes BLOB NOT NULL,
  PRIMARY KEY (log, start)) STRICT;
CREATE TABLE accesses (name BLOB PRIMARY KEY, written BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE head (log INTEGER, size INTEGER, root BLOB, teller INTEGER, place TEXT NOT NULL,
  at INTEGER NOT NULL, note BLOB NOT NULL, misfit INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (log, size, root, teller)) STRICT, WITHOUT ROWID;
{FACT_TABLES}
CREATE TABLE told (key TEXT PRIMARY KEY, query BLOB NOT NULL, document TEXT NOT NULL) STRICT;
PRAGMA application_id = {_APPLICATION};
PRAGMA user_version = {_FORMAT};
"""


@dataclass(frozen=True, slots=True)
class KnownLog:
    """How far a log has been read."""

    number: int
    origin: str
    tree: Frontier
    checkpoint: bytes


class FactStore:
    """Facts, leaf hashes and heads of several logs. Use it from one thread."""

    def __init__(self, connection: sqlite3.Connection, facts: KeptFacts) -> None:
        self.connection = connection
        self.facts = facts
        self._logs: dict[str, int] = {}
        connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")

    @classmethod
    def temporary(cls) -> Self:
        """Open a store that is gone when it is closed, on the disk as far as memory is short."""
        connection = sqlite3.connect("", isolation_level=None)
        connection.execute("PRAGMA journal_mode = MEMORY")
        connection.executescript(_SCHEMA)
        return cls(connection, FactsInMemory())

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open a monitor's file, or begin one.

        Raises:
            LandbridgeError: LB-1106 when it cannot be opened, or is another kind of file.
        """
        try:
            connection = sqlite3.connect(path, isolation_level=None)
            if connection.execute("SELECT 1 FROM sqlite_schema").fetchone() is None:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.executescript(f"BEGIN; {_SCHEMA} COMMIT;")
            marks = (
                connection.execute("PRAGMA application_id").fetchone()[0],
                connection.execute("PRAGMA user_version").fetchone()[0],
            )
        except sqlite3.Error as error:
            raise _not_a_store(path, str(error)) from error
        if marks != (_APPLICATION, _FORMAT):
            connection.close()
            raise _not_a_store(path, f"it is not a monitor's file of format {_FORMAT}")
        return cls(connection, FactsInFile(connection))

    def close(self) -> None:
        """Close the file."""
        self.connection.close()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Keep all that is written in this block, or nothing of it."""
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.connection.execute("ROLLBACK")
            # Numbers that were given in this block are gone with it.
            self._logs.clear()
            raise
        self.connection.execute("COMMIT")

    def number(self, origin: str) -> int:
        """Return the number of a log, giving it one where it has none."""
        number = self._logs.get(origin)
        if number is None:
            self.connection.execute("INSERT OR IGNORE INTO log (origin) VALUES (?)", (origin,))
            row = self.connection.execute("SELECT number FROM log WHERE origin = ?", (origin,))
            number = self._logs[origin] = int(row.fetchone()[0])
        return number

    def accesses(self, name: bytes) -> list[log_pb2.Access]:
        """Return what was released and refused, by its name."""
        row = self.connection.execute("SELECT written FROM accesses WHERE name = ?", (name,))
        return read_accesses(row.fetchone()[0])

    def log(self, origin: str) -> KnownLog:
        """Return how far a log has been read."""
        number = self.number(origin)
        size, peaks, checkpoint = self.connection.execute(
            "SELECT size, peaks, checkpoint FROM log WHERE number = ?", (number,)
        ).fetchone()
        return KnownLog(number, origin, read_peaks(size, peaks), checkpoint)

    def origin(self, number: int) -> str:
        """Return the origin of a log."""
        row = self.connection.execute("SELECT origin FROM log WHERE number = ?", (number,))
        return str(row.fetchone()[0])

    def save_log(self, log: KnownLog) -> None:
        """Write how far a log has been read."""
        self.connection.execute(
            "UPDATE log SET size = ?, peaks = ?, checkpoint = ? WHERE number = ?",
            (log.tree.size, write_peaks(log.tree), log.checkpoint, log.number),
        )

    def add(self, part: Part) -> None:
        """Write what a part of a log says."""
        self.facts.add(part.facts)
        run = self.connection.executemany
        run("INSERT OR IGNORE INTO head VALUES (?, ?, ?, ?, ?, ?, ?, 0)", part.heads)
        run("INSERT OR IGNORE INTO accesses VALUES (?, ?)", list(part.accesses.items()))

    def add_leaves(self, log: int, before: Frontier, leaves: Sequence[bytes]) -> None:
        """Write leaf hashes, and the tree that they continue."""
        self.connection.execute(
            "INSERT INTO leaves VALUES (?, ?, ?, ?)",
            (log, before.size, write_peaks(before), b"".join(leaves)),
        )

    def add_head(self, head: Checkpoint, note: bytes, place: str) -> None:
        """Write a verified head that somebody holds as a file."""
        self.connection.execute(
            "INSERT OR IGNORE INTO head VALUES (?, ?, ?, ?, ?, ?, ?, 0)",
            (self.number(head.origin), head.size, head.root, _A_FILE, place, 0, note),
        )

    def leaves(self, log: int, sizes: tuple[int, int]) -> Iterator[tuple[Frontier, list[bytes]]]:
        """Give the parts that lead to sizes from the first up to, and with, the second."""
        rows = self.connection.execute(
            "SELECT start, peaks, hashes FROM leaves WHERE log = ? AND start < ?"
            " AND start + length(hashes) / 32 >= ? ORDER BY start",
            (log, sizes[1], sizes[0]),
        )
        for start, peaks, hashes in rows:
            yield read_peaks(start, peaks), split_hashes(hashes)


def _not_a_store(path: Path, why: str) -> Exception:
    return refuse(
        Reason.USAGE,
        f"the monitor cannot use its file: {why}",
        where=str(path),
        next_step="name a file that is not there yet, or one of an earlier run",
    )
