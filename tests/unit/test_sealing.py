"""Sealing to a key: what opens, what does not, and which keys nobody can seal to."""

import secrets

import pytest
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, MLKEM768X25519PrivateKey, Suite

from landbridge.errors import LandbridgeError, Reason
from landbridge.sealing import (
    OVERHEAD_BYTES,
    PUBLIC_KEY_BYTES,
    SealingKey,
    check_public_key,
    seal,
    seal_info,
)

KEY = SealingKey.generate()
INFO = b"for this query"
TEXT = b"Northgate Bakery"
LATTICE = KEY.public[:1184]


def parts(**changed: object) -> dict[str, object]:
    return {
        "federation": "town.example",
        "requester": "board",
        "agency": "registry",
        "query_digest": b"q" * 32,
        "memoranda": ["m-1", "m-2"],
        **changed,
    }


def refusal_to_open(ciphertext: bytes, key: SealingKey = KEY, info: bytes = INFO) -> Reason:
    with pytest.raises(LandbridgeError) as caught:
        key.open(ciphertext, info)
    return caught.value.reason


@pytest.mark.parametrize("size", [0, 1, 1024, 3_000_000])
def test_what_is_sealed_opens_with_its_key(size: int) -> None:
    text = secrets.token_bytes(size)
    sealed = seal(text, seal_to=KEY.public, info=INFO)
    assert len(sealed) == size + OVERHEAD_BYTES
    assert KEY.open(sealed, INFO) == text


def test_the_same_text_never_looks_the_same_sealed() -> None:
    assert seal(TEXT, seal_to=KEY.public, info=INFO) != seal(TEXT, seal_to=KEY.public, info=INFO)


def test_it_is_the_suite_that_the_module_names() -> None:
    lattice, curve = MLKEM768PrivateKey.generate(), X25519PrivateKey.generate()
    public = lattice.public_key().public_bytes_raw() + curve.public_key().public_bytes_raw()
    sealed = seal(TEXT, seal_to=public, info=INFO)
    suite = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
    private = MLKEM768X25519PrivateKey(lattice, curve)
    assert suite.decrypt(sealed, private, info=INFO) == TEXT


def test_another_key_does_not_open_it() -> None:
    sealed = seal(TEXT, seal_to=KEY.public, info=INFO)
    assert refusal_to_open(sealed, SealingKey.generate()) is Reason.SEAL_BROKEN


def test_it_does_not_open_for_anything_else() -> None:
    sealed = seal(TEXT, seal_to=KEY.public, info=INFO)
    assert refusal_to_open(sealed, info=b"for another query") is Reason.SEAL_BROKEN


def test_not_one_bit_can_be_changed_nor_a_byte_cut() -> None:
    sealed = seal(TEXT, seal_to=KEY.public, info=INFO)
    for place in (*range(0, len(sealed), 97), len(sealed) - 1):
        spoiled = bytearray(sealed)
        spoiled[place] ^= 1
        assert refusal_to_open(bytes(spoiled)) is Reason.SEAL_BROKEN
    for length in (0, 1, 32, 1088, 1120, OVERHEAD_BYTES - 1, OVERHEAD_BYTES, len(sealed) - 1):
        assert refusal_to_open(sealed[:length]) is Reason.SEAL_BROKEN
    assert refusal_to_open(sealed + b"\0") is Reason.SEAL_BROKEN


@pytest.mark.parametrize(
    "public",
    [
        b"",
        b"x",
        KEY.public[:-1],
        KEY.public + b"\0",
        bytes(100_000),
        b"\xff" * PUBLIC_KEY_BYTES,
        b"\xff" * 1184 + KEY.public[1184:],
        LATTICE + bytes(32),
        LATTICE + b"\x01" + bytes(31),
        LATTICE + bytes.fromhex("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    ],
    ids=[
        *("empty", "one byte", "cut", "longer", "huge", "all ones", "numbers out of range"),
        *("low order: 0", "low order: 1", "low order: -1"),
    ],
)
def test_what_is_no_key_is_refused_before_anything_is_sealed_to_it(public: bytes) -> None:
    for use in (check_public_key, lambda key: seal(TEXT, seal_to=key, info=INFO)):
        with pytest.raises(LandbridgeError) as caught:
            use(public)
        assert (caught.value.reason, caught.value.where) == (Reason.MALFORMED_REQUEST, "seal_to")


def test_random_bytes_are_no_key() -> None:
    for _ in range(50):
        with pytest.raises(LandbridgeError, match="is not one of ML-KEM-768"):
            check_public_key(secrets.token_bytes(PUBLIC_KEY_BYTES))


def test_a_key_shows_nothing_of_itself() -> None:
    assert repr(KEY) == "SealingKey()"


@pytest.mark.parametrize(
    "changed",
    [
        {"federation": "other.example"},
        {"requester": "boar"},
        {"agency": "dregistry", "requester": "boar"},
        {"query_digest": b"p" * 32},
        {"memoranda": ["m-1"]},
        {"memoranda": ["m-1m-2"]},
        {"memoranda": ["m-2", "m-1"]},
        {"memoranda": []},
    ],
)
def test_a_seal_is_bound_to_each_part_by_itself(changed: dict[str, object]) -> None:
    assert seal_info(**parts(**changed)) != seal_info(**parts())  # type: ignore[arg-type]
    assert seal_info(**parts()) == seal_info(**parts())  # type: ignore[arg-type]
