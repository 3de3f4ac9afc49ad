"""What a correction changes in the node's copy, and what it only asks of an agency's database."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from landbridge.errors import Reason
from landbridge.rights.opening import Complaint, Opening, read_opening, write_opening
from landbridge.rights.steps import CaseKind
from landbridge.subject import SubjectId
from node.correcting import Desk, correct_record, read_row
from tests.bundles import bundle
from tests.consents import desks
from tests.corrections import key, now, refused
from tests.pki import REGISTRY
from tests.schools import load_config, load_federation

DATASET: Final = """
[[datasets]]
name = "schools"
title = "Schools"
table = "schools"
subject_kind = "legal-entity"
[[datasets.keys]]
scheme = "school"
column = "ID"
[[datasets.fields]]
name = "status"
column = "status"
type = "code"
codes = { A = "active", C = "closed" }
[[datasets.fields]]
name = "same"
column = "status"
[[datasets.fields]]
name = "city"
column = "city"
"""
FILES: Final = '[node]\nagency = "registrar"\n[[files]]\ntable = "schools"\npath = "schools.csv"\n'
DATABASE: Final = '[node]\nagency = "registrar"\ndatabase = "sqlite:///schools.db"\n'
SCHOOL: Final = SubjectId("school", "100724")
ROWS: Final = "ID,status,city\n100724,C,Augusta\n100725,C,Macon\n"


def desk(folder: Path, node: str = FILES) -> Desk:
    (folder / "schools.csv").write_text(ROWS)
    with closing(sqlite3.connect(folder / "schools.db")) as connection:
        connection.executescript(
            "CREATE TABLE IF NOT EXISTS schools (ID TEXT PRIMARY KEY, status TEXT, city TEXT);"
            "INSERT OR IGNORE INTO schools VALUES ('100724', 'C', 'Augusta');"
        )
    state = folder / "state"
    return Desk(
        load_config(folder, node + DATASET), load_federation(folder), state, bundle(), key(REGISTRY)
    )


def disputed(record: str, *fields: str, case: str = "a" * 32, on: SubjectId = SCHOOL) -> Opening:
    complaint = Complaint(
        kind=CaseKind.DISPUTE,
        agency=REGISTRY,
        dataset="schools",
        record=record,
        subject=on,
        statement="We are open.",
        fields=fields,
    )
    document = write_opening(complaint, desks().key, at=now(), case_id=case).to_bytes()
    return read_opening(document).opening


LINE: Final = disputed("schools.csv:2", "status")


def test_a_file_is_corrected_by_an_erratum_and_a_second_run_goes_on(tmp_path: Path) -> None:
    node = desk(tmp_path)
    # Both fields of the column say something else now.
    assert correct_record(node, LINE, {"status": "A"}, now()) == {"status", "same"}
    assert read_row(node, LINE).cells["status"] == "A"
    (erratum,) = node.errata()
    # Lines shift in the next edition: the key tells the row from others.
    assert erratum.row == (("ID", "100724"),)
    assert erratum.cells == (("status", "C", "A"),)
    assert correct_record(node, LINE, {"status": "A"}, now()) == {"status", "same"}
    assert node.errata() == (erratum,)
    with refused(Reason.CASE_CONFLICT):
        correct_record(node, LINE, {"status": "C"}, now())
    assert read_row(node, LINE).cells["status"] == "A"
    assert (tmp_path / "schools.csv").read_text() == ROWS


def test_the_line_names_a_row_that_has_its_keys_in_common(tmp_path: Path) -> None:
    node = desk(tmp_path)
    (tmp_path / "schools.csv").write_text(ROWS + "100724,C,Athens\n")
    correct_record(node, disputed("schools.csv:4"), {"status": "A"}, now())
    assert read_row(node, disputed("schools.csv:4")).cells["status"] == "A"
    assert read_row(node, LINE).cells["status"] == "C"
    assert node.errata()[0].row == (("~line", "4"), ("ID", "100724"))


def test_a_second_case_corrects_what_the_first_one_wrote(tmp_path: Path) -> None:
    node = desk(tmp_path)
    correct_record(node, LINE, {"status": "A"}, now())
    again = disputed("schools.csv:2", case="b" * 32)
    correct_record(node, again, {"status": "C", "city": "Savannah"}, now() + 1000)
    assert read_row(node, LINE).cells == {
        "~line": "2",
        "ID": "100724",
        "status": "C",
        "city": "Savannah",
    }
    assert len(node.errata()) == 2


@pytest.mark.parametrize(
    ("opening", "given", "reason"),
    [
        (LINE, {"status": "C"}, Reason.STEP_REFUSED),
        (LINE, {"status": "X"}, Reason.STEP_REFUSED),
        (LINE, {"city": "Athens"}, Reason.STEP_REFUSED),
        (LINE, {"grade": "A"}, Reason.UNKNOWN_FIELD),
        (disputed("schools.csv:3"), {"status": "A"}, Reason.NO_SUCH_RECORD),
        (disputed("schools.csv:9"), {"status": "A"}, Reason.NO_SUCH_RECORD),
        (
            disputed("schools.csv:2", on=SubjectId("school", "100725")),
            {"status": "A"},
            Reason.NO_SUCH_RECORD,
        ),
    ],
)
def test_what_cannot_be_right_leaves_everything_as_it_was(
    tmp_path: Path, opening: Opening, given: dict[str, str], reason: Reason
) -> None:
    node = desk(tmp_path)
    with refused(reason):
        correct_record(node, opening, given, now())
    assert node.errata() == ()
    assert read_row(node, LINE).cells["status"] == "C"


def test_a_database_is_the_agencys_to_change(tmp_path: Path) -> None:
    node = desk(tmp_path, DATABASE)
    opening = disputed("100724", "status")
    with refused(Reason.STEP_REFUSED):
        correct_record(node, opening, {"status": "A"}, now())
    with closing(sqlite3.connect(tmp_path / "schools.db")) as connection, connection:
        connection.execute("UPDATE schools SET status = 'A'")
    assert correct_record(node, opening, {"status": "A"}, now()) == {"status", "same"}
    assert node.errata() == ()
    assert not (tmp_path / "state" / "records.sqlite").exists()
