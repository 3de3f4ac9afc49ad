"""`landbridge memo send` and `fetch`: signed documents to the gateway, and from it."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final

from cyclopts import Parameter

from landbridge.clock import system_clock
from landbridge.commands.files import read_named
from landbridge.commands.memo.document_line import DocumentLine
from landbridge.commands.memo.form_file import print_unbroken
from landbridge.commands.output import Output, OutputOption, print_json
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.home import Home, find_home
from landbridge.keys import write_whole
from landbridge.library.kinds import file_name
from landbridge.library.opened import Opened, open_document
from landbridge.rpc.documents import Outcome

_COMPLETE: Final = 0
_FAILED: Final = 1
_As = Annotated[str, Parameter(name="--as")]


def send(
    *files: Path,
    agency: _As = "",
    home: Path | None = None,
    output: OutputOption = Output.TABLE,
) -> int:
    """Hand signed documents to the gateway, which passes them on to whom they concern.

    A memorandum that some parties have yet to sign goes as an offer. Each document is verified
    here, by the gateway and by whoever gets it.

    Args:
        files: Signed forms of memoranda, notices and revocations of consents (.jws.json).
        agency: The party that sends, where it is not the home's own requester.
        home: The home folder, where it is not .landbridge here or above.
        output: How to print: table, json or ndjson.

    Raises:
        LandbridgeError: LB-1106 when no file is named; LB-2001 and LB-2002 when the gateway is not
            reached; why a file is no signed document of this federation.
    """
    if not files:
        raise refuse(Reason.USAGE, "no file is named", next_step="landbridge memo send FILE...")
    documents = [read_named(file, "signed document") for file in files]
    outcomes = asyncio.run(_send(Home.read(find_home(home)), agency, files, documents))
    for file, outcome in zip(files, outcomes, strict=True):
        _print_outcome(file, outcome, output)
    return _FAILED if any(outcome.error for outcome in outcomes) else _COMPLETE


def fetch(
    *,
    into: Path | None = None,
    agency: _As = "",
    home: Path | None = None,
    output: OutputOption = Output.TABLE,
) -> int:
    """Fetch the signed documents that a party may have, verify them, and keep them.

    Args:
        into: The folder to keep them in; without it, the party's own.
        agency: The party that fetches, where it is not the home's own requester.
        home: The home folder, where it is not .landbridge here or above.
        output: How to print: table, json or ndjson.

    Raises:
        LandbridgeError: LB-2001 and LB-2002 when the gateway is not reached; LB-1101 when a file
            cannot be written.
    """
    line_home = Home.read(find_home(home))
    folder, opened = asyncio.run(_fetch(line_home, agency))
    kept = [_keep(into or folder, each) for each in opened]
    for each, (path, is_new) in zip(opened, kept, strict=True):
        if output is Output.TABLE:
            print_unbroken(f"{'new ' if is_new else 'held'}  {_title(each)}: {path}")
    if output is not Output.TABLE:
        print_json(
            {"documents": [_document(*pair) for pair in zip(opened, kept, strict=True)]}, output
        )
    elif not opened:
        print_unbroken("the gateway has no document for this party")
    return _COMPLETE


async def _send(
    home: Home, agency: str, files: Sequence[Path], documents: Sequence[bytes]
) -> list[Outcome]:
    line = DocumentLine(home, agency)
    try:
        for file, document in zip(files, documents, strict=True):
            _verify(file, document, line)
        return await line.offer(documents)
    finally:
        await line.close()


def _verify(file: Path, document: bytes, line: DocumentLine) -> Opened:
    try:
        return open_document(document, line.bundle, system_clock())
    except LandbridgeError as error:
        place = f"{file}: {error.where}" if error.where else str(file)
        raise refuse(error.reason, error.message, where=place, next_step=error.next_step) from error


async def _fetch(home: Home, agency: str) -> tuple[Path, list[Opened]]:
    line = DocumentLine(home, agency)
    try:
        documents = await line.fetch(await line.listed())
        return line.folder, [_verify(Path("gateway"), document, line) for document in documents]
    finally:
        await line.close()


def _keep(folder: Path, opened: Opened) -> tuple[Path, bool]:
    """Put a document into a folder, unless it is there already."""
    place = folder / opened.kind.folder
    for path in place.glob("*.jws.json"):
        if path.is_file() and path.read_bytes() == opened.document:
            return path, False
    path = place / file_name(opened.kind, opened.subject, opened.signed)
    try:
        write_whole(path, opened.document, mode=0o644)
    except OSError as error:
        raise refuse(
            Reason.INVALID_CONFIGURATION,
            f"the file cannot be written: {error.strerror}",
            where=str(path),
            next_step="free space, or give this user the folder",
        ) from error
    return path, True


def _print_outcome(file: Path, outcome: Outcome, output: Output) -> None:
    error = outcome.error
    if output is not Output.TABLE:
        print_json(
            {
                "file": str(file),
                "new": outcome.taken,
                "code": error.code if error else "",
                "why": error.message if error else "",
            },
            output,
        )
    elif error is not None:
        print_unbroken(f"{error.code}  {file}: {error.message}")
    else:
        print_unbroken(f"{file}: {'sent' if outcome.taken else 'the gateway has it already'}")


def _title(opened: Opened) -> str:
    return f"{opened.kind.value.replace('_', ' ')} {opened.subject}"


def _document(opened: Opened, kept: tuple[Path, bool]) -> dict[str, Any]:
    path, is_new = kept
    return {
        "kind": opened.kind,
        "subject": opened.subject,
        "digest": opened.digest,
        "file": str(path),
        "new": is_new,
    }
