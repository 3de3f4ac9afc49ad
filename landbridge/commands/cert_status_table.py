"""The standing of a federation as tables for an administrator; who lags is named last."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from rich.console import Console

from landbridge.commands.table import heading, open_table, plain
from landbridge.commands.timespan import beside
from landbridge.counted import counted

_Document = Mapping[str, Any]
_SERIAL_DIGITS: Final = 8
_GONE: Final = ("removed", "aborted")
_STYLES: Final = {"active": "green", "tainted": "red", "retiring": "yellow"}


def render_standing(document: _Document, console: Console) -> None:
    """Print what `standing_document` describes."""
    now = _unix_ms(document["at"])
    console.print(plain(f"{document['federation']}   bundle {document['bundle']}", "bold"))
    standing = [each for each in document["authorities"] if each["state"] not in _GONE]
    _authorities(standing, now, console)
    awaited = {each["authority"] for each in standing if each["state"] == "published"}
    _parties(document, awaited, now, console)
    _waiting(document["waiting"], console)
    console.print()
    console.print(plain(summary(document), "yellow" if document["lagging"] else "green"))


def summary(document: _Document) -> str:
    """Say in one line who lags, and how many alarms stand."""
    count = sum(len(agency["parties"]) for agency in document["agencies"])
    lagging, alarms = document["lagging"], document["alarms"]
    if lagging:
        lag = "lags" if len(lagging) == 1 else "lag"
        parties = counted(count, "party")
        line = f"{len(lagging)} of {parties} {lag}: {', '.join(lagging)}"
    elif count == 1:
        line = "nobody lags: 1 party holds, trusts and has acknowledged what is active"
    else:
        line = f"nobody lags: {count} parties hold, trust and have acknowledged what is active"
    if not alarms:
        return line
    return f"{line}; {alarms} alarm{' stands' if alarms == 1 else 's stand'}"


def _authorities(authorities: Iterable[_Document], now: int, console: Console) -> None:
    heading("Authorities", console)
    table = open_table("AUTHORITY", "STATE", "ENDS", "SHOWN BY", "NEXT")
    for authority in authorities:
        shown = authority["shown_by"]
        table.add_row(
            plain(authority["authority"]),
            plain(authority["state"], _STYLES.get(authority["state"], "")),
            plain(beside(_unix_ms(authority["until"]), now)),
            plain(f"{len(shown)} parties" if len(shown) > 1 else "".join(shown)),
            plain(_next(authority)),
        )
    console.print(table)


def _next(authority: _Document) -> str:
    if not authority["next"] or authority["state"] == "active":
        # The active one gives way when another becomes active, and to nothing else.
        return ""
    if not authority["obstacles"]:
        return f"may become {authority['next']}"
    first, *others = authority["obstacles"]
    more = f" (and {len(others)} more)" if others else ""
    return f"{authority['next']} waits: {first}{more}"


def _parties(document: _Document, awaited: set[str], now: int, console: Console) -> None:
    heading("Parties", console)
    newest = document["bundle"]
    table = open_table("PARTY", "HOLDS", "ENDS", "TRUSTS", "ACKNOWLEDGED", "PROVEN", "HEARD")
    remarks: list[tuple[str, str]] = []
    for agency in document["agencies"]:
        for party in agency["parties"]:
            table.add_row(
                plain(party["party"], "yellow" if party["lag"] else ""),
                plain(_held(party["holds"])),
                plain(_ends(party["holds"], now)),
                plain("?" if party["trusts"] is None else " ".join(party["trusts"])),
                plain(_acknowledged(party, newest), "yellow" if party["behind"] else ""),
                plain(" ".join(name for name in party["proven"] if name in awaited)),
                plain(beside(_unix_ms(party["heard_at"]), now)),
            )
            if party["lag"]:
                remarks.append((party["party"], party["lag"]))
            remarks += [(party["party"], f"alarm: {alarm}") for alarm in party["alarms"]]
    console.print(table)
    for party, remark in remarks:
        console.print(plain(f"! {party}: {remark}", "yellow"))


def _held(held: _Document | None) -> str:
    return f"{held['authority']} {held['serial'][:_SERIAL_DIGITS]}" if held else "nothing"


def _ends(held: _Document | None, now: int) -> str:
    if held is None:
        return ""
    return beside(_unix_ms(held["until"]), now) if held["until"] else "ended"


def _acknowledged(party: _Document, newest: int) -> str:
    number = party["acknowledged"]
    if not number:
        return "nothing yet"
    return f"{number} of {newest}" if party["behind"] else str(number)


def _waiting(waiting: Iterable[_Document], console: Console) -> None:
    listed = list(waiting)
    if not listed:
        return
    heading("Waiting for administrators", console)
    table = open_table("WHAT", "SIGNED BY")
    for act in listed:
        table.add_row(plain(act["summary"]), plain(", ".join(act["signed_by"]) or "nobody yet"))
    console.print(table)


def _unix_ms(moment: str | None) -> int:
    return round(datetime.fromisoformat(moment).timestamp() * 1000) if moment else 0
