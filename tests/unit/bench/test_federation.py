"""The federation that is measured is what the product takes, and the same every time."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from bench.federation import (
    DATASET,
    LINKED_SCHEME,
    NAME,
    PURPOSE,
    REQUESTER,
    SCHEME,
    Plan,
    subjects_in_random_order,
    write_federation,
)
from bench.records import FIELDS, KEY, TERMS, make_records
from landbridge.federation import Federation
from landbridge.memorandum.document import Memorandum
from node.config import load_node_config

PLAN = Plan(nodes=3, subjects=50, seed=7)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_federation(tmp_path / "federation", PLAN)
    return tmp_path / "federation"


def test_the_product_reads_every_file(folder: Path) -> None:
    federation = Federation.load(folder / "federation.toml")
    assert federation.name == NAME
    assert set(federation.agencies) == {*PLAN.agencies, REQUESTER}
    assert federation.check_purpose(PURPOSE) == PURPOSE
    for agency in PLAN.agencies:
        config = load_node_config(folder / "agencies" / agency / "node.toml", federation)
        assert config.node.agency == agency
        assert not config.files
        (dataset,) = config.datasets
        assert {field.term for field in dataset.fields} - {None} == set(TERMS)
        memorandum = Memorandum.from_yaml(folder / "memoranda" / f"{agency}.yaml")
        (grant,) = memorandum.grants
        assert (grant.provider, grant.dataset) == (agency, DATASET)
        assert grant.fields == tuple(field.name for field in dataset.fields)


def test_each_subject_is_found_once_by_index_in_every_database(folder: Path) -> None:
    subjects = subjects_in_random_order(PLAN)
    assert len(set(subjects)) == PLAN.subjects
    assert [subject.value for subject in subjects] != sorted(subject.value for subject in subjects)
    schemes = Federation.load(folder / "federation.toml").schemes
    for agency in PLAN.agencies:
        with closing(sqlite3.connect(folder / "agencies" / agency / "records.sqlite")) as database:
            lookup = f"SELECT count(*) FROM {DATASET} WHERE {KEY} = ?"
            for subject in subjects:
                assert schemes.parse(f"{SCHEME}:{subject.value}") == subject
                assert database.execute(lookup, (subject.value,)).fetchone() == (1,)
            (plan,) = database.execute(f"EXPLAIN QUERY PLAN {lookup}", ("1",)).fetchall()
            assert f"INDEX {DATASET}_by_{KEY}" in plan[-1]


def test_the_same_plan_gives_the_same_federation(folder: Path, tmp_path: Path) -> None:
    write_federation(tmp_path / "again", PLAN)
    for path in folder.rglob("*"):
        if path.suffix in {".toml", ".yaml"}:
            again = tmp_path / "again" / path.relative_to(folder)
            assert again.read_bytes() == path.read_bytes()
    assert list(make_records(50, 7, 1)) == list(make_records(50, 7, 1))
    assert list(make_records(50, 7, 1)) != list(make_records(50, 8, 1))


def test_agencies_agree_on_most_cities_and_differ_on_some() -> None:
    city = 1 + [field.name for field in FIELDS].index("city")
    here, there = (list(make_records(500, 1, position)) for position in (0, 2))
    equal = sum(a[city] == b[city] for a, b in zip(here, there, strict=True))
    assert 350 < equal < 500


def test_of_two_stages_one_agency_alone_tells_what_the_others_know_a_subject_by(
    tmp_path: Path,
) -> None:
    write_federation(tmp_path / "linked", replace(PLAN, two_stage=True))
    federation = Federation.load(tmp_path / "linked" / "federation.toml")
    keys: list[list[str]] = []
    for agency in PLAN.agencies:
        path = tmp_path / "linked" / "agencies" / agency / "node.toml"
        (dataset,) = load_node_config(path, federation).datasets
        keys.append([key.scheme for key in dataset.keys])
        identifiers = {field.scheme for field in dataset.fields} - {None}
        assert identifiers == ({SCHEME, LINKED_SCHEME} if agency == PLAN.agencies[0] else set())
        memorandum = Memorandum.from_yaml(tmp_path / "linked" / "memoranda" / f"{agency}.yaml")
        assert [str(source) for source in memorandum.link_sources] == [
            f"{PLAN.agencies[0]}/{DATASET}"
        ]
    assert keys == [[SCHEME], [LINKED_SCHEME], [LINKED_SCHEME]]
