"""Native files are loaded whole or not at all, and only when something has changed."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from landbridge.errors import LandbridgeError, Reason
from node.sources.source import Source
from tests.schools import look_up, open_source, read, texts

NODE = """
[node]
agency = "registrar"
[[files]]
table = "schools"
path = "schools.csv"
[[datasets]]
name = "schools"
title = "Schools"
table = "schools"
subject_kind = "legal-entity"
[[datasets.keys]]
scheme = "school"
column = "ID"
[[datasets.fields]]
name = "name"
column = "Name"
"""
RIGHT = "ID,Name\n100724,Alabama State\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "schools.csv").write_text(RIGHT)
    return tmp_path


def name_of_school(source: Source) -> str:
    try:
        return texts(read(source, look_up("schools", ["name"], "school:100724")))[0][0]
    finally:
        source.close()


def test_a_file_is_loaded_once(folder: Path) -> None:
    loaded = folder / "work/records.sqlite"
    open_source(folder, NODE).close()
    first = loaded.stat()
    open_source(folder, NODE).close()
    assert loaded.stat().st_ino == first.st_ino
    assert loaded.stat().st_mode & 0o077 == 0


def test_a_changed_file_is_loaded_again(folder: Path) -> None:
    open_source(folder, NODE).close()
    before = (folder / "schools.csv").stat()
    (folder / "schools.csv").write_text(RIGHT.replace("State", "Stole"))
    os.utime(folder / "schools.csv", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert name_of_school(open_source(folder, NODE)) == "Alabama Stole"


def test_a_changed_configuration_loads_again(folder: Path) -> None:
    open_source(folder, NODE).close()
    (folder / "schools.csv").write_text("title,\n" + RIGHT)
    changed = NODE.replace('path = "schools.csv"', 'path = "schools.csv"\nheader_line = 2')
    assert name_of_school(open_source(folder, changed)) == "Alabama State"


def test_a_damaged_cache_is_replaced(folder: Path) -> None:
    (folder / "work").mkdir()
    (folder / "work/records.sqlite").write_bytes(b"not a database, just some bytes" * 100)
    assert name_of_school(open_source(folder, NODE)) == "Alabama State"


def test_a_broken_file_leaves_what_was_loaded_before(folder: Path) -> None:
    open_source(folder, NODE).close()
    (folder / "schools.csv").write_text(RIGHT + "1,2,3\n")
    with pytest.raises(LandbridgeError) as caught:
        open_source(folder, NODE)
    assert caught.value.reason is Reason.UNREADABLE_FILE
    assert caught.value.where == f"{folder}/schools.csv:3"
    assert sorted(path.name for path in (folder / "work").iterdir()) == ["records.sqlite"]
    with closing(sqlite3.connect(folder / "work/records.sqlite")) as connection:
        assert connection.execute("SELECT count(*) FROM schools").fetchone() == (1,)


def test_a_file_that_is_not_there_is_named(folder: Path) -> None:
    with pytest.raises(LandbridgeError) as caught:
        open_source(folder, NODE.replace("schools.csv", "school.csv"))
    assert caught.value.reason is Reason.UNREADABLE_FILE
    assert caught.value.where == f"{folder}/node.toml:6:8"
    assert f"{folder}/school.csv" in caught.value.message


def test_every_cell_is_text_as_it_was_written(folder: Path) -> None:
    (folder / "schools.csv").write_text('ID,Name,N\n100724,"""00100500""", 007 \n')
    open_source(folder, NODE).close()
    with closing(sqlite3.connect(folder / "work/records.sqlite")) as connection:
        row = connection.execute("SELECT * FROM schools").fetchone()
    assert row == (2, "100724", '"00100500"', " 007 ")


def test_parquet_without_duckdb_says_what_to_install(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "duckdb", None)
    with pytest.raises(LandbridgeError, match="needs DuckDB") as caught:
        open_source(folder, NODE.replace('"schools.csv"', '"schools.csv"\nformat = "parquet"'))
    assert caught.value.reason is Reason.UNREADABLE_FILE
    assert "landbridge[parquet]" in caught.value.next_step


def test_parquet_is_read_as_csv_is(folder: Path) -> None:
    source = "SELECT 100724 AS ID, 'Alabama State' AS Name, DATE '2016-09-06' AS Closed"
    path = folder / "schools.parquet"
    with duckdb.connect(":memory:") as connection:
        connection.execute(f"COPY ({source}) TO '{path}' (FORMAT parquet)")
    config = NODE.replace('"schools.csv"', '"schools.parquet"\nformat = "parquet"')
    assert name_of_school(open_source(folder, config)) == "Alabama State"
    with closing(sqlite3.connect(folder / "work/records.sqlite")) as connection:
        row = connection.execute("SELECT * FROM schools").fetchone()
    assert row == (1, "100724", "Alabama State", "2016-09-06")


def test_a_file_that_is_no_parquet_is_refused(folder: Path) -> None:
    with pytest.raises(LandbridgeError) as caught:
        open_source(folder, NODE.replace('"schools.csv"', '"schools.csv"\nformat = "parquet"'))
    assert caught.value.reason is Reason.UNREADABLE_FILE
