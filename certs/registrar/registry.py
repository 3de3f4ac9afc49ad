"""The authority's registry: one SQLite file, its transactions, and what is still to be logged.

A change and its log entries are committed together, the entries as `outbox` rows whose position is
the one they will have in the log. They are logged next, and only then does anybody hear of the
change: after a crash in between, what is missing in the log is added when the authority starts.
"""

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Self

from landbridge.errors import LandbridgeError, Reason, refuse

_APPLICATION: Final = 0x4C425247
"""Marks the file as a registry of ours: LBRG."""
_FORMAT: Final = 1
_LOCK_WAIT_S: Final = 5.0
_OTHERS_MAY_READ: Final = 0o077
_SCHEMA: Final = (
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID",
    "CREATE TABLE outbox (position INTEGER PRIMARY KEY, entry BLOB NOT NULL) STRICT",
    "CREATE TABLE bundle (number INTEGER PRIMARY KEY, document BLOB NOT NULL) STRICT",
    """CREATE TABLE authority (id TEXT PRIMARY KEY, state TEXT NOT NULL, certificate TEXT NOT NULL,
       above TEXT NOT NULL, published_in INTEGER NOT NULL) STRICT, WITHOUT ROWID""",
    """CREATE TABLE list (issuer TEXT PRIMARY KEY, number INTEGER NOT NULL, der BLOB NOT NULL,
       signed_at INTEGER NOT NULL) STRICT, WITHOUT ROWID""",
    "CREATE TABLE seen_key (digest BLOB PRIMARY KEY) STRICT, WITHOUT ROWID",
    """CREATE TABLE leaf (issuer TEXT, serial TEXT, identity TEXT NOT NULL, der BLOB NOT NULL,
       not_after INTEGER NOT NULL, trial INTEGER NOT NULL, request BLOB, erased INTEGER NOT NULL,
       revoked_at INTEGER NOT NULL, PRIMARY KEY (issuer, serial)) STRICT, WITHOUT ROWID""",
    "CREATE INDEX leaf_identity ON leaf (identity)",
    "CREATE INDEX leaf_request ON leaf (request)",
    "CREATE INDEX leaf_end ON leaf (not_after)",
    """CREATE TABLE party (identity TEXT PRIMARY KEY, acknowledged INTEGER NOT NULL,
       heard_at INTEGER NOT NULL, signed_at INTEGER NOT NULL, issuer TEXT NOT NULL,
       serial TEXT NOT NULL, proven TEXT NOT NULL, alarms TEXT NOT NULL) STRICT, WITHOUT ROWID""",
    """CREATE TABLE invitation (id TEXT PRIMARY KEY, identity TEXT NOT NULL, secret BLOB NOT NULL,
       expires_at INTEGER NOT NULL, since INTEGER NOT NULL, used_by BLOB) STRICT, WITHOUT ROWID""",
    """CREATE TABLE application (digest TEXT PRIMARY KEY, document BLOB NOT NULL,
       received_at INTEGER NOT NULL) STRICT, WITHOUT ROWID""",
    """CREATE TABLE pending (digest TEXT, key_id TEXT, statement BLOB NOT NULL,
       signature BLOB NOT NULL, attachment BLOB NOT NULL, at INTEGER NOT NULL,
       PRIMARY KEY (digest, key_id)) STRICT, WITHOUT ROWID""",
    "CREATE TABLE done (digest TEXT PRIMARY KEY, bundle INTEGER NOT NULL) STRICT, WITHOUT ROWID",
    f"PRAGMA application_id = {_APPLICATION}",
    f"PRAGMA user_version = {_FORMAT}",
)


