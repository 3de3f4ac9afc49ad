"""Signed notes as C2SP signed-note writes them: a text, a blank line, and lines of signatures.

Ed25519 (signature type 0x01) is what we sign with and know. Signatures of unknown keys are passed
over, as the specification asks, so that witnesses can add theirs.
"""

import binascii
import re
from collections.abc import Iterable
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature

from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.keys import SigningKey
from landbridge.log.verifier_key import ID_BYTES, VerifierKey, decode_base64, is_name

MAX_NOTE_BYTES = 262_144
"""Room for the sixteen signatures that every verifier has to accept, post-quantum ones too."""
MAX_SIGNATURES = 64
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One signature line: who, which of its keys, and the bytes."""

    name: str
    key_hash: bytes
    signature: bytes

    def __str__(self) -> str:
        """Write the line, with its end."""
        encoded = binascii.b2a_base64(self.key_hash + self.signature, newline=False).decode()
        return f"\u2014 {self.name} {encoded}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """A note that has been taken apart; nothing in it is verified yet."""

    text: str
    signatures: tuple[NoteSignature, ...]


@dataclass(frozen=True, slots=True)
class NoteVerifier(VerifierKey):
    """A name and the Ed25519 key that signs notes under it."""

    kind = b"\x01"
    called = "an Ed25519 verifier key"

    def verifies(self, note: Note, line: NoteSignature) -> bool:
        """Tell whether a line is this key's; one that claims to be and is not spoils the note.

        Raises:
            LandbridgeError: LB-4001 when the line names this key and the signature does not verify.
        """
        if line.name != self.name or line.key_hash != self.key_hash:
            return False
        try:
            self.public.verify(line.signature, note.text.encode())
        except InvalidSignature:
            raise refuse(
                Reason.BAD_SIGNATURE, f"the signature of {self.name} under the note does not verify"
            ) from None
        return True


class NoteSigner:
    """Signs notes under one name."""

    def __init__(self, name: str, key: SigningKey) -> None:
        self.verifier = NoteVerifier(name, key.public)
        self.agency = key.agency
        self._key = key
        self._name, self._key_hash = name, self.verifier.key_hash

    def sign(self, text: str) -> bytes:
        """Return the whole note: the text, which ends in a newline, and our signature line."""
        return f"{text}\n{self._sign_line(text)}".encode()

    def cosign(self, note: Note, before: NoteVerifier) -> bytes:
        """Return the note as somebody else signed it before us, with our line after theirs.

        Lines of third parties are left out, so that a note does not grow with every change of key.
        """
        lines = "".join(map(str, (line for line in note.signatures if before.verifies(note, line))))
        return f"{note.text}\n{lines}{self._sign_line(note.text)}".encode()

    def _sign_line(self, text: str) -> str:
        signed = self._key_hash + self._key.sign(text.encode())
        encoded = binascii.b2a_base64(signed, newline=False).decode()
        return f"\u2014 {self._name} {encoded}\n"


def write_note(text: str, signatures: Iterable[NoteSignature]) -> bytes:
    """Write a note: the text, which ends in a newline, and its signature lines."""
    return f"{text}\n{''.join(map(str, signatures))}".encode()


def parse_note(data: bytes, most: int = MAX_NOTE_BYTES) -> Note:
    """Take a note apart, in exactly the form that the specification gives.

    Base64 that decodes to the same bytes but is written otherwise is refused, so that a note that
    was changed anywhere is another note.

    Raises:
        LandbridgeError: LB-4008 when it is malformed, too large or holds too many signatures.
    """
    if len(data) > most:
        raise _malformed(f"it is larger than {most} bytes")
    try:
        whole = data.decode()
    except UnicodeDecodeError:
        raise _malformed("it is not UTF-8") from None
    text, blank, tail = whole.rpartition("\n\n")
    if not blank or not tail.endswith("\n") or _CONTROL.search(whole):
        raise _malformed("it is not text, a blank line and signature lines")
    lines = tail[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise _malformed(f"it has more than {MAX_SIGNATURES} signatures")
    return Note(text + "\n", tuple(_parse_line(line) for line in lines))


def verify_note(data: bytes, verifiers: Iterable[NoteVerifier]) -> Note:
    """Take a note apart and check it: at least one known key signed it, and no known key falsely.

    Raises:
        LandbridgeError: LB-4008 when malformed; LB-4001 when a known key's signature does not
            verify; LB-4002 when no known key signed.
    """
    return check_note(parse_note(data), verifiers)


def check_note(note: Note, verifiers: Iterable[NoteVerifier]) -> Note:
    """Check the signatures of a note that was taken apart already.

    Raises:
        LandbridgeError: LB-4001, LB-4002 as for `verify_note`.
    """
    find_signers(note, verifiers)
    return note


def find_signers(note: Note, verifiers: Iterable[NoteVerifier]) -> list[NoteVerifier]:
    """Return those who signed a note: at least one, or an error.

    Raises:
        LandbridgeError: LB-4001, LB-4002 as for `verify_note`.
    """
    known = list(verifiers)
    found = [one for line in note.signatures for one in known if one.verifies(note, line)]
    if not found:
        raise refuse(
            Reason.UNTRUSTED_KEY,
            "no trusted key signed the note; it names "
            + ", ".join(f"{line.name}+{line.key_hash.hex()}" for line in note.signatures[:4]),
        )
    return found


def _parse_line(line: str) -> NoteSignature:
    dash, name, encoded = (*line.split(" "), "", "")[:3]
    raw = (
        decode_base64(encoded) if line == f"\u2014 {name} {encoded}" and dash == "\u2014" else None
    )
    if raw is None or len(raw) <= ID_BYTES or not is_name(name):
        raise _malformed(f"{line[:100]!r} is not a signature line")
    return NoteSignature(name, raw[:ID_BYTES], raw[ID_BYTES:])


def _malformed(message: str) -> LandbridgeError:
    return refuse(Reason.BAD_LOG_EVIDENCE, f"the signed note is malformed: {message}")
