"""A profile as a credential, as entities and as provenance: everything of it, and nothing more."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import prov.model
import pytest
from joserfc import jws
from joserfc.jwk import OKPKey

from landbridge.errors import LandbridgeError, Reason
from landbridge.exchange.credential import did_of, sign_credential, write_credential
from landbridge.exchange.follow_the_money import write_entities
from landbridge.exchange.provenance import Answered, write_provenance
from landbridge.keys import KeyUse, SigningKey
from landbridge.profile import profile_document
from tests.small_town import Town

Document = dict[str, Any]

TERMS = {"name": "name", "city": "address", "status": "status"}
ANSWERS = [
    Answered("registry", 1_767_225_600_000, "aa" * 32, frozenset()),
    Answered("registry", 1_767_225_601_000, "bb" * 32, frozenset({"companies"})),
    Answered("permits", 1_767_225_602_000, "cc" * 32, frozenset({"permits"})),
]


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    town = Town(tmp_path_factory.mktemp("town"))
    yield town
    town.close()


@pytest.fixture(scope="module")
def document(town: Town) -> Document:
    return profile_document(town.profile())


def test_a_credential_holds_the_whole_profile(town: Town, document: Document) -> None:
    key = town.parties["board"].keys[KeyUse.QUERY]
    credential = write_credential(document, key)
    shown = credential["credentialSubject"]["profile"]
    proofs = credential["evidence"][0]
    assert shown | {"evidence": proofs["envelope"]} == document
    assert credential["issuer"] == {"id": did_of(key), "name": "board"}
    assert credential["validFrom"] == document["assembled_at"]


def test_a_credential_is_signed_by_the_key_that_names_its_issuer(
    town: Town, document: Document
) -> None:
    key = town.parties["board"].keys[KeyUse.QUERY]
    token = sign_credential(write_credential(document, key), key)
    did = did_of(key).removeprefix("did:jwk:")
    jwk = json.loads(base64.urlsafe_b64decode(did + "=="))
    with pytest.warns(UserWarning, match="EdDSA"):  # by its newer name alone, few would know it
        read = jws.deserialize_compact(token, OKPKey.import_key(jwk), algorithms=["EdDSA"])
    assert read.headers() == {
        "alg": "EdDSA",
        "cty": "vc",
        "kid": f"did:jwk:{did}#0",
        "typ": "vc+jwt",
    }
    assert json.loads(read.payload) == write_credential(document, key)


@pytest.mark.parametrize("use", [use for use in KeyUse if use is not KeyUse.QUERY])
def test_only_a_key_for_queries_signs_a_credential(document: Document, use: KeyUse) -> None:
    key = SigningKey.generate("board", use)
    with pytest.raises(LandbridgeError) as caught:
        write_credential(document, key)
    assert caught.value.reason is Reason.UNTRUSTED_KEY
    with pytest.raises(LandbridgeError):
        sign_credential({}, key)


def test_without_a_key_nobody_is_said_to_have_issued_it(document: Document) -> None:
    assert "issuer" not in write_credential(document, None)


def test_opened_contents_go_along_as_proofs(document: Document) -> None:
    opened = [{"agency": "registry", "contents": "AAAA"}]
    credential = write_credential(document | {"opened": opened}, None)
    assert credential["evidence"][0]["opened"] == opened
    assert "opened" not in credential["credentialSubject"]["profile"]


def test_the_subject_has_what_sources_say_of_it_exactly(document: Document) -> None:
    subject, *others = write_entities(document, TERMS)
    assert subject["schema"] == "LegalEntity"
    # What the record of a group says, or one that may be another's, is no property of the subject.
    assert {each["coverage"] for each in document["sections"][0]["records"]} == {
        "one-of-several",
        "group",
    }
    assert subject["properties"] == {
        "name": ["Northgate Bakery"],
        "address": ["Springfield"],
        "status": ["active"],
    }
    kinds = [each["schema"] for each in others]
    assert kinds == ["Identification", *["Note"] * 3]
    assert others[0]["properties"] == {
        "holder": [subject["id"]],
        "type": ["company"],
        "number": ["00000042"],
    }


def test_every_value_stands_in_a_note_with_its_clause(document: Document) -> None:
    notes = [each for each in write_entities(document, {}) if each["schema"] == "Note"]
    permit, group, company = [each["properties"] for each in notes]
    lines = company["description"][0].splitlines()
    assert "name: Northgate Bakery [memorandum m-1, clause 2.1]" in lines
    assert "closed: (unreadable) [memorandum m-1, clause 2.1]" in lines
    assert "phone: (empty) [memorandum m-1, clause 2.2]" in lines
    assert "open_sundays: false [memorandum m-2, clause 1]" in permit["description"][0]
    assert group["summary"] == ["coverage: group"]


def test_a_subject_without_a_mapped_name_has_its_identifier_for_one(document: Document) -> None:
    subject = next(write_entities(document, {}))
    assert subject["properties"] == {"name": ["company 00000042"]}


def test_links_that_are_sure_are_identifications(document: Document) -> None:
    links = [
        {
            "known": {"scheme": "company", "value": "00000042"},
            "linked": {"scheme": "permit", "value": value},
            "agency": "registry",
            "ambiguous": ambiguous,
        }
        for value, ambiguous in (("P7", False), ("P7", False), ("P8", True))
    ]
    found = [
        each["properties"]
        for each in write_entities(document | {"links": links}, {})
        if each["schema"] == "Identification"
    ]
    assert [each["number"] for each in found] == [["00000042"], ["P7"]]
    assert found[1]["authority"] == ["registry"]


@pytest.mark.parametrize("name", ["birthDate", "colour", "holder"])
def test_a_property_that_the_schema_has_not_is_refused(document: Document, name: str) -> None:
    with pytest.raises(LandbridgeError) as caught:
        list(write_entities(document, {"city": name}))
    assert caught.value.reason is Reason.USAGE
    assert caught.value.where == f"--map city={name}"


def test_a_person_is_a_person(document: Document) -> None:
    query = document["query"] | {"subject_kind": "natural-person"}
    subject = next(write_entities(document | {"query": query}, {"name": "lastName"}))
    assert subject["schema"] == "Person"
    assert "lastName" in subject["properties"]


@pytest.fixture(scope="module")
def trail(document: Document) -> prov.model.ProvDocument:
    text = json.dumps(write_provenance(document, ANSWERS))
    read: prov.model.ProvDocument = prov.model.ProvDocument.deserialize(content=text, format="json")
    return read


def relations(trail: prov.model.ProvDocument, kind: type[Any]) -> set[tuple[str, ...]]:
    return {
        tuple(str(value) for _, value in each.formal_attributes[:2])
        for each in trail.get_records(kind)
    }


def test_provenance_is_read_by_another_program_and_comes_back(
    document: Document, trail: prov.model.ProvDocument
) -> None:
    again = prov.model.ProvDocument.deserialize(
        content=trail.serialize(format="json"), format="json"
    )
    assert again == trail
    written = write_provenance(document, ANSWERS)
    counted = sum(len(part) for name, part in written.items() if name != "prefix")
    assert len(trail.get_records()) == counted


def test_provenance_says_who_did_what(trail: prov.model.ProvDocument) -> None:
    assert relations(trail, prov.model.ProvAssociation) == {
        ("lb:asking", "agency:board"),
        ("lb:assembling", "agency:hall"),
        ("lb:answering-1", "agency:registry"),
        ("lb:answering-2", "agency:registry"),
        ("lb:answering-3", "agency:permits"),
    }
    derived = relations(trail, prov.model.ProvDerivation)
    assert ("lb:record-1-1", "lb:answer-3") in derived
    assert ("lb:record-2-1", "lb:answer-2") in derived
    assert ("lb:record-2-1", "lb:answer-1") not in derived
    assert ("lb:profile", "lb:answer-1") in derived
    influences = relations(trail, prov.model.ProvInfluence)
    assert influences == {
        ("lb:record-1-1", "memorandum:m-2"),
        ("lb:record-1-2", "memorandum:m-2"),
        ("lb:record-2-1", "memorandum:m-1"),
    }
    (answer,) = [
        each
        for each in trail.get_records(prov.model.ProvEntity)
        if str(each.identifier) == "lb:answer-2"
    ]
    assert ("bb" * 32) in {str(value) for _, value in answer.attributes}


def test_provenance_holds_no_value_and_no_subject(document: Document) -> None:
    written = json.dumps(write_provenance(document, ANSWERS))
    for value in ("00000042", "Northgate", "Springfield", "1999-02-01", "40.00 USD"):
        assert value not in written
