"""Opening what a node serves: the agency's database, and the files that are loaded for it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.suggestion import did_you_mean
from node.config import NodeConfig
from node.sources.database import Holds, ReadOnlyDatabase
from node.sources.duckdb_records import LoadedFile, load_duckdb_records
from node.sources.engines import open_duckdb, open_mariadb, open_postgresql, open_sqlite
from node.sources.errata import Errata
from node.sources.records import RecordsFile, find_file, load_records
from node.sources.tables import DatabaseTables

_KNOWN: Final = ("sqlite", "postgresql", "mariadb", "mysql", "duckdb")
_TITLES: Final = {"sqlite": "SQLite", "duckdb": "DuckDB"}
_NO_ERRATA: Final = Errata()
_UNTRIED: Final = ("oracle", "mssql")
"""Databases whose SQL is written, and which no test has ever run against a server."""
_EXTRAS: Final = {"psycopg": "postgres", "pymysql": "mariadb", "duckdb": "parquet"}
"""What to install for a driver."""


def open_database(config: NodeConfig, holds: Holds) -> DatabaseTables | None:
    """Open the agency's database; None where only files are served.

    Raises:
        LandbridgeError: LB-1101 for an environment variable that is not set, LB-1104 for a URL that
            cannot be used or a database that does not answer.
    """
    written = config.database_url()
    if written is None:
        return None
    where = config.place("node", "database")
    try:
        database = _connect(sa.make_url(written), config, holds, where)
    except (sa.exc.ArgumentError, ValueError):
        # Their own messages may repeat the URL, and with it the password.
        raise _unusable("the text is not a database URL", where) from None
    except ModuleNotFoundError as error:
        raise _unusable(
            f"the driver {error.name!r} is not installed",
            where,
            f"install landbridge[{_EXTRAS.get(error.name or '', 'node')}]",
        ) from None
    tables = DatabaseTables(database, config.node.schema_name)
    try:
        # Asks the server, so that a wrong address or password is seen at the start.
        _ = tables.names
    except LandbridgeError as error:
        database.close()
        raise _unusable(error.message, where) from error.__cause__
    return tables


def open_records(
    config: NodeConfig, work: Path, holds: Holds, errata: Errata = _NO_ERRATA
) -> DatabaseTables | None:
    """Load the files that are configured, and open what was loaded; None where there are none.

    Raises:
        LandbridgeError: LB-1105 when a file is not there or does not have its form.
    """
    if not config.files:
        return None
    files = [find_file(config, number) for number in range(len(config.files))]
    return load_files(config, files, work, holds, errata)


def load_files(
    config: NodeConfig,
    files: Sequence[RecordsFile],
    work: Path,
    holds: Holds,
    errata: Errata = _NO_ERRATA,
) -> DatabaseTables:
    """Load files into the node's own file in a folder, and open that.

    Raises:
        LandbridgeError: LB-1105 when a file does not have its form.
    """
    timeout_ms = config.node.statement_timeout_ms
    target = work / f"records.{config.node.files}"
    if config.node.files == "duckdb":
        load_duckdb_records(files, target, errata)
        return DatabaseTables(open_duckdb(target, timeout_ms, LoadedFile(target)))
    load_records(files, target, errata)
    return DatabaseTables(open_sqlite(target, timeout_ms, holds))


def _connect(url: sa.URL, config: NodeConfig, holds: Holds, where: str) -> ReadOnlyDatabase:
    timeout_ms = config.node.statement_timeout_ms
    backend = url.get_backend_name()
    if backend == "postgresql":
        return open_postgresql(url, timeout_ms)
    if backend in ("mariadb", "mysql"):
        return open_mariadb(url, timeout_ms)
    if backend in _UNTRIED:
        raise _unusable(
            f"databases of {backend!r} are not opened: no test has run against one yet",
            where,
            f"use one of: {', '.join(_KNOWN)}; or publish the tables as files",
        )
    if backend not in _KNOWN:
        raise _unusable(
            f"databases of {backend!r} are not supported{did_you_mean(backend, _KNOWN)}",
            where,
            f"use one of: {', '.join(_KNOWN)}; or publish the tables as files",
        )
    path = config.path.parent / (url.database or "")
    if not path.is_file():
        raise _unusable(f"there is no {_TITLES[backend]} file {path}", where)
    return (
        open_duckdb(path, timeout_ms)
        if backend == "duckdb"
        else open_sqlite(path, timeout_ms, holds)
    )


def _unusable(message: str, where: str, next_step: str = "") -> LandbridgeError:
    return refuse(Reason.DATABASE_UNREACHABLE, message, where=where, next_step=next_step)
