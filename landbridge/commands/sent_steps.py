"""The signed steps that were handed in from here: kept, so that they can be handed in again.

They lie in the folder of the party over whose line they went, readable by it alone: they name the
subject, and what it says.
"""

from pathlib import Path
from typing import Final

from landbridge.commands.output import talk
from landbridge.errors import LandbridgeError, Reason
from landbridge.keys import write_whole
from landbridge.rights.sent_step import SentStep

_FOLDER: Final = "sent-steps"
_SETTLED: Final = frozenset(
    (
        Reason.MALFORMED_CASE,
        Reason.NOT_THE_SUBJECT,
        Reason.NO_SUCH_RECORD,
        Reason.CASE_CONFLICT,
        Reason.STEP_REFUSED,
        Reason.STATEMENT_REFUSED,
    )
)
"""What an agency refuses for these, it refuses also the second time."""


def keep(folder: Path, sent: SentStep) -> Path:
    """Keep a step before it is handed in; return where."""
    path = folder / _FOLDER / f"{sent.case_id}-{sent.step}.jws.json"
    try:
        write_whole(path, sent.document)
    except OSError as error:
        talk(f"note: the signed document cannot be kept in {path}: {error.strerror}")
    return path


def tell_kept(path: Path, error: LandbridgeError) -> None:
    """Say where a step is that may not have arrived; forget one that the agency has refused."""
    try:
        if error.reason in _SETTLED:
            path.unlink(missing_ok=True)
        elif path.exists():
            talk(f"the signed document is kept: landbridge dispute send {path}")
    except OSError:
        talk(f"note: the document that was refused could not be removed: {path}")
