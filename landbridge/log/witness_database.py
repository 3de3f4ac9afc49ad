"""The file `witness.sqlite` in a party's folder: its tables, and what its errors mean.

What a transaction wrote is on the disk when the transaction has ended.
"""

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any, Final, Self

from landbridge.errors import LandbridgeError, Reason, refuse

WITNESS_FILE: Final = "witness.sqlite"
_APPLICATION: Final = 0x4C425754
"""Marks the file: LBWT."""
_FORMAT: Final = 2
_SCHEMA: Final = f"""
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS seen (origin TEXT PRIMARY KEY, size INTEGER NOT NULL,
  checkpoint BLOB NOT NULL, line BLOB NOT NULL, at INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS earlier (origin TEXT NOT NULL, size INTEGER NOT NULL,
  checkpoint BLOB NOT NULL, line BLOB NOT NULL, at INTEGER NOT NULL,
  PRIMARY KEY (origin, at)) STRICT;
CREATE TABLE IF NOT EXISTS fork (origin TEXT NOT NULL, first BLOB NOT NULL, second BLOB NOT NULL,
  at INTEGER NOT NULL, settled INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (origin, first, second)) STRICT;
CREATE TABLE IF NOT EXISTS cosigned (size INTEGER NOT NULL, text TEXT NOT NULL,
  witness TEXT NOT NULL, checkpoint BLOB NOT NULL, line BLOB NOT NULL, at INTEGER NOT NULL,
  PRIMARY KEY (size, text, witness)) STRICT;
CREATE TABLE IF NOT EXISTS claimed (one INTEGER PRIMARY KEY CHECK (one = 1),
  size INTEGER NOT NULL, checkpoint BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS heard (origin TEXT PRIMARY KEY, size INTEGER NOT NULL,
  checkpoint BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS heard_until (one INTEGER PRIMARY KEY CHECK (one = 1),
  entry INTEGER NOT NULL) STRICT;
PRAGMA application_id = {_APPLICATION};
PRAGMA user_version = {_FORMAT};
COMMIT;
"""
_LOCK_WAIT_S: Final = 5.0
_DAMAGED: Final = ("SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_ERROR", "SQLITE_MISMATCH")


class WitnessDatabase:
    """The file of one party. Thread-safe; several processes may use it in turn."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection
        self._lock = Lock()

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open the file in a party's folder, or begin one.

        Raises:
            LandbridgeError: LB-5001 when the disk refuses; LB-5002 when the file is damaged.
        """
        path = folder / WITNESS_FILE
        try:
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            connection = sqlite3.connect(
                path, timeout=_LOCK_WAIT_S, isolation_level=None, check_same_thread=False
            )
        except (OSError, sqlite3.Error) as error:
            raise refuse(
                Reason.LOG_UNAVAILABLE, f"what is known of heads: {error}", where=str(path)
            ) from error
        try:
            _prepare(connection, path)
        except sqlite3.Error as error:
            connection.close()
            raise _refusal(error, path) from error
        except LandbridgeError:
            connection.close()
            raise
        return cls(path, connection)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def read(self, query: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of a query.

        Raises:
            LandbridgeError: LB-5001, LB-5002 as for `open`.
        """
        with self._connected() as connection:
            return connection.execute(query, values).fetchall()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Give the connection within a transaction that is durable when this block has ended.

        Raises:
            LandbridgeError: LB-5001, LB-5002 as for `open`; nothing is kept then.
        """
        with self._connected() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                yield self._connection
            except sqlite3.Error as error:
                raise _refusal(error, self.path) from error


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if (application, version) not in ((0, 0), (_APPLICATION, _FORMAT)):
        raise refuse(
            Reason.LOG_DAMAGED, f"the file is not of format {_FORMAT} of a witness", where=str(path)
        )
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA fullfsync = ON")
    if application == 0:
        connection.executescript(_SCHEMA)


def _refusal(error: sqlite3.Error, path: Path) -> LandbridgeError:
    name = getattr(error, "sqlite_errorname", "")
    damaged = name.startswith(_DAMAGED)
    return refuse(
        Reason.LOG_DAMAGED if damaged else Reason.LOG_UNAVAILABLE,
        f"what is known of heads: {error} ({name or 'unreadable'})",
        where=str(path),
        next_step="restore the file, or remove it: then this party begins anew as a witness"
        if damaged
        else "",
    )
