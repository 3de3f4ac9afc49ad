"""The example federation as real processes: one institution by any of its identifiers, and every
value held against the native cell that it names, by a reader that knows nothing of Landbridge."""

import asyncio
import json
import os
import random
import subprocess
import tomllib
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import jsonschema
import pytest

from landbridge.client import Client
from landbridge.commands.sandbox import Sandbox
from landbridge.memorandum.condition import Condition, Operator
from landbridge.profile import profile_document
from landbridge.subject import SubjectId
from landbridge.trust.bundle import TrustBundle
from landbridge.verification import verify_profile
from tests.e2e.canonical import expected
from tests.e2e.oracle import NativeRecord, Oracle
from tests.example import EXAMPLE, EXCERPT, ROOT, memoranda, whole
from tests.preloaded import run_preloaded

BOARD = "board.ny"
REVIEW = "approval-review"
DRAWN = 200
ON_PROBATION_IN_2016 = "140720"
ALABAMA_STATE = [
    "us-ipeds-unitid:100724",
    "us-ope-id:00100500",
    "us-va-facility-code:13901101",
    "us-dapip-id:100061",
    "us-ein:636001101",
]
SPELLINGS = {
    "hcm_2015-12-01.csv": "100500",
    "hcm_2016-12-01.csv": "00100500",
    "hcm_2019-06.csv": '"00100500"',
    "peps300_fy2016.csv": "1005",
    "scorecard.csv": '"00100500"',
}
FIELDS: Mapping[tuple[str, str], Mapping[str, Mapping[str, Any]]] = {
    (path.parent.name, dataset["name"]): {field["name"]: field for field in dataset["fields"]}
    for path in EXAMPLE.glob("agencies/*/node.toml")
    for dataset in tomllib.loads(path.read_text())["datasets"]
}
SCHEMA = jsonschema.Draft202012Validator(
    json.loads((ROOT / "docs" / "schemas" / "profile.schema.json").read_text())
)


@pytest.fixture(scope="module")
def records() -> Path:
    return whole() or EXCERPT


@pytest.fixture(scope="module")
def oracle(records: Path) -> Oracle:
    return Oracle(records)