class Registry:
    """The registry's file. Not thread-safe: its owner uses it under one lock."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self.connection = connection

    @classmethod
    def create(cls, path: Path) -> Self:
        """Make an empty registry of mode 0600.

        Raises:
            LandbridgeError: LB-1101 when there is one already; LB-5001 when the disk refuses.
        """
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        except FileExistsError as error:
            raise refuse(
                Reason.INVALID_CONFIGURATION,
                "there is an authority in this folder already",
                where=str(path),
                next_step="choose another folder; an authority is never made over another",
            ) from error
        except OSError as error:
            raise refuse(
                Reason.LOG_UNAVAILABLE,
                f"the registry cannot be made: {error.strerror}",
                where=str(path),
            ) from error
        registry = cls(path, _connect(path))
        with registry.writing() as connection:
            for statement in _SCHEMA:
                connection.execute(statement)
            connection.execute("INSERT INTO meta VALUES ('next_position', '0')")
        return registry

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open a registry.

        Raises:
            LandbridgeError: LB-1101 when there is none; LB-4011 when others may read it; LB-5002
                when it is not a registry that this version can read.
        """
        try:
            mode = path.stat().st_mode
        except OSError as error:
            raise refuse(
                Reason.INVALID_CONFIGURATION,
                f"the authority's registry cannot be read: {error.strerror}",
                where=str(path),
                next_step="give the folder that `landbridge cert init` made",
            ) from error
        if mode & _OTHERS_MAY_READ:
            raise refuse(
                Reason.KEY_EXPOSED,
                f"others may read the authority's registry (its mode is {mode & 0o777:04o})",
                where=str(path),
            )
        registry = cls(path, _connect(path))
        with registry.reading() as connection:
            application = connection.execute("PRAGMA application_id").fetchone()[0]
            version = connection.execute("PRAGMA user_version").fetchone()[0]
        if (application, version) != (_APPLICATION, _FORMAT):
            registry.close()
            raise refuse(
                Reason.LOG_DAMAGED, f"the file is no registry of format {_FORMAT}", where=str(path)
            )
        return registry

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Give the connection to read with.

        Raises:
            LandbridgeError: LB-5001 when the file cannot be read.
        """
        try:
            yield self.connection
        except sqlite3.Error as error:
            raise _refusal(error, self.path) from error

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Give the connection within a transaction that is durable when this block has ended.

        An error ends the transaction, and nothing of it is kept.

        Raises:
            LandbridgeError: LB-5001 when the disk refuses.
        """
        with self.reading() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Close the file."""
        self.connection.close()


def to_log(connection: sqlite3.Connection, entries: Sequence[bytes]) -> None:
    """Put entries down to be logged, in this order, after all before them."""
    position = next_position(connection)
    connection.executemany("INSERT INTO outbox VALUES (?, ?)", enumerate(entries, position))
    connection.execute(
        "UPDATE meta SET value = ? WHERE name = 'next_position'", (str(position + len(entries)),)
    )


def next_position(connection: sqlite3.Connection) -> int:
    """Return the position of the next log entry."""
    row = connection.execute("SELECT value FROM meta WHERE name = 'next_position'").fetchone()
    return int(row[0])


def not_logged(connection: sqlite3.Connection, log_size: int) -> list[bytes]:
    """Return the entries that the log still lacks.

    Raises:
        LandbridgeError: LB-5002 when the log holds more than this registry knows of, or lacks what
            is no longer here: then one of the two is an old copy.
    """
    expected = next_position(connection)
    rows = connection.execute(
        "SELECT position, entry FROM outbox WHERE position >= ? ORDER BY position", (log_size,)
    ).fetchall()
    if log_size > expected or [row[0] for row in rows] != list(range(log_size, expected)):
        raise refuse(
            Reason.LOG_DAMAGED,
            f"the log holds {log_size} entries and the registry {expected}:"
            " one of the two is an old copy",
            next_step="restore both from the same moment, and tell the auditor",
        )
    return [bytes(row[1]) for row in rows]


def forget_logged(connection: sqlite3.Connection, log_size: int) -> None:
    """Drop the entries that stand in the log."""
    connection.execute("DELETE FROM outbox WHERE position < ?", (log_size,))


def _connect(path: Path) -> sqlite3.Connection:
    try:
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=rw",
            uri=True,
            timeout=_LOCK_WAIT_S,
            isolation_level=None,
            check_same_thread=False,
        )
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA fullfsync = ON")
        # Read once, so that a file of another kind is found out here.
        connection.execute("PRAGMA user_version").fetchone()
    except sqlite3.Error as error:
        raise _refusal(error, path) from error
    return connection


def _refusal(error: sqlite3.Error, path: Path) -> LandbridgeError:
    name = getattr(error, "sqlite_errorname", "")
    damaged = name in {"SQLITE_CORRUPT", "SQLITE_NOTADB"}
    return refuse(
        Reason.LOG_DAMAGED if damaged else Reason.LOG_UNAVAILABLE,
        f"the authority's registry: {error} ({name or 'unreadable'})",
        where=str(path),
    )
