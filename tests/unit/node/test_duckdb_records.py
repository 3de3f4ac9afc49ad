"""Files that are served through DuckDB give the same records as those served through SQLite."""

from pathlib import Path

import duckdb
import pytest

from landbridge.errors import LandbridgeError, Reason
from landbridge.memorandum.condition import AnyOf, Condition, Not, Operator, Rule
from node.sources.source import Source
from tests.schools import look_up, open_source, read, texts

NODE = """
[node]
agency = "registrar"
files = "duckdb"
[[files]]
table = "schools"
path = "schools.csv"
header_line = 2
[[files]]
table = "closures"
path = "closures.parquet"
format = "parquet"
[[datasets]]
name = "schools"
title = "Schools"
table = "schools"
subject_kind = "legal-entity"
[[datasets.keys]]
scheme = "school"
column = "ID"
[[datasets.keys]]
scheme = "ope"
column = "Codes"
list = ";"
[[datasets.fields]]
name = "name"
column = 'Name "of" it'
[[datasets.fields]]
name = "status"
column = "status"
type = "code"
codes = { A = "active", C = "closed" }
[[datasets.fields]]
name = "closed"
column = "closed"
type = "date"
[[datasets]]
name = "closures"
title = "Closures"
table = "closures"
subject_kind = "legal-entity"
[[datasets.keys]]
scheme = "school"
column = "id"
[[datasets.fields]]
name = "day"
column = "day"
type = "date"
[[datasets.fields]]
name = "cost"
column = "cost"
type = "decimal"
"""
ROWS = """exported by hand
ID,"Name ""of"" it",Codes,status,closed

100001,"North, ""the"" first",00100100;00100200,A ,
100001, South\u2003,00100300,C,2019-06-30
100002,"two
lines","",X,never
100003,,,,
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "schools.csv").write_text(ROWS, encoding="utf-8")
    with duckdb.connect(":memory:") as connection:
        connection.execute(
            "CREATE TABLE closures AS SELECT * FROM (VALUES ('100001', DATE '2014-08-25', 12.50),"
            " ('100001', NULL, 3.00), ('100002', DATE '2019-06-30', NULL)) t (id, day, cost)"
        )
        path = tmp_path / "closures.parquet"
        connection.execute(f"COPY closures TO '{path}' (FORMAT parquet)")
    return tmp_path


LOOKUPS = [
    look_up("schools", ["name", "status", "closed"], f"school:10000{n}") for n in (1, 2, 3, 9)
] + [
    look_up("schools", ["name"], "ope:00100200"),
    look_up("closures", ["day", "cost"], "school:100001"),
    look_up("closures", ["day", "cost"], "school:100002"),
    look_up(
        "schools", ["name"], "school:100001", where=[Condition("status", Operator.NE, "active")]
    ),
]


def test_records_are_those_of_sqlite(folder: Path) -> None:
    found = []
    for kind in ("duckdb", "sqlite"):
        source = open_source(folder, NODE.replace('"duckdb"', f'"{kind}"'))
        assert (folder / f"work/records.{kind}").is_file()
        found.append(source.fetch(LOOKUPS))
        source.close()
    assert found[0] == found[1]
    names = [
        record.record for outcome in found[0] if isinstance(outcome, list) for record in outcome
    ]
    assert names[:3] == ["schools.csv:4", "schools.csv:5", "schools.csv:6"]
    assert "closures.parquet:2" in names


@pytest.mark.parametrize(
    ("rule", "days"),
    [
        (Condition("day", Operator.GE, "2014-01-01"), ["2014-08-25"]),
        (Not(Condition("day", Operator.GE, "2014-01-01")), [""]),
        (Condition("cost", Operator.BETWEEN, ("3.001", "12.5")), ["2014-08-25"]),
        (AnyOf((Condition("cost", Operator.LT, "3.001"),)), [""]),
    ],
)
def test_parquet_keeps_its_types(folder: Path, rule: Rule, days: list[str]) -> None:
    source = open_source(folder, NODE)
    source.check_rule("closures", rule)
    found = texts(read(source, look_up("closures", ["day"], "school:100001", where=[rule])))
    source.close()
    assert [day for (day,) in found] == days


def test_days_in_a_csv_file_cannot_be_compared_and_are_refused(folder: Path) -> None:
    source = open_source(folder, NODE)
    source.check_rule("schools", Condition("closed", Operator.IS_NULL))
    with pytest.raises(LandbridgeError, match="cannot be compared as date there"):
        source.check_rule("schools", Condition("closed", Operator.GE, "2014-01-01"))
    source.close()


def test_files_are_loaded_once_and_again_when_they_change(folder: Path) -> None:
    loaded = folder / "work/records.duckdb"
    open_source(folder, NODE).close()
    first = loaded.stat()
    assert first.st_mode & 0o077 == 0
    open_source(folder, NODE).close()
    assert loaded.stat().st_ino == first.st_ino
    (folder / "schools.csv").write_text(ROWS.replace("South", "East"), encoding="utf-8")
    source = open_source(folder, NODE)
    assert name(source, "100001")[1] == ["East"]
    source.close()
    assert sorted(path.name for path in (folder / "work").iterdir()) == ["records.duckdb"]


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("schools.csv", ROWS + "100004,too,few\n", "the row has 3 cells"),
        ("closures.parquet", "no parquet", "the files cannot be loaded"),
    ],
)
def test_a_broken_file_leaves_what_was_loaded(
    folder: Path, file: str, content: str, message: str
) -> None:
    open_source(folder, NODE).close()
    whole = (folder / file).read_bytes()
    (folder / file).write_text(content, encoding="utf-8")
    with pytest.raises(LandbridgeError, match=message) as caught:
        open_source(folder, NODE)
    assert caught.value.reason is Reason.UNREADABLE_FILE
    (folder / file).write_bytes(whole)
    before = (folder / "work/records.duckdb").stat().st_mtime_ns
    open_source(folder, NODE).close()
    assert (folder / "work/records.duckdb").stat().st_mtime_ns == before
    assert sorted(path.name for path in (folder / "work").iterdir()) == ["records.duckdb"]


def test_statements_reach_no_other_file(folder: Path) -> None:
    source = open_source(folder, NODE)
    (database,) = source.databases
    for statement in (
        f"SELECT * FROM read_csv('{folder}/schools.csv')",
        f"ATTACH '{folder}/other.duckdb'",
        f"COPY schools TO '{folder}/copy.csv'",
        "SET enable_external_access = true",
        "LOAD httpfs",
        "INSERT INTO schools (ID) VALUES ('1')",
    ):
        with pytest.raises(LandbridgeError) as caught:
            database.read(statement, ())
        assert caught.value.reason is Reason.SOURCE_FAILED
    source.close()
    assert not (folder / "copy.csv").exists()


def name(source: Source, unit: str) -> list[list[str]]:
    return texts(read(source, look_up("schools", ["name"], f"school:{unit}")))
