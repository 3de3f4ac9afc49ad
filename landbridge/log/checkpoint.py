"""Tree heads as C2SP tlog-checkpoint writes them: origin, size and root, signed as a note."""

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass

from landbridge.errors import Reason, refuse
from landbridge.log.merkle import HASH_BYTES
from landbridge.log.note import Note, NoteVerifier, check_note, parse_note

_TEXT = re.compile(r"([^\n]+)\n(0|[1-9][0-9]{0,18})\n([0-9A-Za-z+/]{43}=)\n((?:[^\n]+\n)*)")
_STATED = re.compile(rb"([^\n]+)\n(0|[1-9][0-9]{0,18})\n([0-9A-Za-z+/]{43}=)\n")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log says of itself at one size."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def text(self) -> str:
        """Write the text that is signed."""
        root = binascii.b2a_base64(self.root).decode()
        extensions = "".join([f"{line}\n" for line in self.extensions])
        return f"{self.origin}\n{self.size}\n{root}{extensions}"


def read_checkpoint(note: Note) -> Checkpoint:
    """Read a note's text as a checkpoint; whether it is signed is not looked at.

    Raises:
        LandbridgeError: LB-4008 when the text has another form.
    """
    match = _TEXT.fullmatch(note.text)
    root = _root(match[3]) if match else None
    if match is None or root is None:
        raise refuse(Reason.BAD_LOG_EVIDENCE, "the signed head is not a checkpoint")
    return Checkpoint(match[1], int(match[2]), root, tuple(match[4].split("\n")[:-1]))


def stated(data: bytes) -> Checkpoint | None:
    """Read quickly what the bytes of a signed head state, or None where they state nothing.

    Neither the form of the rest nor a signature is looked at: `verify_checkpoint` does that.
    """
    match = _STATED.match(data)
    if match is None:
        return None
    try:
        root, origin = _root(match[3].decode()), match[1].decode()
    except UnicodeDecodeError:
        return None
    return None if root is None else Checkpoint(origin, int(match[2]), root)


def verify_checkpoint(data: bytes, verifier_of: Callable[[str], NoteVerifier]) -> Checkpoint:
    """Read a checkpoint and check that the log which it names has signed it.

    `verifier_of` returns the verifier of an origin, or raises LandbridgeError LB-4002.

    Raises:
        LandbridgeError: LB-4008 when malformed; LB-4001 when the signature does not verify; LB-4002
            when the log has not signed, or is not known.
    """
    note = parse_note(data)
    checkpoint = read_checkpoint(note)
    check_note(note, (verifier_of(checkpoint.origin),))
    return checkpoint


def _root(encoded: str) -> bytes | None:
    try:
        root = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        return None
    return root if len(root) == HASH_BYTES else None
