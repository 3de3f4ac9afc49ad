"""The trust bundle's document: verified before it is read, and strict in form."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import rfc8785
from cryptography import x509
from hypothesis import given, settings
from hypothesis import strategies as st

from certs.authority_files import to_pem
from landbridge.agency import Identity, Role
from landbridge.errors import LandbridgeError, Reason
from landbridge.keys import KeyUse, SigningKey, public_text
from landbridge.trust.bundle import TrustBundle
from tests.bundles import (
    add_key,
    anchor,
    base64url,
    bundle,
    content,
    document,
    jws_of,
    refusal,
    signed,
)
from tests.pki import BOARD, COUNCIL, FEDERATION, REGISTRY, SCHOOLS, shared_federation

NODE = Identity(REGISTRY, FEDERATION, Role.NODE, "main")


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
    changed["members"][COUNCIL]["suspended_at"] = changed["issued_at"]
    outer["payload"] = base64url(rfc8785.dumps(changed))
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
    credential = shared_federation().state(BOARD, Role.REQUESTER) / "credential.pem"
    leaf = x509.load_pem_x509_certificates(credential.read_bytes())[0]
    c["authorities"][0]["certificate"] = to_pem(leaf).decode()


def _garbage_root(c: dict[str, Any]) -> None:
    c["authorities"][0]["certificate"] = (
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    )


def _key_of_another_agency(c: dict[str, Any]) -> None:
    c["members"][BOARD]["keys"].append(c["members"][COUNCIL]["keys"][0])


def _key_twice(c: dict[str, Any]) -> None:
    c["members"][BOARD]["keys"].append(c["members"][BOARD]["keys"][0])


def _log_of_another_agency(c: dict[str, Any]) -> None:
    c["members"][SCHOOLS]["logs"].append(c["members"][REGISTRY]["logs"][0])


def _log_with_another_agencys_key(c: dict[str, Any]) -> None:
    c["members"][REGISTRY]["logs"][0]["key_ids"] = c["members"][SCHOOLS]["logs"][0]["key_ids"]


def _log_with_unlisted_key(c: dict[str, Any]) -> None:
    c["members"][REGISTRY]["logs"][0]["key_ids"].append("nobody/log/00000000")


def _log_without_a_key(c: dict[str, Any]) -> None:
    c["members"][REGISTRY]["logs"][0]["key_ids"] = []


def _log_key_twice(c: dict[str, Any]) -> None:
    c["members"][REGISTRY]["logs"][0]["key_ids"] *= 2


def _log_with_a_key_of_another_use(c: dict[str, Any]) -> None:
    memorandum = next(k for k in c["members"][REGISTRY]["keys"] if k["use"] == "memorandum")
    c["members"][REGISTRY]["logs"][0]["key_ids"] = [memorandum["key_id"]]


def _log_of_a_role_that_it_has_not(c: dict[str, Any]) -> None:
    c["members"][REGISTRY]["logs"][0]["origin"] = f"{REGISTRY}.{FEDERATION}/gateway/main"


def _bundle_key_of_a_member(c: dict[str, Any]) -> None:
    add_key(c, BOARD, SigningKey.generate(BOARD, KeyUse.BUNDLE))


def _endorsement_by_another_agency(c: dict[str, Any]) -> None:
    other = _key(Identity(COUNCIL, FEDERATION, Role.REQUESTER, "main"), KeyUse.QUERY)
    add_key(c, BOARD, SigningKey.generate(BOARD, KeyUse.QUERY), vouched_by=other)


def _endorsement_by_a_key_of_another_use(c: dict[str, Any]) -> None:
    log = _key(NODE, KeyUse.LOG)
    add_key(c, REGISTRY, SigningKey.generate(REGISTRY, KeyUse.MEMORANDUM), vouched_by=log)


def _admin_endorsed_by_a_memorandum_key(c: dict[str, Any]) -> None:
    memorandum = _key(NODE, KeyUse.MEMORANDUM)
    add_key(c, REGISTRY, SigningKey.generate(REGISTRY, KeyUse.ADMIN), vouched_by=memorandum)


def _endorsement_of_another_key(c: dict[str, Any]) -> None:
    log = _key(NODE, KeyUse.LOG)
    one = add_key(c, REGISTRY, SigningKey.generate(REGISTRY, KeyUse.LOG), vouched_by=log)
    two = add_key(c, REGISTRY, SigningKey.generate(REGISTRY, KeyUse.LOG), vouched_by=log)
    two["endorsement"] = one["endorsement"]


def _keys_that_endorse_each_other(c: dict[str, Any]) -> None:
    one, two = (SigningKey.generate(REGISTRY, KeyUse.LOG) for _ in range(2))
    add_key(c, REGISTRY, one, vouched_by=two)
    add_key(c, REGISTRY, two, vouched_by=one)


def _key_only_prepared(c: dict[str, Any]) -> None:
    c["members"][REGISTRY]["keys"][0]["state"] = "prepared"


def _revision_below_zero(c: dict[str, Any]) -> None:
    c["members"][REGISTRY]["revision"] = -1


def _denied_twice(c: dict[str, Any]) -> None:
    entry = {"issuer": "a" * 40, "serial": "1", "until": c["issued_at"]}
    c["denied"] = [entry, entry]


def _approval_with_a_short_signature(c: dict[str, Any]) -> None:
    c["approvals"] = [{"statement": "{}", "signatures": [{"key_id": "a", "signature": "AA"}]}]


def _key(identity: Identity, use: KeyUse) -> SigningKey:
    return shared_federation().parties[identity].keys[use]


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
    c["denied"] = [{"issuer": "a" * 40, "serial": "0", "until": c["issued_at"]}]


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
        _log_without_a_key,
        _log_key_twice,
        _log_with_a_key_of_another_use,
        _log_of_a_role_that_it_has_not,
        _bundle_key_of_a_member,
        _endorsement_by_another_agency,
        _endorsement_by_a_key_of_another_use,
        _admin_endorsed_by_a_memorandum_key,
        _endorsement_of_another_key,
        _keys_that_endorse_each_other,
        _key_only_prepared,
        _revision_below_zero,
        _denied_twice,
        _approval_with_a_short_signature,
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
