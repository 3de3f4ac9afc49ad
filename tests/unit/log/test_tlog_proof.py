"""Proof files: the vectors, and whatever is not exactly a proof of the entry."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from landbridge.errors import LandbridgeError, Reason
from landbridge.log.note import NoteVerifier
from landbridge.log.tlog_proof import TlogProof, read_tlog_proof
from tests.vectors import generate

VECTORS = json.loads((generate.FOLDER / "tlog_proof.json").read_text())["proofs"]
LOG = NoteVerifier.parse(json.loads((generate.FOLDER / "note.json").read_text())["verifier_key"])
WHOLE = VECTORS[0]["text"].encode()
ENTRY = bytes.fromhex(VECTORS[0]["entry"])


@pytest.mark.parametrize("vector", VECTORS)
def test_the_vectors(vector: dict[str, object]) -> None:
    data, entry = str(vector["text"]).encode(), bytes.fromhex(str(vector["entry"]))
    proof = read_tlog_proof(data)
    head = proof.verify(entry, [LOG])
    assert (proof.index, head.size) == (vector["index"], vector["size"])
    assert proof.extra in (None, entry)
    assert proof.write() == data


def test_extra_data_of_no_bytes_is_not_no_extra_data() -> None:
    proof = read_tlog_proof(WHOLE)
    empty = TlogProof(proof.index, proof.path, proof.checkpoint, b"")
    assert read_tlog_proof(empty.write()) == empty
    assert read_tlog_proof(empty.write()).extra == b""


@settings(max_examples=300, deadline=None)
@given(st.integers(0, len(WHOLE) * 8 - 1))
def test_no_flipped_bit_leaves_a_proof_of_the_entry(bit: int) -> None:
    flipped = bytearray(WHOLE)
    flipped[bit // 8] ^= 1 << bit % 8
    extra = WHOLE.index(b"index")
    try:
        proof = read_tlog_proof(bytes(flipped))
        proof.verify(ENTRY, [LOG])
    except LandbridgeError:
        return
    # Extra data is not proven by itself: whoever uses it as the entry sees that it is another.
    assert bit // 8 < extra
    assert proof.extra != ENTRY
    with pytest.raises(LandbridgeError):
        proof.verify(proof.extra or b"", [LOG])


@settings(max_examples=100, deadline=None)
@given(st.integers(0, len(WHOLE) - 1))
def test_no_truncated_proof_is_accepted(end: int) -> None:
    with pytest.raises(LandbridgeError):
        read_tlog_proof(WHOLE[:end]).verify(ENTRY, [LOG])


@pytest.mark.parametrize(
    "changed",
    [
        WHOLE.replace(b"@v1", b"@v2"),
        WHOLE.replace(b"index 300", b"index 0300"),
        WHOLE.replace(b"index 300", b"index -1"),
        WHOLE.replace(b"index 300", b"index 18446744073709551616"),
        WHOLE.replace(b"index 300\n", b""),
        WHOLE.replace(b"index 300", b"index 300\nindex 300"),
        WHOLE.replace(b"extra ", b"extra  "),
        WHOLE.replace(b"extra ", b"Extra "),
        WHOLE.replace(b"\n", b"\r\n"),
        b"\n" + WHOLE,
        WHOLE.replace(b"index 300\n", b"index 300\nAAAA\n"),
        WHOLE.replace(b"index 300\n", b"index 300\n" + (b"A" * 43 + b"=\n") * 64),
        WHOLE + b"x" * (1 << 20),
    ],
)
def test_what_is_not_a_proof_is_refused(changed: bytes) -> None:
    with pytest.raises(LandbridgeError) as caught:
        read_tlog_proof(changed)
    assert caught.value.reason is Reason.BAD_LOG_EVIDENCE


def test_another_entry_or_place_is_refused() -> None:
    proof = read_tlog_proof(WHOLE)
    with pytest.raises(LandbridgeError):
        proof.verify(ENTRY + b"x", [LOG])
    with pytest.raises(LandbridgeError):
        TlogProof(301, proof.path, proof.checkpoint).verify(ENTRY, [LOG])
    with pytest.raises(LandbridgeError) as caught:
        proof.verify(ENTRY, [])
    assert caught.value.reason is Reason.UNTRUSTED_KEY
