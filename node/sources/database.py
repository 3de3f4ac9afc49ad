"""One database, read only: sessions that cannot write, and statements that cannot run away.

SQLAlchemy makes the connections and compiles the statements; the driver's own cursor runs them,
which halves the cost of a look-up. Each thread holds a connection of its own.
"""

import sqlite3
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from landbridge.errors import LandbridgeError, Reason, refuse

Parameters = Sequence[object] | Mapping[str, object]
HOLDS: Final = "landbridge_holds"
"""The SQL function that tells whether a row meets a row condition; SQLite only."""
Holds = Callable[[str, object], bool]

_STOPPED: Final = (sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_BUSY)
"""SQLite's codes for a statement that took too long, or waited too long for a writer."""
_QUERY_CANCELED: Final = "57014"
"""PostgreSQL's code for a statement that took too long."""
_STEPS: Final = 2000
_CONNECT_TIMEOUT_S: Final = 5
_STATEMENTS: Final = 512


class StatementFailedError(LandbridgeError):
    """The database works and refused this statement: others may succeed."""


class ReadOnlyDatabase:
    """Runs statements that read, each within a time limit. Thread-safe."""

    def __init__(self, engine: sa.Engine, name: str, timeout_ms: int) -> None:
        self.engine = engine
        self.name = name
        self._timeout_s = timeout_ms / 1000
        self._threads = threading.local()
        self._lock = threading.Lock()
        self._sessions: list[_Session] = []
        self.failures: type[Exception] = engine.dialect.loaded_dbapi.Error

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
        if session is None:
            try:
                session = _Session(self.engine, self._timeout_s)
            except (sa.exc.SQLAlchemyError, self.failures) as error:
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
        if (
            getattr(error, "sqlite_errorcode", None) in _STOPPED
            or getattr(error, "sqlstate", None) == _QUERY_CANCELED
        ):
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

    def __init__(self, engine: sa.Engine, timeout_s: float) -> None:
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
            rows: list[tuple[Any, ...]] = cursor.fetchall()
            return rows
        finally:
            cursor.close()

    def is_lost(self, error: Any) -> bool:  # noqa: ANN401 - each driver has errors of its own
        return self._dialect.is_disconnect(error, self._connection, None)

    def close(self) -> None:
        self._handle.close()

    def _is_late(self) -> bool:
        return time.monotonic() >= self._deadline


def open_sqlite(path: Path, timeout_ms: int, holds: Holds) -> ReadOnlyDatabase:
    """Open a SQLite file; nothing is connected yet."""

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(
            f"file:{quote(str(path.resolve()))}?mode=ro",
            uri=True,
            timeout=timeout_ms / 1000,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=_STATEMENTS,
        )
        connection.execute("PRAGMA query_only = ON")
        connection.create_function(HOLDS, 2, holds, deterministic=True)
        return connection

    engine = sa.create_engine(
        "sqlite://", creator=connect, poolclass=NullPool, pool_reset_on_return=None
    )
    return ReadOnlyDatabase(engine, path.name, timeout_ms)


def open_postgresql(url: sa.URL, timeout_ms: int) -> ReadOnlyDatabase:
    """Open a PostgreSQL database; nothing is connected yet.

    The server itself refuses writes and stops late statements, whatever this process asks for.
    """
    options = " ".join(
        (
            str(url.query.get("options", "")),
            "-c default_transaction_read_only=on",
            f"-c statement_timeout={timeout_ms}",
        )
    ).strip()
    engine = sa.create_engine(
        # Whatever driver the URL names: this is the one that is installed and tested.
        url.set(drivername="postgresql+psycopg").difference_update_query(["options"]),
        poolclass=NullPool,
        pool_reset_on_return=None,
        isolation_level="AUTOCOMMIT",
        connect_args={
            "options": options,
            "connect_timeout": _CONNECT_TIMEOUT_S,
            "application_name": "landbridge-node",
            # A server that has vanished without a word is noticed after about ten seconds.
            "keepalives_idle": 5,
            "keepalives_interval": 2,
            "keepalives_count": 3,
        },
    )
    return ReadOnlyDatabase(engine, f"database {url.database}", timeout_ms)
