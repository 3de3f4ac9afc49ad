"""One database, read only: sessions that cannot write, and statements that cannot run away.

SQLAlchemy makes the connections and compiles the statements; the driver's own cursor runs them,
which halves the cost of a look-up. Each thread holds a connection of its own.
"""

import sqlite3
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa

from landbridge.errors import LandbridgeError, Reason, refuse

Parameters = Sequence[object] | Mapping[str, object]
HOLDS: Final = "landbridge_holds"
"""The SQL function that tells whether a row meets a row condition; SQLite only."""
Holds = Callable[[str, object], bool]

_STOPPED: Final = (sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_BUSY)
"""SQLite's codes for a statement that took too long, or waited too long for a writer."""
_QUERY_CANCELED: Final = "57014"
"""PostgreSQL's code for a statement that took too long."""
_MARIADB_LATE: Final = (1205, 1969, 3024)
"""The codes of MariaDB and MySQL for that, and for one that waited too long for a writer."""
_DUCKDB_LATE: Final = "InterruptException"
_STEPS: Final = 2000


class StatementFailedError(LandbridgeError):
    """The database works and refused this statement: others may succeed."""


class ReadOnlyDatabase:
    """Runs statements that read, each within a time limit. Thread-safe.

    Where a file may be replaced by another one, `edition` tells them apart: then each thread opens
    a connection anew before it reads again.
    """

    def __init__(
        self,
        engine: sa.Engine,
        name: str,
        timeout_ms: int,
        edition: Callable[[], object] | None = None,
    ) -> None:
        self.engine = engine
        self._edition = edition
        self.name = name
        self.timeout_ms = timeout_ms
        self._timeout_s = timeout_ms / 1000
        self._threads = threading.local()
        self._lock = threading.Lock()
        self._sessions: list[_Session] = []
        # SQLite's driver has an error of Python for a number that no column holds.
        self.failures: tuple[type[Exception], ...] = (
            sa.exc.SQLAlchemyError,
            engine.dialect.loaded_dbapi.Error,
            OverflowError,
        )

    @property
    def dialect(self) -> sa.Dialect:
        """The SQL that the database understands."""
        return self.engine.dialect

    def read(self, sql: str, parameters: Parameters) -> list[tuple[Any, ...]]:
        """Run a statement and return its rows; a lost connection is opened again once.

        Raises:
            LandbridgeError: LB-2002 when it was stopped for its time, LB-2004 for anything else.
                The message holds nothing of statement, parameters or rows; the cause is chained.
        """
        session = self._session()
        try:
            return session.read(sql, parameters)
        except self.failures as error:
            if not session.is_lost(error):
                raise self._failure(error) from error
            self._drop(session)
        session = self._session()
        try:
            return session.read(sql, parameters)
        except self.failures as error:
            if not session.is_lost(error):
                raise self._failure(error) from error
            self._drop(session)
            raise self._unreachable() from error

    def close(self) -> None:
        """Close the connections of all threads."""
        with self._lock:
            sessions, self._sessions = self._sessions, []
        for session in sessions:
            session.close()
        self._threads = threading.local()
        self.engine.dispose()

    def _session(self) -> "_Session":
        session: _Session | None = getattr(self._threads, "session", None)
        edition = self._edition() if self._edition else None
        if session is not None and session.edition != edition:
            self._drop(session)
            session = None
        if session is None:
            try:
                session = _Session(self.engine, self._timeout_s, edition)
            except self.failures as error:
                raise self._unreachable() from error
            self._threads.session = session
            with self._lock:
                self._sessions.append(session)
        return session

    def _drop(self, session: "_Session") -> None:
        self._threads.session = None
        with self._lock:
            if session in self._sessions:
                self._sessions.remove(session)
        session.close()

    def _failure(self, error: Exception) -> LandbridgeError:
        if _is_late(error):
            return refuse(
                Reason.LATE,
                f"the agency's database took longer than {self._timeout_s:g} s",
                where=self.name,
                next_step="ask again later; the agency may need an index on the key columns",
            )
        return StatementFailedError(
            Reason.SOURCE_FAILED, "the agency's database failed to answer", where=self.name
        )

    def _unreachable(self) -> LandbridgeError:
        return refuse(
            Reason.SOURCE_FAILED, "the agency's database cannot be reached", where=self.name
        )


class _Session:
    """A connection of one thread."""

    def __init__(self, engine: sa.Engine, timeout_s: float, edition: object = None) -> None:
        self.edition = edition
        self._dialect = engine.dialect
        self._timeout_s = timeout_s
        self._deadline = 0.0
        self._handle = engine.raw_connection()
        self._connection: Any = self._handle.dbapi_connection
        if isinstance(self._connection, sqlite3.Connection):
            self._connection.set_progress_handler(self._is_late, _STEPS)

    def read(self, sql: str, parameters: Parameters) -> list[tuple[Any, ...]]:
        self._deadline = time.monotonic() + self._timeout_s
        cursor = self._connection.cursor()
        try:
            cursor.execute(sql, parameters)
            rows = cursor.fetchall()
            # PyMySQL gives a tuple, and an empty one without rows.
            return rows if isinstance(rows, list) else list(rows)
        finally:
            cursor.close()

    def is_lost(self, error: Any) -> bool:  # noqa: ANN401 - each driver has errors of its own
        return self._dialect.is_disconnect(error, self._connection, None)

    def close(self) -> None:
        self._handle.close()

    def _is_late(self) -> bool:
        return time.monotonic() >= self._deadline


def _is_late(error: Exception) -> bool:
    """Tell whether the database stopped a statement for its time."""
    return (
        getattr(error, "sqlite_errorcode", None) in _STOPPED
        or getattr(error, "sqlstate", None) == _QUERY_CANCELED
        or type(error).__name__ == _DUCKDB_LATE
        or (error.args[:1] != () and error.args[0] in _MARIADB_LATE)
    )
