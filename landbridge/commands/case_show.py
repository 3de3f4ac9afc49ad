"""`landbridge dispute show` and `repair show`: a case from its beginning, with every reason."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final

from cyclopts import Parameter

from landbridge.case_document import show_case
from landbridge.commands.case_fetch import Wanted, fetch
from landbridge.commands.case_folder import find_case
from landbridge.commands.output import Output, OutputOption, data_console, print_json
from landbridge.commands.render_flag import quote
from landbridge.commands.table import open_table, plain
from landbridge.rights.steps import CaseKind

_COMPLETE: Final = 0


def show_dispute(  # noqa: PLR0913  one parameter an option
    subject: str = "",
    /,
    *,
    case: str = "",
    state: Path | None = None,
    at: str = "",
    who: Annotated[str | None, Parameter(name="--as")] = None,
    key: Path | None = None,
    binding: Path | None = None,
    home: Path | None = None,
    output: OutputOption = Output.TABLE,
) -> int:
    """Show a dispute from its beginning.

    Args:
        subject: Whom it is about, where a desk or the subject's own key asks.
        case: Its id, or how it begins; without it, the one that is in the folder of --state, or
            that was opened from here.
        state: The folder of the agency's own node; instead of --at.
        at: The agency that holds the record.
        who: The desk, or the party over whose line the request goes.
        key: The subject's own private key.
        binding: What `landbridge consent bind` wrote for that key.
        home: The home folder, where it is not .landbridge here or above.
        output: How to print: table, json or ndjson.

    Raises:
        LandbridgeError: LB-4110 when there is no such dispute; LB-4108 when it is another
            subject's; LB-1106 when it is not said where it is.
    """
    wanted = Wanted(CaseKind.DISPUTE, case, subject, at, who, key, binding, home)
    return _show(wanted, state, output)


def show_repair(  # noqa: PLR0913
    subject: str = "",
    /,
    *,
    case: str = "",
    state: Path | None = None,
    at: str = "",
    who: Annotated[str | None, Parameter(name="--as")] = None,
    key: Path | None = None,
    binding: Path | None = None,
    home: Path | None = None,
    output: OutputOption = Output.TABLE,
) -> int:
    """Show a repair from its beginning.

    Args:
        subject: Whom it is about; without it, the deciding agency asks.
        case: Its id, or how it begins; without it, the one that is in the folder of --state, or
            that was opened from here.
        state: The folder of the agency's own node; instead of --at.
        at: The agency that holds the record.
        who: The desk, the deciding agency, or the party over whose line the request goes.
        key: The subject's own private key, or the deciding agency's key for memoranda.
        binding: What `landbridge consent bind` wrote for the subject's key.
        home: The home folder, where it is not .landbridge here or above.
        output: How to print: table, json or ndjson.

    Raises:
        LandbridgeError: as `landbridge dispute show`.
    """
    wanted = Wanted(CaseKind.REPAIR, case, subject, at, who, key, binding, home)
    return _show(wanted, state, output)


def _show(wanted: Wanted, state: Path | None, output: Output) -> int:
    if state is None:
        document = {name: part for name, part in fetch(wanted).items() if name != "evidence"}
    else:
        document = show_case(find_case(state, wanted.case, wanted.kind))
    if output is not Output.TABLE:
        print_json(document, output)
        return _COMPLETE
    _print(document)
    return _COMPLETE


def _print(document: Mapping[str, Any]) -> None:
    console = data_console()
    place = f"{document['agency']}/{document['dataset']}/{document['record']}"
    console.print(plain(f"{document['kind']} {document['case']} is {document['state']}", "bold"))
    subject = document["subject"]
    console.print(plain(f"on {place}, about {subject['scheme']}:{subject['value']}"))
    if document["fields"]:
        console.print(plain(f"fields: {', '.join(document['fields'])}"))
    console.print(plain(quote("the subject says: ", document["statement"])))
    table = open_table("STEP", "BY", "AT", "ENTRY", "REASON")
    for step in document["steps"]:
        table.add_row(*(plain(str(step[name])) for name in ("step", "by", "at", "entry", "reason")))
    console.print(table)
