"""Revocations: who may revoke a consent, and what theirs is worth."""

import json
from contextlib import suppress
from typing import Any

import pytest
import rfc8785

from landbridge.consent.record import WHAT, RecordDocument, read_record
from landbridge.consent.revocation import (
    Revocation,
    revoke_as_desk,
    revoke_as_person,
    verify_revocation,
)
from landbridge.consent.verification import Consent, verify_consent
from landbridge.errors import LandbridgeError, Reason
from landbridge.keys import KeyUse, SigningKey
from landbridge.statement.signed import SignedByOne
from landbridge.trust.bundle import TrustBundle
from tests.bundles import anchor, refusal, signed
from tests.consents import (
    DAY,
    DESK,
    OTHER_DESK,
    PERSON,
    PROVIDER,
    REQUESTER,
    bound,
    by_desk,
    by_person,
    desks,
    ed25519,
    instant,
    p256,
)
from tests.mutations import mutations


def opened(document: bytes) -> RecordDocument:
    return read_record(SignedByOne.parse(document, WHAT).payload)


def consent(document: bytes) -> Consent:
    return verify_consent(document, desks().bundle, desks().now)


def verify(document: SignedByOne, bundle: TrustBundle | None = None) -> Revocation:
    return verify_revocation(document.to_bytes(), bundle or desks().bundle, desks().now)


def now() -> str:
    return instant(desks().now)


def test_the_desk_that_signed_revokes() -> None:
    given = by_desk()
    revocation = verify(revoke_as_desk(opened(given), desks().key, revoked_at=now()))
    assert revocation.ends(consent(given))
    assert not revocation.ends(consent(by_desk()))
    assert revocation.agencies == {REQUESTER, PROVIDER}
    assert revocation.signer == revocation.desk == DESK
    assert revocation.until == consent(given).end


@pytest.mark.parametrize("make", [ed25519, p256])
def test_the_person_revokes_and_so_does_the_desk_that_bound_the_key(make: Any) -> None:
    key = make()
    given = by_person(key)
    by_the_person = verify(revoke_as_person(opened(given), key, revoked_at=now()))
    by_the_desk = verify(revoke_as_desk(opened(given), desks().key, revoked_at=now()))
    assert by_the_person.ends(consent(given))
    assert by_the_desk.ends(consent(given))
    assert (by_the_person.signer, by_the_person.desk) == (key.public.thumbprint, DESK)


def test_a_revocation_tells_nobody_whom_it_is_about() -> None:
    key = ed25519()
    given = by_person(key)
    written = revoke_as_person(opened(given), key, revoked_at=now())
    binding = SignedByOne.of(json.loads(written.payload)["binding"], WHAT)
    salt = bound(key).salt
    for text in (written.payload, binding.payload):
        assert PERSON.number.encode() not in text
        assert PERSON.subject.scheme.encode() not in text
        assert salt.encode() not in text


def test_nobody_else_revokes() -> None:
    given = by_person(ed25519())
    for refused in (
        lambda: revoke_as_desk(opened(given), desks().other, revoked_at=now()),
        lambda: revoke_as_person(opened(given), ed25519(), revoked_at=now()),
        lambda: revoke_as_person(opened(by_desk()), ed25519(), revoked_at=now()),
    ):
        assert refusal(refused).reason is Reason.UNTRUSTED_KEY


def test_a_revocation_that_another_forces_ends_nothing() -> None:
    """Another desk, or another person with a bound key, may name the record: it stands."""
    given = by_person(ed25519())
    record = opened(given)
    other = desks().other
    payload = json.loads(revoke_as_desk(record, desks().key, revoked_at=now()).payload)
    by_other_desk = SignedByOne.sign(
        rfc8785.dumps(payload | {"desk": OTHER_DESK}),
        algorithm="Ed25519",
        key_id=other.key_id,
        sign=other.sign,
    )
    assert not verify(by_other_desk).ends(consent(given))
    stranger = ed25519()
    by_other_person = stranger.sign(rfc8785.dumps(payload | {"binding": bound(stranger).binding}))
    assert not verify(by_other_person).ends(consent(given))


def test_a_revocation_needs_a_key_that_counts() -> None:
    record = opened(by_desk())
    stranger = SigningKey.generate(DESK, KeyUse.CONSENT)
    unlisted = revoke_as_desk(record, stranger, revoked_at=now())
    assert refusal(lambda: verify(unlisted)).reason is Reason.UNTRUSTED_KEY
    payload = revoke_as_desk(record, desks().key, revoked_at=now()).payload
    other = desks().other
    moved = SignedByOne.sign(payload, algorithm="Ed25519", key_id=other.key_id, sign=other.sign)
    assert refusal(lambda: verify(moved)).reason is Reason.BAD_SIGNATURE


def test_a_revoked_consent_does_not_come_back_with_the_end_of_a_key() -> None:
    given = by_desk()
    document = revoke_as_desk(opened(given), desks().key, revoked_at=now()).to_bytes()
    later = desks().now + 2000 * DAY
    assert verify_revocation(document, desks().bundle, later).ends(consent(given))
    changed = json.loads(desks().bundle.content.model_dump_json())
    changed["members"][DESK]["suspended_at"] = instant(desks().now + DAY)
    suspended = TrustBundle.parse(signed(changed), anchor())
    assert verify_revocation(document, suspended, later).ends(consent(given))


def test_a_time_to_come_lets_no_key_count_before_its_own() -> None:
    record = opened(by_desk())
    ahead = revoke_as_desk(record, desks().key, revoked_at=instant(desks().now + 300 * DAY))
    assert verify(ahead).record_id == record.consent_record.record_id
    far = revoke_as_desk(record, desks().key, revoked_at="1990-01-01T00:00:00Z")
    assert refusal(lambda: verify(far)).reason is Reason.UNTRUSTED_KEY


@pytest.mark.parametrize(
    "change",
    [
        {"consent_revocation": "../x"},
        {"agencies": []},
        {"revoked_at": "yesterday"},
        {"valid_until": "2026-01-01"},
        {"desk": 5},
        {"binding": {"payload": "e30"}},
        {"reason": "none of your business"},
    ],
)
def test_a_revocation_of_another_form_is_refused(change: dict[str, Any]) -> None:
    key = desks().key
    payload = json.loads(revoke_as_desk(opened(by_desk()), key, revoked_at=now()).payload)
    wrong = SignedByOne.sign(
        rfc8785.dumps(payload | change), algorithm="Ed25519", key_id=key.key_id, sign=key.sign
    )
    assert refusal(lambda: verify(wrong)).reason is Reason.MALFORMED_CONSENT


def test_altered_revocations_are_refused() -> None:
    key = p256()
    original = revoke_as_person(opened(by_person(key)), key, revoked_at=now()).to_bytes()
    for altered in mutations(original, 300, seed=5):
        with suppress(LandbridgeError):
            verify_revocation(altered, desks().bundle, desks().now)
            assert json.loads(altered) == json.loads(original)
