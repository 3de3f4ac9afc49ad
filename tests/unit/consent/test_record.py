"""Consent records: their four sections, and what is wrong with others."""

import base64
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import rfc8785

from landbridge.consent.record import WHAT, RecordDocument, json_schema, read_record
from landbridge.consent.verification import verify_consent
from landbridge.errors import LandbridgeError, Reason
from landbridge.statement.form import make_payload
from landbridge.statement.signed import MAX_DOCUMENT, SignedByOne
from tests.bundles import refusal
from tests.consents import (
    DATASET,
    DESK,
    PERSON,
    PROVIDER,
    PURPOSE,
    REQUESTER,
    bound,
    by_desk,
    by_person,
    desks,
    ed25519,
)
from tests.mutations import mutations


def fields(document: bytes) -> dict[str, Any]:
    payload: dict[str, Any] = json.loads(SignedByOne.parse(document, WHAT).payload)
    return payload


def signed_anew(payload: bytes) -> bytes:
    """Sign whatever bytes with the desk's true key."""
    key = desks().key
    return SignedByOne.sign(
        payload, algorithm="Ed25519", key_id=key.key_id, sign=key.sign
    ).to_bytes()


def verify(document: bytes) -> LandbridgeError:
    return refusal(lambda: verify_consent(document, desks().bundle, desks().now))


def test_a_record_has_the_sections_of_the_standard() -> None:
    record = fields(by_desk())
    assert list(record) == ["consent_record", "events", "party_identification", "pii_processing"]
    assert record["consent_record"]["pii_principal_id"] == {
        "scheme": PERSON.subject.scheme,
        "value": PERSON.number,
    }
    assert record["pii_processing"]["purpose"] == PURPOSE
    assert record["pii_processing"]["lawful_basis"] == "consent"
    assert record["pii_processing"]["pii_information"] == [f"{PROVIDER}/{DATASET}"]
    assert {(one["party_id"], one["party_role"]) for one in record["party_identification"]} == {
        (REQUESTER, "requester"),
        (PROVIDER, "provider"),
        (DESK, "consent-desk"),
    }
    (event,) = record["events"]
    assert (event["event_state"], event["entity_id"]) == ("given", DESK)


def test_every_record_has_an_id_of_its_own() -> None:
    ids = {fields(by_desk())["consent_record"]["record_id"] for _ in range(20)}
    assert len(ids) == 20


def test_a_person_signs_the_same_sections() -> None:
    key = ed25519()
    record = fields(by_person(key))
    assert record["events"][0]["entity_id"] == key.public.thumbprint
    assert set(record["consent_record"]["pii_principal_key"]) == {"binding", "salt"}


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"purpose": "Not A Name"}, "pii_processing.purpose"),
        ({"datasets": ()}, "pii_processing.pii_information"),
        ({"datasets": ("no-agency",)}, "pii_processing.pii_information"),
        ({"datasets": ("a.b/c", "a.b/c")}, "pii_processing.pii_information"),
        ({"requester": "Not An Agency"}, "party_identification[0].party_id"),
        ({"valid_from": "2026-01-01"}, "events[0].valid_from"),
        ({"valid_until": "2026-02-30T00:00:00Z"}, "events[0].valid_until"),
        ({"valid_until": "2001-01-01T00:00:00Z"}, "events[0].valid_until"),
        ({"notice": ""}, "pii_processing.privacy_notice"),
        ({"withdrawal": " "}, "pii_processing.withdrawal_method"),
    ],
)
def test_terms_without_their_form_are_refused_with_their_place(
    change: dict[str, Any], place: str
) -> None:
    error = refusal(lambda: by_desk(**change))
    assert error.reason is Reason.MALFORMED_CONSENT
    assert place in error.message


def parties(*roles: str) -> list[dict[str, str]]:
    return [{"party_id": f"agency-{n}", "party_role": role} for n, role in enumerate(roles)]


@pytest.mark.parametrize(
    ("section", "change"),
    [
        ("consent_record", {"schema_version": "urn:landbridge:consent-record:2"}),
        ("consent_record", {"record_id": "../../etc/passwd"}),
        ("consent_record", {"pii_principal_id": {"scheme": "s", "value": ["a", "b"]}}),
        ("consent_record", {"pii_principal_id": {"scheme": "s", "value": "*" * 300}}),
        ("pii_processing", {"lawful_basis": "legitimate-interest"}),
        ("pii_processing", {"score": 700}),
        ("party_identification", parties("requester", "requester", "provider", "consent-desk")),
        ("party_identification", parties("requester", "provider", "provider", "consent-desk")),
        ("party_identification", parties("requester", "provider", "consent-desk")),
        ("party_identification", parties("requester", "consent-desk")),
        ("events", []),
    ],
)
def test_a_signed_record_of_another_form_is_refused(section: str, change: Any) -> None:
    record = fields(by_desk())
    record[section] = record[section] | change if isinstance(change, dict) else change
    error = verify(signed_anew(rfc8785.dumps(record)))
    assert error.reason is Reason.MALFORMED_CONSENT
    assert section in error.message


