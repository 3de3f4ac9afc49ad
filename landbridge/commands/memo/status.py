"""`landbridge memo status`: where each memorandum stands in its life, now, then, and known then."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

from cyclopts import Parameter

from landbridge.clock import system_clock, to_iso
from landbridge.commands.memo.document_line import DocumentLine
from landbridge.commands.memo.known_then import read_known, read_present_shelf
from landbridge.commands.memo.memo_file import open_memorandum
from landbridge.commands.moment import read_moment
from landbridge.commands.output import Output, OutputOption, data_console, print_json, talk
from landbridge.commands.table import open_table, plain
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.home import Home, find_home
from landbridge.library.arrangement import arrange
from landbridge.library.opened import Opened, open_document
from landbridge.library.shelf import Found, Refused, Shelf
from landbridge.memorandum.document import Memorandum
from landbridge.memorandum.life import Settled, settle
from landbridge.memorandum.stage import Stage, stage_of, stopped_clauses

_COMPLETE: Final = 0
_STYLES: Final = {Stage.IN_FORCE: "green", Stage.REFUSED: "red", Stage.SUSPENDED: "yellow"}


@dataclass(frozen=True, slots=True)
class Standing:
    """One memorandum and where it stands."""

    memorandum: Memorandum
    stage: Stage
    notes: tuple[str, ...] = ()


def status(  # noqa: PLR0913  options of a command
    *files: Path,
    state: Path | None = None,
    at: str = "",
    known: str = "",
    agency: Annotated[str, Parameter(name="--as")] = "",
    home: Path | None = None,
    output: OutputOption = Output.TABLE,
) -> int:
    """Say where each memorandum stands: draft to lapsed, and what notices stop.

    With --state it tells of a party's folder, with files of these alone, and else of what the
    gateway has for the party that asks.

    Args:
        files: Memoranda as people write them (YAML), or their signed forms (.json).
        state: The folder of a party.
        at: As of when, such as 2026-05-01 or 2026-05-01T12:00:00Z; without it, now.
        known: By what the party knew then; only with --state of a node or gateway.
        agency: The party that asks the gateway, where it is not the home's own requester.
        home: The home folder, where it is not .landbridge here or above.
        output: How to print: table, json or ndjson.

    Raises:
        LandbridgeError: LB-1106 for a wrong time or --known without --state; LB-1101 and LB-5002
            for the folder; LB-2001 when the gateway is not reached.
    """
    moment = read_moment(at, "--at")
    refused: tuple[Refused, ...] = ()
    if known and (state is None or files):
        raise refuse(
            Reason.USAGE,
            "what was known when stands in the folder of a node or gateway",
            where="--known",
            next_step="give its folder with --state",
        )
    if files:
        found = list(_of_files(files, moment))
    elif known and state is not None:
        found = list(_of_known(state, read_moment(known, "--known"), moment))
    else:
        shelf = read_present_shelf(state) if state else asyncio.run(_shelf_of_gateway(home, agency))
        found, refused = list(_of_shelf(shelf, moment)), shelf.refused
    _print(found, refused, moment, output)
    return _COMPLETE


def _of_files(files: tuple[Path, ...], at: int) -> Iterator[Standing]:
    """Tell of files, beside one another, by the ids of the keys alone."""
    opened = [open_memorandum(file) for file in files]
    whole = [one.memorandum for one in opened if one.form and not one.form.missing()]
    settled = settle(whole)
    for one in opened:
        if one.form is None:
            yield Standing(one.memorandum, Stage.DRAFT)
        elif missing := one.form.missing():
            yield Standing(one.memorandum, Stage.OFFERED, (_to_sign(missing),))
        else:
            yield _agreed(one.memorandum, settled, at)


def _of_known(state: Path, known: int, at: int) -> Iterator[Standing]:
    found = read_known(state, known)
    settled = settle(found.memoranda, found.notices)
    for memorandum in sorted(found.memoranda, key=lambda one: one.id):
        entry = found.entries[memorandum.digest]
        standing = _agreed(memorandum, settled, at)
        note = f"known since {to_iso(entry.at)} (log entry {entry.entry})"
        yield Standing(memorandum, standing.stage, (*standing.notes, note))


def _of_shelf(shelf: Shelf, at: int) -> Iterator[Standing]:
    for memorandum in shelf.memoranda:
        yield _agreed(memorandum, shelf.settled_of(memorandum), at)
    for offer in sorted(shelf.offers, key=lambda offer: offer.memorandum.id):
        yield Standing(offer.memorandum, Stage.OFFERED, (_to_sign(offer.missing),))


def _agreed(memorandum: Memorandum, settled: Settled, at: int) -> Standing:
    stage = stage_of(memorandum, settled, at)
    return Standing(memorandum, stage, tuple(_notes(memorandum, settled, stage, at)))


def _notes(memorandum: Memorandum, settled: Settled, stage: Stage, at: int) -> Iterator[str]:
    if memorandum.id in settled.refused:
        yield settled.refused[memorandum.id]
    if (end := settled.superseded_at.get(memorandum.id)) is not None:
        yield f"a successor takes its place at {to_iso(end)}"
    if memorandum.amends is not None:
        yield f"amends {memorandum.amends}"
    stopped = stopped_clauses(memorandum, settled, at)
    if stopped and stage in (Stage.IN_FORCE, Stage.SUSPENDED, Stage.TERMINATED):
        yield f"stopped: {', '.join(f'clause {clause}' for clause in stopped)}"
    for notice in settled.notices.get(memorandum.id, ()):
        if notice.barred:
            yield f"grants nothing here: {notice.reason}"
            continue
        on = f" on clause {', '.join(sorted(notice.clauses))}" if notice.clauses else ""
        who = ", ".join(sorted(notice.signers))
        yield f"{who}: {notice.kind}{on} from {to_iso(notice.from_ms)}: {notice.reason}"


def _to_sign(missing: tuple[str, ...]) -> str:
    return f"still to sign: {', '.join(missing)}"


async def _shelf_of_gateway(home: Path | None, agency: str) -> Shelf:
    line = DocumentLine(Home.read(find_home(home)), agency)
    try:
        documents = await line.fetch(await line.listed())
        opened = [_open(document, line) for document in documents]
    finally:
        await line.close()
    found = [Found(Path(one.subject), one) for one in opened if isinstance(one, Opened)]
    refused = [Refused(Path("gateway"), one) for one in opened if isinstance(one, LandbridgeError)]
    return arrange(found, refused)


def _open(document: bytes, line: DocumentLine) -> Opened | LandbridgeError:
    try:
        return open_document(document, line.bundle, system_clock())
    except LandbridgeError as error:
        return error


def _print(found: list[Standing], refused: tuple[Refused, ...], at: int, output: Output) -> None:
    if output is Output.TABLE:
        console = data_console()
        table = open_table("MEMORANDUM", "STANDS", "FROM", "UNTIL", "TITLE")
        for one in found:
            valid = one.memorandum.valid
            stage = plain(one.stage, _STYLES.get(one.stage, ""))
            table.add_row(
                plain(one.memorandum.id),
                stage,
                valid.from_,
                valid.until,
                plain(one.memorandum.title),
            )
        console.print(table)
        for one in found:
            for note in one.notes:
                console.print(plain(f"{one.memorandum.id}: {note}"), soft_wrap=True)
        for each in refused:
            talk(f"{each.error.code} {each.path.name}: {each.error.message}")
        return
    standings = [_document(one) for one in found]
    if output is Output.NDJSON:
        for standing in standings:
            print_json(standing, output)
        return
    print_json(
        {
            "at": to_iso(at),
            "memoranda": standings,
            "refused": [
                {"file": each.path.name, "code": each.error.code, "why": each.error.message}
                for each in refused
            ],
        },
        output,
    )


def _document(one: Standing) -> dict[str, Any]:
    return {
        "memorandum": one.memorandum.id,
        "digest": one.memorandum.digest,
        "stands": one.stage,
        "from": one.memorandum.valid.from_,
        "until": one.memorandum.valid.until,
        "title": one.memorandum.title,
        "notes": list(one.notes),
    }
