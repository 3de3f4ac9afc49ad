"""`landbridge correction fetch` and `acknowledge`: the side of who received what was wrong."""

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter

from landbridge.clock import system_clock
from landbridge.commands.correction_table import describe, in_short, show
from landbridge.commands.memo.document_line import DocumentLine
from landbridge.commands.moment import format_instant
from landbridge.commands.output import Output, OutputOption, data_console, print_json, talk
from landbridge.commands.table import plain
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.home import Home, find_home
from landbridge.keys import KeyUse, SigningKey, write_whole
from landbridge.library.kinds import Kind, file_name
from landbridge.library.opened import Opened, open_document
from landbridge.rights.acknowledgement import Acknowledgement
from landbridge.rights.acknowledgement import acknowledge as sign_receipt
from landbridge.rights.correction import Correction
from landbridge.rpc.documents import Outcome

_COMPLETE: Final = 0
_WAITING: Final = 3
_FAILED: Final = 1
_KINDS: Final = (Kind.CORRECTION, Kind.ACKNOWLEDGEMENT)
_As = Annotated[str, Parameter(name="--as")]


def fetch(
    *, agency: _As = "", home: Path | None = None, output: OutputOption = Output.TABLE
) -> int:
    """Fetch the correction notices to an agency, verify them, keep them, and show them.

    Each names the agency's own queries whose answers were wrong; it holds no value: ask again for
    the new one. Exit codes: 0 all are acknowledged, 3 some are not.

    Args:
        agency: The agency that received them, where it is not the home's own requester.
        home: The home folder, where it is not .landbridge here or above.
        output: table, json or ndjson.

    Raises:
        LandbridgeError: LB-2001 and LB-2002 when the gateway is not reached; LB-1101 when a file
            cannot be written.
    """
    notices, receipts = asyncio.run(_fetch(Home.read(find_home(home)), agency))
    _show(notices, receipts, output)
    waiting = [one.id for one in notices if one.digest not in receipts]
    if waiting:
        talk("next: landbridge correction acknowledge --all, or name one")
    return _WAITING if waiting else _COMPLETE


def acknowledge(
    *names: str,
    all_: Annotated[bool, Parameter(name="--all", negative=())] = False,
    agency: _As = "",
    key: Path | None = None,
    home: Path | None = None,
    output: OutputOption = Output.TABLE,
) -> int:
    """Sign that an agency has read correction notices, and send that to who corrected.

    Args:
        names: The notices, as `landbridge correction fetch` names them.
        all_: All that are not acknowledged yet.
        agency: The agency that received them, where it is not the home's own requester.
        key: The file of its key for memoranda; without it, the one in its folder.
        home: The home folder, where it is not .landbridge here or above.
        output: table, json or ndjson.

    Raises:
        LandbridgeError: LB-1106 for a notice that is none; LB-4002 and LB-4011 for the key; LB-2001
            and LB-2002 when the gateway is not reached.
    """
    if bool(names) is all_:
        raise refuse(
            Reason.USAGE, "name the notices, or take --all", next_step="landbridge correction fetch"
        )
    done = asyncio.run(_acknowledge(Home.read(find_home(home)), agency, names, key))
    for notice, outcome in done:
        error = outcome.error
        if output is not Output.TABLE:
            code, why = (error.code, error.message) if error else ("", "")
            print_json(
                {"correction": notice.id, "new": outcome.taken, "code": code, "why": why}, output
            )
        else:
            data_console().print(
                plain(
                    f"{notice.id}: {f'{error.code} {error.message}' if error else 'acknowledged'}"
                )
            )
    if not done:
        talk("there is nothing to acknowledge")
    return _FAILED if any(outcome.error for _, outcome in done) else _COMPLETE


async def _fetch(home: Home, agency: str) -> tuple[list[Correction], dict[str, Acknowledgement]]:
    line = DocumentLine(home, agency)
    try:
        return await _fetch_on(line)
    finally:
        await line.close()


async def _fetch_on(line: DocumentLine) -> tuple[list[Correction], dict[str, Acknowledgement]]:
    listed = [one for one in await line.listed() if one.kind in _KINDS]
    opened = list(_opened(await line.fetch(listed), line))
    notices = [one for one in opened if one.correction and one.correction.recipient == line.agency]
    for one in notices:
        _keep(line.folder, one)
    receipts = [one.acknowledgement for one in opened if one.acknowledgement]
    return (
        sorted(
            (one.correction for one in notices if one.correction),
            key=lambda notice: (notice.issued_at, notice.id),
        ),
        {receipt.digest: receipt for receipt in receipts if receipt.recipient == line.agency},
    )


def _opened(documents: Iterable[bytes], line: DocumentLine) -> Iterable[Opened]:
    for document in documents:
        try:
            yield open_document(document, line.bundle, system_clock())
        except LandbridgeError as error:
            talk(f"note: a document from the gateway is passed over: {error}")


async def _acknowledge(
    home: Home, agency: str, names: tuple[str, ...], key: Path | None
) -> list[tuple[Correction, Outcome]]:
    line = DocumentLine(home, agency)
    try:
        notices, receipts = await _fetch_on(line)
        known = {notice.id: notice for notice in notices}
        for name in names:
            if name not in known:
                raise refuse(
                    Reason.USAGE,
                    f"there is no notice {name!r} to {line.agency}",
                    next_step="`landbridge correction fetch` names them",
                )
        chosen = [known[name] for name in dict.fromkeys(names)] if names else notices
        wanted = [notice for notice in chosen if notice.digest not in receipts]
        if not wanted:
            return []
        signing = SigningKey.load(key or _own_key(line.folder))
        at = format_instant(system_clock())
        signed = [sign_receipt(one, signing, acknowledged_at=at).to_bytes() for one in wanted]
        for document in signed:
            _keep(line.folder, open_document(document, line.bundle, system_clock()))
        return list(zip(wanted, await line.offer(signed), strict=True))
    finally:
        await line.close()


def _own_key(folder: Path) -> Path:
    path = folder / "keys" / f"{KeyUse.MEMORANDUM}.key"
    if not path.is_file():
        raise refuse(
            Reason.USAGE,
            "this folder holds no key for memoranda",
            where=str(path),
            next_step="give it with --key: of an agency with a node, it lies in the node's folder",
        )
    return path


def _keep(folder: Path, opened: Opened) -> None:
    path = folder / opened.kind.folder / file_name(opened.kind, opened.subject, opened.signed)
    if path.is_file() and path.read_bytes() == opened.document:
        return
    try:
        write_whole(path, opened.document, mode=0o644)
    except OSError as error:
        raise refuse(
            Reason.INVALID_CONFIGURATION,
            f"the file cannot be written: {error.strerror}",
            where=str(path),
            next_step="free space, or give this user the folder",
        ) from error


def _show(notices: list[Correction], receipts: dict[str, Acknowledgement], output: Output) -> None:
    show(
        notices,
        [
            describe(one, receipts.get(one.digest), {"provider": one.provider, "log": one.log})
            for one in notices
        ],
        output,
        columns=("CORRECTION", "FROM", "WHAT", "WRONG SINCE", "QUERIES", "ACKNOWLEDGED"),
        row=lambda one, document: (
            one.id,
            plain(one.provider),
            in_short(one),
            document["since"][:10],
            str(len(one.answers)),
            document["acknowledged_at"] or "no",
        ),
        nothing="there is no correction notice to this agency",
    )
