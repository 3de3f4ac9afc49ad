"""The proof that a log holds an entry, as a text file of its own: C2SP tlog-proof, version 1.

The entry's place, its inclusion path and the checkpoint that the path leads to. The entry itself
may travel along as extra data: it counts only because its hash is what the path proves.
"""

import base64
import binascii
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.log.checkpoint import Checkpoint, read_checkpoint
from landbridge.log.evidence import MAX_ENTRY_BYTES
from landbridge.log.merkle import HASH_BYTES, leaf_hash, verify_inclusion
from landbridge.log.note import MAX_NOTE_BYTES, NoteVerifier, check_note, parse_note

FIRST_LINE: Final = "c2sp.org/tlog-proof@v1"
_MOST_HASHES: Final = 63
_MOST_BYTES: Final = 2 * MAX_ENTRY_BYTES + MAX_NOTE_BYTES
_INDEX: Final = re.compile(r"index (0|[1-9][0-9]{0,18})")


@dataclass(frozen=True, slots=True)
class TlogProof:
    """A proof that has been taken apart; nothing in it is verified yet."""

    index: int
    path: tuple[bytes, ...]
    checkpoint: bytes
    extra: bytes | None = None

    def write(self) -> bytes:
        """Write the file."""
        extra = [] if self.extra is None else [f"extra {_encode(self.extra)}"]
        lines = [FIRST_LINE, *extra, f"index {self.index}", *map(_encode, self.path), "", ""]
        return "\n".join(lines).encode() + self.checkpoint

    def head(self) -> Checkpoint:
        """Read the checkpoint; whether it is signed is not looked at.

        Raises:
            LandbridgeError: LB-4008 when it is none.
        """
        return read_checkpoint(parse_note(self.checkpoint))

    def verify(self, entry: bytes, verifiers: Iterable[NoteVerifier]) -> Checkpoint:
        """Check that a log, one of whose keys has signed the checkpoint, has the entry there.

        Raises:
            LandbridgeError: LB-4008 when the checkpoint is malformed or the path proves something
                else; LB-4001 when a known key's signature does not verify; LB-4002 when no known
                key signed.
        """
        head = self.head()
        check_note(parse_note(self.checkpoint), verifiers)
        verify_inclusion(leaf_hash(entry), self.index, head.size, self.path, head.root)
        return head


def read_tlog_proof(data: bytes) -> TlogProof:
    """Take a proof apart, in exactly the form that the specification gives.

    Raises:
        LandbridgeError: LB-4008 when it has another form or is too large.
    """
    if len(data) > _MOST_BYTES:
        raise _malformed(f"it is larger than {_MOST_BYTES} bytes")
    proof, blank, checkpoint = data.partition(b"\n\n")
    try:
        first, *lines = proof.decode("ascii").split("\n")
    except UnicodeDecodeError:
        raise _malformed("it is not ASCII") from None
    if first != FIRST_LINE or not blank:
        raise _malformed(f"it does not begin with {FIRST_LINE!r}")
    extra = None
    if lines and lines[0].startswith("extra "):
        extra = _decode(lines.pop(0).removeprefix("extra "))
    match = _INDEX.fullmatch(lines[0]) if lines else None
    if match is None:
        raise _malformed("it does not say which entry it proves")
    path = tuple(_decode(line) for line in lines[1:])
    if len(path) > _MOST_HASHES or any(len(one) != HASH_BYTES for one in path):
        raise _malformed("it has a line that is no hash, or too many")
    return TlogProof(int(match[1]), path, checkpoint, extra)


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _decode(text: str) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise _malformed(f"{text[:60]!r} is not base64") from None
    # Another way to write the same bytes would make a changed file pass for the same proof.
    if _encode(data) != text:
        raise _malformed(f"{text[:60]!r} is not base64 as RFC 4648 writes it")
    return data


def _malformed(message: str) -> LandbridgeError:
    return refuse(Reason.BAD_LOG_EVIDENCE, f"the proof is malformed: {message}")
