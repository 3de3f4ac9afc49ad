"""A whole federation's PKI in one step: folders, files, modes, the bundle in each."""

import stat
from pathlib import Path

import pytest

from certs.federation import PartyPlan, create_federation
from certs.profiles import LEAF_LIFE
from landbridge.agency import Identity, Role
from landbridge.clock import to_datetime
from landbridge.errors import LandbridgeError, Reason
from landbridge.keys import KeyUse, SigningKey, read_public
from landbridge.trust.bundle import TrustBundle
from landbridge.trust.store import TrustStore
from tests.pki import FEDERATION, GATEWAY, OPERATIONS, REGISTRY, make_federation, shared_federation

PRIVATE = {"credential.pem", "keys/log.key", "keys/memorandum.key", "pseudonym.key"}
PUBLIC = {"trust-bundle.json", "anchor.pub"}


def test_party_folder_holds_what_a_node_needs() -> None:
    state = shared_federation().state(REGISTRY, Role.NODE)
    files = {str(p.relative_to(state)): p for p in state.rglob("*") if p.is_file()}
    (key_id,) = TrustBundle.parse(files["trust-bundle.json"].read_bytes(), None).issuers
    assert files.keys() == PRIVATE | PUBLIC | {f"revocation/{key_id}.crl"}
    for name in PRIVATE:
        assert stat.S_IMODE(files[name].stat().st_mode) == 0o600, name
    assert len(bytes.fromhex(files["pseudonym.key"].read_text())) == 32


def test_folder_is_enough_to_trust_the_bundle_and_speak() -> None:
    state = shared_federation().state(REGISTRY, Role.NODE)
    anchor = read_public((state / "anchor.pub").read_text().strip())
    bundle = TrustBundle.parse((state / "trust-bundle.json").read_bytes(), anchor)
    for path in (state / "keys").iterdir():
        key = SigningKey.load(path)
        found = bundle.verifying_key(key.key_id, KeyUse(path.stem), shared_federation().clock())
        assert found[0] == REGISTRY
    assert bundle.roots_pem == shared_federation().root.pem


def test_party_without_a_log_has_no_pseudonym_key() -> None:
    state = shared_federation().state(OPERATIONS, Role.ADMIN, "first")
    assert not (state / "pseudonym.key").exists()
    assert not (state / "keys" / "log.key").exists()


def test_one_agency_in_two_roles_has_two_folders(tmp_path: Path) -> None:
    plans = [
        PartyPlan("va", Role.NODE, "Node", (KeyUse.LOG,), address="127.0.0.1:1"),
        PartyPlan("va", Role.REQUESTER, "Requester", (KeyUse.QUERY,)),
    ]
    pki = create_federation(tmp_path, FEDERATION, plans)
    assert pki.state("va", Role.NODE) != pki.state("va", Role.REQUESTER)
    member = pki.publish().members["va"]
    assert member.roles == {Role.NODE, Role.REQUESTER}
    assert member.title == "Node"
    assert [endpoint.address for endpoint in member.endpoints] == ["127.0.0.1:1"]


def test_addresses_may_come_later_and_stay(tmp_path: Path) -> None:
    pki = make_federation(tmp_path)
    gateway = Identity(GATEWAY, FEDERATION, Role.GATEWAY, "main")
    assert pki.publish().endpoints(Role.GATEWAY) == ()
    pki.publish(addresses={gateway: "[::1]:7443"})
    assert (
        pki.publish(denied=[("ab" * 20, 0x1F)]).endpoints(Role.GATEWAY)[0].address == "[::1]:7443"
    )
    (endpoint,) = pki.publish().endpoints(Role.GATEWAY)
    assert endpoint.dns_name == gateway.dns_name


def test_denied_certificates_stand_in_the_bundle_and_stay(tmp_path: Path) -> None:
    pki = make_federation(tmp_path)
    assert pki.publish(denied=[("ab" * 20, 0x1F)]).denied == {("ab" * 20, 0x1F)}
    assert pki.publish().denied == {("ab" * 20, 0x1F)}


def test_every_bundle_may_follow_the_one_before(tmp_path: Path) -> None:
    pki = make_federation(tmp_path)
    store = TrustStore.open(pki.state(REGISTRY, Role.NODE))
    gateway = Identity(GATEWAY, FEDERATION, Role.GATEWAY, "main")
    suspended: list[str]
    for suspended in ([REGISTRY], [REGISTRY, GATEWAY], [GATEWAY], []):
        address = f"127.0.0.1:{7000 + pki.number}"
        assert store.offer([pki.sign_next(suspended=suspended, addresses={gateway: address})])
        members = store.current.bundle.members.values()
        assert {member.agency for member in members if member.suspended} == set(suspended)


def test_lists_are_numbered_and_lie_in_every_folder(tmp_path: Path) -> None:
    pki = make_federation(tmp_path)
    now = to_datetime(pki.clock())
    pki.publish_list([(0x1F, now, now + LEAF_LIFE)])
    for party in pki.parties.values():
        trust = TrustStore.open(party.folder).current
        (held,) = trust.lists.values()
        assert (held.number, held.serials) == (2, {0x1F})
        assert trust.is_revoked(held.issuer, 0x1F)
        assert not trust.is_revoked(held.issuer, 0x20)


@pytest.mark.parametrize(
    "plans",
    [
        [PartyPlan("va", Role.NODE, "A", ()), PartyPlan("va", Role.NODE, "B", ())],
        [PartyPlan("va", Role.NODE, "", ())],
        [PartyPlan("va", Role.NODE, "A", (), address="nowhere")],
        [PartyPlan("va", Role.NODE, "A", (), address="unix:/tmp/x")],
    ],
)
def test_wrong_plans_are_refused(tmp_path: Path, plans: list[PartyPlan]) -> None:
    with pytest.raises(LandbridgeError) as caught:
        create_federation(tmp_path, FEDERATION, plans)
    assert caught.value.reason is Reason.INVALID_CONFIGURATION
