import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import OKPKey

from landbridge.errors import LandbridgeError, Reason
from landbridge.keys import KeyUse, SigningKey, public_text
from landbridge.memorandum.document import Memorandum
from landbridge.memorandum.signature import SignedForm, sign, verify_memorandum
from tests.memoranda import KeyRing, make_memorandum

MEMORANDUM = make_memorandum([{"clause": "1"}, {"clause": "2", "fields": ["g"]}])
RING = KeyRing("p.a", "r.a", "stranger")
UNKNOWN = SigningKey.generate("p.a", KeyUse.MEMORANDUM)
SECOND_KEY = SigningKey.generate("p.a", KeyUse.MEMORANDUM)
OTHER = make_memorandum([{"clause": "1"}], name="m-2")


def signed(*keys: SigningKey, memorandum: Memorandum = MEMORANDUM) -> bytes:
    payload = memorandum.to_json()
    return SignedForm(payload, tuple(sign(payload, key) for key in keys)).to_bytes()


def by(*agencies: str) -> bytes:
    return signed(*(RING.keys[agency] for agency in agencies))


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def refused(document: bytes, ring: KeyRing = RING) -> LandbridgeError:
    with pytest.raises(LandbridgeError) as caught:
        verify_memorandum(document, ring.find)
    return caught.value


def changed(change: Callable[[dict[str, Any]], None]) -> bytes:
    document = json.loads(by("p.a", "r.a"))
    change(document)
    return json.dumps(document).encode()


def with_header(header: object) -> bytes:
    """Sign for p.a under another protected header, with a signature that does verify."""
    key = RING.keys["p.a"]
    document = json.loads(by("p.a", "r.a"))
    protected = encode(json.dumps(header).encode())
    signature = encode(key.sign(f"{protected}.{document['payload']}".encode()))
    document["signatures"][0] = {"protected": protected, "signature": signature}
    return json.dumps(document).encode()


@pytest.mark.parametrize("order", [("p.a", "r.a"), ("r.a", "p.a")])
def test_signed_by_each_party_once_it_is_accepted(order: tuple[str, str]) -> None:
    assert verify_memorandum(by(*order), RING.find) == MEMORANDUM


@pytest.mark.parametrize(
    ("document", "who"),
    [
        (by("p.a"), "r.a did not sign"),
        (by("p.a", "r.a", "p.a"), "p.a signed more than once"),
        (by("p.a", "p.a"), "p.a signed more than once"),
        (by("p.a", "r.a", "stranger"), "stranger signed without being a party"),
        (by("p.a", "stranger"), "stranger signed without being a party"),
        (by(), "nobody"),
    ],
)
def test_signers_must_be_exactly_the_parties(document: bytes, who: str) -> None:
    error = refused(document)
    assert error.reason is Reason.SIGNERS_NOT_PARTIES
    assert who in error.message


def test_one_party_with_two_keys_signs_twice() -> None:
    ring = KeyRing("p.a", "r.a")
    two_keys = {ring.keys["p.a"].key_id: ring.keys["p.a"], SECOND_KEY.key_id: SECOND_KEY}

    def find(key_id: str) -> tuple[str, Any]:
        return ("p.a", two_keys[key_id].public) if key_id in two_keys else ring.find(key_id)

    document = signed(ring.keys["p.a"], SECOND_KEY, ring.keys["r.a"])
    with pytest.raises(LandbridgeError, match="signed more than once") as caught:
        verify_memorandum(document, find)
    assert caught.value.reason is Reason.SIGNERS_NOT_PARTIES


def test_a_key_outside_the_bundle_is_refused() -> None:
    error = refused(signed(RING.keys["r.a"], UNKNOWN))
    assert error.reason is Reason.UNTRUSTED_KEY


def test_a_tampered_payload_is_refused() -> None:
    wider = MEMORANDUM.to_json().replace(b'"fields":["f"]', b'"fields":["z"]')
    error = refused(changed(lambda document: document.update(payload=encode(wider))))
    assert error.reason is Reason.BAD_SIGNATURE


def test_signatures_of_another_memorandum_are_refused() -> None:
    other = json.loads(signed(*RING.keys.values(), memorandum=OTHER))
    error = refused(changed(lambda document: document.update(payload=other["payload"])))
    assert error.reason is Reason.BAD_SIGNATURE


def test_a_signature_under_another_partys_key_id_is_refused() -> None:
    keys = RING.keys

    def swap(document: dict[str, Any]) -> None:
        first, second = document["signatures"]
        first["protected"], second["protected"] = second["protected"], first["protected"]

    error = refused(changed(swap))
    assert error.reason is Reason.BAD_SIGNATURE
    assert keys["r.a"].key_id in error.message


KEY_ID = RING.keys["p.a"].key_id


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none", "kid": KEY_ID},
        {"alg": "HS256", "kid": KEY_ID},
        {"alg": "EdDSA", "kid": KEY_ID},
        {"alg": ["Ed25519"], "kid": KEY_ID},
        {"kid": KEY_ID},
        {"alg": "Ed25519"},
        {"alg": "Ed25519", "kid": 5},
        {"alg": "Ed25519", "kid": KEY_ID, "crit": ["b64"], "b64": False},
        {"alg": "Ed25519", "kid": KEY_ID, "crit": ["exp"], "exp": 1},
        {"alg": "Ed25519", "kid": KEY_ID, "jwk": {"kty": "OKP"}},
    ],
)
def test_any_other_protected_header_is_refused(header: dict[str, Any]) -> None:
    assert refused(with_header(header)).reason is Reason.BAD_SIGNATURE


