"""What a trust bundle vouches for, and which bundle may take its place."""

from pathlib import Path

import rfc8785

from certs.bundle import sign_bundle
from landbridge.agency import Identity, Role
from landbridge.errors import Reason
from landbridge.keys import KeyUse, SigningKey, public_text
from landbridge.trust_document import BundleDocument
from tests.bundles import bundle, content, refusal, signed
from tests.pki import (
    BOARD,
    FEDERATION,
    GATEWAY,
    REGISTRY,
    SCHOOLS,
    make_federation,
    shared_federation,
)

NODE = Identity(REGISTRY, FEDERATION, Role.NODE, "main")
ORIGIN = f"{REGISTRY}.{FEDERATION}/node/main"


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
