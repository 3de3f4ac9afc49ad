"""The authorities: what they refuse to certify, and how their keys lie on disk."""

import stat
from datetime import timedelta
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


@pytest.mark.parametrize("file", ["issuing.pem", "issuing.key", "root.pem"])
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


def test_next_root_and_its_authority_go_on_from_their_folders_with_the_cross(
    tmp_path: Path,
) -> None:
    following = root().create_next(system_clock)
    following.save(tmp_path / "root-2", b"correct horse")
    loaded = Root.load(tmp_path / "root-2", FEDERATION, b"correct horse")
    assert (loaded.id, loaded.cross) == ("root-2", following.cross)
    issuing = loaded.create_issuing(system_clock, generation=5)
    issuing.save(tmp_path / "issuing-5")
    again = Issuing.load(tmp_path / "issuing-5", FEDERATION)
    assert (again.id, again.cross) == ("issuing-5", following.cross)
    assert x509.load_pem_x509_certificates(again.chain_pem) == [again.certificate, following.cross]


def test_generation_of_a_root_only_goes_up() -> None:
    third = root().create_next(system_clock, generation=3)
    assert third.id == "root-3"
    assert third.create_next(system_clock).id == "root-4"
    with pytest.raises(LandbridgeError, match="root 3 cannot follow root 3"):
        third.create_next(system_clock, generation=3)


def test_root_is_never_written_over_another_nor_in_the_clear(tmp_path: Path) -> None:
    made = root()
    made.save(tmp_path, b"first")
    made.save(tmp_path, b"passphrase changed")
    assert Root.load(tmp_path, FEDERATION, b"passphrase changed").certificate == made.certificate
    with pytest.raises(LandbridgeError, match="another root"):
        root().save(tmp_path, b"second")
    with pytest.raises(LandbridgeError, match="without a passphrase"):
        made.save(tmp_path / "clear", b"")
    assert not (tmp_path / "clear").exists()


def test_key_from_elsewhere_is_certified_for_an_authority() -> None:
    made = root()
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = made.sign_issuing(key.public_key(), system_clock, generation=2)
    assert Issuing(FEDERATION, certificate, key, made.certificate).id == "issuing-2"
    with pytest.raises(LandbridgeError, match="P-256"):
        made.sign_issuing(made.key.public_key(), system_clock, generation=3)


def test_parts_of_an_authority_that_do_not_belong_together_are_refused() -> None:
    made, other = root().create_issuing(system_clock), root()
    with pytest.raises(LandbridgeError, match="not that of its key"):
        Issuing(FEDERATION, made.certificate, other.create_issuing(system_clock).key, made.root)
    with pytest.raises(LandbridgeError, match="is not signed by"):
        Issuing(FEDERATION, made.certificate, made.key, other.certificate)
    with pytest.raises(LandbridgeError, match="cross-certificate"):
        Issuing(FEDERATION, made.certificate, made.key, made.root, other.certificate)


@pytest.mark.parametrize("life", [timedelta(0), timedelta(hours=-1), timedelta(hours=25)])
def test_life_of_a_leaf_is_a_day_at_most(life: timedelta) -> None:
    public = ec.generate_private_key(ec.SECP256R1()).public_key()
    with pytest.raises(LandbridgeError, match="lives for"):
        root().create_issuing(system_clock).issue(NODE, public, system_clock, life)


def test_leaf_ends_with_its_authority_and_none_is_issued_after_it() -> None:
    issuing = root().create_issuing(system_clock)
    public = ec.generate_private_key(ec.SECP256R1()).public_key()
    end = issuing.certificate.not_valid_after_utc
    end_ms = round(end.timestamp() * 1000)
    assert issuing.issue(NODE, public, lambda: end_ms - 3_600_000).not_valid_after_utc == end
    with pytest.raises(LandbridgeError) as caught:
        issuing.issue(NODE, public, lambda: end_ms)
    assert caught.value.reason is Reason.ISSUER_REFUSED


def test_folder_with_a_certificate_too_many_is_refused(tmp_path: Path) -> None:
    made = root().create_issuing(system_clock)
    made.save(tmp_path)
    (tmp_path / "root.pem").write_bytes(made.roots_pem + root().pem)
    with pytest.raises(LandbridgeError) as caught:
        Issuing.load(tmp_path, FEDERATION)
    assert caught.value.where == str(tmp_path / "root.pem")
