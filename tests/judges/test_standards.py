"""Other people's programs read what we export: JSON-LD, JOSE, Table Schema, FollowTheMoney."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pyshacl import validate
from rdflib import Graph

from landbridge.exchange.credential import sign_credential, write_credential
from landbridge.exchange.dcat_ap import write_catalogue
from landbridge.exchange.follow_the_money import write_entities
from landbridge.exchange.odrl import write_agreement
from landbridge.exchange.table_schema import write_table_schema
from landbridge.keys import KeyUse
from landbridge.memorandum.document import Memorandum
from landbridge.profile import profile_document
from node.description import describe
from tests import example
from tests.judges.judge import NODE_MODULES
from tests.memoranda import WHOLE, write_text
from tests.small_town import Town

pytestmark = pytest.mark.judge("standards")
SCRIPT = Path(__file__).with_name("standards.cjs")
SHAPES = Path(__file__).with_name("shapes")
PROFILE = SCRIPT.parents[2] / "docs/schemas/odrl-profile.ttl"
ODRL = "http://www.w3.org/ns/odrl/2/"


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    town = Town(tmp_path_factory.mktemp("town"))
    yield town
    town.close()


@pytest.fixture(scope="module")
def agreement(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    memorandum = Memorandum.from_yaml(write_text(tmp_path_factory.mktemp("whole"), WHOLE))
    written: dict[str, Any] = json.loads(json.dumps(write_agreement(memorandum)))
    return written


def judge(name: str, *documents: object) -> list[dict[str, Any]]:
    """Hear a judge on each document: its verdict, or its error."""
    done = subprocess.run(
        ["node", SCRIPT, name],
        input=json.dumps(documents),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=os.environ | {"NODE_PATH": str(NODE_MODULES)},
    )
    assert done.returncode == 0, done.stderr
    verdicts: list[dict[str, Any]] = json.loads(done.stdout)
    return verdicts


def complaints(shapes: str, *documents: object) -> list[str]:
    """Say what SHACL finds wrong with each; empty where its graph conforms."""
    rules = Graph().parse(SHAPES / shapes)
    found = []
    for each in judge("quads", *documents):
        data = Graph().parse(data=each["verdict"], format="nt")
        conforms, _, report = validate(data, shacl_graph=rules)
        found.append("" if conforms else str(report))
    return found


def test_an_agreement_is_odrl(agreement: dict[str, Any]) -> None:
    changes: list[tuple[Callable[[dict[str, Any]], object], str]] = [
        (lambda each: each.pop("assigner"), "assigner"),
        (lambda each: each["constraint"][0].pop("operator"), "constraint"),
        (lambda each: each["target"].pop("source"), "target"),
        (lambda each: each["action"].append({"rdf:value": {"@id": "odrl:use"}}), "action"),
    ]
    broken = [json.loads(json.dumps(agreement)) for _ in changes]
    for document, (change, _) in zip(broken, changes, strict=True):
        change(document["permission"][0])
    right, *wrong = complaints("odrl.ttl", agreement, *broken)
    assert right == ""
    for complaint, (_, place) in zip(wrong, changes, strict=True):
        assert f"odrl:{place}" in complaint


def test_an_agreement_takes_no_word_of_odrl_that_is_none(agreement: dict[str, Any]) -> None:
    context = NODE_MODULES / "@digitalbazaar/odrl-context/contexts/odrl.jsonld"
    terms = json.loads(context.read_text())["@context"].values()
    known = {each if isinstance(each, str) else each["@id"] for each in terms}
    # The published context writes odrl:neq wrongly, as odrl:neg.
    known = {name.replace("odrl:", ODRL) for name in known} | {f"{ODRL}neq"}
    (quads,) = judge("quads", agreement)
    used = {part.strip("<>") for part in quads["verdict"].split() if part.startswith(f"<{ODRL}")}
    assert f"{ODRL}assigner" in used
    assert used <= known


def test_every_word_of_our_own_is_declared_in_the_profile(agreement: dict[str, Any]) -> None:
    declared = {
        f"<{term}>"
        for term in Graph().parse(PROFILE).subjects()
        if str(term).startswith("urn:landbridge:odrl#")
    }
    (quads,) = judge("quads", agreement)
    used = {part for part in quads["verdict"].split() if part.startswith("<urn:landbridge:odrl#")}
    # The memorandum holds every key there is, and all operators but one: each term has its use.
    assert used == declared - {"<urn:landbridge:odrl#isFilled>"}


def test_every_word_of_an_agreement_is_defined(agreement: dict[str, Any]) -> None:
    right, wrong = judge("expand", agreement, agreement | {"surprise": 1})
    assert "verdict" in right
    assert "surprise" in wrong["error"]


def test_a_catalogue_is_dcat_ap() -> None:
    catalogues = [
        write_catalogue(describe(node, example.federation())) for node in example.nodes().values()
    ]
    broken = [
        catalogues[0] | {"dct:publisher": [{"@id": "urn:a"}, {"@id": "urn:b"}]},
        catalogues[0] | {"dct:title": []},
        catalogues[0] | {"dcat:dataset": []},
        catalogues[0] | {"dct:issued": "yesterday"},
    ]
    found = complaints("dcat_ap.ttl", *catalogues, *broken)
    assert found[: len(catalogues)] == [""] * len(catalogues)
    assert all(found[len(catalogues) :])


def test_a_credential_is_verified_and_every_word_of_it_is_defined(town: Town) -> None:
    key = town.parties["board"].keys[KeyUse.QUERY]
    credential = write_credential(profile_document(town.profile()), key)
    token = sign_credential(credential, key)
    head, body, signature = token.split(".")
    others = (f"{head}.{body}x.{signature}", f"{head}.{body}.{'A' * 86}", f"{head}.{body}.")
    right, *wrong = judge("credential", token, *others)
    assert all("signature" in each["error"].lower() for each in wrong)
    seen = right["verdict"]
    assert seen["header"]["typ"] == "vc+jwt"
    assert seen["credential"] == credential
    (expanded,) = seen["expanded"]
    base = "https://www.w3.org/2018/credentials#"
    assert f"{base}VerifiableCredential" in expanded["@type"]
    assert expanded[f"{base}issuer"][0]["@id"] == credential["issuer"]["id"]
    assert expanded[f"{base}validFrom"][0]["@type"].endswith("#dateTime")


def test_table_schemas_are_read_and_hold_what_the_register_holds() -> None:
    descriptors = [
        write_table_schema(dataset)
        for node in example.nodes().values()
        for dataset in describe(node, example.federation()).datasets
    ]
    descriptors.append({"fields": [{"type": "money"}]})
    asked = [{"descriptor": descriptor, "rows": []} for descriptor in descriptors]
    *right, wrong = [each["verdict"] for each in judge("table-schema", *asked)]
    assert [(each["valid"], each["errors"]) for each in right] == [(True, [])] * len(right)
    assert wrong["valid"] is False


def test_table_schema_tells_right_values_from_wrong_ones() -> None:
    (dataset,) = [
        each
        for each in describe(example.nodes()["fsa.ed"], example.federation()).datasets
        if each.name == "cash-monitoring-2019"
    ]
    right = {field.name: "x" for field in dataset.fields} | {
        "ope_id": "00100500",
        "control": "public",
        "method": "hcm2",
        "cash_monitoring_2": "true",
    }
    rows = [right, right | {"method": "hcm9"}, right | {"cash_monitoring_2": "perhaps"}]
    written = [[row[field.name] for field in dataset.fields] for row in rows]
    (judged,) = judge("table-schema", {"descriptor": write_table_schema(dataset), "rows": written})
    assert [bool(complaint) for complaint in judged["verdict"]["casts"]] == [False, True, True]


def test_entities_fit_the_model_of_follow_the_money(town: Town) -> None:
    document = profile_document(town.profile())
    entities = list(write_entities(document, {"name": "name", "city": "address"}))
    entities.append({"id": "x", "schema": "Identification", "properties": {"colour": ["red"]}})
    (judged,) = judge("entities", entities)
    *verdicts, wrong = judged["verdict"]
    assert [each["schema"] for each in verdicts][:2] == ["LegalEntity", "Identification"]
    for each in verdicts:
        assert (each["unknown"], each["missing"], each["misdirected"]) == ([], [], [])
    assert wrong["unknown"] == ["colour"]
    assert set(wrong["missing"]) == {"holder", "number"}
