"""What the commands on cases share: who signs, where a step goes, and how it is told."""

import asyncio
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from landbridge.case_document import case_document
from landbridge.case_proof import prove_shown, prove_taken
from landbridge.clock import system_clock, to_iso
from landbridge.commands.opened_cases import find_opened, remember
from landbridge.commands.output import Output, data_console, print_json, talk
from landbridge.commands.rights_line import RightsLine, read_voice
from landbridge.commands.sent_steps import keep, tell_kept
from landbridge.commands.table import plain
from landbridge.errors import LandbridgeError
from landbridge.federation import Federation
from landbridge.home import Home, find_home
from landbridge.keys import KeyUse, SigningKey
from landbridge.rights.case import Case
from landbridge.rights.case_request import ask_for_case, ask_for_case_as_agency
from landbridge.rights.opening import Complaint, write_opening
from landbridge.rights.sent_step import SentStep
from landbridge.rights.statement_text import check_form
from landbridge.rights.step_document import write_step
from landbridge.rights.steps import CaseKind, Step, state_after
from landbridge.rpc.rights_calls import get_case, submit_step
from landbridge.statement.signed import SignedByOne
from landbridge.v1 import rights_service_pb2


@dataclass(frozen=True, slots=True)
class Subject:
    """Who speaks, as the command line says it."""

    subject: str
    desk: str | None
    key: Path | None
    binding: Path | None
    home: Path | None


@dataclass(frozen=True, slots=True)
class OpenedCase:
    """What was written, and how far the case has come by it."""

    complaint: Complaint
    told: dict[str, Any]


@dataclass(frozen=True, slots=True)
class FetchedCase:
    """A case that is proven, and what its agency says on its own word alone."""

    document: dict[str, Any]
    due_at: int
    """Until when it has to decide, Unix milliseconds; 0 where it has, or no law sets a time."""


def open_case(who: Subject, write: Callable[[Federation], Complaint]) -> OpenedCase:
    """Write, sign and submit what opens a case; return it with what the agency says to it.

    Raises:
        LandbridgeError: the agency's reason; LB-1106, LB-4107 for what was given; LB-4112 for a
            statement that no agency would take; LB-2001 when it cannot be reached; LB-4008 when
            nothing proves that it took the document.
    """
    home = Home.read(find_home(who.home))
    voice = read_voice(home, who.desk, who.key, who.binding)
    complaint = write(Federation.load(home.federation))
    check_form(complaint.statement, where="--statement")
    document = write_opening(complaint, voice, at=system_clock()).to_bytes()
    return OpenedCase(complaint, asyncio.run(_send(home, who.desk, document)))


def send_kept(home: Path | None, who: str | None, document: bytes) -> dict[str, Any]:
    """Hand a signed step in again; return how far the case had come by it.

    Raises:
        LandbridgeError: as for `open_case`.
    """
    return asyncio.run(_send(Home.read(find_home(home)), who, document))


def fetch_case(who: Subject, agency: str, kind: CaseKind, begins: str) -> FetchedCase:
    """Fetch a case as its subject, and return its verified document.

    Raises:
        LandbridgeError: LB-4110 when no one case fits; the agency's reason; LB-4008 and others for
            what is not proven.
    """
    home = Home.read(find_home(who.home))
    subject = Federation.load(home.federation).schemes.parse(who.subject)
    voice = read_voice(home, who.desk, who.key, who.binding)
    case_id = find_opened(home.state_of(who.desk)[1], agency, kind, begins)

    async def fetch() -> FetchedCase:
        async with RightsLine(home, who.desk) as line:
            request = ask_for_case(
                case_id, agency=agency, subjects=[subject], voice=voice, at=system_clock()
            )
            response = await _get(line, agency, request)
            return FetchedCase(case_document(response, line.bundle), response.due_at_unix_ms)

    return asyncio.run(fetch())


def fetch_case_as_agency(
    home: Path | None, deciding: str | None, key: Path | None, agency: str, case_id: str
) -> FetchedCase:
    """Fetch a case as the agency that decides on it, and return its verified document.

    Raises:
        LandbridgeError: as for `fetch_case`.
    """

    async def fetch() -> FetchedCase:
        async with RightsLine(Home.read(find_home(home)), deciding) as line:
            request = ask_for_case_as_agency(
                case_id, agency=agency, key=_deciding_key(line, key), at=system_clock()
            )
            response = await _get(line, agency, request)
            return FetchedCase(case_document(response, line.bundle), response.due_at_unix_ms)

    return asyncio.run(fetch())


