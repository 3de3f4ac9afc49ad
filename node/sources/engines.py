"""How each kind of database is connected to: read only, each statement within its time.

Whatever driver a URL names, the one is taken that is installed and tested.
"""

import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from node.sources.database import HOLDS, Holds, ReadOnlyDatabase
from node.sources.duckdb_dialect import register

_CONNECT_TIMEOUT_S: Final = 5
_STATEMENTS: Final = 512
_NAME: Final = "landbridge-node"
_ONE_AT_A_TIME: Final = threading.Lock()
"""DuckDB's connections of one process share a database, which is locked down only once."""


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
        url.set(drivername="postgresql+psycopg").difference_update_query(["options"]),
        poolclass=NullPool,
        pool_reset_on_return=None,
        isolation_level="AUTOCOMMIT",
        connect_args={
            "options": options,
            "connect_timeout": _CONNECT_TIMEOUT_S,
            "application_name": _NAME,
            # A server that has vanished without a word is noticed after about ten seconds.
            "keepalives_idle": 5,
            "keepalives_interval": 2,
            "keepalives_count": 3,
        },
    )
    return ReadOnlyDatabase(engine, f"database {url.database}", timeout_ms)


def open_mariadb(url: sa.URL, timeout_ms: int) -> ReadOnlyDatabase:
    """Open a MariaDB or MySQL database; nothing is connected yet.

    The server itself refuses writes and stops late statements. Its own modes do not reach the
    sessions: some of them change what text means, or take an empty text for NULL.
    """
    backend = url.get_backend_name()
    engine = sa.create_engine(
        url.set(drivername=f"{backend}+pymysql").update_query_dict({"charset": "utf8mb4"}),
        poolclass=NullPool,
        pool_reset_on_return=None,
        isolation_level="AUTOCOMMIT",
        connect_args={
            # SQLAlchemy asks for the modes first of all: they must stand by then.
            "init_command": "SET SESSION sql_mode = 'STRICT_TRANS_TABLES', sql_auto_is_null = 0,"
            " time_zone = '+00:00'",
            "connect_timeout": _CONNECT_TIMEOUT_S,
            # A server that has vanished without a word; one that is only slow answers before.
            "read_timeout": timeout_ms / 1000 + 2 * _CONNECT_TIMEOUT_S,
            "write_timeout": 2 * _CONNECT_TIMEOUT_S,
            "local_infile": False,
            "program_name": _NAME,
        },
    )

    def restrict(connection: Any, _record: object) -> None:  # noqa: ANN401 - PyMySQL has no types
        is_mariadb = "MariaDB" in connection.get_server_info()
        limit = f"max_statement_time = {timeout_ms / 1000}"
        with connection.cursor() as cursor:
            cursor.execute("SET SESSION TRANSACTION READ ONLY")
            cursor.execute(
                f"SET SESSION {limit if is_mariadb else f'max_execution_time = {timeout_ms}'}"
            )

    sa.event.listen(engine, "connect", restrict)
    return ReadOnlyDatabase(engine, f"database {url.database}", timeout_ms)


def open_duckdb(
    path: Path, timeout_ms: int, files: Callable[[], Path] | None = None
) -> ReadOnlyDatabase:
    """Open a DuckDB file; nothing is connected yet.

    Statements read no other file, load no extension, and cannot change that. Where the file may be
    replaced while it is open, `files` names it as it is now.

    Raises:
        ModuleNotFoundError: when DuckDB is not installed.
    """
    import duckdb  # noqa: PLC0415 - optional, and slow to import

    def connect() -> duckdb.DuckDBPyConnection:
        with _ONE_AT_A_TIME:
            place = files() if files else path.resolve()
            connection = duckdb.connect(
                str(place), read_only=True, config=duckdb_config(timeout_ms)
            )
            found = connection.execute("SELECT current_setting('lock_configuration')").fetchone()
            if found != (True,):
                connection.execute("SET lock_configuration = true")
        return connection

    engine = sa.create_engine(
        register(), creator=connect, poolclass=NullPool, pool_reset_on_return=None
    )
    return ReadOnlyDatabase(engine, path.name, timeout_ms, files)


def duckdb_config(timeout_ms: int) -> dict[str, str | bool | int | float | list[str]]:
    """Return how a node opens a DuckDB file; all connections of a process must agree on it."""
    return {
        "enable_external_access": "false",
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "python_enable_replacements": "false",
        "temp_directory": "",
        "max_execution_time": str(timeout_ms),
    }
