"""`landbridge dispute list` and `repair list`: the cases at a node, with their clocks."""

from pathlib import Path
from typing import Any, Final

from landbridge.clock import system_clock
from landbridge.commands.case_folder import read_cases
from landbridge.commands.case_line import summary
from landbridge.commands.node import nearest_federation
from landbridge.commands.output import Output, OutputOption, data_console, print_json
from landbridge.commands.table import open_table, plain
from landbridge.federation import Federation
from landbridge.rights.clock import due_at, is_overdue
from landbridge.rights.steps import CaseKind
from node.case_rules import case_rules
from node.config import load_node_config

_COMPLETE: Final = 0
_OVERDUE: Final = 3


def list_(
    config: Path,
    /,
    *,
    state: Path,
    federation: Path | None = None,
    output: OutputOption = Output.TABLE,
) -> int:
    """List the disputes at a node, with their clocks.

    Exit codes: 0; 3 while one is overdue.

    Args:
        config: The agency's node.toml: it names the law that sets the time.
        state: The folder of the agency's node.
        federation: The federation.toml; without it, the nearest above node.toml.
        output: How to print: table, json or ndjson.

    Raises:
        LandbridgeError: LB-1101 for a wrong configuration; LB-4107 for files that are no case.
    """
    return _list(config, state, federation, CaseKind.DISPUTE, output)


def list_repairs(
    config: Path,
    /,
    *,
    state: Path,
    federation: Path | None = None,
    output: OutputOption = Output.TABLE,
) -> int:
    """List the repairs at a node, with their clocks.

    Exit codes: 0; 3 while one is overdue.

    Args:
        config: The agency's node.toml: it names the law that sets the time.
        state: The folder of the agency's node.
        federation: The federation.toml; without it, the nearest above node.toml.
        output: How to print: table, json or ndjson.

    Raises:
        LandbridgeError: as `landbridge dispute list`.
    """
    return _list(config, state, federation, CaseKind.REPAIR, output)


def _list(
    config: Path, state: Path, federation: Path | None, kind: CaseKind, output: Output
) -> int:
    agreed = Federation.load(federation or nearest_federation(config))
    rules = case_rules(load_node_config(config, agreed), agreed)
    now = system_clock()
    listed: list[dict[str, Any]] = []
    for case in read_cases(state, kind):
        found = rules.get(case.opening.dataset)
        law = found.law if found else None
        due = due_at(case, law) if case.state.is_open else 0
        row = summary(case, due, overdue=is_overdue(case, law, now))
        deciding = found.deciding(case.opening.agency, case.kind) if found else ""
        listed.append(row | {"deciding": deciding})
    if output is Output.TABLE:
        _print(listed)
    elif output is Output.JSON:
        print_json({"cases": listed}, output)
    else:
        for row in listed:
            print_json(row, output)
    return _OVERDUE if any(row["overdue"] for row in listed) else _COMPLETE


def _print(listed: list[dict[str, Any]]) -> None:
    table = open_table("CASE", "STATE", "RECORD", "FIELDS", "OPENED", "DUE", "DECIDES")
    for row in listed:
        due = row["due_at"].partition("T")[0] if row["due_at"] else ""
        table.add_row(
            plain(row["case"]),
            plain(row["state"]),
            plain(f"{row['dataset']}/{row['record']}"),
            plain(", ".join(row["fields"])),
            plain(row["opened_at"].partition("T")[0]),
            plain(f"! {due}, overdue" if row["overdue"] else due, "yellow" if due else ""),
            plain(row["deciding"]),
        )
    data_console().print(table)
