"""Whether a log's database is older than what its own party has signed."""

from collections.abc import Sequence
from functools import partial

from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.log.checkpoint import Checkpoint, read_checkpoint
from landbridge.log.connection import Connection
from landbridge.log.merkle import verify_consistency
from landbridge.log.note import NoteVerifier, find_signers, parse_note
from landbridge.log.state import LogState
from landbridge.log.tables import read_tile

_NEXT = "put the newest copy of the database back; see docs/log.md, section Restore"


def check_holds(
    connection: Connection,
    verifiers: Sequence[NoteVerifier],
    state: LogState,
    checkpoint: bytes,
) -> None:
    """Check that a log holds a head that it signed once.

    Raises:
        LandbridgeError: LB-5003 when it does not; LB-5002 when it is no head of this log.
    """
    head = _read_own(checkpoint, verifiers)
    if head.size > state.size:
        raise older(f"it ends at {state.size}, and a head of {head.size} entries was signed")
    if head.size == 0:
        return
    path = state.tree.consistency_path(head.size, state.size, partial(read_tile, connection))
    try:
        verify_consistency(head.size, state.size, head.root, state.root, path)
    except LandbridgeError as error:
        raise older(f"the head of {head.size} entries that was signed is not in it") from error


def check_no_mark(mark: bytes | None, where: str) -> None:
    """Check that a log may be begun.

    Raises:
        LandbridgeError: LB-5003 where a mark shows that there was one.
    """
    if mark is not None:
        raise older("it is not there, and its party has signed a head of it", where)


def older(what: str, where: str = "") -> LandbridgeError:
    """Make the error for a log that is an older copy; the caller raises it."""
    return refuse(
        Reason.LOG_ROLLED_BACK,
        f"the log is an older copy or another one: {what}",
        where=where,
        next_step=_NEXT,
    )


def _read_own(checkpoint: bytes, verifiers: Sequence[NoteVerifier]) -> Checkpoint:
    try:
        note = parse_note(checkpoint)
        head = read_checkpoint(note)
        find_signers(note, verifiers)
    except LandbridgeError as error:
        raise refuse(Reason.LOG_DAMAGED, f"a head kept beside it: {error.message}") from error
    if head.origin != verifiers[0].name:
        raise refuse(Reason.LOG_DAMAGED, f"a head kept beside it is that of {head.origin}")
    return head
