"""What is configured and not there is refused at the start, with its place and a near name."""

from pathlib import Path

import pytest

from landbridge.errors import LandbridgeError, Reason
from tests.integration.conftest import PostgresServer, RegistrarDatabase
from tests.schools import open_source

NODE = """
[node]
agency = "registrar"
database = "{url}"
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
column = "school name"
"""
FILE = """
[[files]]
table = "closures"
path = "closures.csv"
[[datasets]]
name = "closures"
title = "Closures"
table = "closures"
subject_kind = "legal-entity"
record = ["Day"]
[[datasets.keys]]
scheme = "school"
column = "Unit"
list = ","
[[datasets.fields]]
name = "day"
column = "\\nDay 1"
"""
TABLE = 'CREATE TABLE schools (unit varchar(6) PRIMARY KEY, "school name" text)'


def refusal(folder: Path, text: str) -> LandbridgeError:
    with pytest.raises(LandbridgeError) as caught:
        open_source(folder, text)
    assert caught.value.next_step
    return caught.value


def test_a_missing_table(registrar: RegistrarDatabase, tmp_path: Path) -> None:
    registrar.run(TABLE.replace("schools", "school"))
    error = refusal(tmp_path, NODE.format(url=registrar.url))
    assert error.reason is Reason.MISSING_TABLE
    assert error.message == (
        f"{tmp_path}/node.toml:8:9: there is no table 'schools'; did you mean 'school'?"
    )


def test_missing_columns_are_listed_together(registrar: RegistrarDatabase, tmp_path: Path) -> None:
    registrar.run('CREATE TABLE schools (unitid varchar(6) PRIMARY KEY, " School Name" text)')
    error = refusal(tmp_path, NODE.format(url=registrar.url))
    assert error.reason is Reason.MISSING_COLUMN
    first, second = error.message.splitlines()
    assert first.startswith(f"{tmp_path}/node.toml:12:10: the table schools has no column 'unit'")
    assert first.endswith("; did you mean 'unitid'?")
    assert second.startswith(f"{tmp_path}/node.toml:15:10: the table schools has no column")
    assert second.endswith("; did you mean ' School Name'?")


def test_missing_columns_of_a_file(registrar: RegistrarDatabase, tmp_path: Path) -> None:
    registrar.run(TABLE)
    (tmp_path / "closures.csv").write_text('UnitId,Name,"\nDay 1"\n100724,A,x\n')
    error = refusal(tmp_path, NODE.format(url=registrar.url) + FILE)
    assert error.reason is Reason.MISSING_COLUMN
    assert [line.partition("node.toml:")[2] for line in error.message.splitlines()] == [
        "28:10: the file closures.csv has no column 'Unit'; did you mean 'UnitId'?",
        "25:11: the file closures.csv has no column 'Day'; did you mean '\\nDay 1'?",
    ]


def test_a_table_whose_rows_have_no_name(registrar: RegistrarDatabase, tmp_path: Path) -> None:
    registrar.run(TABLE.replace(" PRIMARY KEY", ""))
    error = refusal(tmp_path, NODE.format(url=registrar.url))
    assert "'schools' has no primary key; name the columns" in error.message
    named = NODE.replace('table = "schools"', 'table = "schools"\nrecord = ["unit"]')
    open_source(tmp_path, named.format(url=registrar.url)).close()


def test_a_table_of_the_database_without_one(tmp_path: Path) -> None:
    text = "\n".join(line for line in NODE.splitlines() if not line.startswith("database"))
    error = refusal(tmp_path, text)
    assert error.reason is Reason.MISSING_TABLE


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("postgres//nowhere", "the text is not a database URL"),
        ("postgresql://u:s3cret@h:port/x", "the text is not a database URL"),
        ("postgres://u:s3cret@h/x", "not supported; did you mean 'postgresql'?"),
        ("oracle://u:s3cret@h/x", "databases of 'oracle' are not opened: no test has run"),
        ("mssql+pyodbc://u:s3cret@h/x", "databases of 'mssql' are not opened: no test has run"),
        ("sqlite:///missing.db", "there is no SQLite file"),
        ("duckdb:///missing.duckdb", "there is no DuckDB file"),
        ("duckdb:///node.toml", "the database cannot be opened: "),
        ("mariadb+pymysql://u:s3cret@127.0.0.1:1/x", "the database cannot be opened: "),
        ("mysql://u:s3cret@127.0.0.1:1/x", "the database cannot be opened: "),
        ("sqlite://", "there is no SQLite file"),
        ("sqlite:///node.toml", "the database cannot be opened: file is not a database"),
        ("postgresql://u:s3cret@127.0.0.1:1/x", "the database cannot be opened: "),
        ("postgresql+psycopg2://u:s3cret@127.0.0.1:1/x", "the database cannot be opened: "),
    ],
)
def test_a_database_that_cannot_be_reached(tmp_path: Path, url: str, message: str) -> None:
    error = refusal(tmp_path, NODE.format(url=url))
    assert error.reason is Reason.DATABASE_UNREACHABLE
    assert message in error.message
    assert error.where == f"{tmp_path}/node.toml:4:12"
    assert "s3cret" not in f"{error} {error.next_step}"


def test_a_database_that_does_not_exist_on_its_server(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    url = postgres.url.replace("/postgres?", "/registre?")
    error = refusal(tmp_path, NODE.format(url=url))
    assert error.reason is Reason.DATABASE_UNREACHABLE
    assert 'database "registre" does not exist' in error.message


def test_tables_may_stand_in_a_schema(postgres: PostgresServer, tmp_path: Path) -> None:
    url = postgres.create(
        "schemas", "CREATE SCHEMA open", TABLE.replace("TABLE schools", "TABLE open.schools")
    )
    assert refusal(tmp_path, NODE.format(url=url)).reason is Reason.MISSING_TABLE
    named = NODE.replace("[[datasets]]", 'schema = "open"\n[[datasets]]', 1)
    open_source(tmp_path, named.format(url=url)).close()
