"""Verifies a whole log: who signed its head, every entry, every tile, and earlier heads of it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.log.checkpoint import Checkpoint, read_checkpoint
from landbridge.log.note import NoteVerifier, check_note, parse_note
from landbridge.log.pass_through import PassThrough
from landbridge.log.reading import LogReader

Look = Callable[[int, list[bytes]], None]
"""Is shown the entries on the way: the position of the first, and the entries from it on."""


@dataclass(frozen=True, slots=True)
class VerifiedLog:
    """What a log was found to be, and the earlier heads that it continues."""

    head: Checkpoint
    continued: tuple[Checkpoint, ...]
    handovers: int


def verify_log(
    reader: LogReader,
    verifiers: Sequence[NoteVerifier],
    earlier: Iterable[bytes] = (),
    *,
    former: Sequence[NoteVerifier] = (),
    look: Look | None = None,
) -> VerifiedLog:
    """Verify a log from its first entry to its head.

    `verifiers` are the keys that may have signed the head, `former` those that signed before.

    1. A key of the log signed the head; no known key signed it falsely.
    2. A key of the log signed each earlier head, and none of them is over more entries.
    3. The keys of the log signed each head at which the key changed.
    4. Every entry hashes to what its tile holds, every tile to the one above, all to the root.
    5. At the size of each earlier head the log had the root which that head says.

    Raises:
        LandbridgeError: LB-4001, LB-4002, LB-4008 for a signature or a head; LB-5002 for an entry
            or tile that does not fit; LB-4302 when an earlier head proves a fork; LB-5003 when the
            log is smaller than one.
    """
    # 1.
    note = parse_note(reader.checkpoint)
    head = read_checkpoint(note)
    check_note(note, verifiers)
    # 2.
    ever = [*verifiers, *(one for one in former if one not in verifiers)]
    known = [read_earlier_head(data, head, ever) for data in earlier]
    # 3.
    handovers = [read_earlier_head(data, head, ever) for data in reader.handovers()]
    # 4.
    through = PassThrough(reader, [one.size for one in (*known, *handovers)])
    for start, page in through.pages():
        if look is not None:
            look(start, page)
    # 5.
    for one in (*known, *handovers):
        if through.roots[one.size] != one.root:
            raise forked(one, Checkpoint(head.origin, one.size, through.roots[one.size]))
    return VerifiedLog(head, tuple(known), len(handovers))


def read_earlier_head(
    data: bytes, head: Checkpoint, verifiers: Sequence[NoteVerifier]
) -> Checkpoint:
    """Read a head that the log signed before, and hold it against the one that it shows now.

    Raises:
        LandbridgeError: LB-4001, LB-4002, LB-4008 as for `verify_log`; LB-4302 when both are over
            as many entries and say another root; LB-5003 when the one before is over more.
    """
    note = parse_note(data)
    one = read_checkpoint(note)
    _of_origin(one, head.origin)
    check_note(note, verifiers)
    if one.size > head.size:
        raise refuse(
            Reason.LOG_ROLLED_BACK,
            f"{one.origin} has signed a head over {one.size} entries, and shows {head.size}",
            next_step="ask for the newest copy of the log; keep the head as evidence",
        )
    if one.size == head.size and one.root != head.root:
        raise forked(one, head)
    return one


def forked(one: Checkpoint, other: Checkpoint) -> LandbridgeError:
    """Make the error for two heads of one log that cannot both be true."""
    return refuse(
        Reason.LOG_FORKED,
        f"{one.origin} was forked or rewritten: of its first {one.size} entries one head says the"
        f" root {one.root.hex()[:16]}..., another {other.root.hex()[:16]}...",
        next_step="keep both heads as evidence and tell the other members",
    )


def _of_origin(head: Checkpoint, origin: str) -> None:
    if head.origin != origin:
        raise refuse(Reason.BAD_LOG_EVIDENCE, f"a head of {head.origin} is not one of {origin}")
