"""The authorities: what they refuse to certify, and how their keys lie on disk."""

import stat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from certs.authority import Issuing, Root
from landbridge.agency import Identity, Role
from landbridge.clock import system_clock
from landbridge.errors import LandbridgeError, Reason

FEDERATION = "federation.example"
NODE = Identity("fsa.ed", FEDERATION, Role.NODE, "main")


def root() -> Root:
    return Root.create(FEDERATION, system_clock)


def refused(identity: Identity, curve: ec.EllipticCurve) -> LandbridgeError:
    public = ec.generate_private_key(curve).public_key()
    with pytest.raises(LandbridgeError) as caught:
        root().create_issuing(system_clock).issue(identity, public, system_clock)
    return caught.value


@pytest.mark.parametrize("curve", [ec.SECP384R1(), ec.SECP521R1(), ec.SECP256K1()])
def test_leaf_keys_are_p256_only(curve: ec.EllipticCurve) -> None:
    assert refused(NODE, curve).reason is Reason.INVALID_CONFIGURATION


@pytest.mark.parametrize(
    "identity",
    [
        Identity("fsa.ed", "elsewhere.example", Role.NODE, "main"),
        Identity("fsa.ed", FEDERATION, Role.NODE, "main/evil"),
        Identity("fsa.ed", FEDERATION, Role.NODE, "main\x00"),
        Identity("", FEDERATION, Role.NODE, "main"),
        Identity(".".join(["a" * 63] * 3), FEDERATION, Role.NODE, "b" * 60),
    ],
)
def test_identities_out_of_form_are_not_certified(identity: Identity) -> None:
    assert refused(identity, ec.SECP256R1()).reason in {
        Reason.CALLER_REFUSED,
        Reason.INVALID_CONFIGURATION,
    }


@pytest.mark.parametrize("name", ["", "nodot", "UPPER.example", "a b.example", "x." + "a" * 63])
def test_federation_name_is_checked(name: str) -> None:
    with pytest.raises(LandbridgeError) as caught:
        Root.create(name, system_clock)
    assert caught.value.reason is Reason.INVALID_CONFIGURATION


def test_root_key_lies_encrypted(tmp_path: Path) -> None:
    made = root()
    made.save(tmp_path, b"correct horse")
    assert b"ENCRYPTED PRIVATE KEY" in (tmp_path / "root.key").read_bytes()
    loaded = Root.load(tmp_path, FEDERATION, b"correct horse")
    assert loaded.certificate == made.certificate
    later = loaded.create_issuing(system_clock, generation=2)
    later.certificate.verify_directly_issued_by(made.certificate)
    assert "Issuing 2" in later.certificate.subject.rfc4514_string()


@pytest.mark.parametrize("passphrase", [b"", b"wrong"])
def test_root_key_needs_its_passphrase(tmp_path: Path, passphrase: bytes) -> None:
    root().save(tmp_path, b"right")
    with pytest.raises(LandbridgeError) as caught:
        Root.load(tmp_path, FEDERATION, passphrase)
    assert caught.value.where == str(tmp_path / "root.key")


def test_issuing_authority_goes_on_from_its_folder(tmp_path: Path) -> None:
    made = root().create_issuing(system_clock)
    made.save(tmp_path)
    assert stat.S_IMODE((tmp_path / "issuing.key").stat().st_mode) == 0o600
    loaded = Issuing.load(tmp_path, FEDERATION)
    assert loaded.roots_pem == made.roots_pem
    leaf = loaded.issue(NODE, ec.generate_private_key(ec.SECP256R1()).public_key(), system_clock)
    leaf.verify_directly_issued_by(made.certificate)


def test_key_of_another_authority_is_noticed(tmp_path: Path) -> None:
    root().create_issuing(system_clock).save(tmp_path)
    root().create_issuing(system_clock).save(tmp_path / "other")
    (tmp_path / "other" / "issuing.key").replace(tmp_path / "issuing.key")
    with pytest.raises(LandbridgeError, match="not that of the key"):
        Issuing.load(tmp_path, FEDERATION)


@pytest.mark.parametrize("file", ["issuing.pem", "issuing.key"])
def test_garbage_is_refused_with_its_place(tmp_path: Path, file: str) -> None:
    root().create_issuing(system_clock).save(tmp_path)
    (tmp_path / file).write_bytes(b"garbage")
    with pytest.raises(LandbridgeError) as caught:
        Issuing.load(tmp_path, FEDERATION)
    assert caught.value.where == str(tmp_path / file)


def test_exposed_issuing_key_is_refused(tmp_path: Path) -> None:
    root().create_issuing(system_clock).save(tmp_path)
    (tmp_path / "issuing.key").chmod(0o644)
    with pytest.raises(LandbridgeError) as caught:
        Issuing.load(tmp_path, FEDERATION)
    assert caught.value.reason is Reason.KEY_EXPOSED


def test_clock_decides_when_a_leaf_is_valid() -> None:
    issuing = root().create_issuing(system_clock)
    public = ec.generate_private_key(ec.SECP256R1()).public_key()
    leaf: x509.Certificate = issuing.issue(NODE, public, lambda: 1_700_000_000_000)
    assert leaf.not_valid_after_utc.isoformat() == "2023-11-15T22:13:20+00:00"
    assert leaf.not_valid_before_utc.isoformat() == "2023-11-14T22:08:20+00:00"
