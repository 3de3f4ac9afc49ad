"""Sources over real databases: only granted columns are read, by index, in one statement."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from landbridge.errors import LandbridgeError
from landbridge.memorandum.condition import Condition, Operator
from landbridge.subject import SubjectId
from landbridge.v1 import answer_pb2
from node.sources.lookup import Withdrawn
from node.sources.source import Source
from tests.integration.conftest import (
    DATABASES,
    SERVERS_AND_SQLITE,
    RegistrarDatabase,
    make_registrar,
)
from tests.schools import look_up, open_source, read, texts

NODE = """
[node]
agency = "registrar"
database = "{url}"
[[datasets]]
name = "schools"
title = "Schools"
table = "schools"
subject_kind = "legal-entity"
as_of = "2019-06-20"
as_of_field = "updated"
[[datasets.keys]]
scheme = "school"
column = "unit"
[[datasets.keys]]
scheme = "ope"
column = "ope"
spellings = ["unpadded"]
[[datasets.fields]]
name = "name"
column = "name"
[[datasets.fields]]
name = "secret"
column = "bank account"
[[datasets.fields]]
name = "status"
column = "status"
type = "code"
codes = {{ A = "active", C = "closed" }}
[[datasets.fields]]
name = "updated"
column = "updated"
type = "date"
[[datasets]]
name = "courses"
title = "Courses"
table = "courses"
subject_kind = "legal-entity"
[[datasets.keys]]
scheme = "school"
column = "unit"
[[datasets.fields]]
name = "title"
column = "title"
"""
TABLES = (
    """CREATE TABLE schools (
        id integer PRIMARY KEY, unit varchar(6), ope integer, name varchar(80),
        "bank account" varchar(40), status char(4), updated date)""",
    """CREATE TABLE courses (
        unit varchar(6), number integer, title text, PRIMARY KEY (unit, number))""",
    """INSERT INTO schools
        SELECT n, cast(100000 + n AS char(6)), 100000 + n * 100, 'School ' || n || ' ',
            'account ' || n, CASE WHEN n % 2 = 0 THEN 'A' ELSE 'X' END,
            CASE WHEN n % 3 = 0 THEN NULL ELSE '2019-06-20' END {cast}
        FROM (WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 5000)
              SELECT n FROM c) AS numbers""",
    "INSERT INTO schools VALUES (0, '100005', NULL, 'Second', 'x', 'C', '2020-01-31')",
    "INSERT INTO courses VALUES ('100005', 2, 'Law'), ('100005', 1, 'Art'), ('100006', 1, 'Law')",
    "CREATE INDEX schools_unit ON schools (unit)",
    "CREATE INDEX schools_ope ON schools (ope)",
)

ANALYZE = {"mariadb": "ANALYZE TABLE schools"}


@pytest.fixture(scope="module", params=DATABASES)
def registrar(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> RegistrarDatabase:
    """A database that no test changes."""
    database = make_registrar(request, tmp_path_factory.mktemp("registrar"))
    cast = "::date" if database.dialect in ("postgresql", "duckdb") else ""
    percent = "%%" if database.dialect == "postgresql" else "%"
    database.run_all(
        *(table.replace("{cast}", cast).replace("%", percent) for table in TABLES),
        ANALYZE.get(database.dialect, "ANALYZE"),
    )
    return database


@pytest.fixture
def source(registrar: RegistrarDatabase, tmp_path: Path) -> Iterator[Source]:
    opened = open_source(tmp_path, NODE.format(url=registrar.url))
    registrar.listen(opened)
    yield opened
    opened.close()
    registrar.close()


def test_values_and_names_of_records(source: Source) -> None:
    fields = ["name", "secret", "status", "updated"]
    assert read(source, look_up("schools", fields, "school:100005")) == [
        answer_pb2.Record(
            record="0",
            about={"scheme": "school", "value": "100005"},
            as_of="2020-01-31",
            values=[
                answer_pb2.Value(text="Second"),
                answer_pb2.Value(text="x"),
                answer_pb2.Value(text="closed", native=status("C", source)),
                answer_pb2.Value(text="2020-01-31"),
            ],
        ),
        answer_pb2.Record(
            record="5",
            about={"scheme": "school", "value": "100005"},
            values=[
                answer_pb2.Value(text="School 5", native="School 5 "),
                answer_pb2.Value(text="account 5"),
                answer_pb2.Value(native=status("X", source), quality=answer_pb2.QUALITY_UNREADABLE),
                answer_pb2.Value(text="2019-06-20"),
            ],
        ),
    ]


def status(code: str, source: Source) -> str:
    """PostgreSQL pads what a column of fixed width holds."""
    return code.ljust(4) if source.databases[0].dialect.name == "postgresql" else code


def test_rows_are_named_by_a_primary_key_of_several_columns(source: Source) -> None:
    records = read(source, look_up("courses", ["title"], "school:100005"))
    assert [record.record for record in records] == ["100005/1", "100005/2"]
    assert texts(records) == [["Art"], ["Law"]]


def test_only_granted_columns_are_in_the_statement(
    source: Source, registrar: RegistrarDatabase
) -> None:
    where = [Condition("status", Operator.EQ, "active")]
    found = read(source, look_up("schools", ["name"], "school:100006", "ope:00100600", where=where))
    assert texts(found) == [["School 6"]]
    (statement,) = registrar.statements()
    selected, _, rest = statement.partition("FROM")
    assert "status" not in selected
    assert "status" in rest
    for column in ("bank account", "updated", "*"):
        assert column not in statement
    # The day of a record is data too: it is read only where its field is granted.
    assert found[0].as_of == ""


def test_rows_are_cut_in_the_where_clause(source: Source, registrar: RegistrarDatabase) -> None:
    closed = [Condition("status", Operator.EQ, "closed")]
    found = read(source, look_up("schools", ["name"], "school:100005", where=closed))
    assert texts(found) == [["Second"]]
    (statement,) = registrar.statements()
    assert "status" in statement.partition("WHERE")[2]


def test_a_withdrawn_record_is_cut_in_the_where_clause(
    source: Source, registrar: RegistrarDatabase
) -> None:
    school, other = SubjectId("school", "100005"), SubjectId("school", "100006")
    wanted = (
        (look_up("schools", ["name"], "school:100005"), "5", school, [["Second"]]),
        (look_up("schools", ["name"], "school:100005"), "0", school, [["School 5"]]),
        (look_up("schools", ["name"], "ope:00100600"), "6", other, []),
        (look_up("courses", ["title"], "school:100005"), "100005/1", school, [["Law"]]),
        # The name alone does not make it the subject's record.
        (look_up("schools", ["name"], "school:100006"), "6", school, [["School 6"]]),
    )
    for lookup, record, subject, left in wanted:
        without = (Withdrawn(record, subject),)
        cut = replace(lookup, wanted=replace(lookup.wanted, without=without))
        assert texts(read(source, cut)) == left
        statement = registrar.statements()[-1]
        assert "CASE" in statement.partition("WHERE")[2].upper()


@pytest.mark.parametrize("registrar", SERVERS_AND_SQLITE, indirect=True, scope="module")
def test_look_ups_use_the_indexes(source: Source, registrar: RegistrarDatabase) -> None:
    read(source, look_up("schools", ["name"], "school:100005"))
    read(source, look_up("schools", ["name"], "school:100005", "ope:00100700"))
    source.fetch([look_up("schools", ["name"], f"ope:00{100000 + n * 100}") for n in range(50)])
    plans = [registrar.explain(statement) for statement in registrar.statements()]
    assert len(plans) == 3
    for plan in plans:
        assert "SCAN" not in plan
        assert "Seq Scan" not in plan
    assert ["schools_unit" in plan for plan in plans] == [True, True, False]
    assert ["schools_ope" in plan for plan in plans] == [False, True, True]


def test_a_batch_is_one_statement(source: Source, registrar: RegistrarDatabase) -> None:
    lookups = [look_up("schools", ["name"], f"school:{100000 + n}") for n in (3, 5, 3, 99999, 7)]
    outcomes = source.fetch(lookups)
    names = [texts(outcome) for outcome in outcomes if not isinstance(outcome, LandbridgeError)]
    assert names == [
        [["School 3"]],
        [["Second"], ["School 5"]],
        [["School 3"]],
        [],
        [["School 7"]],
    ]
    assert len(registrar.statements()) == 1


def test_statements_are_reused(source: Source, registrar: RegistrarDatabase) -> None:
    for size in (5, 6, 7, 8):
        source.fetch([look_up("schools", ["name"], f"school:{100000 + n}") for n in range(size)])
    without_values = {
        statement.partition("WHERE")[0] + str(statement.count("'") + statement.count("$"))
        for statement in registrar.statements()
    }
    assert len(without_values) == 1


def test_hundreds_of_look_ups_are_read_in_few_statements(
    source: Source, registrar: RegistrarDatabase
) -> None:
    lookups = [look_up("schools", ["name"], f"school:{101000 + n}") for n in range(1200)]
    outcomes = source.fetch(lookups)
    assert [len(outcome) for outcome in outcomes if isinstance(outcome, list)] == [1] * 1200
    assert len(registrar.statements()) == 3
