"""The SQLite file under a log: how it is made and connected to, and what its errors mean.

What a transaction wrote is on the disk when the transaction has ended.
"""

import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock

from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.log.connection import Connection
from landbridge.log.tables import TABLES, check_format, create_missing_tables, create_tables

_LOCK_WAIT_S = 5.0
_DISK_ERRORS = (
    "SQLITE_FULL",
    "SQLITE_IOERR",
    "SQLITE_CANTOPEN",
    "SQLITE_READONLY",
    "SQLITE_BUSY",
    "SQLITE_LOCKED",
    "SQLITE_PERM",
    "SQLITE_NOMEM",
    "SQLITE_PROTOCOL",
    "SQLITE_NOLFS",
)
"""How SQLite names what may pass by itself; every other error means that the file is damaged."""


class LogDatabase:
    """One connection to a log's file, made anew after each failure and when the file was replaced.

    Thread-safe: one thread at a time has the connection. A missing file is never made again here:
    that would silently begin a new log in the place of the one that was lost.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._name = os.fspath(path)
        self._lock = Lock()
        self._connection: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None

    @property
    def where(self) -> str:
        """The path."""
        return str(self.path)

    def is_there(self) -> bool:
        """Tell whether there is a log; where its folder cannot be read, making one will say so."""
        return _file_identity(self.path) is not None

    def create(self, checkpoint: bytes) -> None:
        """Make the file of an empty log: whole under its name, or not there at all.

        Raises:
            LandbridgeError: LB-5001 when the folder is missing or the disk refuses.
        """
        _create_log_file(self.path, checkpoint)

    def another(self) -> "LogDatabase":
        """Give a further connection to the same file."""
        return LogDatabase(self.path)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Give the connection to read with.

        Raises:
            LandbridgeError: LB-5001 when the file cannot be read; LB-5002 when it is damaged.
        """
        with self._lock:
            try:
                yield self._connected()
            except (sqlite3.Error, UnicodeDecodeError) as error:
                # A message of SQLite's own may quote what is damaged.
                self._drop()
                raise _refusal(error, self.path) from error
            except LandbridgeError as error:
                error.where = error.where or str(self.path)
                raise

    @contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """Give the connection to read with; all statements see the file at the same moment.

        Raises:
            LandbridgeError: as for `reading`.
        """
        with self.reading() as connection:
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                connection.execute("ROLLBACK")

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Give the connection within a transaction that is durable when this block has ended.

        Nobody else writes meanwhile. An error ends the transaction, and nothing of it is kept.

        Raises:
            LandbridgeError: LB-5001 when the disk refuses; LB-5002 when the file is damaged.
        """
        with self.reading() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                self._drop()
                raise
            connection.execute("COMMIT")

    def is_free(self) -> bool:
        """Tell whether a transaction could begin here without waiting for anybody.

        Raises:
            LandbridgeError: as for `reading`.
        """
        if self._lock.locked():
            return False
        with self.reading() as connection:
            connection.execute("PRAGMA busy_timeout = 0")
            try:
                connection.execute("BEGIN IMMEDIATE")
                connection.execute("ROLLBACK")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorname.startswith("SQLITE_BUSY"):
                    return False
                raise
            finally:
                connection.execute(f"PRAGMA busy_timeout = {round(_LOCK_WAIT_S * 1000)}")
        return True

    def version(self, connection: Connection) -> int | None:
        """Return a number that stays as it is on a connection while nobody else writes."""
        return int(connection.execute("PRAGMA data_version").fetchone()[0])

    def add_missing_tables(self) -> None:
        """Add the tables that logs of earlier versions lack.

        Raises:
            LandbridgeError: as for `writing`.
        """
        with self.reading() as connection:
            query = "SELECT count(*) FROM sqlite_schema WHERE type = 'table'"
            (tables,) = connection.execute(query).fetchone()
        if tables < TABLES:
            with self.writing() as connection:
                create_missing_tables(connection)

    def forget_erased(self) -> None:
        """Bring what is committed into the file itself, and empty the write-ahead file.

        Raises:
            LandbridgeError: LB-5001 when another process is reading all the time.
        """
        with self.reading() as connection:
            (busy, *_) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise refuse(
                Reason.LOG_UNAVAILABLE,
                "what was erased is still in the write-ahead file, as another process reads it",
                where=str(self.path),
                next_step="do it again in a moment",
            )

    def close(self) -> None:
        """Close the connection; the next use opens it again."""
        with self._lock:
            self._drop()

    def _connected(self) -> sqlite3.Connection:
        file = _file_identity(self._name)
        if self._connection is None or file != self._file:
            self._drop()
            connection = _connect(self.path)
            try:
                check_format(connection)
            except BaseException:
                connection.close()
                raise
            self._connection, self._file = connection, file
        return self._connection

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _create_log_file(path: Path, checkpoint: bytes) -> None:
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        os.close(os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        # Not in WAL mode: what is committed has to be in this one file when it gets its name.
        connection = _connect(unfinished, "DELETE")
        try:
            connection.execute("BEGIN IMMEDIATE")
            create_tables(connection, checkpoint)
            connection.execute("COMMIT")
        finally:
            connection.close()
        # A link, unlike a rename, never takes the place of a log that somebody made meanwhile.
        with suppress(FileExistsError):
            os.link(unfinished, path)
        _sync_folder(path.parent)
    except sqlite3.Error as error:
        raise _refusal(error, path) from error
    except OSError as error:
        raise refuse(
            Reason.LOG_UNAVAILABLE, f"the log cannot be made: {error.strerror}", where=str(path)
        ) from error
    finally:
        for leftover in ("", "-journal"):
            with suppress(OSError):
                unfinished.with_name(unfinished.name + leftover).unlink()


def _connect(path: Path, journal: str = "WAL") -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw",
        uri=True,
        timeout=_LOCK_WAIT_S,
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        connection.execute(f"PRAGMA journal_mode = {journal}")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA fullfsync = ON")
        connection.execute("PRAGMA secure_delete = ON")
    except BaseException:
        connection.close()
        raise
    return connection


def _file_identity(path: Path | str) -> tuple[int, int] | None:
    try:
        status = os.stat(path)  # noqa: PTH116  with each use of a connection
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _refusal(error: Exception, path: Path) -> LandbridgeError:
    name = getattr(error, "sqlite_errorname", "")
    reason = Reason.LOG_UNAVAILABLE if name.startswith(_DISK_ERRORS) else Reason.LOG_DAMAGED
    return refuse(reason, f"the log's file: {error} ({name or 'unreadable'})", where=str(path))
