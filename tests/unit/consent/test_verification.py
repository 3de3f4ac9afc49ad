"""Who may vouch for a consent, and what one covers."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landbridge.agency import Role
from landbridge.consent.person_key import PersonKey
from landbridge.consent.record import WHAT
from landbridge.consent.verification import Consent, verify_consent
from landbridge.errors import LandbridgeError, Reason
from landbridge.keys import KeyUse, SigningKey
from landbridge.statement.signed import SignedByOne
from landbridge.subject import SubjectId
from landbridge.trust.bundle import TrustBundle
from tests.bundles import add_key, anchor, content, refusal, signed
from tests.consents import (
    DATASET,
    DAY,
    DESK,
    OTHER_DESK,
    OTHER_PERSON,
    PERSON,
    PROVIDER,
    PURPOSE,
    REQUESTER,
    bound,
    by_desk,
    by_person,
    desks,
    ed25519,
    p256,
    terms,
)
from tests.pki import REGISTRY, SCHOOLS, shared_federation


def verify(document: bytes, at: int | None = None) -> Consent:
    return verify_consent(document, desks().bundle, desks().now if at is None else at)


def refused(document: bytes, at: int | None = None) -> LandbridgeError:
    return refusal(lambda: verify(document, at))


def test_a_desk_vouches_by_its_signature() -> None:
    consent = verify(by_desk())
    assert (consent.desk, consent.signer) == (DESK, DESK)
    assert (consent.subject, consent.requester) == (PERSON.subject, REQUESTER)
    assert consent.datasets == {f"{PROVIDER}/{DATASET}"}


@pytest.mark.parametrize("make", [ed25519, p256])
def test_a_person_signs_with_a_key_that_a_desk_has_bound(make: Any) -> None:
    key: PersonKey = make()
    consent = verify(by_person(key))
    assert (consent.desk, consent.signer) == (DESK, key.public.thumbprint)


def test_a_key_that_is_bound_to_another_person_signs_nothing() -> None:
    key = ed25519()
    error = refused(by_person(key, subject=OTHER_PERSON.subject))
    assert error.reason is Reason.CONSENT_REFUSED
    assert "another person" in error.message
    other_salt = bound(key).model_copy(update={"salt": "0" * 32})
    assert refused(by_person(key, other_salt)).reason is Reason.CONSENT_REFUSED


def test_a_key_that_nobody_has_bound_signs_nothing() -> None:
    own = bound(ed25519())
    assert refused(by_person(ed25519(), own)).reason is Reason.BAD_SIGNATURE
    key = ed25519()
    stranger = SigningKey.generate(DESK, KeyUse.CONSENT)
    assert refused(by_person(key, bound(key, stranger))).reason is Reason.UNTRUSTED_KEY


@pytest.mark.parametrize("days", [(1, 90), (-90, -1)])
def test_a_binding_holds_for_its_time(days: tuple[int, int]) -> None:
    key = ed25519()
    error = refused(by_person(key, bound(key, days=days)))
    assert error.reason is Reason.CONSENT_REFUSED
    assert "bound from" in error.message


def test_a_binding_without_its_key_or_time_is_refused() -> None:
    with pytest.raises(LandbridgeError) as caught:
        bound(ed25519(), days=(5, 5))
    assert caught.value.reason is Reason.MALFORMED_CONSENT


def test_only_a_key_for_consent_vouches() -> None:
    stranger = SigningKey.generate(DESK, KeyUse.CONSENT)
    assert refused(by_desk(stranger)).reason is Reason.UNTRUSTED_KEY
    seal = shared_federation().parties
    memorandum = next(
        party.keys[KeyUse.MEMORANDUM] for party in seal.values() if KeyUse.MEMORANDUM in party.keys
    )
    assert refusal(lambda: by_desk(memorandum)).reason is Reason.UNTRUSTED_KEY
    # And neither does one that signs all the same.
    payload = SignedByOne.parse(by_desk(), WHAT).payload
    forced = SignedByOne.sign(
        payload, algorithm="Ed25519", key_id=memorandum.key_id, sign=memorandum.sign
    )
    assert refused(forced.to_bytes()).reason is Reason.UNTRUSTED_KEY


def test_a_desk_does_not_sign_for_another() -> None:
    payload = SignedByOne.parse(by_desk(), WHAT).payload
    other = desks().other
    moved = SignedByOne.sign(
        payload, algorithm="Ed25519", key_id=other.key_id, sign=other.sign
    ).to_bytes()
    assert refused(moved).reason is Reason.BAD_SIGNATURE
    key = ed25519()
    assert refused(by_person(key, bound(key, other))).reason is Reason.BAD_SIGNATURE
    assert verify(by_person(key, bound(key, other), desk=OTHER_DESK)).desk == OTHER_DESK


def test_a_desk_that_is_suspended_vouches_no_longer() -> None:
    document = by_desk()
    changed = json.loads(desks().bundle.content.model_dump_json())
    changed["members"][DESK]["suspended_at"] = changed["issued_at"]
    suspended = TrustBundle.parse(signed(changed), anchor())
    error = refusal(lambda: verify_consent(document, suspended, desks().now))
    assert error.reason is Reason.UNTRUSTED_KEY


def test_a_tainted_key_vouches_no_longer_for_what_it_signed() -> None:
    key = ed25519()
    documents = by_desk(), by_person(key)
    changed = json.loads(desks().bundle.content.model_dump_json())
    for record in changed["members"][DESK]["keys"]:
        if record["key_id"] == desks().key.key_id:
            record |= {"state": "tainted", "not_after": changed["issued_at"]}
    tainted = TrustBundle.parse(signed(changed), anchor())
    for document in documents:
        error = refusal(lambda d=document: verify_consent(d, tainted, desks().now))
        assert error.reason is Reason.UNTRUSTED_KEY


def test_a_memorandum_key_may_introduce_a_desk() -> None:
    keys = shared_federation().state(REGISTRY, Role.NODE) / "keys"
    desk = SigningKey.generate(REGISTRY, KeyUse.CONSENT)
    changed = content()
    seal = SigningKey.load(keys / f"{KeyUse.MEMORANDUM}.key")
    add_key(changed, REGISTRY, desk, vouched_by=seal)
    bundle = TrustBundle.parse(signed(changed), anchor())
    assert bundle.verifying_key(desk.key_id, KeyUse.CONSENT, desks().now)[0] == REGISTRY
    changed = content()
    log = SigningKey.load(keys / f"{KeyUse.LOG}.key")
    add_key(changed, REGISTRY, desk, vouched_by=log)
    assert refusal(lambda: TrustBundle.parse(signed(changed), anchor())).code == "LB-4010"


def cover(consent: Consent, **changes: Any) -> frozenset[str]:
    asked: dict[str, Any] = {
        "subject": PERSON.subject,
        "requester": REQUESTER,
        "purpose": PURPOSE,
        "provider": PROVIDER,
        "at": desks().now,
    }
    return consent.check(**(asked | changes))


def test_a_consent_covers_exactly_what_it_names() -> None:
    consent = verify(by_desk(datasets=(f"{PROVIDER}/{DATASET}", f"{SCHOOLS}/degrees")))
    assert cover(consent) == {DATASET}
    assert cover(consent, provider=SCHOOLS) == {"degrees"}


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"subject": OTHER_PERSON.subject}, "pii_principal_id"),
        ({"requester": SCHOOLS}, "party_identification"),
        ({"purpose": "curiosity"}, "pii_processing.purpose"),
        ({"provider": SCHOOLS}, "pii_processing.pii_information"),
    ],
)
def test_for_anything_else_it_is_refused_with_its_place(change: dict[str, Any], place: str) -> None:
    error = refusal(lambda: cover(verify(by_desk()), **change))
    assert error.reason is Reason.CONSENT_REFUSED
    assert error.where.endswith(place)
    assert PERSON.number not in str(error)
    assert OTHER_PERSON.number not in str(error)


def test_it_begins_and_ends_to_the_millisecond() -> None:
    consent = verify(by_desk())
    assert cover(consent, at=consent.start)
    assert cover(consent, at=consent.end - 1)
    assert refusal(lambda: cover(consent, at=consent.start - 1)).where.endswith("valid_from")
    assert refusal(lambda: cover(consent, at=consent.end)).where.endswith("valid_until")
    assert consent.end - consent.start > 29 * DAY
    assert terms().valid_until.endswith("Z")


GIVEN = verify_consent(by_desk(), desks().bundle, desks().now)


@given(
    subject=st.sampled_from([PERSON.subject, OTHER_PERSON.subject]),
    requester=st.sampled_from([REQUESTER, SCHOOLS, DESK, REQUESTER + "x"]),
    purpose=st.sampled_from([PURPOSE, PURPOSE[:-1], "curiosity", ""]),
    provider=st.sampled_from([PROVIDER, SCHOOLS, PROVIDER + "/licences"]),
    at=st.integers(GIVEN.start - 2, GIVEN.start + 2) | st.integers(GIVEN.end - 2, GIVEN.end + 2),
)
def test_it_opens_if_everything_fits_and_only_then(
    subject: SubjectId, requester: str, purpose: str, provider: str, at: int
) -> None:
    fits = (
        (subject, requester, purpose, provider) == (PERSON.subject, REQUESTER, PURPOSE, PROVIDER)
    ) and GIVEN.start <= at < GIVEN.end
    asked = {"requester": requester, "purpose": purpose, "provider": provider, "at": at}
    if fits:
        assert GIVEN.check(subject=subject, **asked) == {DATASET}
    else:
        error = refusal(lambda: GIVEN.check(subject=subject, **asked))
        assert error.reason is Reason.CONSENT_REFUSED
