"""A party's own credential: what is wrong with it is said before it is shown to anybody."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from certs.authority import Root
from certs.bundle import authority_record
from landbridge.agency import Identity, Role
from landbridge.clock import system_clock
from landbridge.errors import LandbridgeError, Reason
from landbridge.rpc.credentials import LONGEST_CHAIN, Credential
from landbridge.trust.authority import AuthorityState
from tests.hostile import Recipe
from tests.integration.hostile_callers import REFUSED_BY_GUARD, REFUSED_BY_TLS
from tests.integration.tls_server import NODE, credential_of, party_of
from tests.pki import FEDERATION, REGISTRY, make_federation, shared_federation

DAY_MS = 24 * 60 * 60 * 1000
ITS_OWN_FORM = {Reason.CERTIFICATE_REFUSED, Reason.CALLER_REFUSED}
# Refused by TLS alone, as what they show; read from a file they are refused for these.
CODES = {
    "expired": Reason.CERTIFICATE_EXPIRED,
    "not yet valid": Reason.CERTIFICATE_EXPIRED,
    "another's key id for the issuer's": Reason.ISSUER_REFUSED,
    "an authority that is not listed": Reason.ISSUER_REFUSED,
    "an agency's authority for a foreign name": Reason.ISSUER_REFUSED,
    "no issuing authority": Reason.BAD_CREDENTIAL,
    "an oversized chain": Reason.BAD_CREDENTIAL,
}


def refusal(pem: bytes) -> LandbridgeError:
    with pytest.raises(LandbridgeError) as caught:
        Credential.parse(pem, party_of(REGISTRY).trust.current, where="here")
    assert caught.value.where == "here"
    return caught.value


def test_a_true_credential_is_read() -> None:
    party = party_of(REGISTRY)
    read = Credential.read(party.credential, party.trust.current)
    assert read.leaf.identity == NODE
    assert read.pem == party.credential.read_bytes()
    assert read.private.public_key() == read.certificate.public_key()
    assert "PRIVATE" not in repr(read)


@pytest.mark.parametrize("name", [*REFUSED_BY_GUARD, *REFUSED_BY_TLS])
def test_a_certificate_that_a_peer_would_refuse_is_not_used(name: str) -> None:
    make = REFUSED_BY_GUARD[name][0] if name in REFUSED_BY_GUARD else REFUSED_BY_TLS[name]
    reason = refusal(make().pem).reason
    assert reason is CODES[name] if name in CODES else reason in ITS_OWN_FORM


def true() -> bytes:
    return Recipe.true_to(NODE).shown(shared_federation().issuing).pem


def other_key() -> bytes:
    issuing = shared_federation().issuing
    other = Recipe.true_to(NODE).shown(issuing)
    return Recipe.true_to(NODE).shown(issuing).key + other.chain


def two_leaves() -> bytes:
    issuing = shared_federation().issuing
    leaf = Recipe.true_to(NODE)
    return Recipe.true_to(NODE, above=(leaf.certificate(issuing),)).shown(issuing).pem


def another_root_above() -> bytes:
    issuing = shared_federation().issuing
    stranger = Root.create(FEDERATION, system_clock, generation=9).certificate
    return Recipe.true_to(NODE, above=(issuing.certificate, stranger)).shown(issuing).pem


DAMAGED: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "garbage": lambda: b"garbage",
    "garbage after it": lambda: true() + b"garbage",
    "garbage before it": lambda: b"x\n" + true(),
    "a truncated write": lambda: true()[:-200],
    "a write truncated between two parts": lambda: true().split(b"-----BEGIN CERT")[0],
    "no key": lambda: true().split(b"-----END PRIVATE KEY-----\n")[1],
    "two keys": lambda: true().split(b"-----BEGIN CERT")[0] + true(),
    "an encrypted key": lambda: true().replace(b"PRIVATE KEY", b"ENCRYPTED PRIVATE KEY"),
    "the key of another certificate": other_key,
    "a leaf for the authority": two_leaves,
    "a root of nobody's": another_root_above,
    "zeros": lambda: b"\0" * 4096,
    "a key that is none": lambda: (
        b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"
        + true().split(b"-----END PRIVATE KEY-----\n")[1]
    ),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_what_is_damaged_or_does_not_fit_together_is_refused(name: str) -> None:
    assert refusal(DAMAGED[name]()).reason is Reason.BAD_CREDENTIAL


@pytest.mark.parametrize("step", [1, 7, 101])
def test_no_truncation_is_taken_for_a_credential(step: int) -> None:
    whole = true()
    for end in range(0, len(whole), step * 97):
        assert refusal(whole[:end]).reason is Reason.BAD_CREDENTIAL


def test_a_revoked_certificate_is_not_used(tmp_path: Path) -> None:
    pki = make_federation(tmp_path)
    own = credential_of(REGISTRY, pki)
    pki.publish(denied=[(own.leaf.issuer_key_id, own.leaf.serial)])
    party = party_of(REGISTRY, pki)
    with pytest.raises(LandbridgeError) as caught:
        Credential.read(party.credential, party.trust.current)
    assert caught.value.reason is Reason.CERTIFICATE_REVOKED


def test_a_certificate_of_another_federation_is_not_used(tmp_path: Path) -> None:
    stranger = credential_of(REGISTRY, make_federation(tmp_path))
    assert refusal(stranger.pem).reason is Reason.ISSUER_REFUSED


def test_an_expired_certificate_says_what_to_do() -> None:
    party = party_of(REGISTRY)
    with pytest.raises(LandbridgeError) as caught:
        Credential.read(
            party.credential, party.trust.current, clock=lambda: system_clock() + DAY_MS
        )
    assert caught.value.reason is Reason.CERTIFICATE_EXPIRED
    assert "clock" in caught.value.next_step


def test_an_exposed_key_is_refused(tmp_path: Path) -> None:
    path = Recipe.true_to(NODE).write(tmp_path / "credential.pem", shared_federation().issuing)
    path.chmod(0o640)
    with pytest.raises(LandbridgeError) as caught:
        Credential.read(path, party_of(REGISTRY).trust.current)
    assert caught.value.reason is Reason.KEY_EXPOSED


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(LandbridgeError) as caught:
        Credential.read(tmp_path / "credential.pem", party_of(REGISTRY).trust.current)
    assert caught.value.where == str(tmp_path / "credential.pem")


def test_the_longest_chain_of_ours_is_accepted_and_far_below_the_limit(tmp_path: Path) -> None:
    pki = make_federation(tmp_path)
    root = pki.root.create_next(pki.clock)
    second = root.create_issuing(pki.clock, generation=2)
    now = datetime.now(UTC)
    published = AuthorityState.PUBLISHED
    pki.authorities |= {
        root.id: authority_record(root.certificate, published, now, cross=root.cross),
        second.id: authority_record(second.certificate, published, now, issuer=root.id),
    }
    pki.publish()
    longest = Identity("a" * 60 + "." + "b" * 60, FEDERATION, Role.NODE, "n" * 50)
    shown = Recipe.true_to(longest).shown(second)
    trust = party_of(REGISTRY, pki).trust.current
    assert Credential.parse(shown.pem, trust).leaf.identity == longest
    assert 3 * len(shown.without_cross().chain) < 3 * len(shown.chain) < 2 * LONGEST_CHAIN
