"""Profiles of sealed answers: what the gateway sees, the requester opens and others verify."""

import base64
import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from landbridge.errors import LandbridgeError, Reason
from landbridge.opened_profile import open_profile, with_contents
from landbridge.profile import profile_document, read_profile, write_document
from landbridge.sealing import SealingKey
from landbridge.v1 import envelope_pb2
from landbridge.verification import verify_profile
from tests.small_town import Town

Document = dict[str, Any]
SCHEMA = json.loads(
    (Path(__file__).parents[2] / "docs" / "schemas" / "profile.schema.json").read_text()
)
KEY = SealingKey.generate()
VALUES = ("Northgate Bakery", "NORTHGATE BAKERY", "Springfield", "02/01/1999", "40.00 USD", "soon")


@dataclass(frozen=True)
class Sealed:
    """A town, the profile that its gateway signed, and what the requester made of it."""

    town: Town
    envelope: envelope_pb2.Envelope
    document: Document


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    town = Town(tmp_path_factory.mktemp("town"))
    yield town
    town.close()


@pytest.fixture(scope="module")
def sealed(town: Town) -> Sealed:
    envelope = town.profile_for(town.query(seal_to=KEY.public))
    opened = open_profile(read_profile(envelope), KEY, town.federation)
    assert opened.failures == {}
    return Sealed(town, envelope, write_document(opened.signed))


def refusal(sealed: Sealed, document: Document) -> LandbridgeError:
    with pytest.raises(LandbridgeError) as caught:
        verify_profile(document, sealed.town.bundle, federation=sealed.town.federation)
    return caught.value


def test_the_gateway_sees_that_sources_answered_and_not_what(sealed: Sealed) -> None:
    seen = profile_document(sealed.envelope)
    assert seen["sections"] == []
    assert seen["comparisons"] == []
    assert seen["completeness"]["answered"] == 3
    assert [(s["agency"], s["code"], s["state"]) for s in seen["sources"]] == [
        ("court", "LB-3001", "refused"),
        ("court", "LB-2002", "failed"),
        ("permits", "LB-0003", "sealed"),
        ("permits", "LB-0003", "sealed"),
        ("registry", "LB-0003", "sealed"),
    ]
    assert [gap["kind"] for gap in seen["gaps"]].count("sealed") == 3
    signed = sealed.envelope.SerializeToString()
    assert not [value for value in VALUES if value.encode() in signed]
    jsonschema.Draft202012Validator(SCHEMA).validate(seen)


def test_what_the_gateway_assembled_verifies_without_being_opened(sealed: Sealed) -> None:
    town = sealed.town
    checks = verify_profile(
        profile_document(sealed.envelope), town.bundle, federation=town.federation
    ).checks
    assert [check.name for check in checks][-2:] == ["assembly", "document"]
    assert all(check.made for check in checks)


def test_an_opened_profile_shows_what_one_in_the_clear_would(sealed: Sealed) -> None:
    town = sealed.town
    clear = profile_document(town.profile())
    parts = ("sections", "comparisons", "links", "gaps", "sources", "completeness")
    assert {part: sealed.document[part] for part in parts} == {part: clear[part] for part in parts}
    assert sealed.document["query"]["sealed"] is True
    assert [part["agency"] for part in sealed.document["opened"]] == ["permits", "registry"]
    jsonschema.Draft202012Validator(SCHEMA).validate(sealed.document)


def test_whoever_holds_the_opened_profile_verifies_it_without_a_key(sealed: Sealed) -> None:
    document = json.loads(json.dumps(sealed.document))
    verified = verify_profile(document, sealed.town.bundle, federation=sealed.town.federation)
    assert [check.name for check in verified.checks][-3:] == ["assembly", "opened", "document"]
    assert "2 of 2" in verified.checks[-2].text
    assert verified.signed.answers[1].datasets[0].extracts


def test_opened_contents_take_the_federations_terms(sealed: Sealed) -> None:
    with pytest.raises(LandbridgeError) as caught:
        verify_profile(sealed.document, sealed.town.bundle)
    assert (caught.value.reason, caught.value.where) == (Reason.USAGE, "opened")


def test_no_shown_value_can_be_changed(sealed: Sealed) -> None:
    altered = copy.deepcopy(sealed.document)
    altered["sections"][1]["records"][0]["values"][0]["value"] = "Southgate Bakery"
    error = refusal(sealed, altered)
    assert error.reason is Reason.PROFILE_ALTERED
    assert error.where == "sections[1].records[0].values[0].value"


def test_not_one_bit_of_opened_contents_can_be_changed(sealed: Sealed) -> None:
    for part, opened in enumerate(sealed.document["opened"]):
        contents = base64.b64decode(opened["contents"])
        for place in range(0, len(contents), 29):
            spoiled = bytearray(contents)
            spoiled[place] ^= 1
            altered = copy.deepcopy(sealed.document)
            altered["opened"][part]["contents"] = base64.b64encode(bytes(spoiled)).decode()
            error = refusal(sealed, altered)
            assert (error.reason, error.where) == (Reason.SEAL_BROKEN, opened["agency"])


