"""What witnesses say of a log: their cosignatures, and heads of it that they have seen."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from landbridge.errors import LandbridgeError, Reason
from landbridge.log.cosignature import CosignatureVerifier, check_time
from landbridge.log.note import Note, NoteSignature, parse_note
from landbridge.log.signed_head import KeysOf, PastKeys, SignedHead, read_signed_head

WitnessKeys = Callable[[str, int], Sequence[Ed25519PublicKey]]
"""From a witness's name, and Unix milliseconds, to its keys that are good then; raises LB-4002."""


@dataclass(frozen=True, slots=True)
class HeadKeys:
    """Who may sign what: heads now, heads that were seen before, and cosignatures."""

    now: KeysOf
    past: PastKeys
    witness: WitnessKeys


def read_seen_head(data: bytes, keys: HeadKeys, now: int) -> SignedHead:
    """Read a head that somebody has seen of a log, whose key may have changed since.

    It counts if its key is good now, or was good when a witness cosigned it and nobody has tainted
    it since. `now` is Unix milliseconds.

    Raises:
        LandbridgeError: LB-4008 when malformed; LB-4001 when the log's signature does not verify;
            LB-4002 when the log is not known or none of those keys signed.
    """
    try:
        return read_signed_head(data, keys.now)
    except LandbridgeError as error:
        if error.reason is not Reason.UNTRUSTED_KEY:
            raise
        refused = error
    note = parse_note(data)
    origin = note.text.partition("\n")[0]
    for at_s in _cosigned_at(note, origin, keys.witness, now):
        try:
            return read_signed_head(data, lambda log, at=at_s * 1000: keys.past(log, at))  # type: ignore[misc]
        except LandbridgeError as error:
            refused = error
    raise refused


def verify_cosignature(
    note: Note, line: NoteSignature, witness_keys: WitnessKeys, now: int
) -> int | None:
    """Return when the witness that a line names cosigned, in seconds; None for another kind.

    `now` is Unix milliseconds.

    Raises:
        LandbridgeError: LB-4001 when its signature does not verify; LB-4002 when it is not known;
            LB-4008 when it is of the future.
    """
    # A witness's key must have been good when it signed; the time is believed once it verified.
    stated = int.from_bytes(line.signature[:8]) * 1000
    for key in witness_keys(line.name, min(stated, now)):
        at_s = CosignatureVerifier(line.name, key).verify(note, line)
        if at_s is not None:
            check_time(line.name, at_s, now // 1000)
            return at_s
    return None


def _cosigned_at(note: Note, origin: str, witness_keys: WitnessKeys, now: int) -> list[int]:
    """List when others than the log itself cosigned, in seconds; what is not theirs is left out."""
    found = []
    for line in note.signatures:
        if line.name == origin:
            continue
        try:
            at_s = verify_cosignature(note, line, witness_keys, now)
        except LandbridgeError:
            continue
        if at_s is not None:
            found.append(at_s)
    return found
