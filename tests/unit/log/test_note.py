"""Signed notes: the vectors, foreign signatures, and every form that is not exactly a note."""

import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from landbridge.errors import LandbridgeError, Reason
from landbridge.keys import KeyUse, SigningKey
from landbridge.log.note import MAX_NOTE_BYTES, NoteSigner, NoteVerifier, parse_note, verify_note
from tests.vectors import generate

VECTOR = json.loads((generate.FOLDER / "note.json").read_text())
NOTE = VECTOR["note"].encode()
VERIFIER = NoteVerifier.parse(VECTOR["verifier_key"])


def refusal(data: bytes, *verifiers: NoteVerifier) -> Reason:
    with pytest.raises(LandbridgeError) as caught:
        verify_note(data, verifiers or (VERIFIER,))
    return caught.value.reason


def test_the_vector_verifies_and_names_its_key() -> None:
    note = verify_note(NOTE, [VERIFIER])
    assert note.text == "Grüße\n\nin two paragraphs\n"
    assert [line.name for line in note.signatures] == [VECTOR["name"]]
    assert str(VERIFIER) == VECTOR["verifier_key"]


def test_what_a_signer_writes_is_the_vector() -> None:
    private = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(VECTOR["seed"]))
    key = SigningKey("fsa.ed", KeyUse.LOG, "fsa.ed/log/1", private.public_key(), private)
    assert NoteSigner(VECTOR["name"], key).sign("Grüße\n\nin two paragraphs\n") == NOTE


def test_signatures_of_others_are_passed_over(key: SigningKey) -> None:
    witness = NoteSigner("witness.example/one", key)
    line = witness.sign(parse_note(NOTE).text).rpartition(b"\n\n")[2]
    both = verify_note(NOTE + line, [VERIFIER])
    assert [one.name for one in both.signatures] == [VECTOR["name"], "witness.example/one"]
    assert verify_note(NOTE + line, [witness.verifier, VERIFIER]).text == both.text
    assert refusal(NOTE, witness.verifier) is Reason.UNTRUSTED_KEY


def test_a_known_key_that_did_not_sign_spoils_the_note(key: SigningKey) -> None:
    witness = NoteSigner("witness.example/one", key)
    line = witness.sign("another text\n").rpartition(b"\n\n")[2]
    assert refusal(NOTE + line, VERIFIER, witness.verifier) is Reason.BAD_SIGNATURE
    assert verify_note(NOTE + line, [VERIFIER])


def test_the_same_name_with_another_key_is_unknown(key: SigningKey) -> None:
    assert refusal(NOTE, NoteVerifier(VECTOR["name"], key.public)) is Reason.UNTRUSTED_KEY


def test_no_flipped_bit_is_accepted() -> None:
    for bit in range(len(NOTE) * 8):
        flipped = bytearray(NOTE)
        flipped[bit // 8] ^= 1 << bit % 8
        assert refusal(bytes(flipped)) in {
            Reason.BAD_LOG_EVIDENCE,
            Reason.BAD_SIGNATURE,
            Reason.UNTRUSTED_KEY,
        }


SIGNATURE = base64.b64encode(bytes(68)).decode()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"text\n",
        b"text\n\n",
        b"text\n\n\n",
        NOTE[:-1],
        NOTE + b"\n",
        NOTE.replace(b"\n", b"\r\n"),
        NOTE.replace(b"two", b"t\x00o"),
        NOTE.replace(b"two", b"t\to"),
        NOTE.replace(b"two", b"t\xffo"),
        NOTE.replace(b"\n\n", b"\n"),
        f"text\n\n- name {SIGNATURE}\n".encode(),
        f"text\n\n\u2014  {SIGNATURE}\n".encode(),
        f"text\n\n\u2014 na+me {SIGNATURE}\n".encode(),
        f"text\n\n\u2014 na\u00a0me {SIGNATURE}\n".encode(),
        f"text\n\n\u2014 name  {SIGNATURE}\n".encode(),
        f"text\n\n\u2014 name {SIGNATURE} \n".encode(),
        f"text\n\n\u2014 name {SIGNATURE[:-1]}\n".encode(),
        f"text\n\n\u2014 name {SIGNATURE[:-2]}B=\n".encode(),
        "text\n\n\u2014 name AAAAAA==\n".encode(),
        "text\n\n\u2014 name \n".encode(),
        "text\n\n\u2014 name\n".encode(),
        "text\n\n\u2014\n".encode(),
        f"text\n\n\u2014 name {SIGNATURE}\nmore\n".encode(),
        b"a" * MAX_NOTE_BYTES + NOTE,
        b"text\n\n" + f"\u2014 name {SIGNATURE}\n".encode() * 65,
    ],
)
def test_what_is_not_a_note_is_refused(data: bytes) -> None:
    assert refusal(data) is Reason.BAD_LOG_EVIDENCE


def test_sixteen_signatures_of_others_are_accepted() -> None:
    others = f"\u2014 name {SIGNATURE}\n".encode() * 16
    assert verify_note(NOTE + others, [VERIFIER]).text == parse_note(NOTE).text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name",
        "name+00000000+AQ==",
        VECTOR["verifier_key"][:-1],
        VECTOR["verifier_key"].replace("+", " ", 1),
        "x" + VECTOR["verifier_key"],
        f"name+00000000+{base64.b64encode(bytes(33)).decode()}",
    ],
)
def test_what_is_not_a_verifier_key_is_refused(text: str) -> None:
    with pytest.raises(LandbridgeError) as caught:
        NoteVerifier.parse(text)
    assert caught.value.reason is Reason.INVALID_CONFIGURATION


def test_a_name_with_a_space_cannot_sign(key: SigningKey) -> None:
    with pytest.raises(LandbridgeError) as caught:
        NoteSigner("two words", key)
    assert caught.value.reason is Reason.INVALID_CONFIGURATION
