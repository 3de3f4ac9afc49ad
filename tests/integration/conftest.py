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
    database = make_registrar(request, tmp_path)
    yield database
    database.close()


def make_registrar(request: pytest.FixtureRequest, folder: Path) -> RegistrarDatabase:
    """Make an empty database of the kind that a fixture's parameter names."""
    match request.param:
        case "sqlite":
            return SqliteRegistrar(folder)
        case "duckdb":
            return DuckDBRegistrar(folder)
        case "mariadb":
            return MariaDBRegistrar(request.getfixturevalue("mariadb"))
        case _:
            return PostgresRegistrar(request.getfixturevalue("postgres"))
