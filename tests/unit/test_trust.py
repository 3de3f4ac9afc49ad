"""The trust bundle: verified before it is read, strict in form, exact in what it vouches for."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st

from certs.bundle import sign_bundle
from landbridge.agency import Identity, Role
from landbridge.errors import LandbridgeError, Reason
from landbridge.keys import KeyUse, SigningKey, public_text
from landbridge.trust import TrustBundle
from landbridge.trust_document import BundleDocument
from tests.pki import (
    BOARD,
    COUNCIL,
    FEDERATION,
    GATEWAY,
    REGISTRY,
    SCHOOLS,
    make_federation,
    shared_federation,
)

NODE = Identity(REGISTRY, FEDERATION, Role.NODE, "main")
ORIGIN = f"{REGISTRY}.{FEDERATION}/node/main"


def document() -> bytes:
    return (shared_federation().state(BOARD, Role.REQUESTER) / "trust-bundle.json").read_bytes()


def anchor() -> Ed25519PublicKey:
    return shared_federation().bundle_key.public


def bundle() -> TrustBundle:
    return TrustBundle.parse(document(), anchor())


def content() -> dict[str, Any]:
    payload: str = json.loads(document())["payload"]
    loaded: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=="))
    return loaded


def signed(changed: dict[str, Any], key: SigningKey | None = None) -> bytes:
    """Sign any content with the federation's true bundle key, whatever it holds."""
    key = key or shared_federation().bundle_key
    return jws_of(rfc8785.dumps(changed), key)


def jws_of(payload: bytes, key: SigningKey, header: dict[str, object] | None = None) -> bytes:
    protected = _text(json.dumps(header or {"alg": "Ed25519", "kid": key.key_id}).encode())
    body = _text(payload)
    signature = _text(key.sign(f"{protected}.{body}".encode()))
    return json.dumps({"payload": body, "protected": protected, "signature": signature}).encode()


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def refusal(call: Callable[[], object]) -> LandbridgeError:
    with pytest.raises(LandbridgeError) as caught:
        call()
    return caught.value


def test_bundle_names_members_endpoints_and_keys(tmp_path: Path) -> None:
    pki = make_federation(tmp_path)
    found = pki.publish(addresses={NODE: "127.0.0.1:7001"})
    assert found.federation == FEDERATION
    assert found.number == 2
    assert found.members[BOARD].roles == {Role.REQUESTER}
    assert found.members[REGISTRY].title == "Registry One"
    (endpoint,) = found.endpoints(Role.NODE)
    assert (endpoint.agency, endpoint.address) == (REGISTRY, "127.0.0.1:7001")
    assert endpoint.dns_name == f"main.node.{REGISTRY}.{FEDERATION}"
    assert found.endpoints(Role.GATEWAY) == ()
    for party in pki.parties.values():
        assert (party.folder / "trust-bundle.json").read_bytes() == found.document


def test_key_speaks_for_its_agency_and_use_alone() -> None:
    pki = shared_federation()
    now = pki.clock()
    key = SigningKey.load(pki.state(BOARD, Role.REQUESTER) / "keys" / "query.key")
    agency, public = bundle().verifying_key(key.key_id, KeyUse.QUERY, now)
    assert agency == BOARD
    public.verify(key.sign(b"query"), b"query")
    error = refusal(lambda: bundle().verifying_key(key.key_id, KeyUse.MEMORANDUM, now))
    assert error.reason is Reason.UNTRUSTED_KEY
    assert "'query', not 'memorandum'" in error.message


def test_unknown_key_is_named_but_cut() -> None:
    error = refusal(lambda: bundle().verifying_key("x" * 5000, KeyUse.QUERY, 0))
    assert error.reason is Reason.UNTRUSTED_KEY
    assert len(error.message) < 200


def test_key_is_trusted_within_its_time_alone() -> None:
    pki = shared_federation()
    key_id = pki.parties[NODE].keys[KeyUse.LOG].key_id
    record = next(k for k in content()["members"][REGISTRY]["keys"] if k["key_id"] == key_id)
    assert record["not_before"] < record["not_after"]
    made = pki.parties[NODE].made_at
    first, last = made - 300_000, made + 365 * 86_400_000
    for at in (first, made, last - 1):
        assert bundle().verifying_key(key_id, KeyUse.LOG, at)[0] == REGISTRY
    for at in (first - 1, last):
        error = refusal(lambda at=at: bundle().verifying_key(key_id, KeyUse.LOG, at))
        assert error.reason is Reason.UNTRUSTED_KEY


