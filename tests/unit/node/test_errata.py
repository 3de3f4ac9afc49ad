"""Errata change the node's loaded copy where it says what was wrong, and nowhere else."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

import duckdb
import pytest

from landbridge.errors import LandbridgeError, Reason
from landbridge.keys import KeyUse, SigningKey
from landbridge.memorandum.condition import Condition, Operator
from landbridge.rights.erratum import Erratum, keep_erratum, read_errata, write_erratum
from landbridge.subject import Schemes, SubjectId
from node.config import NodeConfig
from node.sources.binding import bind
from node.sources.duckdb_records import correct_duckdb_records
from node.sources.errata import Errata, Unfit
from node.sources.native_row import NativeRow, find_row
from node.sources.opening import open_records
from node.sources.records import correct_records, find_file
from node.sources.source import Source
from tests.bundles import bundle
from tests.corrections import instant, key, now, refused
from tests.mutations import mutations
from tests.pki import BOARD, REGISTRY
from tests.schools import load_config, load_federation, look_up, read, texts

CASE: Final = "a" * 32
NODE: Final = """
[node]
agency = "registrar"
files = "{files}"
[[files]]
table = "schools"
path = "schools.csv"
[[datasets]]
name = "schools"
title = "Schools"
table = "schools"
subject_kind = "legal-entity"
{record}
[[datasets.keys]]
scheme = "school"
column = "ID"
[[datasets.keys]]
scheme = "ope"
column = "Codes"
list = ";"
[[datasets.fields]]
name = "status"
column = "status"
type = "code"
codes = {{ A = "active", C = "closed" }}
[[datasets.fields]]
name = "codes"
column = "Codes"
"""
RIGHT: Final = "ID,status,Codes\n100724,C,00123400; 00567800\n100725,C,00999900\n"


class Registrar:
    """A node of one loaded file."""

    def __init__(self, folder: Path, files: str, record: str = "") -> None:
        self.folder = folder
        self.files = files
        (folder / "schools.csv").write_text(RIGHT)
        self.config: NodeConfig = load_config(folder, NODE.format(files=files, record=record))
        self.ended: list[str] = []

    def open(self, *errata: Erratum) -> Source:
        return Source.open(
            self.config, load_federation(self.folder), self.folder / "work", self.made_of(errata)
        )

    def made_of(self, errata: tuple[Erratum, ...]) -> Errata:
        def tell(unfit: Unfit) -> None:
            self.ended.append(unfit.why)

        return Errata(errata, tell)

    def correct(self, before: tuple[Erratum, ...], *errata: Erratum) -> None:
        correct = correct_records if self.files == "sqlite" else correct_duckdb_records
        target = self.folder / "work" / f"records.{self.files}"
        correct([find_file(self.config, 0)], target, before, self.made_of(errata))

    def says(self, *errata: Erratum) -> list[list[str]]:
        source = self.open(*errata)
        try:
            return status(source)
        finally:
            source.close()

    def row(self, subject: str, record: str, *errata: Erratum) -> NativeRow:
        tables = open_records(
            self.config, self.folder / "work", lambda *_: False, self.made_of(errata)
        )
        assert tables is not None
        try:
            (bound,), _ = bind(self.config, None, tables)
            return find_row(bound, self.schemes, SubjectId(*subject.split(":")), record)
        finally:
            tables.database.close()

    @property
    def schemes(self) -> Schemes:
        return load_federation(self.folder).schemes


def status(source: Source, asked: str = "school:100724") -> list[list[str]]:
    return texts(read(source, look_up("schools", ["status"], asked)))


def erratum(*cells: tuple[str, str, str], case: str = CASE, record: str = "100724") -> Erratum:
    row = (("ID", record),)
    return Erratum(case, case * 2, "schools", record, "schools", row, cells, 0)


OPEN_AGAIN: Final = erratum(("status", "C", "A"))


@pytest.fixture(params=["sqlite", "duckdb"])
def registrar(request: pytest.FixtureRequest, tmp_path: Path) -> Registrar:
    return Registrar(tmp_path, request.param)


def test_what_is_loaded_is_corrected_and_row_conditions_see_it(registrar: Registrar) -> None:
    assert registrar.says() == [["closed"]]
    source = registrar.open(OPEN_AGAIN)
    try:
        assert status(source) == [["active"]]
        assert status(source, "school:100725") == [["closed"]]
        closed = Condition("status", Operator.EQ, "closed")
        wanted = look_up("schools", ["status"], "school:100724", where=[closed])
        assert read(source, wanted) == []
    finally:
        source.close()
    loaded = (registrar.folder / "work" / f"records.{registrar.files}").stat().st_ino
    assert registrar.says(OPEN_AGAIN) == [["active"]]
    assert (registrar.folder / "work" / f"records.{registrar.files}").stat().st_ino == loaded
    assert registrar.says() == [["closed"]]
    assert registrar.ended == []


def test_a_node_that_runs_gives_the_new_value_at_once(registrar: Registrar) -> None:
    source = registrar.open()
    try:
        assert status(source) == [["closed"]]
        registrar.correct((), OPEN_AGAIN)
        assert status(source) == [["active"]]
        codes = ("Codes", "00123400; 00567800", "00777700")
        back = erratum(("status", "A", "C"), codes, case="b" * 32)
        registrar.correct((OPEN_AGAIN,), OPEN_AGAIN, back)
        assert status(source) == [["closed"]]
        assert status(source, "ope:00777700") == [["closed"]]
        assert status(source, "ope:00123400") == []
    finally:
        source.close()
    assert registrar.says(OPEN_AGAIN, back) == [["closed"]]
    names = [path.name for path in (registrar.folder / "work").iterdir()]
    assert names == [f"records.{registrar.files}"]


def test_a_correction_that_was_killed_is_made_again_by_whoever_comes_next(tmp_path: Path) -> None:
    registrar = Registrar(tmp_path, "sqlite")
    registrar.open().close()
    target = tmp_path / "work/records.sqlite"
    journal = target.with_name("records.sqlite-journal")

    def kill_in_the_middle() -> None:
        with closing(sqlite3.connect(target, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("UPDATE schools SET status = 'A'")
            connection.execute("PRAGMA cache_spill = 1")
            connection.execute("PRAGMA cache_size = 1")
            connection.execute("CREATE TABLE large AS SELECT randomblob(100000) AS x")
            torn, left = target.read_bytes(), journal.read_bytes()
            connection.execute("ROLLBACK")
        target.write_bytes(torn)
        journal.write_bytes(left)

    kill_in_the_middle()
    registrar.correct((), OPEN_AGAIN)
    assert registrar.says(OPEN_AGAIN) == [["active"]]
    kill_in_the_middle()
    assert registrar.says(OPEN_AGAIN) == [["active"]]
    assert not journal.exists()


def test_what_was_corrected_is_not_loaded_again(tmp_path: Path) -> None:
    registrar = Registrar(tmp_path, "sqlite")
    source = registrar.open()
    registrar.correct((), OPEN_AGAIN)
    source.close()
    loaded = (tmp_path / "work/records.sqlite").stat().st_ino
    registrar.open(OPEN_AGAIN).close()
    assert (tmp_path / "work/records.sqlite").stat().st_ino == loaded


@pytest.mark.parametrize(
    ("published", "said", "ended"),
    [
        (RIGHT.replace("100724,C", "100724,A"), [["active"]], []),
        (RIGHT.replace("100724,C", "100724,"), [[""]], ["the row says something else"]),
        (RIGHT.replace("100724", "100726"), [], ["the row is gone"]),
        (RIGHT + "100724,C,\n", [["closed"], ["closed"]], ["2 rows are named so"]),
        (RIGHT.replace("status", "state"), None, ["the table has no such columns"]),
    ],
)
def test_an_erratum_ends_with_the_file_that_it_was_written_for(
    tmp_path: Path, published: str, said: list[list[str]] | None, ended: list[str]
) -> None:
    registrar = Registrar(tmp_path, "sqlite")
    (tmp_path / "schools.csv").write_text(published)
    if said is None:
        with refused(Reason.MISSING_COLUMN):
            registrar.open(OPEN_AGAIN)
    else:
        assert registrar.says(OPEN_AGAIN) == said
    assert [why[: len(start)] for why, start in zip(registrar.ended, ended, strict=True)] == ended


def test_a_node_corrects_an_older_copy_and_loads_the_new_file_at_its_next_start(
    tmp_path: Path,
) -> None:
    registrar = Registrar(tmp_path, "sqlite")
    source = registrar.open()
    (tmp_path / "schools.csv").write_text(RIGHT + "100727,A,\n")
    registrar.correct((), OPEN_AGAIN)
    assert status(source) == [["active"]]
    assert status(source, "school:100727") == []
    source.close()
    source = registrar.open(OPEN_AGAIN)
    assert (status(source), status(source, "school:100727")) == ([["active"]], [["active"]])
    source.close()


def test_a_typed_column_takes_only_what_it_can_hold(tmp_path: Path) -> None:
    registrar = Registrar(tmp_path, "duckdb")
    duckdb.sql(
        "SELECT '100724' AS ID, DATE '2020-01-02' AS status, '00123400' AS Codes"
    ).write_parquet(str(tmp_path / "schools.parquet"))
    text = NODE.format(files="duckdb", record="").replace(
        'path = "schools.csv"', 'path = "schools.parquet"\nformat = "parquet"'
    )
    registrar.config = load_config(tmp_path, text)
    with refused(Reason.UNREADABLE_FILE):
        registrar.open(erratum(("status", "2020-01-02", "never")))
    source = registrar.open(erratum(("status", "2020-01-02", "2021-02-03")))
    source.close()
    row = registrar.row(
        "school:100724", "schools.parquet:1", erratum(("status", "2020-01-02", "2021-02-03"))
    )
    assert row.cells["status"] == "2021-02-03"


def test_a_row_is_found_by_each_identifier_and_named_by_its_keys(registrar: Registrar) -> None:
    for subject in ("school:100724", "ope:00567800"):
        row = registrar.row(subject, "schools.csv:2")
        assert row.cells["status"] == "C"
        assert row.named_by == ("~line", "ID", "Codes")
        assert {f"{one.scheme}:{one.value}" for one in row.subjects} == {
            "school:100724",
            "ope:00123400",
            "ope:00567800",
        }
    # What holds a part of an identifier names nobody by itself.
    config = registrar.config
    text = NODE.format(files=registrar.files, record="")
    registrar.config = load_config(
        registrar.folder, text.replace('list = ";"', 'list = ";"\nspellings = ["base"]')
    )
    assert registrar.row("school:100724", "schools.csv:2").subjects == (
        SubjectId("school", "100724"),
    )
    registrar.config = config
    for subject, record in (
        ("school:100724", "schools.csv:3"),
        ("school:999999", "schools.csv:2"),
        ("person:1", "schools.csv:2"),
    ):
        with refused(Reason.NO_SUCH_RECORD):
            registrar.row(subject, record)


def fields(**changed: object) -> dict[str, object]:
    return {
        "erratum": CASE,
        "dataset": "schools",
        "record": "100724",
        "table": "schools",
        "row": [{"column": "ID", "value": "100724"}],
        "cells": [{"column": "status", "was": "C", "now": "A"}],
        "issued_at": instant(now()),
        **changed,
    }


def test_errata_are_read_in_their_order_and_none_is_passed_over(tmp_path: Path) -> None:
    assert read_errata(tmp_path, bundle(), REGISTRY) == ()
    keep_erratum(tmp_path, write_erratum(fields(issued_at=instant(now() + 5000)), key(REGISTRY)))
    second = write_erratum(fields(erratum="b" * 32), key(REGISTRY))
    path = keep_erratum(tmp_path, second)
    assert path.stat().st_mode & 0o077 == 0
    found = read_errata(tmp_path, bundle(), REGISTRY)
    assert [one.case for one in found] == ["b" * 32, CASE]
    assert found[0].cells == (("status", "C", "A"),)
    with refused(Reason.BAD_SIGNATURE):
        read_errata(tmp_path, bundle(), BOARD)
    with refused(Reason.UNTRUSTED_KEY):
        write_erratum(fields(), key(REGISTRY, KeyUse.LOG))
    unknown = SigningKey.generate(REGISTRY, KeyUse.MEMORANDUM)
    keep_erratum(tmp_path, write_erratum(fields(), unknown))
    with refused(Reason.UNTRUSTED_KEY):
        read_errata(tmp_path, bundle(), REGISTRY)


def test_altered_errata_keep_a_node_from_starting(tmp_path: Path) -> None:
    signed = write_erratum(fields(), key(REGISTRY))
    path, trust = keep_erratum(tmp_path, signed), bundle()
    (expected,) = read_errata(tmp_path, trust, REGISTRY)
    refusals = 0
    for altered in mutations(signed.to_bytes(), 60, seed=3):
        path.write_bytes(altered)
        refusals += _is_refused(lambda: read_errata(tmp_path, trust, REGISTRY), (expected,))
    assert refusals > 40


def _is_refused(read: Callable[[], object], expected: object) -> bool:
    try:
        assert read() == expected
    except LandbridgeError:
        return True
    return False
