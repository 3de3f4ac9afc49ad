"""`landbridge node check` looks at everything and stops at nothing."""

from pathlib import Path

from node.check import Finding, Verdict, check
from tests.integration.conftest import PostgresServer, RegistrarDatabase
from tests.schools import FEDERATION, write_config

NODE = """
[node]
agency = "registrar"
database = "{url}"
[[files]]
table = "closures"
path = "closures.csv"
encoding = "cp1252"
[[files]]
table = "broken"
path = "broken.csv"
[[datasets]]
name = "schools"
title = "Schools"
table = "schools"
subject_kind = "legal-entity"
[[datasets.keys]]
scheme = "school"
column = "unit"
[[datasets.keys]]
scheme = "ope"
column = "ope"
[[datasets.fields]]
name = "opened"
column = "opened"
type = "date"
dates = ["%m/%d/%Y"]
empties = ["-2"]
[[datasets]]
name = "closures"
title = "Closures"
table = "closures"
subject_kind = "legal-entity"
[[datasets.keys]]
scheme = "school"
column = "Units"
list = ","
[[datasets.fields]]
name = "name"
column = "Name"
[[datasets]]
name = "broken"
title = "Broken"
table = "broken"
subject_kind = "legal-entity"
[[datasets.keys]]
scheme = "school"
column = "Unit"
[[datasets.fields]]
name = "name"
column = "Name"
[[datasets]]
name = "gone"
title = "Gone"
table = "schols"
subject_kind = "legal-entity"
[[datasets.keys]]
scheme = "school"
column = "unit"
[[datasets.fields]]
name = "name"
column = "name"
"""


def findings(folder: Path, url: str) -> list[Finding]:
    (folder / "federation.toml").write_text(FEDERATION)
    (folder / "closures.csv").write_bytes(b'Units,Name\n"100724, 100725",Cat\xf3lica\n100726,x\n')
    (folder / "broken.csv").write_text("Unit,Name\n1,2,3\n")
    return check(write_config(folder, NODE.format(url=url)), folder / "federation.toml")


def test_a_check_lists_everything(registrar: RegistrarDatabase, tmp_path: Path) -> None:
    registrar.run("CREATE TABLE schools (unit varchar(6) PRIMARY KEY, ope text, opened text)")
    registrar.run(
        "INSERT INTO schools VALUES ('100001', '00100500', '08/25/2014'),"
        " ('100002', '100600', 'dd-May'), ('100003', 'NONE', '-2'), ('100004', NULL, NULL)"
    )
    found = {
        finding.place.replace(f"{tmp_path}/", ""): finding
        for finding in findings(tmp_path, registrar.url)
        if finding.verdict is not Verdict.PASS
    }
    may_write = {"schools"} if registrar.dialect == "postgresql" else set()
    assert set(found) - may_write == {
        "broken.csv:2",
        "node.toml:55:9",
        "schools, key ope",
        "schools, field opened",
    }
    assert found["broken.csv:2"].verdict is Verdict.FAIL
    assert "the row has 3 cells" in found["broken.csv:2"].message
    assert found["node.toml:55:9"].verdict is Verdict.FAIL
    assert "did you mean 'schools'?" in found["node.toml:55:9"].message
    assert "1 of 2 identifiers are written in none of the key's spellings" in (
        found["schools, key ope"].message
    )
    assert "of 4 values, 2 are empty, 1 are unreadable" in found["schools, field opened"].message
    assert all(finding.next_step for finding in found.values())
    passed = "\n".join(
        f"{finding.place}: {finding.message}" for finding in findings(tmp_path, registrar.url)
    )
    assert "schools: table schools: 3 columns, 4 rows" in passed
    assert "closures: file closures.csv: 2 columns, 2 rows" in passed
    assert "closures, key school: the column 'Units' has an index" in passed
    assert "dd-May" not in passed


def test_a_key_without_an_index_is_named(registrar: RegistrarDatabase, tmp_path: Path) -> None:
    registrar.run("CREATE TABLE schools (unit varchar(6) PRIMARY KEY, ope text, opened text)")
    messages = [finding.message for finding in findings(tmp_path, registrar.url)]
    assert "the column 'ope' has no index: every question reads the whole table" in messages
    registrar.run("CREATE INDEX schools_ope ON schools (ope)")
    messages = [finding.message for finding in findings(tmp_path, registrar.url)]
    assert "the column 'ope' has an index" in messages
    assert "table schools: 3 columns, no rows" in messages


def test_a_wrong_configuration_or_database_is_a_finding(tmp_path: Path) -> None:
    (failure,) = [
        finding
        for finding in findings(tmp_path, "sqlite:///missing.db")
        if finding.place == f"{tmp_path}/node.toml:4:12"
    ]
    assert failure.verdict is Verdict.FAIL
    assert failure.message.startswith("LB-1104 there is no SQLite file")
    write_config(tmp_path, NODE.replace("agency", "agenzy"))
    (finding,) = check(tmp_path / "node.toml", tmp_path / "federation.toml")
    assert finding.verdict is Verdict.FAIL
    assert "did you mean 'agency'?" in finding.message


def test_sessions_are_shown_to_be_read_only(postgres: PostgresServer, tmp_path: Path) -> None:
    url = postgres.create("checked", "CREATE TABLE schools (unit text, ope text, opened text)")
    messages = [finding.message for finding in findings(tmp_path, url)]
    assert "PostgreSQL answers; sessions are read only: on" in messages
