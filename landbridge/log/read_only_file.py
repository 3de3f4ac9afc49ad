"""A log's SQLite file, opened to be read only, while its own process writes or from an archive."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.log.tables import check_format, damaged

_LOCK_WAIT_S: Final = 5.0
_PASSING: Final = ("SQLITE_BUSY", "SQLITE_CANTOPEN", "SQLITE_IOERR", "SQLITE_LOCKED", "SQLITE_PERM")


class ReadOnlyFile:
    """One connection that never writes, made anew when the file was replaced by another.

    Use it from one thread.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Give the connection to read with.

        Raises:
            LandbridgeError: LB-5001 when the file cannot be read; LB-5002 when it is damaged.
        """
        with self._errors():
            yield self._connected()

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connected(self) -> sqlite3.Connection:
        file = self._identity()
        if self._connection is None or file != self._file:
            # A log that was restored lies under the same name: what is read has to be that one.
            self.close()
            self._connection = _connect(self._path)
            self._file = file
            check_format(self._connection)
        return self._connection

    def _identity(self) -> tuple[int, int]:
        try:
            status = self._path.stat()
        except OSError as error:
            raise refuse(
                Reason.LOG_UNAVAILABLE, f"the log's file cannot be read: {error.strerror}"
            ) from error
        return status.st_dev, status.st_ino

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, UnicodeDecodeError, OverflowError) as error:
            # A message of SQLite's own may quote what is damaged, in no encoding.
            name = getattr(error, "sqlite_errorname", "")
            message = f"the log's file: {error} ({name or 'unreadable'})"
            refusal = (
                refuse(Reason.LOG_UNAVAILABLE, message)
                if name.startswith(_PASSING)
                else damaged(message)
            )
            refusal.where = str(self._path)
            raise refusal from error
        except LandbridgeError as error:
            error.where = error.where or str(self._path)
            raise


def _connect(path: Path) -> sqlite3.Connection:
    try:
        return _connect_by(path, "mode=ro")
    except sqlite3.OperationalError:
        # A copy in a folder that may not be written has no shared memory beside it: SQLite then
        # reads it only where it is told that nobody writes.
        if path.with_name(f"{path.name}-wal").exists():
            raise
        return _connect_by(path, "mode=ro&immutable=1")


def _connect_by(path: Path, options: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?{options}",
        uri=True,
        timeout=_LOCK_WAIT_S,
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        connection.execute("SELECT 1 FROM sqlite_schema").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection
