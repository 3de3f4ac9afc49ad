"""`landbridge correction status`: who has been told of a correction, and who has acknowledged."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from landbridge.clock import system_clock
from landbridge.commands.correction_table import describe, in_short, show
from landbridge.commands.output import Output, OutputOption, talk
from landbridge.commands.table import plain
from landbridge.keys import KeyUse
from landbridge.library.shelf import Shelf
from landbridge.library.store import read_shelf
from landbridge.party import PartyFolder
from landbridge.rights.correction import Correction

_COMPLETE: Final = 0
_WAITING: Final = 3


def status(
    case: str = "",
    /,
    *,
    state: Path,
    output: OutputOption = Output.TABLE,
) -> int:
    """Say who has been told of a correction, and when each acknowledged.

    Exit codes: 0 all have acknowledged, 3 some have not.

    Args:
        case: Only the notices of this dispute or repair; without it, all that the agency issued.
        state: The folder of the agency's node.
        output: table, json or ndjson.

    Raises:
        LandbridgeError: LB-1101 and LB-5002 when the folder cannot be read.
    """
    party = PartyFolder.open(state)
    agency = party.signing_key(KeyUse.LOG).agency
    shelf = read_shelf(state, party.bundle, at=system_clock(), agency=agency)
    notices = [
        one for one in shelf.corrections if one.provider == agency and case in ("", one.case)
    ]
    _show(notices, shelf, output)
    waiting = {one.recipient for one in notices if one.digest not in shelf.acknowledgements}
    if waiting:
        talk(f"not acknowledged yet by {', '.join(sorted(waiting))}")
    return _WAITING if waiting else _COMPLETE


def _show(notices: Sequence[Correction], shelf: Shelf, output: Output) -> None:
    receipts = shelf.acknowledgements
    show(
        notices,
        [describe(one, receipts.get(one.digest), {"recipient": one.recipient}) for one in notices],
        output,
        columns=("CORRECTION", "TO", "WHAT", "ANSWERS", "ISSUED", "ACKNOWLEDGED"),
        row=lambda one, document: (
            one.id,
            plain(one.recipient),
            in_short(one),
            str(len(one.answers)),
            document["issued_at"],
            document["acknowledged_at"] or plain("no", "yellow"),
        ),
        nothing="no notice was issued",
    )