def test_log_is_found_by_its_origin() -> None:
    pki = shared_federation()
    agency, role, public = bundle().log_key(ORIGIN, pki.clock())
    assert (agency, role) == (REGISTRY, Role.NODE)
    assert public_text(public) == public_text(pki.parties[NODE].keys[KeyUse.LOG].public)
    assert pki.parties[NODE].origin == ORIGIN
    assert bundle().log_key(f"{GATEWAY}.{FEDERATION}/gateway/main", pki.clock())[1] is Role.GATEWAY
    for origin in (ORIGIN + "/", f"{BOARD}.{FEDERATION}/requester/main", ""):
        error = refusal(lambda origin=origin: bundle().log_key(origin, pki.clock()))
        assert error.reason is Reason.UNTRUSTED_KEY


def test_suspended_agency_has_no_trusted_key_and_no_endpoint(tmp_path: Path) -> None:
    pki = make_federation(tmp_path)
    addresses = {
        identity: "127.0.0.1:7001" for identity in pki.parties if identity.role is Role.NODE
    }
    found = pki.publish(addresses=addresses, suspended=[REGISTRY])
    assert [endpoint.agency for endpoint in found.endpoints(Role.NODE)] == [SCHOOLS]
    key_id = pki.parties[NODE].keys[KeyUse.LOG].key_id
    for call in (
        lambda: found.verifying_key(key_id, KeyUse.LOG, pki.clock()),
        lambda: found.log_key(ORIGIN, pki.clock()),
    ):
        assert "suspended" in refusal(call).message


def test_bundle_of_another_key_is_refused() -> None:
    other = SigningKey.generate(FEDERATION, KeyUse.BUNDLE)
    for forged in (
        signed(content(), other),
        signed({**content(), "bundle_key": public_text(other.public)}, other),
    ):
        error = refusal(lambda forged=forged: TrustBundle.parse(forged, anchor()))
        assert error.reason is Reason.BAD_TRUST_BUNDLE


def test_without_an_anchor_the_bundle_must_fit_its_own_key() -> None:
    assert TrustBundle.parse(document(), None).anchor == anchor()
    other = SigningKey.generate(FEDERATION, KeyUse.BUNDLE)
    error = refusal(lambda: TrustBundle.parse(signed(content(), other), None))
    assert error.reason is Reason.BAD_TRUST_BUNDLE


def test_any_changed_byte_of_the_payload_is_refused() -> None:
    outer = json.loads(document())
    changed = content()
    changed["members"][COUNCIL]["suspended"] = True
    outer["payload"] = _text(rfc8785.dumps(changed))
    error = refusal(lambda: TrustBundle.parse(json.dumps(outer).encode(), anchor()))
    assert "signature" in error.message


@pytest.mark.parametrize(
    "header",
    [{"alg": "none"}, {"alg": "EdDSA"}, {"alg": "HS256"}, {"alg": "Ed25519", "crit": ["x"]}],
)
def test_other_algorithms_are_refused(header: dict[str, object]) -> None:
    key = shared_federation().bundle_key
    forged = jws_of(rfc8785.dumps(content()), key, header)
    error = refusal(lambda: TrustBundle.parse(forged, anchor()))
    assert error.reason is Reason.BAD_TRUST_BUNDLE


def test_several_signatures_are_not_a_bundle() -> None:
    outer = json.loads(document())
    entry = {"protected": outer["protected"], "signature": outer["signature"]}
    general = json.dumps({"payload": outer["payload"], "signatures": [entry, entry]}).encode()
    extra = json.dumps({**outer, "header": {"kid": "other"}}).encode()
    for forged in (general, extra):
        error = refusal(lambda forged=forged: TrustBundle.parse(forged, anchor()))
        assert "flattened" in error.message


def _extra_member(c: dict[str, Any]) -> None:
    c["score"] = 1


def _number_as_text(c: dict[str, Any]) -> None:
    c["number"] = "7"


def _number_zero(c: dict[str, Any]) -> None:
    c["number"] = 0


def _leaf_as_root(c: dict[str, Any]) -> None:
    chain = (shared_federation().state(BOARD, Role.REQUESTER) / "tls/chain.pem").read_text()
    c["roots"] = [chain[: chain.index("-----END") + 26]]


