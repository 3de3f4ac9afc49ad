"""Which head of a log to show, so that those who see it know who has witnessed it."""

from collections.abc import Iterable
from pathlib import Path

from landbridge.clock import to_iso
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.log.checkpoint import read_checkpoint
from landbridge.log.cosignature import Witnessed
from landbridge.log.note import parse_note
from landbridge.log.reading import LogReader
from landbridge.log.witness_file import cosigned


def cosigned_head(log: Path, reader: LogReader, witnesses: int = 0, holding: int = 0) -> bytes:
    """Return the newest head with as many cosignatures, or the reader's own head.

    What a party gathered lies in its folder; published tiles carry their cosignatures themselves.
    Where `witnesses` is 0, a cosigned head is chosen only if it is over at least `holding` entries.

    Raises:
        LandbridgeError: LB-5001 or LB-5002 when the party's file of witnesses cannot be read.
    """
    folder = log if log.is_dir() else log.parent
    gathered = cosigned(folder, max(1, witnesses))
    if not gathered:
        return reader.checkpoint
    head = read_checkpoint(parse_note(gathered))
    if head.origin != reader.origin:
        return reader.checkpoint
    if head.size > reader.size:
        # The log has grown since it was opened.
        reader.refresh()
    return gathered if witnesses or head.size >= holding else reader.checkpoint


def joined(heads: Iterable[Witnessed]) -> Witnessed:
    """Say who has cosigned any of several heads of one log, and when last."""
    believed: dict[str, int] = {}
    refused: dict[str, LandbridgeError] = {}
    for one in heads:
        refused |= one.refused
        for agency, at in one.believed.items():
            believed[agency] = max(at, believed.get(agency, 0))
    return Witnessed(believed, refused)


def require_witnesses(seen: Witnessed, wanted: int) -> str:
    """Return who has cosigned, in words.

    Raises:
        LandbridgeError: LB-4008 when fewer have than are wanted.
    """
    named = ", ".join(
        f"{agency} ({to_iso(at * 1000)})" for agency, at in sorted(seen.believed.items())
    )
    if len(seen.believed) < wanted:
        raise _too_few(seen, wanted, named)
    return named


def _too_few(seen: Witnessed, wanted: int, named: str) -> LandbridgeError:
    disbelieved = "".join(
        f"; not believed: {error.message}" for _, error in sorted(seen.refused.items())
    )
    return refuse(
        Reason.BAD_LOG_EVIDENCE,
        f"{len(seen.believed)} of {wanted} wanted members have cosigned"
        f"{': ' + named if named else ''}{disbelieved}",
        next_step="let the witnesses see the log (`landbridge log witnesses`), or ask for fewer",
    )
