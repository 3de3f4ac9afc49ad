"""Sources can neither write nor run away, and one failure disturbs nothing else."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from landbridge.errors import LandbridgeError, Reason
from node.sources.lookup import Lookup
from node.sources.source import Source
from tests.integration.conftest import SERVERS_AND_SQLITE, RegistrarDatabase
from tests.schools import look_up, open_source, read, texts

NODE = """
[node]
agency = "registrar"
database = "{url}"
statement_timeout_ms = 300
[[datasets]]
name = "schools"
title = "Schools"
table = "schools"
subject_kind = "legal-entity"
[[datasets.keys]]
scheme = "school"
column = "unit"
[[datasets.fields]]
name = "name"
column = "name"
"""
VIEW = """
[[datasets]]
name = "notes"
title = "Notes"
table = "notes"
subject_kind = "legal-entity"
record = ["unit"]
[[datasets.keys]]
scheme = "school"
column = "unit"
[[datasets.fields]]
name = "note"
column = "note"
"""
TABLES = (
    "CREATE TABLE schools (unit varchar(6) PRIMARY KEY, name text)",
    "INSERT INTO schools VALUES ('100001', 'One'), ('100002', 'Two'), ('100003', 'Three')",
)
BROKEN = {
    "sqlite": "CASE unit WHEN '100002' THEN json('not json') ELSE name END",
    "postgresql": "CASE unit WHEN '100002' THEN CAST(1 / (length(name) - 3) AS text) ELSE name END",
    "mariadb": """CASE unit WHEN '100002'
        THEN CAST(9223372036854775807 + length(name) AS char) ELSE name END""",
    "duckdb": """CASE unit WHEN '100002'
        THEN CAST(CAST(name AS integer) AS varchar) ELSE name END""",
}
SLOW = {
    "sqlite": """(WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c)
        SELECT count(*) FROM c)""",
    "postgresql": "(SELECT pg_sleep(60) IS NULL)",
    "mariadb": "(SELECT sleep(60))",
    "duckdb": "(SELECT count(*) FROM range(100000000) a, range(1000000) b)",
}


@pytest.fixture
def opened(
    registrar: RegistrarDatabase, tmp_path: Path, request: pytest.FixtureRequest
) -> Callable[..., Source]:
    """Open the source over the tables, with a view `notes` where one is given."""

    def open_it(view: str = "") -> Source:
        for statement in TABLES:
            registrar.run(statement)
        if view:
            registrar.run(f"CREATE VIEW notes AS SELECT unit, {view} AS note FROM schools")
        source = open_source(tmp_path, NODE.format(url=registrar.url) + (VIEW if view else ""))
        request.addfinalizer(source.close)
        return source

    return open_it


def school(unit: str) -> Lookup:
    return look_up("schools", ["name"], f"school:{unit}")


def note(unit: str) -> Lookup:
    return look_up("notes", ["note"], f"school:{unit}")


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO schools VALUES ('100009', 'Nine')",
        "UPDATE schools SET name = 'x'",
        "DELETE FROM schools",
        "DROP TABLE schools",
        "CREATE TABLE other (a integer)",
    ],
)
def test_a_session_cannot_write(
    opened: Callable[..., Source], registrar: RegistrarDatabase, statement: str
) -> None:
    (database,) = opened().databases
    with pytest.raises(LandbridgeError) as caught:
        database.read(statement, ())
    assert caught.value.reason is Reason.SOURCE_FAILED
    cause = str(caught.value.__cause__).casefold()
    assert "read" in cause
    assert "only" in cause
    assert registrar.run("SELECT name FROM schools ORDER BY unit") == [
        ("One",),
        ("Two",),
        ("Three",),
    ]


def test_a_runaway_statement_is_stopped(
    opened: Callable[..., Source], registrar: RegistrarDatabase
) -> None:
    source = opened(SLOW[registrar.dialect])
    before = time.monotonic()
    late, right = source.fetch([note("100001"), school("100001")])
    assert time.monotonic() - before < 5
    assert isinstance(late, LandbridgeError)
    assert late.reason is Reason.LATE
    assert "0.3 s" in late.message
    assert isinstance(right, list)
    assert texts(right) == [["One"]]
    assert texts(read(source, school("100002"))) == [["Two"]]


@pytest.mark.parametrize("registrar", SERVERS_AND_SQLITE, indirect=True)
def test_a_table_that_a_writer_holds_is_late(
    opened: Callable[..., Source], registrar: RegistrarDatabase
) -> None:
    source = opened()
    with registrar.writer("schools"):
        late = source.fetch([school("100001"), school("100002")])
    assert [error.reason for error in late if isinstance(error, LandbridgeError)] == [
        Reason.LATE,
        Reason.LATE,
    ]
    assert texts(read(source, school("100001"))) == [["One"]]


def test_a_failing_statement_fails_its_own_look_up_alone(
    opened: Callable[..., Source], registrar: RegistrarDatabase
) -> None:
    source = opened(BROKEN[registrar.dialect])
    first, broken, third, school_ = source.fetch(
        [note("100001"), note("100002"), note("100003"), school("100002")]
    )
    assert isinstance(first, list)
    assert isinstance(third, list)
    assert isinstance(school_, list)
    assert texts([*first, *third, *school_]) == [["One"], ["Three"], ["Two"]]
    assert isinstance(broken, LandbridgeError)
    assert broken.reason is Reason.SOURCE_FAILED
    # What a requester sees names nothing of the statement, the values or the database's inside.
    assert broken.message == "the agency's database failed to answer"
    assert broken.__cause__ is not None


def test_threads_have_connections_of_their_own(opened: Callable[..., Source]) -> None:
    source = opened()
    together = threading.Barrier(4, timeout=10)

    def ask(unit: str) -> list[list[str]]:
        together.wait()
        return [name for _ in range(20) for name in texts(read(source, school(unit)))]

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(ask, ["100001", "100002", "100003", "100001"]))
    assert found == [[[name]] * 20 for name in ("One", "Two", "Three", "One")]


def test_a_lost_connection_is_opened_again(
    opened: Callable[..., Source], registrar: RegistrarDatabase
) -> None:
    source = opened()
    assert texts(read(source, school("100001"))) == [["One"]]
    registrar.end_connections()
    assert texts(read(source, school("100002"))) == [["Two"]]


def test_a_database_that_is_gone_fails_at_once_and_comes_back(
    opened: Callable[..., Source], registrar: RegistrarDatabase
) -> None:
    source = opened()
    registrar.admit_connections(yes=False)
    outcomes = source.fetch([school("100001"), school("100002")])
    assert [error.reason for error in outcomes if isinstance(error, LandbridgeError)] == [
        Reason.SOURCE_FAILED,
        Reason.SOURCE_FAILED,
    ]
    assert str(outcomes[0]).endswith("the agency's database cannot be reached")
    registrar.admit_connections(yes=True)
    assert texts(read(source, school("100001"))) == [["One"]]


def test_closing_leaves_no_connection(
    opened: Callable[..., Source], registrar: RegistrarDatabase
) -> None:
    source = opened()
    read(source, school("100001"))
    assert registrar.connections_of_the_node() == 1
    source.close()
    deadline = time.monotonic() + 5
    while registrar.connections_of_the_node():
        assert time.monotonic() < deadline
        time.sleep(0.01)
