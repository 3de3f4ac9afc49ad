"""Pseudonyms: stable under one key, unlike under another, and never the same for two subjects."""

import hashlib
import hmac
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landbridge.errors import LandbridgeError, Reason
from landbridge.log.pseudonym import Pseudonyms

KEY = bytes(range(32))
text = st.text(max_size=12)


def test_the_definition() -> None:
    message = b"\x00\x00\x00\x09\x00\x00\x00\x08us-ope-id00100500"
    expected = hmac.new(KEY, message, hashlib.sha256).digest()[:16]
    assert Pseudonyms(KEY).of("us-ope-id", "00100500") == expected


@given(st.tuples(text, text), st.tuples(text, text))
def test_two_subjects_never_share_a_pseudonym(one: tuple[str, str], other: tuple[str, str]) -> None:
    pseudonyms = Pseudonyms(KEY)
    assert (pseudonyms.of(*one) == pseudonyms.of(*other)) == (one == other)


def test_another_key_gives_another_pseudonym_and_key_id() -> None:
    one, other = Pseudonyms(KEY), Pseudonyms(bytes(32))
    assert one.of("a", "b") != other.of("a", "b")
    assert one.key_id != other.key_id
    assert KEY.hex()[:16] not in one.key_id
    assert len(one.key_id) == 16


def test_the_key_file(tmp_path: Path) -> None:
    file = tmp_path / "pseudonym.key"
    file.write_text(KEY.hex() + "\n")
    file.chmod(0o600)
    assert Pseudonyms.load(file).key_id == Pseudonyms(KEY).key_id
    file.chmod(0o640)
    with pytest.raises(LandbridgeError) as caught:
        Pseudonyms.load(file)
    assert caught.value.reason is Reason.KEY_EXPOSED


@pytest.mark.parametrize("content", [b"", b"abc", b"zz" * 32, b"00" * 31, b"00" * 33, b"\xff" * 64])
def test_a_malformed_key_file_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "pseudonym.key"
    file.write_bytes(content)
    file.chmod(0o600)
    with pytest.raises(LandbridgeError) as caught:
        Pseudonyms.load(file)
    assert caught.value.reason is Reason.INVALID_CONFIGURATION
    assert str(file) in caught.value.where
    assert content.decode("latin1")[:8] not in caught.value.message or not content


def test_a_missing_key_file_and_a_short_key_are_refused(tmp_path: Path) -> None:
    for call in (lambda: Pseudonyms.load(tmp_path / "none"), lambda: Pseudonyms(b"short")):
        with pytest.raises(LandbridgeError) as caught:
            call()
        assert caught.value.reason is Reason.INVALID_CONFIGURATION
