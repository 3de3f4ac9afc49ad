"""Cosignatures of witnesses, as C2SP tlog-cosignature writes them: version 1, Ed25519 with a time.

A cosignature says: at this time, this was the largest tree of that log that I had seen, and it
continued all that I had seen before. It is one more signature line under the log's checkpoint.
What is signed begins with "cosignature/v1", so that it can never be taken for a checkpoint, and one
key may sign both.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidSignature

from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.keys import SigningKey
from landbridge.log.checkpoint import read_checkpoint
from landbridge.log.note import MAX_SIGNATURES, Note, NoteSignature, write_note
from landbridge.log.verifier_key import VerifierKey

MOST_AHEAD_S: Final = 60
"""How far a witness's clock may run ahead of ours, in seconds, as everywhere in a federation."""
_TIME_BYTES: Final = 8
_SIGNATURE_BYTES: Final = 64
_LATEST: Final = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class CosignatureVerifier(VerifierKey):
    """A witness's name and the Ed25519 key with which it cosigns."""

    kind = b"\x04"
    called = "the verifier key of a witness"

    def verify(self, note: Note, line: NoteSignature) -> int | None:
        """Return when this witness cosigned, in seconds, or None when the line is another's.

        Raises:
            LandbridgeError: LB-4001 when the line names this key and the signature does not verify.
        """
        if line.name != self.name or line.key_hash != self.key_hash:
            return None
        at_s = int.from_bytes(line.signature[:_TIME_BYTES])
        if len(line.signature) == _TIME_BYTES + _SIGNATURE_BYTES and at_s <= _LATEST:
            try:
                self.public.verify(line.signature[_TIME_BYTES:], _message(note, at_s))
            except InvalidSignature:
                pass
            else:
                return at_s
        raise refuse(Reason.BAD_SIGNATURE, f"the cosignature of {self.name} does not verify")


class Cosigner:
    """Cosigns checkpoints of other logs under one name."""

    def __init__(self, name: str, key: SigningKey) -> None:
        self.verifier = CosignatureVerifier(name, key.public)
        self._key = key

    def cosign(self, note: Note, at_s: int) -> NoteSignature:
        """Return our signature line under a checkpoint that was verified before, at a time.

        Raises:
            LandbridgeError: LB-4008 when the note is not a checkpoint; LB-1001 for a time that a
                cosignature cannot say.
        """
        read_checkpoint(note)
        if not 0 <= at_s <= _LATEST:
            raise refuse(Reason.MALFORMED_REQUEST, f"{at_s} is not a time of a cosignature")
        signature = self._key.sign(_message(note, at_s))
        timed = at_s.to_bytes(_TIME_BYTES) + signature
        return NoteSignature(self.verifier.name, self.verifier.key_hash, timed)


@dataclass(frozen=True, slots=True)
class Witnessed:
    """Who has cosigned a checkpoint: when, in seconds; and whose line is not believed, and why."""

    believed: dict[str, int]
    refused: dict[str, LandbridgeError]


def find_witnesses(
    note: Note, verifiers: Iterable[CosignatureVerifier], now_s: int | None = None
) -> Witnessed:
    """Say which witnesses cosigned a checkpoint.

    A line that does not verify, or is of the future (LB-4301) where `now_s` is given, refutes that
    witness and none of the others. Each name counts once, with its latest time.
    """
    known = list(verifiers)
    believed: dict[str, int] = {}
    refused: dict[str, LandbridgeError] = {}
    for line in note.signatures:
        for verifier in known:
            try:
                at_s = verifier.verify(note, line)
                if at_s is not None and now_s is not None:
                    check_time(verifier.name, at_s, now_s)
            except LandbridgeError as error:
                refused.setdefault(verifier.name, error)
            else:
                if at_s is not None:
                    believed[verifier.name] = max(at_s, believed.get(verifier.name, 0))
    return Witnessed(believed, refused)


def check_time(name: str, at_s: int, now_s: int) -> None:
    """Check that a cosignature is not of the future.

    Raises:
        LandbridgeError: LB-4008 when it is.
    """
    if at_s > now_s + MOST_AHEAD_S:
        raise refuse(
            Reason.BAD_LOG_EVIDENCE,
            f"the cosignature of {name} is of the future: {at_s - now_s} s ahead",
            next_step="compare the clocks of both machines",
        )


def attach(note: Note, lines: Iterable[NoteSignature]) -> bytes:
    """Return a checkpoint with more signature lines after its own.

    A line of a key that has signed before takes the place of the older one. Beyond what a note may
    hold, further lines are left out.
    """
    kept = {(line.name, line.key_hash): line for line in note.signatures}
    for line in lines:
        kept[line.name, line.key_hash] = line
    return write_note(note.text, list(kept.values())[:MAX_SIGNATURES])


def _message(note: Note, at_s: int) -> bytes:
    return f"cosignature/v1\ntime {at_s}\n{note.text}".encode()
