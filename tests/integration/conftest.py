"""Real databases for the tests of sources: files, and servers that are started once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.registrars import (
    REGISTRAR,
    DuckDBRegistrar,
    MariaDBRegistrar,
    PostgresRegistrar,
    RegistrarDatabase,
    SqliteRegistrar,
)
from tests.integration.servers import (
    MariaDBServer,
    PostgresServer,
    running_mariadb,
    running_postgres,
)

__all__ = ["REGISTRAR", "MariaDBServer", "PostgresServer", "RegistrarDatabase"]

DATABASES = [
    "sqlite",
    "duckdb",
    "postgresql",
    pytest.param("mariadb", marks=pytest.mark.judge("mariadb")),
]
"""Every kind of database that a node reads from."""
SERVERS_AND_SQLITE = [kind for kind in DATABASES if kind != "duckdb"]


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    with running_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariaDBServer]:
    with running_mariadb() as server:
        yield server


@pytest.fixture(params=DATABASES)
def registrar(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RegistrarDatabase]:
    """An empty database, once of each kind."""
    database: RegistrarDatabase
    if request.param == "sqlite":
        database = SqliteRegistrar(tmp_path)
    elif request.param == "duckdb":
        database = DuckDBRegistrar(tmp_path)
    elif request.param == "mariadb":
        database = MariaDBRegistrar(request.getfixturevalue("mariadb"))
    else:
        database = PostgresRegistrar(request.getfixturevalue("postgres"))
    yield database
    database.close()