def _garbage_root(c: dict[str, Any]) -> None:
    c["roots"] = ["-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]


def _key_of_another_agency(c: dict[str, Any]) -> None:
    c["members"][BOARD]["keys"].append(c["members"][COUNCIL]["keys"][0])


def _key_twice(c: dict[str, Any]) -> None:
    c["members"][BOARD]["keys"].append(c["members"][BOARD]["keys"][0])


def _log_of_another_agency(c: dict[str, Any]) -> None:
    c["members"][SCHOOLS]["logs"].append(c["members"][REGISTRY]["logs"][0])


def _log_with_another_agencys_key(c: dict[str, Any]) -> None:
    c["members"][REGISTRY]["logs"][0]["key_id"] = c["members"][SCHOOLS]["logs"][0]["key_id"]


def _log_with_unlisted_key(c: dict[str, Any]) -> None:
    c["members"][REGISTRY]["logs"][0]["key_id"] = "nobody/log/00000000"


def _endpoint_with_anothers_name(c: dict[str, Any]) -> None:
    c["members"][REGISTRY]["endpoints"] = [
        {
            "role": "node",
            "name": "main",
            "address": "127.0.0.1:1",
            "dns_name": f"main.node.{SCHOOLS}.{FEDERATION}",
        }
    ]


def _endpoint_of_another_resolver(c: dict[str, Any]) -> None:
    c["members"][REGISTRY]["endpoints"] = [
        {
            "role": "node",
            "name": "main",
            "address": "unix:/run/evil.sock",
            "dns_name": NODE.dns_name,
        }
    ]


def _agency_of_odd_form(c: dict[str, Any]) -> None:
    c["members"]["Evil\x00.agency"] = c["members"].pop(BOARD)


def _date_without_zone(c: dict[str, Any]) -> None:
    c["issued_at"] = "2026-01-01T00:00:00"


def _serial_zero(c: dict[str, Any]) -> None:
    c["denied"] = [{"issuer": "a" * 40, "serial": "0"}]


@pytest.mark.parametrize(
    "spoil",
    [
        _extra_member,
        _number_as_text,
        _number_zero,
        _leaf_as_root,
        _garbage_root,
        _key_of_another_agency,
        _key_twice,
        _log_of_another_agency,
        _log_with_another_agencys_key,
        _log_with_unlisted_key,
        _endpoint_with_anothers_name,
        _endpoint_of_another_resolver,
        _agency_of_odd_form,
        _date_without_zone,
        _serial_zero,
    ],
)
def test_unsound_content_is_refused_though_signed(spoil: Callable[[dict[str, Any]], None]) -> None:
    changed = content()
    assert TrustBundle.parse(signed(changed), anchor()).number == changed["number"]
    spoil(changed)
    error = refusal(lambda: TrustBundle.parse(signed(changed), anchor()))
    assert error.reason is Reason.BAD_TRUST_BUNDLE


def test_json_must_be_canonical() -> None:
    key = shared_federation().bundle_key
    loose = json.dumps(content()).encode()
    twice = rfc8785.dumps(content()).replace(b'"number":1', b'"number":1,"number":1')
    for payload in (loose, twice):
        forged = jws_of(payload, key)
        assert "RFC 8785" in refusal(lambda f=forged: TrustBundle.parse(f, anchor())).message


def test_number_never_goes_down(tmp_path: Path) -> None:
    pki = make_federation(tmp_path)
    first, second = pki.publish(), pki.publish()
    assert first.accept_successor(second.document).number == second.number
    assert second.accept_successor(second.document).number == second.number
    assert "is in use" in refusal(lambda: second.accept_successor(first.document)).message


def test_same_number_with_other_content_is_refused() -> None:
    changed = content()
    changed["members"][BOARD]["suspended"] = True
    error = refusal(lambda: bundle().accept_successor(signed(changed)))
    assert error.reason is Reason.BAD_TRUST_BUNDLE


def test_successor_of_another_federation_is_refused(tmp_path: Path) -> None:
    own = shared_federation().bundle_key
    document = BundleDocument.model_validate_json(rfc8785.dumps(content()))
    other = document.model_copy(
        update={"federation": "elsewhere.example", "number": 9, "members": {}}
    )
    error = refusal(lambda: bundle().accept_successor(sign_bundle(other, own)))
    assert "elsewhere.example" in error.message
    stranger = make_federation(tmp_path).publish()
    assert refusal(lambda: bundle().accept_successor(stranger.document)).reason is (
        Reason.BAD_TRUST_BUNDLE
    )


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_broken_documents_are_refused_and_nothing_else(data: st.DataObject) -> None:
    whole = document()
    position = data.draw(st.integers(0, len(whole) - 1))
    broken = data.draw(
        st.one_of(
            st.binary(max_size=40),
            st.binary(min_size=1, max_size=4).map(
                lambda patch: whole[:position] + patch + whole[position + len(patch) :]
            ),
            st.just(whole[:position]),
            st.sampled_from(
                [
                    b"null",
                    b"[]",
                    b'{"payload":1,"protected":2,"signature":3}',
                    b'{"payload":"","protected":"","signature":""}',
                    b'{"payload":"bnVsbA","protected":"bnVsbA","signature":"bnVsbA"}',
                    b'{"payload":{},"protected":[],"signature":null}',
                    b"[" * 100_000,
                ]
            ),
        )
    )
    for key in (anchor(), None):
        try:
            found = TrustBundle.parse(broken, key)
        except LandbridgeError as error:
            assert error.reason is Reason.BAD_TRUST_BUNDLE  # noqa: PT017
        else:
            # Whitespace outside the signed parts may change; what is signed may not.
            assert found.number == bundle().number
