"""Cosignatures: the vector, other witnesses, liars, clocks, and every flipped bit."""

import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from landbridge.errors import LandbridgeError, Reason
from landbridge.keys import KeyUse, SigningKey
from landbridge.log.checkpoint import Checkpoint, verify_checkpoint
from landbridge.log.cosignature import (
    MOST_AHEAD_S,
    CosignatureVerifier,
    Cosigner,
    attach,
    find_witnesses,
)
from landbridge.log.note import (
    MAX_SIGNATURES,
    NoteSignature,
    NoteSigner,
    NoteVerifier,
    parse_note,
    verify_note,
)
from tests.vectors import generate

VECTOR = json.loads((generate.FOLDER / "cosignature.json").read_text())
LOG = json.loads((generate.FOLDER / "note.json").read_text())
NOTE = parse_note(VECTOR["checkpoint"].encode())
COSIGNED = parse_note(VECTOR["cosigned"].encode())
VERIFIER = CosignatureVerifier.parse(VECTOR["verifier_key"])
AT = VECTOR["time"]
SHORT = base64.b64encode(b"\x04" + bytes(31)).decode()
POST_QUANTUM = base64.b64encode(b"\x06" + bytes(1312)).decode()


def own_key() -> SigningKey:
    private = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(VECTOR["seed"]))
    return SigningKey("board", KeyUse.LOG, "board/log/1", private.public_key(), private)


def refusal(verifier: CosignatureVerifier, line: NoteSignature) -> Reason:
    with pytest.raises(LandbridgeError) as caught:
        verifier.verify(NOTE, line)
    return caught.value.reason


def test_the_vector_verifies_and_names_its_key() -> None:
    own, witness = COSIGNED.signatures
    assert VERIFIER.verify(COSIGNED, witness) == AT
    assert VERIFIER.verify(COSIGNED, own) is None
    assert str(VERIFIER) == VECTOR["verifier_key"]


def test_what_a_cosigner_writes_is_the_vector() -> None:
    line = Cosigner(VECTOR["name"], own_key()).cosign(NOTE, AT)
    assert str(line) == VECTOR["line"]
    assert attach(NOTE, [line]).decode() == VECTOR["cosigned"]


def test_a_cosigned_checkpoint_is_still_the_checkpoint_of_its_log() -> None:
    log = NoteVerifier.parse(LOG["verifier_key"])
    checkpoint = verify_checkpoint(VECTOR["cosigned"].encode(), lambda _: log)
    assert checkpoint.size == LOG["size"]


def test_a_key_that_signs_a_log_and_cosigns_has_two_hashes() -> None:
    key = own_key()
    signer, cosigner = NoteSigner(VECTOR["name"], key), Cosigner(VECTOR["name"], key)
    assert signer.verifier.key_hash != cosigner.verifier.key_hash
    line = cosigner.cosign(NOTE, AT)
    assert not signer.verifier.verifies(NOTE, line)
    # What is signed begins with another first line than any checkpoint of a log of ours has.
    head = Checkpoint("cosignature/v1", 1, bytes(32)).text()
    timed = NoteSignature(line.name, line.key_hash, bytes(8) + key.sign(head.encode()))
    assert refusal(cosigner.verifier, timed) is Reason.BAD_SIGNATURE


def test_no_flipped_bit_of_line_or_head_is_believed() -> None:
    data = VECTOR["cosigned"].encode()
    for bit in range(len(data) * 8):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        try:
            note = parse_note(bytes(flipped))
        except LandbridgeError:
            continue
        if note.text == COSIGNED.text and note.signatures[-1] == COSIGNED.signatures[-1]:
            continue
        assert VERIFIER.name not in find_witnesses(note, [VERIFIER]).believed


@pytest.mark.parametrize(
    "change",
    [
        lambda timed: timed[:-1],
        lambda timed: timed + b"\x00",
        lambda timed: timed[:8],
        lambda timed: b"\x80" + timed[1:],
        lambda timed: (AT + 1).to_bytes(8) + timed[8:],
        lambda timed: timed[8:],
    ],
)
def test_a_line_of_another_form_is_refused(change: object) -> None:
    assert callable(change)
    line = COSIGNED.signatures[-1]
    wrong = NoteSignature(line.name, line.key_hash, change(line.signature))
    assert refusal(VERIFIER, wrong) is Reason.BAD_SIGNATURE


def test_a_liar_and_a_clock_that_runs_ahead_stop_nobody_else(key: SigningKey) -> None:
    honest = Cosigner("a.example/node/main", key)
    ahead = Cosigner("b.example/node/main", SigningKey.generate("b.ex", KeyUse.LOG))
    liar = Cosigner("c.example/node/main", SigningKey.generate("c.ex", KeyUse.LOG))
    other = parse_note(NoteSigner("log.example", key).sign("log.example\n1\n" + "A" * 43 + "=\n"))
    lines = [
        liar.cosign(other, AT),
        ahead.cosign(NOTE, AT + MOST_AHEAD_S + 1),
        honest.cosign(NOTE, AT - 5),
        honest.cosign(NOTE, AT),
    ]
    note = parse_note(str.encode(NOTE.text + "\n" + "".join(map(str, lines))))
    found = find_witnesses(note, [one.verifier for one in (liar, ahead, honest)], AT)
    assert found.believed == {"a.example/node/main": AT}
    assert {name: error.reason for name, error in found.refused.items()} == {
        "b.example/node/main": Reason.BAD_LOG_EVIDENCE,
        "c.example/node/main": Reason.BAD_SIGNATURE,
    }
    assert "61 s ahead" in found.refused["b.example/node/main"].message
    assert find_witnesses(note, [ahead.verifier]).believed == {
        "b.example/node/main": AT + MOST_AHEAD_S + 1
    }


def test_what_is_attached_takes_the_place_of_what_the_same_key_said() -> None:
    cosigner = Cosigner(VECTOR["name"], own_key())
    later = parse_note(attach(COSIGNED, [cosigner.cosign(NOTE, AT + 60)]))
    assert [line.name for line in later.signatures] == [LOG["name"], VECTOR["name"]]
    assert find_witnesses(later, [VERIFIER]).believed == {VECTOR["name"]: AT + 60}
    many = [NoteSignature(f"w{number}", b"abcd", b"x") for number in range(200)]
    full = parse_note(attach(COSIGNED, many))
    assert len(full.signatures) == MAX_SIGNATURES
    assert full.signatures[:2] == COSIGNED.signatures


def test_only_checkpoints_are_cosigned_at_times_that_can_be_said() -> None:
    cosigner = Cosigner(VECTOR["name"], own_key())
    text = verify_note(LOG["note"].encode(), [NoteVerifier.parse(LOG["verifier_key"])])
    with pytest.raises(LandbridgeError) as caught:
        cosigner.cosign(text, AT)
    assert caught.value.reason is Reason.BAD_LOG_EVIDENCE
    for time in (-1, 1 << 63):
        with pytest.raises(LandbridgeError) as caught:
            cosigner.cosign(NOTE, time)
        assert caught.value.reason is Reason.MALFORMED_REQUEST


@pytest.mark.parametrize(
    "text",
    [
        "",
        VECTOR["verifier_key"][:-1],
        LOG["verifier_key"],
        "x" + VECTOR["verifier_key"],
        f"name+00000000+{SHORT}",
        f"name+00000000+{POST_QUANTUM}",
    ],
)
def test_what_is_not_the_key_of_a_witness_is_refused(text: str) -> None:
    with pytest.raises(LandbridgeError) as caught:
        CosignatureVerifier.parse(text)
    assert caught.value.reason is Reason.INVALID_CONFIGURATION
