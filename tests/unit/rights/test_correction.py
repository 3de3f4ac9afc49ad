"""Correction notices and acknowledgements: who may sign them, and what they hold."""

import json
from contextlib import suppress
from typing import Any

import jsonschema
import pytest
import rfc8785

from landbridge.errors import LandbridgeError, Reason
from landbridge.keys import KeyUse, SigningKey
from landbridge.rights.acknowledgement import (
    acknowledge,
    read_acknowledgement,
    verify_acknowledgement,
)
from landbridge.rights.agency_signature import sign_as_agency
from landbridge.rights.correction import (
    ANSWERS_OF_A_NOTICE,
    Correction,
    json_schema,
    read_correction,
    verify_correction,
)
from landbridge.statement.signed import SignedByOne
from tests.bundles import bundle
from tests.corrections import CASE, QUERY, instant, key, notices, now, refused
from tests.example import ROOT
from tests.mutations import mutations
from tests.pki import BOARD, COUNCIL, FEDERATION, REGISTRY


def taken(signed: SignedByOne) -> Correction:
    return verify_correction(signed.to_bytes(), bundle(), now())


def test_a_notice_says_which_answers_were_wrong_and_nothing_of_whom() -> None:
    (signed,) = notices([(7, QUERY), (9, "e" * 64)])
    notice = taken(signed)
    assert (notice.provider, notice.recipient, notice.case) == (REGISTRY, BOARD, CASE)
    assert notice.answers == ((7, QUERY), (9, "e" * 64))
    assert notice.agencies == {REGISTRY, BOARD}
    assert json.loads(signed.payload).keys() == {
        "answers",
        "case",
        "correction",
        "dataset",
        "fields",
        "issued_at",
        "log",
        "provider",
        "reason",
        "recipient",
        "since",
    }
    assert read_correction(signed.to_bytes()) == notice


def test_a_notice_has_the_published_form() -> None:
    schema = json.loads((ROOT / "docs/schemas/correction.schema.json").read_text())
    assert schema == json_schema(), "run docs/schemas/make.py"
    file = jsonschema.Draft202012Validator(schema)
    (signed,) = notices([(7, QUERY), (9, "e" * 64)])
    written = json.loads(signed.to_bytes())
    file.validate(written)
    assert not file.is_valid(written | {"rest": ""})
    payload = json.loads(signed.payload)
    of_payload = jsonschema.Draft202012Validator(schema | schema["$defs"]["Payload"])
    of_payload.validate(payload)
    for name in payload:
        assert not of_payload.is_valid({key: payload[key] for key in payload if key != name}), name
    assert not of_payload.is_valid(payload | {"answers": []})
    assert not of_payload.is_valid(payload | {"reason": "sold"})


def test_many_answers_make_several_notices_with_ids_that_stay() -> None:
    answers = [(number, QUERY) for number in range(ANSWERS_OF_A_NOTICE + 1)]
    first, second = map(taken, notices(answers))
    assert (len(first.answers), len(second.answers)) == (ANSWERS_OF_A_NOTICE, 1)
    assert [first.id, second.id] == [taken(one).id for one in notices(answers)]
    assert len({first.id, second.id}) == 2


def test_the_key_for_memoranda_of_the_provider_signs() -> None:
    with refused(Reason.UNTRUSTED_KEY):
        notices(signer=key(REGISTRY, KeyUse.LOG))
    (signed,) = notices()
    stolen = sign_as_agency(signed.payload, key(COUNCIL))
    with refused(Reason.BAD_SIGNATURE):
        taken(stolen)
    unknown = SigningKey.generate(REGISTRY, KeyUse.MEMORANDUM)
    with refused(Reason.UNTRUSTED_KEY):
        taken(sign_as_agency(signed.payload, unknown))


@pytest.mark.parametrize(
    "changed",
    [
        {"recipient": REGISTRY},
        {"log": f"{BOARD}.{FEDERATION}/node/main"},
        {"log": f"{REGISTRY}.{FEDERATION}.example/node/main"},
        {"answers": []},
        {"answers": [{"entry": 9, "query": QUERY}, {"entry": 7, "query": QUERY}]},
        {"answers": [{"entry": 7, "query": QUERY}, {"entry": 7, "query": QUERY}]},
        {"answers": [{"entry": -1, "query": QUERY}]},
        {"answers": [{"entry": 7, "query": "x"}]},
        {"reason": "wrong"},
        {"case": "../x"},
        {"subject": "uei:1"},
        {"since": "yesterday"},
    ],
    ids=str,
)
def test_what_is_no_notice_is_refused(changed: dict[str, Any]) -> None:
    (signed,) = notices()
    payload = rfc8785.dumps({**json.loads(signed.payload), **changed})
    with refused(Reason.MALFORMED_CASE):
        taken(sign_as_agency(payload, key(REGISTRY)))


def test_the_recipient_acknowledges_one_text() -> None:
    (first,) = map(taken, notices())
    (other,) = map(taken, notices([(8, QUERY)]))
    signed = acknowledge(first, key(BOARD), acknowledged_at=instant(now()))
    receipt = verify_acknowledgement(signed.to_bytes(), bundle(), now())
    assert receipt.fits(first)
    assert not receipt.fits(other)
    assert receipt.agencies == {REGISTRY, BOARD}
    assert read_acknowledgement(signed.to_bytes()) == receipt
    with refused(Reason.STEP_REFUSED):
        acknowledge(first, key(COUNCIL), acknowledged_at=instant(now()))
    with refused(Reason.BAD_SIGNATURE):
        verify_acknowledgement(
            sign_as_agency(signed.payload, key(COUNCIL)).to_bytes(), bundle(), now()
        )


def test_altered_documents_are_refused() -> None:
    (signed,) = notices()
    receipt = acknowledge(taken(signed), key(BOARD), acknowledged_at=instant(now()))
    trust, at = bundle(), now()
    for seed, (original, verify) in enumerate(
        ((signed.to_bytes(), verify_correction), (receipt.to_bytes(), verify_acknowledgement))
    ):
        for altered in mutations(original, 200, seed=seed):
            with suppress(LandbridgeError):
                verify(altered, trust, at)
                assert json.loads(altered) == json.loads(original)
