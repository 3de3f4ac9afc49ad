"""The folder of roots: each made once, opened by its passphrase, never without."""

from pathlib import Path

import pytest
from cryptography import x509

from landbridge.commands.root_vault import RootVault
from landbridge.errors import LandbridgeError, Reason


@pytest.fixture
def passphrase_file(tmp_path: Path) -> Path:
    path = tmp_path / "passphrase"
    path.write_text("correct horse battery")
    path.chmod(0o600)
    return path


def vault(folder: Path | None, passphrase_file: Path) -> RootVault:
    return RootVault(folder, "market.example", passphrase_file)


def test_a_root_is_made_once_and_opened_again(tmp_path: Path, passphrase_file: Path) -> None:
    first = vault(tmp_path / "root", passphrase_file)
    made = first.make("root-1")
    follower = first.make("root-2", before="root-1")
    assert follower.cross is not None
    follower.cross.verify_directly_issued_by(made.certificate)
    again = vault(tmp_path / "root", passphrase_file)
    assert again.make("root-2", before="root-1").certificate == follower.certificate
    assert again.open("root-1").certificate == made.certificate
    assert (tmp_path / "root/root-2/root.key").stat().st_mode & 0o777 == 0o600


def test_a_root_that_nobody_vouches_for_is_told_apart(
    tmp_path: Path, passphrase_file: Path
) -> None:
    roots = vault(tmp_path / "root", passphrase_file)
    roots.make("root-1")
    lone = roots.make("root-2")
    roots.make("root-3", before="root-2")
    pem = roots.lone_certificate("root-2")
    assert x509.load_pem_x509_certificate(pem) == lone.certificate
    assert roots.lone_certificate("root-3") == b""


def test_what_is_not_at_hand_is_said_with_its_place(tmp_path: Path, passphrase_file: Path) -> None:
    with pytest.raises(LandbridgeError, match="not said where") as caught:
        vault(None, passphrase_file).open("root-1")
    assert "--root" in caught.value.next_step
    with pytest.raises(LandbridgeError, match="the key of root-1 is not at hand") as caught:
        vault(tmp_path, passphrase_file).open("root-1")
    assert caught.value.where == str(tmp_path / "root-1")


def test_a_wrong_passphrase_opens_nothing(tmp_path: Path, passphrase_file: Path) -> None:
    vault(tmp_path / "root", passphrase_file).make("root-1")
    passphrase_file.write_text("another long passphrase")
    with pytest.raises(LandbridgeError) as caught:
        vault(tmp_path / "root", passphrase_file).open("root-1")
    assert caught.value.reason is Reason.INVALID_CONFIGURATION
