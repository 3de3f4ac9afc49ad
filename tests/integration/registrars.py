"""The registrar's own database, once of each kind, with an ear on the statements it receives."""

import json
import re
import sqlite3
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import psutil
import sqlalchemy as sa

from node.sources.engines import duckdb_config
from node.sources.source import Source
from tests.integration.servers import MariaDBServer, PostgresServer

REGISTRAR = "registrar"
_READ = """
import duckdb, json, sys
connection = duckdb.connect(sys.argv[1], read_only=True)
print(json.dumps(connection.execute(sys.argv[2]).fetchall(), default=str))
"""


class RegistrarDatabase(ABC):
    """A database as its owner uses it, while a node reads from it."""

    dialect: str

    def __init__(self, url: str) -> None:
        self.url = url

    @abstractmethod
    def listen(self, _source: Source, /) -> None:
        """Hear what a source sends from now on; call it before the source has fetched anything."""

    @abstractmethod
    def statements(self) -> list[str]:
        """Return the SELECTs that the database has received since `listen`."""

    @abstractmethod
    def admit_connections(self, *, yes: bool) -> None:
        """Make the database reachable or not."""

    @abstractmethod
    def connections_of_the_node(self) -> int:
        """Count the connections that this process holds as a node."""

    def end_connections(self) -> None:  # noqa: B027 - files have no server that could
        """End the connections of nodes, where a server can do so."""

    def run(self, statement: str) -> list[tuple[Any, ...]]:
        """Run a statement as the registrar itself would."""
        engine = sa.create_engine(self.url)
        with engine.begin() as connection:
            result = connection.exec_driver_sql(statement)
            rows = [tuple(row) for row in result] if result.returns_rows else []
        engine.dispose()
        return rows

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Fill a table."""
        marks = ", ".join([self.mark] * len(columns))
        statement = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"
        engine = sa.create_engine(self.url)
        with engine.begin() as connection:
            for row in rows:
                connection.exec_driver_sql(statement, tuple(row))
        engine.dispose()

    mark = "?"
    """What stands for a value in a statement."""

    def run_all(self, *statements: str) -> None:
        """Run statements one after the other."""
        for statement in statements:
            self.run(statement)

    @contextmanager
    def writer(self, table: str) -> Iterator[None]:
        """Hold a table as a writer does who has not finished."""
        engine = sa.create_engine(self.url)
        with engine.connect() as connection:
            connection.exec_driver_sql(self.hold.format(table=table))
            yield
            connection.rollback()
        engine.dispose()

    hold = ""
    """The statement by which a writer holds a table."""

    def explain(self, statement: str) -> str:
        """Return how the database would run a statement that it has received."""
        return "\n".join(str(row[-1]) for row in self.run(f"EXPLAIN {statement}"))

    def close(self) -> None:  # noqa: B027 - most have nothing to close
        """Stop listening."""


class _File(RegistrarDatabase):
    @property
    def path(self) -> Path:
        return Path(self.url.partition(":///")[2])

    def admit_connections(self, *, yes: bool) -> None:
        away = self.path.with_suffix(".away")
        (away if yes else self.path).rename(self.path if yes else away)

    def connections_of_the_node(self) -> int:
        return sum(file.path == str(self.path) for file in psutil.Process().open_files())


class SqliteRegistrar(_File):
    dialect = "sqlite"
    hold = "BEGIN EXCLUSIVE"

    def __init__(self, folder: Path) -> None:
        super().__init__(f"sqlite:///{folder / 'registrar.db'}")
        sqlite3.connect(self.path).close()
        self._traced: list[str] = []

    def listen(self, source: Source, /) -> None:
        (database,) = source.databases
        self._traced.clear()
        sa.event.listen(database.engine, "connect", self._trace)

    def statements(self) -> list[str]:
        return [text for text in self._traced if text.startswith("SELECT")]

    def explain(self, statement: str) -> str:
        return super().explain(f"QUERY PLAN {statement}")

    def _trace(self, connection: sqlite3.Connection, _record: object) -> None:
        connection.set_trace_callback(self._traced.append)


class DuckDBRegistrar(_File):
    dialect = "duckdb"

    def __init__(self, folder: Path) -> None:
        super().__init__(f"duckdb:///{folder / 'registrar.duckdb'}")
        duckdb.connect(self.path).close()
        self._ear: duckdb.DuckDBPyConnection | None = None

    def run(self, statement: str) -> list[tuple[Any, ...]]:
        if statement.startswith("SELECT"):
            # A node in this process has the file open; another process may read it too.
            command = [sys.executable, "-c", _READ, str(self.path), statement]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            return [tuple(row) for row in json.loads(done.stdout)]
        with duckdb.connect(self.path) as connection:
            return connection.execute(statement).fetchall()

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        marks = ", ".join([self.mark] * len(columns))
        with duckdb.connect(self.path) as connection:
            connection.executemany(
                f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", rows
            )

    def run_all(self, *statements: str) -> None:
        with duckdb.connect(self.path) as connection:
            for statement in statements:
                connection.execute(statement)

    def listen(self, source: Source, /) -> None:
        (database,) = source.databases
        # The same database within this process, whose log is switched on before it is locked.
        self._ear = duckdb.connect(
            str(self.path), read_only=True, config=duckdb_config(database.timeout_ms)
        )
        self._ear.execute("CALL enable_logging('QueryLog')")

    def statements(self) -> list[str]:
        assert self._ear is not None
        query = "SELECT message FROM duckdb_logs WHERE type = 'QueryLog' ORDER BY timestamp"
        found = [str(message) for (message,) in self._ear.execute(query).fetchall()]
        own = ("current_setting", "duckdb_logs")
        return [
            text
            for text in found
            if text.startswith("SELECT") and not any(name in text for name in own)
        ]

    def close(self) -> None:
        if self._ear is not None:
            self._ear.close()


class PostgresRegistrar(RegistrarDatabase):
    dialect = "postgresql"
    mark = "%s"
    hold = "LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"

    def __init__(self, server: PostgresServer) -> None:
        super().__init__(server.create(REGISTRAR))
        self._server = server
        self._since = 0

    def listen(self, _source: Source, /) -> None:
        self._since = self._server.size_of_log()

    def statements(self) -> list[str]:
        found = self._server.received(self._since)
        return ["SELECT" + text.partition(": SELECT")[2] for text in found if ": SELECT" in text]

    def admit_connections(self, *, yes: bool) -> None:
        self._server.admit(REGISTRAR, yes=yes)

    def connections_of_the_node(self) -> int:
        ((count,),) = self.run(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'landbridge-node'"
        )
        return int(count)

    def end_connections(self) -> None:
        ended = self.run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'landbridge-node'"
        )
        assert ended == [(True,)]

    def explain(self, statement: str) -> str:
        select = statement.partition("\nDETAIL")[0]
        select = re.sub(r"\n\d{4}-\d\d-\d\d [\d:.]+$", "", select)
        return super().explain(f"(GENERIC_PLAN) {select}")


class MariaDBRegistrar(RegistrarDatabase):
    dialect = "mariadb"
    mark = "%s"
    hold = "LOCK TABLES {table} WRITE"

    def __init__(self, server: MariaDBServer) -> None:
        super().__init__(server.create(REGISTRAR))
        self._server = server
        self._since = 0

    def run(self, statement: str) -> list[tuple[Any, ...]]:
        with self._server.connect(REGISTRAR) as connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall())

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        marks = ", ".join([self.mark] * len(columns))
        with self._server.connect(REGISTRAR) as connection, connection.cursor() as cursor:
            cursor.execute("SET SESSION sql_mode = 'ALLOW_INVALID_DATES'")
            cursor.executemany(
                f"INSERT IGNORE INTO {table} ({', '.join(columns)}) VALUES ({marks})", rows
            )

    @contextmanager
    def writer(self, table: str) -> Iterator[None]:
        with self._server.connect(REGISTRAR) as connection, connection.cursor() as cursor:
            cursor.execute(self.hold.format(table=table))
            yield

    def listen(self, _source: Source, /) -> None:
        self._since = self._server.size_of_log()

    def statements(self) -> list[str]:
        found = self._server.received(self._since)
        return [text for text in found if text.startswith("SELECT") and "FROM" in text]

    def admit_connections(self, *, yes: bool) -> None:
        self._server.admit(yes=yes)

    def connections_of_the_node(self) -> int:
        return len(self._server.nodes())

    def end_connections(self) -> None:
        assert self._server.end_nodes() == 1

    def explain(self, statement: str) -> str:
        with self._server.connect(REGISTRAR) as connection, connection.cursor() as cursor:
            cursor.execute("SET SESSION sql_mode = ''")
            cursor.execute(f"EXPLAIN {statement}")
            rows = list(cursor.fetchall())
        return "\n".join(f"{'SCAN' if 'ALL' in row else ''} {row}" for row in rows)
