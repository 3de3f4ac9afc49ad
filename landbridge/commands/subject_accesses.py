"""`landbridge subject accesses`: asks every agency who looked at one subject, and proves it."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final

from cyclopts import Parameter
from rich.padding import Padding
from rich.text import Text

from landbridge.accesses_document import Missing, Told, accesses_document
from landbridge.agency import Role
from landbridge.clock import system_clock
from landbridge.commands.options import read_duration
from landbridge.commands.output import Output, OutputOption, data_console, print_json, talk
from landbridge.commands.rights_line import RightsLine, read_voice
from landbridge.commands.table import heading, open_table, plain
from landbridge.counted import counted
from landbridge.disclosure import verify_disclosed
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.federation import Federation
from landbridge.home import Home, find_home
from landbridge.keys import write_whole
from landbridge.reasons import REASONS
from landbridge.rights.access_request import check_one_subject, write_access_request
from landbridge.rights.speaker import OwnKey, Voice
from landbridge.rpc.rights_calls import list_accesses
from landbridge.subject import SubjectId
from landbridge.suggestion import did_you_mean

_COMPLETE: Final = 0
_PARTIAL: Final = 3
_REFUSED: Final = 4
_UNREACHABLE: Final = 5
_MOST_PAGES: Final = 50
"""Of one agency: ten thousand accesses. Older ones are told of as `more`."""


@dataclass(slots=True)
class _Answers:
    """What came of one agency: its pages, and what went wrong behind them."""

    agency: str
    pages: list[Told] = field(default_factory=list)
    error: LandbridgeError | None = None


def accesses(  # noqa: PLR0913  one parameter an option
    subject: str,
    /,
    *others: str,
    at: Annotated[list[str] | None, Parameter(negative=())] = None,
    desk: Annotated[str | None, Parameter(name="--as")] = None,
    key: Path | None = None,
    binding: Path | None = None,
    deadline: str = "10s",
    home: Path | None = None,
    save: Path | None = None,
    output: OutputOption = Output.TABLE,
) -> int:
    """Ask every agency who looked at a subject's records, and show it with its proof.

    A desk that knows who is asking signs (--as), or the subject with its own key (--key and
    --binding). Each answer is verified by the trust bundle before it is shown.

    Exit codes: 0 all agencies answered, 3 some did, 4 all refused or proved nothing, 5 none was
    reached.

    Args:
        subject: Whom it is about: scheme, colon, identifier.
        others: Further identifiers of the same subject; of a person, one a scheme.
        at: Ask this agency alone, again for each; without it, every agency that has a node.
        desk: The desk that signs; with --key, the party over whose line the request goes.
        key: The subject's own private key (PEM, Ed25519 or P-256).
        binding: What `landbridge consent bind` wrote for that key.
        deadline: How long to wait for each answer, as 5s or 800ms.
        home: The home folder, where it is not .landbridge here or above.
        save: Also write the JSON document to this file: `landbridge verify` proves it offline.
        output: table, json or ndjson.

    Raises:
        LandbridgeError: LB-1002 to LB-1004, LB-3014 and LB-4107 for identifiers that are not of one
            subject; LB-1106 for arguments that do not fit; LB-4011 for a key that others may read.
    """
    found = Home.read(find_home(home))
    federation = Federation.load(found.federation)
    subjects = [federation.schemes.parse(text) for text in (subject, *others)]
    check_one_subject(subjects, federation.schemes)
    voice = read_voice(found, desk, key, binding)
    if isinstance(voice, OwnKey) and others:
        raise refuse(
            Reason.USAGE,
            "a subject's own key speaks for the one identifier to which a desk has bound it",
            next_step="ask for one identifier at a time, or at a desk",
        )
    agencies = _agencies(federation, at or [])
    document = asyncio.run(_ask(found, desk, agencies, subjects, voice, read_duration(deadline)))
    if save is not None:
        _save(document, save)
    if output is Output.TABLE:
        _show(document)
        if document["told"]:
            saved = f"landbridge verify {save}" if save else "--save FILE keeps the proofs"
            talk(f"next: {saved}")
    else:
        print_json(document, output)
    return _exit_code(document)


def _agencies(federation: Federation, named: Sequence[str]) -> list[str]:
    serving = [one.id for one in federation.agencies.values() if Role.NODE in one.roles]
    for agency in named:
        if agency not in serving:
            raise refuse(
                Reason.USAGE,
                f"{agency!r} has no node in {federation.name}{did_you_mean(agency, serving)}",
                where="--at",
                next_step=f"name some of: {', '.join(serving)}",
            )
    return list(dict.fromkeys(named)) or serving


async def _ask(  # noqa: PLR0913, PLR0917  what a request is made of
    home: Home,
    desk: str | None,
    agencies: Sequence[str],
    subjects: Sequence[SubjectId],
    voice: Voice,
    timeout: float,
) -> dict[str, Any]:
    async with RightsLine(home, desk) as line:
        asked = (_ask_one(line, agency, subjects, voice, timeout) for agency in agencies)
        answers = await asyncio.gather(*asked)
        missing = [
            Missing(one.agency, one.error.code, one.error.message) for one in answers if one.error
        ]
        return accesses_document(
            [page for one in answers for page in one.pages], missing, line.bundle
        )


async def _ask_one(
    line: RightsLine,
    agency: str,
    subjects: Sequence[SubjectId],
    voice: Voice,
    timeout: float,
) -> _Answers:
    """Ask one agency page by page; what its log does not prove counts as no answer."""
    answers = _Answers(agency)
    before: int | None = None
    try:
        for _ in range(_MOST_PAGES):
            signed = write_access_request(agency, subjects, voice, at=system_clock(), before=before)
            document = signed.to_bytes()
            response = await list_accesses(line.channel, agency, document, timeout)
            told = verify_disclosed(document, response, line.bundle)
            answers.pages.append(Told(signed, response))
            if not told.more or not told.looks:
                break
            before = told.looks[-1].index
    except LandbridgeError as error:
        answers.error = error
    return answers


def _show(document: dict[str, Any]) -> None:
    console = data_console()
    named = ", ".join(f"{one['scheme']}:{one['value']}" for one in document["subject"])
    asked = len({one["agency"] for one in document["told"]})
    what = counted(len(document["accesses"]), "access")
    told = f"{named}   {what}, told by {counted(asked, 'agency')}"
    console.print(plain(told if asked else "No agency answered", "bold"))
    for access in document["accesses"]:
        first, *rest = access["in_words"]
        console.print()
        console.print(plain(first))
        for sentence in rest:
            console.print(_indented(plain(sentence)))
        proof = f"Proven: entry {access['entry']} of {access['log']}"
        console.print(_indented(plain(proof, "dim")))
    for one in document["told"]:
        if one["more"] and one is _last(document["told"], one["agency"]):
            console.print(plain(f"! {one['agency']} has more, older accesses", "yellow"))
    if document["missing"]:
        heading("Not answered: there may be more accesses", console)
        table = open_table("AGENCY", "CODE", "WHY")
        for one in document["missing"]:
            table.add_row(plain(one["agency"]), plain(one["code"]), plain(one["message"]))
        console.print(table)


def _indented(line: Text) -> Padding:
    return Padding(line, (0, 0, 0, 2), expand=False)


def _last(told: Sequence[dict[str, Any]], agency: str) -> dict[str, Any]:
    return [one for one in told if one["agency"] == agency][-1]


def _exit_code(document: dict[str, Any]) -> int:
    if not document["missing"]:
        return _COMPLETE
    if document["told"]:
        return _PARTIAL
    codes = {one["code"] for one in document["missing"]}
    refused = {reason.code for reason in Reason if REASONS[reason].status == "PERMISSION_DENIED"}
    return _REFUSED if codes <= refused else _UNREACHABLE


def _save(document: dict[str, Any], path: Path) -> None:
    text = json.dumps(document, ensure_ascii=False, indent=2) + "\n"
    try:
        write_whole(path, text.encode())
    except OSError as error:
        raise refuse(
            Reason.USAGE,
            f"the accesses cannot be saved: {error.strerror}",
            where=str(path),
            next_step="name a file in a folder that may be written",
        ) from error