def test_alg_none_with_an_empty_signature_is_refused() -> None:
    def strip(document: dict[str, Any]) -> None:
        protected = encode(json.dumps({"alg": "none", "kid": KEY_ID}).encode())
        document["signatures"][0] = {"protected": protected, "signature": ""}

    error = refused(changed(strip))
    assert error.reason in (Reason.BAD_SIGNATURE, Reason.MALFORMED_MEMORANDUM)


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"payload":"e30","signatures":[],"payload":"e30"}',
        changed(lambda document: document.update(extra=1)),
        changed(lambda document: document.update(signatures={})),
        changed(lambda document: document.update(signatures=[1])),
        changed(lambda document: document.update(payload=1)),
        changed(lambda document: document.update(payload="e30=")),
        changed(lambda document: document.update(payload="e3\n0")),
        changed(lambda document: document.update(payload="e31")),
        changed(lambda document: document["signatures"][0].update(header={"kid": KEY_ID})),
        changed(lambda document: document["signatures"][0].pop("protected")),
        changed(lambda document: document["signatures"][0].update(protected="bm9uZQ")),
        changed(lambda document: document.update(signatures=document["signatures"] * 101)),
        b"x" * 3_000_000,
    ],
)
def test_a_malformed_document_is_refused(document: bytes) -> None:
    assert refused(document).reason is Reason.MALFORMED_MEMORANDUM


@pytest.mark.parametrize("payload", [b"{}", b"no json", MEMORANDUM.to_json() + b" "])
def test_a_signed_payload_that_is_no_memorandum_is_refused(payload: bytes) -> None:
    form = SignedForm(payload, tuple(sign(payload, RING.keys[name]) for name in ("p.a", "r.a")))
    assert refused(form.to_bytes()).reason is Reason.MALFORMED_MEMORANDUM


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.data())
def test_no_changed_byte_makes_another_memorandum(data: st.DataObject) -> None:
    document = bytearray(by("p.a", "r.a"))
    position = data.draw(st.integers(0, len(document) - 1))
    document[position] ^= data.draw(st.integers(1, 255))
    try:
        memorandum = verify_memorandum(bytes(document), RING.find)
    except LandbridgeError:
        return
    # Only spacing between the members of the document is outside the signatures.
    assert memorandum == MEMORANDUM
    assert json.loads(bytes(document)) == json.loads(by("p.a", "r.a"))


def test_another_library_reads_our_signatures_and_we_read_its() -> None:
    keys = {
        key.key_id: OKPKey.import_key(
            {
                "kty": "OKP",
                "crv": "Ed25519",
                "x": public_text(key.public),
                "d": encode(key.private.private_bytes_raw()),
                "kid": key.key_id,
            }
        )
        for key in (RING.keys["p.a"], RING.keys["r.a"])
    }

    def find(member: Any) -> OKPKey:
        return keys[member.headers()["kid"]]

    read = jws.deserialize_json(json.loads(by("p.a", "r.a")), find, algorithms=["Ed25519"])
    assert read.payload == MEMORANDUM.to_json()
    members: list[jws.HeaderDict] = [
        {"protected": {"alg": "Ed25519", "kid": key_id}} for key_id in keys
    ]
    theirs = jws.serialize_json(members, MEMORANDUM.to_json(), find, algorithms=["Ed25519"])
    assert verify_memorandum(json.dumps(theirs).encode(), RING.find) == MEMORANDUM


def test_parties_sign_one_after_another() -> None:
    form = SignedForm(MEMORANDUM.to_json())
    assert form.missing() == ("p.a", "r.a")
    form = SignedForm.parse(form.add(RING.keys["r.a"], "r.a").to_bytes())
    assert form.missing() == ("p.a",)
    form = form.add(RING.keys["p.a"], "p.a")
    assert form.missing() == ()
    assert verify_memorandum(form.to_bytes(), RING.find) == MEMORANDUM


@pytest.mark.parametrize(
    ("key", "agency", "reason"),
    [
        (RING.keys["p.a"], "p.a", Reason.SIGNERS_NOT_PARTIES),
        (SECOND_KEY, "p.a", Reason.SIGNERS_NOT_PARTIES),
        (RING.keys["stranger"], "stranger", Reason.SIGNERS_NOT_PARTIES),
        (RING.keys["stranger"], "r.a", Reason.UNTRUSTED_KEY),
        (SigningKey.generate("r.a", KeyUse.QUERY), "r.a", Reason.UNTRUSTED_KEY),
    ],
)
def test_double_signing_strangers_and_wrong_keys_are_refused(
    key: SigningKey, agency: str, reason: Reason
) -> None:
    form = SignedForm(MEMORANDUM.to_json()).add(RING.keys["p.a"], "p.a")
    with pytest.raises(LandbridgeError) as caught:
        form.add(key, agency)
    assert caught.value.reason is reason