def decide_from_afar(  # noqa: PLR0913, PLR0917  what a step is made of
    home: Path | None,
    deciding: str | None,
    key: Path | None,
    agency: str,
    case_id: str,
    step: Step,
    reason: str,
) -> dict[str, Any]:
    """Take a step in a case that another agency holds, through the gateway.

    Raises:
        LandbridgeError: the agency's reason; LB-4107, LB-4112 for what was given.
    """

    async def take() -> dict[str, Any]:
        async with RightsLine(Home.read(find_home(home)), deciding) as line:
            signing = _deciding_key(line, key)
            request = ask_for_case_as_agency(case_id, agency=agency, key=signing, at=system_clock())
            response = await get_case(line.channel, agency, request.to_bytes())
            now = system_clock()
            case = prove_shown(response, request, line.bundle, now).case
            document = write_step(
                case_id,
                step,
                previous=case.last.digest,
                agency=agency,
                key=signing,
                at=system_clock(),
                reason=reason,
            )
            return await _hand_in(line, document.to_bytes())

    return asyncio.run(take())


def _deciding_key(line: RightsLine, key: Path | None) -> SigningKey:
    return SigningKey.load(key or line.folder / "keys" / f"{KeyUse.MEMORANDUM}.key")


async def _get(
    line: RightsLine, agency: str, request: SignedByOne
) -> rights_service_pb2.GetCaseResponse:
    """Fetch a case, proven to be the one that is asked for, as it is now."""
    response = await get_case(line.channel, agency, request.to_bytes())
    prove_shown(response, request, line.bundle, system_clock())
    return response


async def _send(home: Home, agency: str | None, document: bytes) -> dict[str, Any]:
    async with RightsLine(home, agency) as line:
        return await _hand_in(line, document)


async def _hand_in(line: RightsLine, document: bytes) -> dict[str, Any]:
    """Hand a signed step in, and return how far the case has come by the log of its agency."""
    sent = SentStep.read(document)
    kept = keep(line.folder, sent)
    try:
        answer = await submit_step(line.channel, sent.agency, document)
        entry = prove_taken(answer, sent, line.bundle, system_clock())
    except LandbridgeError as error:
        tell_kept(kept, error)
        raise
    told = {
        "case": sent.case_id,
        "agency": sent.agency,
        "state": state_after((Step.OPENED, sent.step)).value,
        "due_at": to_iso(answer.due_at_unix_ms) if answer.due_at_unix_ms else None,
        "entry": entry,
    }
    if sent.kind is not None:
        remember(line.folder, told, sent.kind)
    return told


def tell_case(told: Mapping[str, Any], output: Output) -> None:
    """Print how far a case has come."""
    if output is not Output.TABLE:
        print_json(told, output)
        return
    console = data_console()
    console.print(plain(f"case {told['case']} at {told['agency']} is {told['state']}"))
    if told["due_at"]:
        console.print(plain(f"to be decided before {told['due_at']}, as the agency says"))
    console.print(plain(f"entry {told['entry']} of the log of {told['agency']}"))


def tell_opened(opened: OpenedCase, who: Subject, output: Output) -> None:
    """Print how far a case has come that was just opened, and how to follow it."""
    tell_case(opened.told, output)
    complaint = opened.complaint
    command = ["landbridge", complaint.kind.value, "show", str(complaint.subject)]
    options = (
        ("--at", complaint.agency),
        ("--as", who.desk),
        ("--key", who.key),
        ("--binding", who.binding),
        ("--home", who.home),
    )
    command += [str(word) for option in options if option[1] is not None for word in option]
    talk(f"next: {shlex.join(command)}")


def summary(case: Case, due_at: int, *, overdue: bool) -> dict[str, Any]:
    """Write a case in one row."""
    return {
        "case": case.id,
        "kind": case.kind.value,
        "state": case.state.value,
        "dataset": case.opening.dataset,
        "record": case.opening.record,
        "fields": list(case.opening.fields),
        "opened_at": to_iso(case.opened_at),
        "due_at": to_iso(due_at) if due_at else None,
        "overdue": overdue,
        "deciding": case.deciding,
    }