@pytest.fixture(scope="module")
def sandbox(records: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    patch = pytest.MonkeyPatch()
    patch.setenv("LANDBRIDGE_RECORDS", str(records))
    with (
        patch.context(),
        Sandbox(EXAMPLE, tmp_path_factory.mktemp("home"), preloaded=True) as running,
    ):
        asyncio.run(running.wait_ready())
        yield running


def landbridge(sandbox: Sandbox, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run_preloaded(
        *arguments, env={**os.environ, "LANDBRIDGE_HOME": str(sandbox.home_folder)}
    )


def profile(sandbox: Sandbox, subject: str, *arguments: str, exits: int = 0) -> dict[str, Any]:
    done = landbridge(
        sandbox,
        *("profile", subject, "--purpose", REVIEW, "--case", "C-1", "-o", "json"),
        *arguments,
    )
    assert done.returncode == exits, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    SCHEMA.validate(document)
    return document


def found(document: Mapping[str, Any]) -> set[NativeRecord]:
    return {
        NativeRecord(section["agency"], section["dataset"], record["record"])
        for section in document["sections"]
        for record in section["records"]
    }


def about(document: Mapping[str, Any], agency: str, dataset: str) -> list[Mapping[str, Any]]:
    return [
        record
        for section in document["sections"]
        if (section["agency"], section["dataset"]) == (agency, dataset)
        for record in section["records"]
    ]


@pytest.mark.parametrize("subject", ALABAMA_STATE)
def test_each_scheme_finds_the_same_institution_however_it_is_spelled(
    sandbox: Sandbox, oracle: Oracle, subject: str
) -> None:
    document = profile(sandbox, subject)
    by_file = {record.record.rpartition(":")[0]: record for record in found(document)}
    for file, spelled in SPELLINGS.items():
        row = oracle.row(by_file[file].record)
        column = next(name for name in row if name.lower().replace(" ", "") == "opeid")
        assert row[column].strip() == spelled
    assert oracle.cell(by_file["hd2014.csv"].record, "UNITID") == "100724"
    assert oracle.cell(by_file["InstituteCampuses.csv"].record, "DapipId") == "100061"
    assert oracle.cell(by_file["crosswalk.csv"].record, "facility code") == "13901101"


def test_a_coarser_key_is_shown_as_covering_the_group(sandbox: Sandbox) -> None:
    document = profile(sandbox, "us-ipeds-unitid:100724")
    (rates,) = about(document, "cdr.ed", "default-rates")
    assert rates["coverage"] == "group"
    compared = {
        (value["agency"], value["dataset"])
        for comparison in document["comparisons"]
        for value in comparison["values"]
    }
    assert ("cdr.ed", "default-rates") not in compared


def test_a_tax_number_of_many_campuses_covers_the_group_and_names_no_one_campus(
    sandbox: Sandbox,
) -> None:
    # All 146 campuses are more than are followed; those of the excerpt are not.
    document = profile(sandbox, "us-ein:362061311", exits=3 if whole() else 0)
    campuses = about(document, "nces.ed", "institutions")
    assert len(campuses) > 1
    # Found by the tax number, or by the number of one of its several campuses: never as if exact.
    assert {record["coverage"] for record in campuses} <= {"group", "one-of-several"}
    links = [link for link in document["links"] if link["linked"]["scheme"] == "us-ipeds-unitid"]
    assert all(link["ambiguous"] for link in links)


def test_itt_shows_its_conflicts_with_dates(sandbox: Sandbox) -> None:
    document = profile(sandbox, "us-ipeds-unitid:151519")
    conflicts = {
        item["term"]: {
            (value["agency"], value["value"], value["as_of"]) for value in item["values"]
        }
        for item in document["comparisons"]
        if item["status"] == "conflict"
    }
    assert ("nces.ed", "active", "2015-03-19") in conflicts["standing"]
    assert ("dod", "probation-dod", "2017-02-28") in conflicts["standing"]
    assert ("nces.ed", "active", "2015-03-19") in conflicts["operating-status"]
    assert ("va", "closing", "2018-06-01") in conflicts["operating-status"]
    assert ("ope.ed", "2016-10-16", "2020-11-02") in conflicts["closed-on"]
    assert ("va", "2016-09-06", "2018-06-01") in conflicts["closed-on"]


def test_a_record_that_names_two_campuses_links_them_ambiguously(sandbox: Sandbox) -> None:
    document = profile(sandbox, "us-ipeds-unitid:217235")
    (sister,) = [
        link
        for link in document["links"]
        if link["linked"] == {"scheme": "us-ipeds-unitid", "value": "460349"}
        and link["agency"] == "ope.ed"
        and link["known"]["scheme"] == "us-ipeds-unitid"
    ]
    assert sister["ambiguous"]
    assert not sister["followed"]
    assert not any(
        record["about"]["value"] == "460349"
        for section in document["sections"]
        for record in section["records"]
    )


def test_a_lender_is_refused_what_no_clause_grants(sandbox: Sandbox) -> None:
    done = landbridge(
        sandbox,
        *("profile", "us-ipeds-unitid:151519", "--purpose", "credit-review", "--case", "L-1"),
        *("--as", "first-lender", "--want", "nces.ed/institutions:institution_name,ein"),
        *("--want", "va/settlements", "-o", "json"),
    )
    assert done.returncode == 3, done.stderr
    document = json.loads(done.stdout)
    gaps = {(gap["agency"], gap["code"]): gap for gap in document["gaps"]}
    ein = gaps["nces.ed", "LB-3004"]
    assert (ein["fields"], ein["memorandum"]) == (["ein"], "ed-lender-2025")
    assert any(agency == "va" and code.startswith("LB-3") for agency, code in gaps)
    assert '"362061311"' not in done.stdout


def permits(agency: str, dataset: str, values: Mapping[str, Any]) -> bool:
    """Whether a clause of the board covers a row, by its own reading of the row conditions."""
    return any(
        all(_meets(condition, values[condition.field]) for condition in grant.where)
        for memorandum in memoranda()
        for grant in memorandum.grants
        if (grant.provider, grant.dataset) == (agency, dataset)
        and BOARD in grant.requesters
        and REVIEW in grant.purposes
    )


def _meets(condition: Condition, value: Any) -> bool:
    if condition.operator is Operator.NOT_NULL:
        return value is not None
    if value is None:
        return condition.operator is Operator.IS_NULL
    wanted: Any = condition.value
    match condition.operator:
        case Operator.EQ:
            return bool(value == wanted)
        case Operator.IN:
            return value in wanted
        case Operator.GE:
            return bool(value >= wanted)
    raise AssertionError(f"the example uses a condition that this test does not know: {condition}")


def is_expired(agency: str, dataset: str, values: Mapping[str, Any]) -> bool:
    """Whether a row is past the ten years after which adverse actions are not given any more."""
    action, day = values.get("action") or "", values.get("action_on")
    if (agency, dataset) != ("ope.ed", "actions") or day is None:
        return False
    if not action.startswith(("Heightened", "Probation or", "Warning or")):
        return False
    year, month, last = map(int, day.split("-"))
    today = datetime.now(ZoneInfo("America/New_York")).date()
    return (year + 10, month, last) < (today.year, today.month, today.day)


def readings(oracle: Oracle, agency: str, dataset: str, record: str) -> dict[str, Any]:
    row = oracle.row(record)
    return {
        name: expected(field, row[field["column"]])[0]
        for name, field in FIELDS[agency, dataset].items()
    }


def check_values(oracle: Oracle, document: Mapping[str, Any]) -> int:
    """Hold every value of a profile against the native cell that it names."""
    checked = 0
    for section in document["sections"]:
        fields = FIELDS[section["agency"], section["dataset"]]
        for record in section["records"]:
            row = oracle.row(record["record"])
            for value in record["values"]:
                field = fields[value["field"]]
                cell = row[field["column"]]
                wanted, quality = expected(field, cell)
                where = (record["record"], value["field"], cell)
                assert value.get("quality", "") == quality, where
                if not quality:
                    assert value["value"] == wanted, where
                if quality == "unreadable":
                    assert value["native"] == cell, where
                if "native" in value:
                    assert value["native"] == cell, where
                checked += 1
    return checked


def covered(
    oracle: Oracle, document: Mapping[str, Any], unitid: str
) -> tuple[set[NativeRecord], int]:
    """Every native record of the institution that a grant of the board covers, and those past it.

    The second is how many more there would be, were they not past their term.
    """
    followed = {
        (link["linked"]["scheme"], link["linked"]["value"])
        for link in document["links"]
        if link["followed"]
    }
    records, expired = set(), 0
    for record in oracle.records("us-ipeds-unitid", unitid, followed):
        values = readings(oracle, record.agency, record.dataset, record.record)
        if permits(record.agency, record.dataset, values):
            if is_expired(record.agency, record.dataset, values):
                expired += 1
            else:
                records.add(record)
    return records, expired


def withheld(document: Mapping[str, Any]) -> int:
    return sum(source.get("withheld_as_expired", 0) for source in document["sources"])


async def test_every_value_is_in_its_cell_and_every_covered_record_in_the_profile(
    sandbox: Sandbox, oracle: Oracle
) -> None:
    unitids = list(oracle.unitids)
    drawn = random.Random(20261123).sample(unitids, DRAWN) if whole() else unitids
    drawn = [*drawn, *({ON_PROBATION_IN_2016} - {*drawn})]
    client = Client.from_home(sandbox.home_folder, BOARD)
    bundle = TrustBundle.parse((sandbox.home_folder / "trust-bundle.json").read_bytes(), None)
    values = withheld_at_all = 0
    try:
        for start in range(0, len(drawn), 20):
            part = drawn[start : start + 20]
            subjects = [SubjectId("us-ipeds-unitid", unitid) for unitid in part]
            queries = client.sign(subjects, REVIEW, "SAMPLE")
            envelopes = await asyncio.gather(*(client.stream(query, 20) for query in queries))
            SCHEMA.validate(profile_document(envelopes[0]))
            for unitid, envelope in zip(part, envelopes, strict=True):
                document = profile_document(envelope)
                verify_profile(document, bundle, federation=sandbox.federation)
                whole_, expired = covered(oracle, document, unitid)
                assert (found(document), withheld(document)) == (whole_, expired), unitid
                withheld_at_all += expired
                followed = {
                    (link["linked"]["scheme"], link["linked"]["value"])
                    for link in document["links"]
                    if link["followed"]
                }
                # Some tax numbers of the register are not ones; the oracle does not check that.
                linked = {
                    (scheme, value)
                    for scheme, value in oracle.aliases("us-ipeds-unitid", unitid)
                    if scheme != "us-ein"
                }
                assert linked <= followed, unitid
                values += check_values(oracle, document)
    finally:
        await client.close()
    assert values > 20 * len(drawn)
    # Were nothing withheld, it would not show whether what is past its term is found out.
    assert withheld_at_all


def test_a_saved_profile_is_verified_offline_and_a_changed_one_is_not(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    saved = tmp_path / "profile.json"
    profile(sandbox, "us-ope-id:00100200", "--save", str(saved))
    bundle = str(sandbox.home_folder / "trust-bundle.json")
    arguments = ("verify", str(saved), "--bundle", bundle)
    assert landbridge(sandbox, *arguments).returncode == 0
    document = json.loads(saved.read_text())
    document["sections"][0]["records"][0]["values"][0]["value"] = "changed"
    saved.write_text(json.dumps(document))
    done = landbridge(sandbox, *arguments)
    assert done.returncode == 4
    assert "LB-4201" in done.stderr
