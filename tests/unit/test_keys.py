"""Signing keys: their ids, their files, and who may read them."""

import stat
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization

from landbridge.errors import LandbridgeError, Reason
from landbridge.keys import (
    KeyUse,
    SigningKey,
    make_key_id,
    public_text,
    read_private,
    read_public,
    split_key_id,
    write_whole,
)


def test_key_id_reads_agency_use_and_fingerprint() -> None:
    key = SigningKey.generate("fsa.ed", KeyUse.QUERY)
    agency, use, fingerprint = key.key_id.split("/")
    assert (agency, use, len(fingerprint)) == ("fsa.ed", "query", 8)
    assert key.key_id == make_key_id("fsa.ed", KeyUse.QUERY, key.public)
    assert split_key_id(key.key_id) == ("fsa.ed", KeyUse.QUERY)


def test_signature_verifies_with_the_public_half_alone() -> None:
    key = SigningKey.generate("va", KeyUse.LOG)
    key.public.verify(key.sign(b"text"), b"text")
    with pytest.raises(InvalidSignature):
        key.public.verify(key.sign(b"text"), b"other text")


def test_saved_key_is_loaded_whole_and_is_private(tmp_path: Path) -> None:
    key = SigningKey.generate("fsa.ed", KeyUse.MEMORANDUM)
    path = tmp_path / "keys" / "memorandum.key"
    key.save(path)
    loaded = SigningKey.load(path)
    assert (loaded.agency, loaded.use, loaded.key_id) == ("fsa.ed", KeyUse.MEMORANDUM, key.key_id)
    assert loaded.sign(b"x") == key.sign(b"x")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [p.name for p in path.parent.iterdir()] == ["memorandum.key"]


def test_saved_key_is_plain_pkcs8_to_other_tools(tmp_path: Path) -> None:
    key = SigningKey.generate("fsa.ed", KeyUse.LOG)
    key.save(tmp_path / "log.key")
    private = serialization.load_pem_private_key((tmp_path / "log.key").read_bytes(), None)
    assert private.public_key() == key.public


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_key_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "log.key"
    SigningKey.generate("va", KeyUse.LOG).save(path)
    path.chmod(mode)
    with pytest.raises(LandbridgeError) as caught:
        SigningKey.load(path)
    assert caught.value.reason is Reason.KEY_EXPOSED
    assert caught.value.where == str(path)
    assert f"{mode:04o}" in caught.value.message


def test_key_under_another_keys_name_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "log.key"
    key, other = (SigningKey.generate("va", KeyUse.LOG) for _ in range(2))
    key.save(path)
    write_whole(path, path.read_bytes().replace(key.key_id.encode(), other.key_id.encode()))
    with pytest.raises(LandbridgeError) as caught:
        SigningKey.load(path)
    assert caught.value.reason is Reason.INVALID_CONFIGURATION


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe\x00",
        b"Landbridge-Key: va/log/12345678\n",
        b"Landbridge-Key: va/log/12345678\n-----BEGIN PRIVATE KEY-----\nAAAA\n",
        b"Landbridge-Key: va/cooking/12345678\n",
        b"-----BEGIN PRIVATE KEY-----\n",
    ],
)
def test_file_that_is_no_key_is_refused(tmp_path: Path, content: bytes) -> None:
    write_whole(tmp_path / "log.key", content)
    with pytest.raises(LandbridgeError) as caught:
        SigningKey.load(tmp_path / "log.key")
    assert caught.value.reason is Reason.INVALID_CONFIGURATION
    assert caught.value.where == str(tmp_path / "log.key")


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(LandbridgeError, match="No such file") as caught:
        read_private(tmp_path / "log.key")
    assert caught.value.where == str(tmp_path / "log.key")


def test_public_key_text_has_one_spelling() -> None:
    public = SigningKey.generate("va", KeyUse.LOG).public
    text = public_text(public)
    assert read_public(text).public_bytes_raw() == public.public_bytes_raw()
    for other in ("", text[:-1], text + "A", text + "=", text[:10] + "+" + text[11:], "é" * 43):
        with pytest.raises(LandbridgeError):
            read_public(other)


def test_agency_must_be_well_formed() -> None:
    with pytest.raises(LandbridgeError):
        SigningKey.generate("Not An Agency", KeyUse.LOG)


def test_failed_write_leaves_the_old_file_alone(tmp_path: Path) -> None:
    folder = tmp_path / "target"
    folder.mkdir()
    with pytest.raises(OSError, match="target"):
        write_whole(folder, b"new")
    assert list(tmp_path.iterdir()) == [folder]


def test_private_key_does_not_show_in_print() -> None:
    key = SigningKey.generate("va", KeyUse.LOG)
    assert repr(key) == f"SigningKey(agency='va', use={KeyUse.LOG!r}, key_id='{key.key_id}')"