def test_two_events_or_two_persons_are_refused() -> None:
    record = fields(by_desk())
    twice = record | {"events": record["events"] * 2}
    assert verify(signed_anew(rfc8785.dumps(twice))).reason is Reason.MALFORMED_CONSENT
    record["consent_record"]["pii_principal_id"] = [record["consent_record"]["pii_principal_id"]]
    assert verify(signed_anew(rfc8785.dumps(record))).reason is Reason.MALFORMED_CONSENT


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"null",
        b"[]",
        b'{"consent_record":' * 400 + b"1" + b"}" * 400,
        b"[" * 5000,
        b'{"consent_record":{"record_id":"\\ud800"}}',
        b'{"consent_record": NaN}',
        b'{"memorandum":"m-1"}',
        b"\xff\xfe",
    ],
)
def test_other_payloads_are_refused(payload: bytes) -> None:
    assert refusal(lambda: read_record(payload)).reason is Reason.MALFORMED_CONSENT


def test_a_key_written_twice_is_refused() -> None:
    payload = SignedByOne.parse(by_desk(), WHAT).payload
    twice = payload.replace(b'"lawful_basis":', b'"lawful_basis":"consent","lawful_basis":')
    assert verify(signed_anew(twice)).message == "its payload is not in canonical form"
    spaced = json.dumps(json.loads(payload), indent=1).encode()
    assert verify(signed_anew(spaced)).message == "its payload is not in canonical form"


def test_the_envelope_has_one_form() -> None:
    document = json.loads(by_desk())
    signature = document["signatures"][0]
    header = base64.urlsafe_b64encode(b'{"alg":"none","kid":"x"}').rstrip(b"=").decode()
    for wrong in (
        document | {"more": 1},
        document | {"signatures": []},
        document | {"signatures": [signature, signature]},
        document | {"signatures": [signature | {"header": {}}]},
        document | {"signatures": [signature | {"protected": header}]},
        document | {"signatures": [signature | {"signature": "a b"}]},
        document | {"payload": document["payload"] + "="},
        [document],
    ):
        error = verify(json.dumps(wrong).encode())
        assert error.reason is Reason.MALFORMED_CONSENT
    repeated = by_desk().replace(b'"payload":', b'"payload": "e30", "payload":', 1)
    assert verify(repeated).reason is Reason.MALFORMED_CONSENT


def test_a_huge_document_is_refused_before_it_is_read() -> None:
    error = verify(b" " * (MAX_DOCUMENT + 1))
    assert error.reason is Reason.MALFORMED_CONSENT
    assert str(MAX_DOCUMENT) in error.message


@pytest.mark.parametrize("make", [by_desk, lambda: by_person(ed25519())])
def test_altered_documents_are_refused_and_name_nobody(make: Any) -> None:
    original = make()
    refusals = 0
    for altered in mutations(original, 400, seed=11):
        if _means_the_same(altered, original):
            continue
        refusals += 1
        error = verify(altered)
        assert PERSON.number not in f"{error} {error.next_step}"
    assert refusals > 300


def _means_the_same(altered: bytes, original: bytes) -> bool:
    """Whether only spaces between the words changed, which nobody signs."""
    try:
        return bool(json.loads(altered) == json.loads(original))
    except ValueError:
        return False


def test_messages_never_hold_what_the_record_says_of_the_person() -> None:
    record = fields(by_desk())
    record["consent_record"]["pii_principal_id"] = {"scheme": PERSON.number, "value": 5}
    record["pii_processing"]["privacy_notice"] = [PERSON.number]
    record["events"][0]["event_time"] = PERSON.number
    record["pii_processing"][PERSON.number] = PERSON.name
    error = verify(signed_anew(rfc8785.dumps(record)))
    for place in ("pii_principal_id.value", "privacy_notice", "events[0].event_time"):
        assert place in error.message
    assert "holds a key that is not known" in error.message
    assert PERSON.number not in str(error)


def test_making_a_payload_refuses_what_reading_would() -> None:
    error = refusal(lambda: make_payload(RecordDocument, {"consent_record": 1}, WHAT))
    assert error.reason is Reason.MALFORMED_CONSENT
    assert bound(ed25519()).salt != bound(ed25519()).salt


SCHEMA = Path(__file__).parents[3] / "docs/schemas/consent.schema.json"


def test_the_published_schema_is_that_of_the_code() -> None:
    assert json.loads(SCHEMA.read_text()) == json_schema()


@pytest.mark.parametrize("make", [by_desk, lambda: by_person(ed25519())])
def test_records_are_valid_by_the_published_schema(make: Any) -> None:
    validator = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text()))
    record = fields(make())
    validator.validate(record)
    record["events"] *= 2
    assert not validator.is_valid(record)
