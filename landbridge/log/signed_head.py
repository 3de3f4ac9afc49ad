"""A log's head that was verified: who signed what, kept without the lines of third parties."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.log.checkpoint import Checkpoint, read_checkpoint
from landbridge.log.merkle import EMPTY_ROOT, verify_consistency
from landbridge.log.note import Note, NoteVerifier, find_signers, parse_note, write_note

LARGEST_SIZE: Final = (1 << 63) - 1
"""Entries that a log may have, so that every store can keep the number."""
KeysOf = Callable[[str], Sequence[Ed25519PublicKey]]
"""From a log's origin to its keys that are good now; raises LB-4002 for a log that nobody knows."""

PastKeys = Callable[[str, int | None], Sequence[Ed25519PublicKey]]
"""From a log's origin to its keys that were good at a time in Unix milliseconds, which a tainted
one is until an hour before its taint; or, for None, to all that are not tainted. Raises LB-4002 for
a log that nobody knows."""


@dataclass(frozen=True, slots=True)
class SignedHead:
    """A checkpoint that its own log signed, with that log's signature lines alone."""

    note: Note
    checkpoint: Checkpoint

    @property
    def origin(self) -> str:
        """The log's name."""
        return self.checkpoint.origin

    @property
    def size(self) -> int:
        """How many entries the log then held."""
        return self.checkpoint.size

    @property
    def root(self) -> bytes:
        """The root of the tree over them."""
        return self.checkpoint.root

    def data(self) -> bytes:
        """Write the note."""
        return write_note(self.note.text, self.note.signatures)

    def __str__(self) -> str:
        """Name the head: size and the first digits of the root."""
        return f"{self.size} entries, root {self.root.hex()[:16]}"

    def is_continued_by(self, other: "SignedHead", path: Sequence[bytes]) -> bool:
        """Tell whether a path proves that the other head, of the same log, continues this one."""
        if other.size < self.size:
            return False
        if self.size == 0:
            # Of nothing there is no proof: everything continues it (C2SP tlog-witness).
            return (
                not path and self.root == EMPTY_ROOT and (other.size > 0 or other.root == self.root)
            )
        try:
            verify_consistency(self.size, other.size, self.root, other.root, path)
        except LandbridgeError:
            return False
        return True

    def differs_from(self, other: "SignedHead") -> bool:
        """Tell whether both together prove a fork: one size, two roots."""
        return self.origin == other.origin and self.size == other.size and self.root != other.root


def read_signed_head(data: bytes, keys_of: KeysOf) -> SignedHead:
    """Read a checkpoint and check that the log which it names signed it, with a key good now.

    Raises:
        LandbridgeError: LB-4008 when malformed; LB-4001 when the log's signature does not verify;
            LB-4002 when the log is not known or none of its keys signed.
    """
    note = parse_note(data)
    checkpoint = read_checkpoint(note)
    if checkpoint.size > LARGEST_SIZE:
        raise refuse(Reason.BAD_LOG_EVIDENCE, "no log has so many entries")
    verifiers = [NoteVerifier(checkpoint.origin, key) for key in keys_of(checkpoint.origin)]
    signers = find_signers(note, verifiers)
    own = tuple(
        line for line in note.signatures if any(signer.verifies(note, line) for signer in signers)
    )
    return SignedHead(Note(note.text, own), checkpoint)


def kept_head(data: bytes) -> SignedHead:
    """Read a head that was verified before it was kept.

    Raises:
        LandbridgeError: LB-4008 when it is malformed.
    """
    note = parse_note(data)
    return SignedHead(note, read_checkpoint(note))


def is_still_signed(data: bytes, past_keys: PastKeys, at: int | None = None) -> bool:
    """Tell whether a head that was verified before still counts: its key may be tainted by now.

    `at` is when it was verified, in Unix milliseconds, where that is known.
    """
    try:
        read_signed_head(data, lambda origin: past_keys(origin, at))
    except LandbridgeError:
        return False
    return True


def empty_head(origin: str) -> SignedHead:
    """Return what is known of a log of which no head was seen: nobody signed that."""
    return SignedHead(Note("", ()), Checkpoint(origin, 0, EMPTY_ROOT))
