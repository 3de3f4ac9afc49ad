"""Every node of the example gives what its native files hold, no row and no cell else.

The files are read a second time by tests/e2e/oracle.py, and their cells by tests/e2e/canonical.py,
neither of which knows Landbridge.
"""

import random
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from landbridge.errors import LandbridgeError
from landbridge.memorandum.condition import Condition
from landbridge.subject import SubjectId
from landbridge.v1 import answer_pb2
from node.config import load_node_config
from node.sources.lookup import Lookup, Wanted
from node.sources.source import Source
from tests.e2e.canonical import UNREADABLE, expected
from tests.e2e.oracle import NativeRecord, Oracle
from tests.e2e.registers import DAPIP, EIN, FACILITY, OPE, UNITID
from tests.example import EXAMPLE, EXCERPT, federation, memoranda, whole

FOLDERS = [folder for folder in (EXCERPT, whole()) if folder]
QUALITIES = {
    answer_pb2.QUALITY_UNSPECIFIED: "",
    answer_pb2.QUALITY_EMPTY: "empty",
    answer_pb2.QUALITY_UNREADABLE: UNREADABLE,
}
Fields = Mapping[str, Mapping[str, Any]]
NODES = {
    path.parent.name: tomllib.loads(path.read_text())
    for path in sorted(EXAMPLE.glob("agencies/*/node.toml"))
}
DATASETS: dict[tuple[str, str], Fields] = {
    (agency, dataset["name"]): {field["name"]: field for field in dataset["fields"]}
    for agency, node in NODES.items()
    for dataset in node["datasets"]
}


class Registers:
    """The sources of all seven nodes over one folder, and the oracle over the same."""

    def __init__(self, folder: Path, work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("LANDBRIDGE_RECORDS", str(folder))
        self.oracle = Oracle(folder)
        self.sources = {
            agency: Source.open(
                load_node_config(EXAMPLE / "agencies" / agency / "node.toml", federation()),
                federation(),
                work / agency,
            )
            for agency in NODES
        }

    def read(
        self, agency: str, dataset: str, scheme: str, value: str, where: tuple[Condition, ...] = ()
    ) -> list[answer_pb2.Record]:
        """Read all fields of a dataset on the institution, by directly linked identifiers."""
        aliases = (SubjectId(*id_) for id_ in sorted(self.oracle.aliases(scheme, value)))
        wanted = Wanted(dataset, tuple(DATASETS[agency, dataset]), where)
        lookup = Lookup(wanted, SubjectId(scheme, value), tuple(aliases))
        (outcome,) = self.sources[agency].fetch([lookup])
        if isinstance(outcome, LandbridgeError):
            assert outcome.code == "LB-2005", outcome
            return []
        return outcome

    def find(self, scheme: str, value: str) -> set[NativeRecord]:
        """Find every record of the institution in all seven nodes, and check each value."""
        found = set()
        for (agency, dataset), fields in DATASETS.items():
            for record in self.read(agency, dataset, scheme, value):
                self.check(fields, record)
                found.add(NativeRecord(agency, dataset, record.record, record.covers_group))
        return found

    def check(self, fields: Fields, record: answer_pb2.Record) -> None:
        row = self.oracle.row(record.record)
        for field, value in zip(fields.values(), record.values, strict=True):
            cell = row[field["column"]]
            assert (canonical(value), QUALITIES[value.quality]) == expected(field, cell), field
            assert (value.native or write(field, value)) == cell


def canonical(value: answer_pb2.Value) -> object:
    kind = value.WhichOneof("canonical")
    if kind == "list":
        return [canonical(item) for item in value.list.items]
    return None if kind is None else getattr(value, kind)


def write(field: Mapping[str, Any], value: answer_pb2.Value) -> str:
    """Write the canonical value as text, which is the native one where none is given beside it."""
    if value.HasField("list"):
        return str(field["list"]).join(
            item.native or write(field, item) for item in value.list.items
        )
    found = canonical(value)
    if found is None:
        return ""
    return str(found).lower() if isinstance(found, bool) else str(found)


@pytest.fixture(scope="module", params=FOLDERS, ids=["excerpt", "whole"][: len(FOLDERS)])
def registers(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Registers]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        opened = Registers(request.param, tmp_path_factory.mktemp("nodes"), monkeypatch)
        yield opened
        for source in opened.sources.values():
            source.close()


def drawn(oracle: Oracle) -> list[str]:
    """Two hundred institutions, or all where there are fewer."""
    unitids = oracle.unitids
    return random.Random(151519).sample(unitids, min(200, len(unitids)))


def test_every_row_of_an_institution_is_found_and_every_cell_is_right(registers: Registers) -> None:
    oracle = registers.oracle
    for unitid in drawn(oracle):
        found = registers.find(UNITID, unitid)
        wanted = oracle.records(UNITID, unitid)
        assert found == wanted, unitid
        assert {record: record.covers_group for record in found} == {
            record: record.covers_group for record in wanted
        }


@pytest.mark.parametrize(
    ("scheme", "value"),
    [
        (UNITID, "100724"),
        (OPE, "00100500"),
        (FACILITY, "13901101"),
        (DAPIP, "100061"),
        (EIN, "636001101"),
    ],
)
def test_each_scheme_finds_the_rows_that_its_links_lead_to(
    registers: Registers, scheme: str, value: str
) -> None:
    found = registers.find(scheme, value)
    assert found == registers.oracle.records(scheme, value)
    assert "hd2014.csv" in {record.record.partition(":")[0] for record in found}


def test_one_ope_id_however_it_is_written(registers: Registers) -> None:
    found = registers.find(OPE, "00100500")
    assert {record.dataset for record in found if record.agency in ("fsa.ed", "cdr.ed", "dod")} == {
        *("cash-monitoring-2015", "cash-monitoring-2016", "cash-monitoring-2019"),
        *("default-rates", "tuition-assistance"),
    }
    assert {record.dataset for record in found if record.covers_group} == {"default-rates"}


@cache
def clauses() -> tuple[tuple[str, str, tuple[Condition, ...]], ...]:
    return tuple(
        (
            grant.provider,
            grant.dataset,
            tuple(Condition(row.field, row.operator, row.value) for row in grant.where),
        )
        for memorandum in memoranda()
        for grant in memorandum.grants
        if grant.where
    )


def meets(condition: Condition, value: object) -> bool:
    """Evaluate the kinds of condition that the example's memoranda use."""
    if value is None:
        return False
    match str(condition.operator):
        case "eq":
            return value == condition.value
        case "in":
            return isinstance(condition.value, tuple) and value in condition.value
        case "not-null":
            return True
        case "ge":
            return bool(size(value) >= size(condition.value))
    raise AssertionError(condition)


def size(value: object) -> Any:
    text = str(value).removesuffix(" USD")
    return text if text.count("-") else float(text)


def test_row_conditions_of_the_memoranda_cut_in_the_database(registers: Registers) -> None:
    released = withheld = 0
    for unitid in drawn(registers.oracle):
        for agency, dataset, where in clauses():
            fields = DATASETS[agency, dataset]
            everything = registers.read(agency, dataset, UNITID, unitid)
            cut = registers.read(agency, dataset, UNITID, unitid, where)
            kept = [
                record
                for record in everything
                if all(
                    meets(
                        condition,
                        expected(
                            fields[condition.field],
                            registers.oracle.cell(record.record, fields[condition.field]["column"]),
                        )[0],
                    )
                    for condition in where
                )
            ]
            assert cut == kept, (unitid, dataset, where)
            released += len(cut)
            withheld += len(everything) - len(cut)
    assert released
    assert withheld
