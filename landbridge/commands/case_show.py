"""`landbridge dispute show` and `repair show`: a case from its beginning, with every reason."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final

from cyclopts import Parameter
from rich.console import Console

from landbridge.case_document import show_case
from landbridge.clock import system_clock, to_iso
from landbridge.commands.case_fetch import Wanted, fetch
from landbridge.commands.case_folder import find_case
from landbridge.commands.node import nearest_config, nearest_federation
from landbridge.commands.output import Output, OutputOption, data_console, print_json, talk
from landbridge.commands.render_flag import quote
from landbridge.commands.table import open_table, plain
from landbridge.errors import LandbridgeError
from landbridge.federation import Federation
from landbridge.rights.case import Case
from landbridge.rights.clock import due_at
from landbridge.rights.steps import CaseKind, CaseState
from node.case_rules import case_rules
from node.config import load_node_config

_COMPLETE: Final = 0


def show_dispute(  # noqa: PLR0913  one parameter an option
    subject: str = "",
    /,
    *,
    case: str = "",
    state: Path | None = None,
    config: Path | None = None,
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
        config: With --state, the agency's node.toml, which names the law that sets the time; by
            default agencies/AGENCY/node.toml in a folder above, or beside the home's federation.
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
    return _show(wanted, state, config, output)


def show_repair(  # noqa: PLR0913
    subject: str = "",
    /,
    *,
    case: str = "",
    state: Path | None = None,
    config: Path | None = None,
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
        config: With --state, the agency's node.toml, which names the law that sets the time; by
            default agencies/AGENCY/node.toml in a folder above, or beside the home's federation.
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
    return _show(wanted, state, config, output)


def _show(wanted: Wanted, state: Path | None, config: Path | None, output: Output) -> int:
    now = system_clock()
    if state is None:
        fetched = fetch(wanted)
        document = {name: part for name, part in fetched.document.items() if name != "evidence"}
        document |= _times(fetched.due_at, now)
    else:
        case = find_case(state, wanted.case, wanted.kind)
        document = show_case(case)
        if (due := _due(case, state, config)) is not None:
            document |= _times(due, now)
    if output is not Output.TABLE:
        print_json(document, output)
        return _COMPLETE
    _print(document, "" if state else ", as the agency says")
    return _COMPLETE


def _due(case: Case, state: Path, config: Path | None) -> int | None:
    """Say until when the agency has to decide; None where its node.toml is not found."""
    if not case.state.is_open:
        return 0
    try:
        place = config or nearest_config(state, case.opening.agency)
        agreed = Federation.load(nearest_federation(place))
        rules = case_rules(load_node_config(place, agreed), agreed)
    except LandbridgeError as error:
        if config is not None:
            raise
        talk(f"note: no time is told: {error.message}; {error.next_step}")
        return None
    found = rules.get(case.opening.dataset)
    return due_at(case, found.law if found else None)


def _times(due: int, now: int) -> dict[str, Any]:
    return {"due_at": to_iso(due) if due else None, "overdue": bool(due) and now >= due}


def _print(document: Mapping[str, Any], source: str) -> None:
    console = data_console()
    place = f"{document['agency']}/{document['dataset']}/{document['record']}"
    console.print(plain(f"{document['kind']} {document['case']} is {document['state']}", "bold"))
    subject = document["subject"]
    console.print(plain(f"on {place}, about {subject['scheme']}:{subject['value']}"))
    if CaseState(document["state"]).is_open and "due_at" in document:
        _print_time(document, source, console)
    if document["fields"]:
        console.print(plain(f"fields: {', '.join(document['fields'])}"))
    console.print(plain(quote("the subject says: ", document["statement"])))
    table = open_table("STEP", "BY", "AT", "ENTRY", "REASON")
    for step in document["steps"]:
        table.add_row(*(plain(str(step[name])) for name in ("step", "by", "at", "entry", "reason")))
    console.print(table)


def _print_time(document: Mapping[str, Any], source: str, console: Console) -> None:
    if document["due_at"] is None:
        console.print(plain(f"no law sets a time{source}"))
    elif document["overdue"]:
        line = f"! overdue: a decision was due before {document['due_at']}{source}"
        console.print(plain(line, "yellow"))
    else:
        console.print(plain(f"to be decided before {document['due_at']}{source}"))
