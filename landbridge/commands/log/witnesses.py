"""`landbridge log witnesses`: who has seen how much of which log, and whether all of it fits."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final

from cyclopts import Parameter
from rich.table import Table
from rich.text import Text

from landbridge.clock import system_clock, to_iso
from landbridge.commands.log.servers import open_servers
from landbridge.commands.output import Output, OutputOption, data_console, print_json, talk
from landbridge.commands.table import open_table, plain
from landbridge.errors import Reason, refuse
from landbridge.home import Home, find_home
from landbridge.keys import write_whole
from landbridge.log.witnessed_head import HeadKeys
from landbridge.party import PartyFolder
from landbridge.rpc.witness_survey import FINDINGS, Stands, Survey, SurveyedLog

_ALL_FITS: Final = 0
_FOUND: Final = 1
_INCOMPLETE: Final = 3
_UNREACHABLE: Final = 5
_STYLES: Final = {
    Stands.FITS: "green",
    Stands.ROLLED_BACK: "red",
    Stands.FORKED: "red",
    Stands.UNSOUND: "red",
}
_CODES: Final = {
    Stands.FORKED: Reason.LOG_FORKED,
    Stands.ROLLED_BACK: Reason.LOG_ROLLED_BACK,
}


def witnesses(
    *,
    agency: Annotated[str, Parameter(name="--as")] = "",
    pairs: bool = False,
    save: Path | None = None,
    home: Path | None = None,
    output: OutputOption = Output.TABLE,
) -> int:
    """Say who has seen how much of which log, and whether what they have seen fits.

    The gateway and every node are asked directly. Exit codes: 0 all fits, 1 a log was put back or
    shows two histories, 3 somebody is away or has seen nothing yet, 5 nobody is reached.

    Args:
        agency: The party that asks, where it is not the home's own requester.
        pairs: Print a row for each log and each of its witnesses, and not one for each log.
        save: Also write each witness's newest cosigned head into this folder, one file each.
        home: The home folder, where it is not .landbridge here or above.
        output: How to print: table, json or ndjson.

    Raises:
        LandbridgeError: LB-1106 when the home holds no keys of that name; LB-1101 for its files.
    """
    found_home = Home.read(find_home(home))
    if agency in found_home.admins or (not found_home.requesters and found_home.admins):
        _, folder = found_home.admin(agency or None)
    else:
        _, folder = found_home.state_of(agency or None)
    now = system_clock()
    logs = asyncio.run(_survey(PartyFolder.open(folder), now))
    if save is not None:
        _save(logs, save)
    _print(logs, now, output, pairs=pairs)
    return _exit_code(logs)


async def _survey(party: PartyFolder, now: int) -> list[SurveyedLog]:
    async with open_servers(party) as servers:
        return await Survey(
            servers.channels,
            keys=HeadKeys(
                lambda origin: servers.bundle.log_keys(origin, now)[2],
                servers.bundle.past_log_keys,
                lambda name, at: servers.bundle.log_keys(name, at)[2],
            ),
            now=now,
        ).run()


def _exit_code(logs: Sequence[SurveyedLog]) -> int:
    if any(log.findings for log in logs):
        return _FOUND
    if all(log.head is None for log in logs):
        return _UNREACHABLE
    return _ALL_FITS if all(log.is_seen_by_all for log in logs) else _INCOMPLETE


def _save(logs: Sequence[SurveyedLog], folder: Path) -> None:
    try:
        for log in logs:
            for sight in log.sights:
                if sight.checkpoint:
                    name = f"{log.origin}@{sight.witness}.checkpoint".replace("/", "_")
                    write_whole(folder / name, sight.checkpoint, mode=0o644)
    except OSError as error:
        raise refuse(
            Reason.USAGE,
            f"the heads cannot be saved: {error.strerror}",
            where=str(folder),
            next_step="name a folder that may be written",
        ) from error


def _print(logs: Sequence[SurveyedLog], now: int, output: Output, *, pairs: bool) -> None:
    documents = [_document(log) for log in logs]
    if output is Output.JSON:
        form = {"name": "landbridge-witnesses", "version": 1}
        print_json({"format": form, "at": to_iso(now), "logs": documents}, output)
        return
    if output is Output.NDJSON:
        for document in documents:
            print_json(document, output)
        return
    data_console().print(_table_of_pairs(logs) if pairs else _table_of_logs(logs))
    for log in logs:
        _tell(log)


def _table_of_logs(logs: Sequence[SurveyedLog]) -> Table:
    table = open_table("LOG", "ENTRIES", "COSIGNED BY", "OLDEST LOOK", "PROBLEMS")
    for log in logs:
        counts = Counter(sight.stands for sight in log.sights)
        problems = [one for one in reversed(Stands) if counts[one] and one is not Stands.FITS]
        table.add_row(
            plain(log.origin),
            _entries(log),
            plain(
                f"{counts[Stands.FITS]} of {len(log.sights)}",
                _STYLES[Stands.FITS] if log.is_seen_by_all else "yellow",
            ),
            _at(min((sight.at for sight in log.sights if sight.at), default=0)),
            Text(", ").join(
                plain(f"{counts[one]} {one}", _STYLES.get(one, "yellow")) for one in problems
            ),
        )
    return table


def _table_of_pairs(logs: Sequence[SurveyedLog]) -> Table:
    table = open_table("LOG", "ENTRIES", "WITNESS", "SEEN", "AT", "STANDS")
    for log in logs:
        for sight in log.sights:
            table.add_row(
                plain(log.origin),
                _entries(log),
                plain(sight.witness),
                str(sight.size) if sight.at else "",
                _at(sight.at),
                plain(sight.stands, _STYLES.get(sight.stands, "yellow")),
            )
    return table


def _entries(log: SurveyedLog) -> str:
    return str(log.head.size) if log.head else "away"


def _at(seconds: int) -> str:
    return to_iso(seconds * 1000) if seconds else ""


def _tell(log: SurveyedLog) -> None:
    if log.away is not None:
        talk(f"{log.away.code}  {log.origin}: {log.away.message}")
    for sight in log.sights:
        if sight.stands in FINDINGS:
            code = _CODES[sight.stands].code
            talk(f"{code}  {log.origin}, {sight.stands}: {sight.witness} has {sight.why}")
        elif sight.why and log.away is None:
            talk(f"{sight.witness} on {log.origin}: {sight.why}")


def _document(log: SurveyedLog) -> dict[str, Any]:
    written: dict[str, Any] = {"log": log.origin}
    if log.head is not None:
        written |= {"entries": log.head.size, "root": log.head.root.hex()}
    if log.away is not None:
        written["away"] = {"code": log.away.code, "why": log.away.message}
    written["witnesses"] = [
        {
            "witness": sight.witness,
            "stands": sight.stands,
            **({"entries": sight.size, "at": to_iso(sight.at * 1000)} if sight.at else {}),
            **({"why": sight.why} if sight.why else {}),
        }
        for sight in log.sights
    ]
    return written