def test_not_one_bit_of_its_evidence_can_be_changed(sealed: Sealed) -> None:
    evidence = base64.b64decode(sealed.document["evidence"])
    for place in range(0, len(evidence), len(evidence) // 80):
        spoiled = bytearray(evidence)
        spoiled[place] ^= 1
        altered = {**sealed.document, "evidence": base64.b64encode(bytes(spoiled)).decode()}
        assert refusal(sealed, altered).code.startswith("LB-4")


def test_contents_of_another_profile_are_refused(sealed: Sealed) -> None:
    town = sealed.town
    other = open_profile(
        read_profile(town.profile_for(town.query(seal_to=KEY.public))), KEY, town.federation
    )
    altered = {**sealed.document, "opened": write_document(other.signed)["opened"]}
    assert refusal(sealed, altered).reason is Reason.SEAL_BROKEN


def test_an_answer_whose_contents_are_withheld_shows_as_missing(sealed: Sealed) -> None:
    altered = copy.deepcopy(sealed.document)
    del altered["opened"][0]
    assert refusal(sealed, altered).reason is Reason.PROFILE_ALTERED
    withheld = with_contents(
        read_profile(sealed.envelope),
        {"registry": base64.b64decode(sealed.document["opened"][1]["contents"])},
        sealed.town.federation,
    )
    shown = write_document(withheld)
    assert [s["code"] for s in shown["sources"] if s["agency"] == "permits"] == ["LB-4202"] * 2
    assert shown["completeness"]["state"] == "partial"
    verify_profile(shown, sealed.town.bundle, federation=sealed.town.federation)


def take_out_opened(document: Document) -> None:
    del document["opened"]


def double(document: Document) -> None:
    document["opened"].append(document["opened"][0])


def swap(document: Document) -> None:
    document["opened"].reverse()


def invent(document: Document) -> None:
    document["opened"].append({"agency": "court", "contents": "AAAA"})


def add_key(document: Document) -> None:
    document["opened"][0]["note"] = "x"


def garble(document: Document) -> None:
    document["opened"][0]["contents"] = "?"


def exchange(document: Document) -> None:
    first, second = document["opened"]
    first["contents"], second["contents"] = second["contents"], first["contents"]


def no_list(document: Document) -> None:
    document["opened"] = {"permits": "AAAA"}


def empty(document: Document) -> None:
    document["opened"] = []


@pytest.mark.parametrize(
    ("spoil", "reason", "where"),
    [
        (take_out_opened, Reason.PROFILE_ALTERED, "completeness.refused_fields"),
        (double, Reason.PROFILE_ALTERED, "opened[2]"),
        (swap, Reason.PROFILE_ALTERED, "opened[0].agency"),
        (invent, Reason.PROFILE_ALTERED, "opened"),
        (add_key, Reason.PROFILE_ALTERED, "opened[0]"),
        (garble, Reason.PROFILE_ALTERED, "opened[0]"),
        (exchange, Reason.SEAL_BROKEN, "permits"),
        (no_list, Reason.PROFILE_ALTERED, "opened[0]"),
        (empty, Reason.PROFILE_ALTERED, "completeness.state"),
    ],
)
def test_what_is_said_to_be_opened_is_held_to_its_form(
    sealed: Sealed, spoil: Callable[[Document], None], reason: Reason, where: str
) -> None:
    altered = copy.deepcopy(sealed.document)
    spoil(altered)
    error = refusal(sealed, altered)
    assert (error.reason, error.where) == (reason, where)


@pytest.mark.parametrize("opened", [[], [{"agency": "registry", "contents": "AAAA"}]])
def test_nothing_is_opened_of_a_profile_in_the_clear(
    sealed: Sealed, opened: list[dict[str, str]]
) -> None:
    altered = {**profile_document(sealed.town.profile()), "opened": opened}
    error = refusal(sealed, altered)
    assert (error.reason, error.where) == (Reason.PROFILE_ALTERED, "opened")


def test_with_another_key_each_answer_fails_alone_and_is_shown_as_missing(sealed: Sealed) -> None:
    opened = open_profile(
        read_profile(sealed.envelope), SealingKey.generate(), sealed.town.federation
    )
    assert {agency: error.reason for agency, error in opened.failures.items()} == {
        "permits": Reason.SEAL_BROKEN,
        "registry": Reason.SEAL_BROKEN,
    }
    shown = write_document(opened.signed)
    assert shown["sections"] == []
    assert {s["code"] for s in shown["sources"]} == {"LB-3001", "LB-2002", "LB-4202"}
    assert shown["completeness"]["state"] == "unreachable"
