"""The example federation fits together: members, identifier schemes, datasets, files, terms."""

import runpy
from pathlib import Path
from typing import Any

import pytest

from landbridge.agency import Role
from node.node_file import FieldType
from tests.example import EXAMPLE, EXCERPT, ROOT, datasets, federation, nodes, whole

REQUESTERS = {"board.ny", "first-lender", "records-desk"}


def test_seven_agencies_have_a_node_and_each_its_own_folder() -> None:
    members = {id_ for id_, agency in federation().agencies.items() if Role.NODE in agency.roles}
    assert len(members) == 7
    assert members == nodes().keys()
    assert {name: node.node.agency for name, node in nodes().items()} == {
        name: name for name in nodes()
    }


def test_the_two_requesters_of_the_issue_are_members() -> None:
    assert {
        id_ for id_, agency in federation().agencies.items() if Role.NODE not in agency.roles
    } == REQUESTERS
    assert {"approval-review", "credit-review", "programme-audit"} <= federation().purposes.keys()


@pytest.mark.parametrize(
    ("typed", "normal"),
    [
        ("us-ipeds-unitid:100724", "us-ipeds-unitid:100724"),
        ("us-ope-id:100500", "us-ope-id:00100500"),
        ('us-ope-id:"00100500"', "us-ope-id:00100500"),
        ("us-ope-id:020635a1", "us-ope-id:020635A1"),
        ("us-va-facility-code:21x19632", "us-va-facility-code:21X19632"),
        ("us-dapip-id: 100061", "us-dapip-id:100061"),
        ("us-ein:50306206", "us-ein:050306206"),
        ("us-ein:05-0306206", "us-ein:050306206"),
    ],
)
def test_five_schemes_read_what_people_and_registers_write(typed: str, normal: str) -> None:
    assert len(federation().schemes) == 5
    assert str(federation().schemes.parse(typed)) == normal


@pytest.mark.parametrize(
    ("spelling", "written"),
    [
        ("plain", "00100500"),
        ("quoted", '"00100500"'),
        ("unpadded", "100500"),
        ("base-unpadded", "1005"),
    ],
)
def test_ope_ids_are_written_as_the_registers_write_them(spelling: str, written: str) -> None:
    assert federation().schemes["us-ope-id"].spell("00100500", spelling) == written


def test_every_file_of_the_excerpt_is_served_once() -> None:
    served = [file.path for node in nodes().values() for file in node.files]
    written = {str(path.relative_to(EXAMPLE / "excerpt")) for path in EXAMPLE.glob("excerpt/*/*")}
    assert sorted(served) == sorted(written)
    assert len(served) == 16
    tables = [dataset.table for node in nodes().values() for dataset in node.datasets]
    assert sorted(tables) == sorted(file.table for node in nodes().values() for file in node.files)


def test_records_are_the_whole_ones_where_they_are_and_the_excerpt_elsewhere(
    tmp_path: Path,
) -> None:
    for node in nodes().values():
        assert node.records_folder({"LANDBRIDGE_RECORDS": str(tmp_path)}) == tmp_path
        assert node.records_folder({}).resolve() in {
            (ROOT.parent / "shared/data").resolve(),
            (EXAMPLE / "excerpt").resolve(),
        }
        assert node.node.records[-1] == "../../excerpt"


def test_every_dataset_says_its_day_and_source_and_every_field_what_it_means() -> None:
    for name, dataset in datasets().items():
        assert dataset.as_of is not None, name
        assert dataset.source, name
        for field in dataset.fields:
            assert field.description, f"{name} {field.name}"


def test_a_term_is_coded_alike_wherever_it_occurs() -> None:
    meanings: dict[str, dict[str, set[Any]]] = {}
    types: dict[str, set[FieldType]] = {}
    for name, dataset in datasets().items():
        for field in dataset.fields:
            if field.term:
                types.setdefault(field.term, set()).add(field.type)
                if field.codes:
                    meanings.setdefault(field.term, {})[name] = set(field.codes.values())
    assert {term for term, found in types.items() if len(found) > 1} == {"state"}
    assert types["state"] == {FieldType.TEXT, FieldType.CODE}
    home = {"public", "private-nonprofit", "private-for-profit"}
    assert all(home <= codes for codes in meanings["control"].values())
    assert all({True, False} == codes for codes in meanings["cash-monitoring-2"].values())
    assert all({"hcm1", "hcm2"} == codes for codes in meanings["cash-monitoring"].values())
    assert set().union(*meanings["operating-status"].values()) == {
        *("active", "closed", "closing", "combined", "reported-with-main-campus"),
    }


def test_every_term_is_used_by_two_datasets() -> None:
    users: dict[str, set[str]] = {term: set() for term in federation().terms}
    for name, dataset in datasets().items():
        for field in dataset.fields:
            if field.term:
                users[field.term].add(name)
    assert {term for term, found in users.items() if len(found) < 2} == set()


def test_identifiers_of_others_do_not_link() -> None:
    """A successor's or a parent's number in a row is not another name of the row's subject."""
    for dataset, field_name in (
        ("nces.ed/institutions", "successor_unitid"),
        ("ope.ed/institutions", "parent_dapip_id"),
    ):
        kinds = {field.name: field.type for field in datasets()[dataset].fields}
        assert kinds[field_name] is FieldType.TEXT


@pytest.mark.parametrize("folder", [folder for folder in (EXCERPT, whole()) if folder])
def test_the_excerpt_is_what_its_script_writes(folder: Path, tmp_path: Path) -> None:
    """Also of the excerpt itself, so that the script is held everywhere."""
    script = runpy.run_path(str(EXAMPLE / "write_excerpt.py"))
    script["write_excerpt"](folder, tmp_path)
    for path in EXCERPT.glob("*/*"):
        assert (tmp_path / path.relative_to(EXCERPT)).read_bytes() == path.read_bytes(), path.name
