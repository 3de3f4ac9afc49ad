"""`landbridge correction status`: who has been told of a correction, and who has acknowledged."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from landbridge.clock import system_clock, to_iso
from landbridge.commands.output import Output, OutputOption, data_console, print_json, talk
from landbridge.commands.table import open_table, plain
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
    documents = [_document(one, shelf) for one in notices]
    if output is Output.NDJSON:
        for document in documents:
            print_json(document, output)
    elif output is Output.JSON:
        print_json({"corrections": documents}, output)
    elif not documents:
        talk("no notice was issued")
    else:
        table = open_table("CORRECTION", "TO", "WHAT", "ANSWERS", "ISSUED", "ACKNOWLEDGED")
        for one, document in zip(notices, documents, strict=True):
            table.add_row(
                one.id,
                plain(one.recipient),
                plain(f"{one.dataset}: {', '.join(one.fields)} {one.reason}"),
                str(len(one.answers)),
                document["issued_at"],
                document["acknowledged_at"] or plain("no", "yellow"),
            )
        data_console().print(table)


def _document(one: Correction, shelf: Shelf) -> dict[str, Any]:
    receipt = shelf.acknowledgements.get(one.digest)
    return {
        "correction": one.id,
        "case": one.case,
        "recipient": one.recipient,
        "dataset": one.dataset,
        "fields": list(one.fields),
        "reason": one.reason,
        "since": to_iso(one.since),
        "issued_at": to_iso(one.issued_at),
        "answers": [{"entry": entry, "query": query} for entry, query in one.answers],
        "acknowledged_at": to_iso(receipt.acknowledged_at) if receipt else "",
    }
