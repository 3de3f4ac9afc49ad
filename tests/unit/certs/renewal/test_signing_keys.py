"""A party's next signing key waits until everybody can verify it, then takes over in one step."""

from pathlib import Path

import pytest

from certs.bundle import key_record, sign_bundle
from certs.federation import FederationPki
from certs.renewal.signing_keys import signs_log, switch_keys
from landbridge.agency import Identity, Role
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.keys import KeyUse, SigningKey, signature_text
from landbridge.log.store import LogStore
from landbridge.party import PartyFolder
from landbridge.trust.authority import AuthorityState
from landbridge.trust.bundle import TrustBundle
from landbridge.trust.document import Endorsement
from landbridge.trust.introduction import Introduction
from tests.pki import FEDERATION, REGISTRY, make_federation


@pytest.fixture
def pki(tmp_path: Path) -> FederationPki:
    return make_federation(tmp_path)


def folder_of(pki: FederationPki) -> Path:
    return pki.state(REGISTRY, Role.NODE)


def waiting(pki: FederationPki, use: KeyUse = KeyUse.LOG) -> SigningKey:
    key = SigningKey.generate(REGISTRY, use)
    key.save(folder_of(pki) / "keys" / f"{use}.next.key")
    return key


def bundle(pki: FederationPki, key: SigningKey, state: AuthorityState) -> TrustBundle:
    """List a key in a state, vouched for by the one before."""
    before = SigningKey.load(folder_of(pki) / "keys" / f"{key.use}.key")
    introduction = Introduction(FEDERATION, REGISTRY, key.use, key.public)
    endorsement = Endorsement(
        key_id=before.key_id, signature=signature_text(introduction.sign(before))
    )
    record = key_record(key, pki.clock()).model_copy(
        update={"state": state, "endorsement": endorsement}
    )
    assert pki.content is not None
    member = pki.content.members[REGISTRY]
    changed = member.model_copy(update={"keys": (*member.keys, record)})
    content = pki.content.model_copy(update={"members": {**pki.content.members, REGISTRY: changed}})
    return TrustBundle.parse(sign_bundle(content, pki.bundle_key), pki.bundle_key.public)


def present(pki: FederationPki, use: KeyUse = KeyUse.LOG) -> SigningKey:
    return SigningKey.load(folder_of(pki) / "keys" / f"{use}.key")


def test_a_published_key_waits_and_an_active_one_takes_over(pki: FederationPki) -> None:
    key, before, used = waiting(pki), present(pki), list[SigningKey]()
    switch_keys(folder_of(pki), bundle(pki, key, AuthorityState.PUBLISHED), used.append)
    assert present(pki).key_id == before.key_id
    assert not used
    switch_keys(folder_of(pki), bundle(pki, key, AuthorityState.ACTIVE), used.append)
    assert present(pki).key_id == key.key_id
    assert [each.key_id for each in used] == [key.key_id]
    assert not (folder_of(pki) / "keys" / "log.next.key").exists()


def test_a_key_that_cannot_be_used_leaves_the_one_before_in_its_place(pki: FederationPki) -> None:
    key, before = waiting(pki), present(pki)
    listed = bundle(pki, key, AuthorityState.ACTIVE)

    def full(_: SigningKey) -> None:
        raise refuse(Reason.LOG_UNAVAILABLE, "no room")

    with pytest.raises(LandbridgeError):
        switch_keys(folder_of(pki), listed, full)
    assert present(pki).key_id == before.key_id
    switch_keys(folder_of(pki), listed, lambda _: None)
    assert present(pki).key_id == key.key_id


@pytest.mark.parametrize("state", [AuthorityState.ABORTED, AuthorityState.TAINTED])
def test_a_key_that_was_given_up_is_erased(pki: FederationPki, state: AuthorityState) -> None:
    before = present(pki)
    listed = bundle(pki, waiting(pki), state)
    switch_keys(folder_of(pki), listed, lambda _: None)
    assert not (folder_of(pki) / "keys" / "log.next.key").exists()
    assert present(pki).key_id == before.key_id


def test_a_key_that_nobody_has_listed_waits(pki: FederationPki) -> None:
    waiting(pki)
    assert pki.content is not None
    document = sign_bundle(pki.content, pki.bundle_key)
    switch_keys(folder_of(pki), TrustBundle.parse(document, pki.bundle_key.public), lambda _: None)
    assert (folder_of(pki) / "keys" / "log.next.key").exists()


def test_a_running_log_is_signed_with_the_next_log_key_alone(pki: FederationPki) -> None:
    party = PartyFolder.open(folder_of(pki))
    identity = Identity(REGISTRY, FEDERATION, Role.NODE, "main")
    log: LogStore = party.open_log(identity)
    log.append([b"before"])
    key, seal = waiting(pki), SigningKey.generate(REGISTRY, KeyUse.MEMORANDUM)
    signs_log(log)(seal)
    switch_keys(party.folder, bundle(pki, key, AuthorityState.ACTIVE), signs_log(log))
    assert log.signer.public_bytes_raw() == key.public.public_bytes_raw()
    log.append([b"after"])
    log.close()
