"""The conformance kit: an honest node passes it and has that in writing."""

import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from joserfc import jws
from joserfc.jwk import OKPKey

from landbridge.commands.main import run
from landbridge.keys import KeyUse, SigningKey, public_text
from node.conformance.run import CHECKS, make, prepared
from node.conformance.verdict import Verdict
from tests.integration.conformance_agency import NODE, TABLES, write_node
from tests.integration.registrars import RegistrarDatabase

PAGE = Path(__file__).resolve().parents[2] / "docs/conformance.md"


def test_an_honest_node_conforms_and_has_it_in_writing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    write_node(tmp_path)
    key = SigningKey.generate("registry", KeyUse.MEMORANDUM)
    key.save(tmp_path / "registry.key")
    report = tmp_path / "report.jws.json"
    monkeypatch.chdir(tmp_path)
    check, conform = re.findall(r"^\$ landbridge (.*)$", PAGE.read_text(), re.MULTILINE)
    assert run(check.split()) == 0
    capfd.readouterr()
    assert run(conform.split()) == 0
    shown = capfd.readouterr()
    lines = [line.split() for line in shown.out.splitlines()]
    assert [line[:2] for line in lines] == [["[pass]", check.name] for check in CHECKS]
    assert "the node conforms" in shown.err

    signed = json.loads(report.read_bytes())
    public = OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", "x": public_text(key.public)})
    document = json.loads(jws.deserialize_json(signed, public, algorithms=["Ed25519"]).payload)
    assert document["conforms"] is True
    assert document["signed_with_a_throw_away_key"] is False
    assert {each["check"]: each["verdict"] for each in document["checks"]} == {
        check.name: "pass" for check in CHECKS
    }
    assert (document["datasets"], document["untried_datasets"]) == (["companies", "holders"], [])
    # What was tried on real records says nothing of them.
    for value in ("00000017", "C00000011", "Troy", "Utica", "teacher", "2020-01-31"):
        assert value not in json.dumps(document)
        assert value not in shown.out + shown.err


def test_a_report_is_signed_by_the_agency_or_by_nobody(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config, _ = write_node(tmp_path)
    for agency, use in (("registry", KeyUse.LOG), ("board", KeyUse.MEMORANDUM)):
        key = tmp_path / f"{agency}.key"
        SigningKey.generate(agency, use).save(key)
        assert run(["node", "conform", str(config), "--key", str(key)]) == 4
        assert capsys.readouterr().err.startswith("LB-4002")


@pytest.mark.parametrize("registrar", ["duckdb"], indirect=True)
async def test_the_kit_finds_its_subjects_in_another_kind_of_database(
    registrar: RegistrarDatabase, tmp_path: Path
) -> None:
    config, federation = write_node(tmp_path)
    config.write_text(NODE.replace("sqlite:///registry.sqlite", registrar.url))
    for statement in TABLES.split(";"):
        registrar.run(statement)
    (tmp_path / "trial").mkdir()
    trial = prepared(config, federation, tmp_path / "trial")
    assert [len(found) for found in trial.subjects.values()] == [3, 2]
    await trial.start()
    try:
        outcomes = {
            check.name: await make(check, trial)
            for check in CHECKS
            if check.name in ("fields", "rows", "predicates", "log")
        }
    finally:
        await trial.stop()
    assert {outcome.verdict for outcome in outcomes.values()} == {Verdict.PASS}, outcomes


def test_a_node_without_records_cannot_be_tried(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config, _ = write_node(tmp_path)
    with closing(sqlite3.connect(tmp_path / "registry.sqlite")) as database:
        database.executescript("DELETE FROM companies; DELETE FROM holders;")
    assert run(["node", "conform", str(config)]) == 2
    assert "nothing to try" in capsys.readouterr().err


def test_every_check_stands_on_the_page() -> None:
    rows = re.findall(r"^\| (`.*?) \|", PAGE.read_text(), re.MULTILINE)
    named = [name for row in rows for name in re.findall(r"`([a-z-]+)`", row)]
    assert named == [check.name for check in CHECKS]
