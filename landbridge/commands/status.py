"""`landbridge status`: whether a saved profile is still good, without reading any data again."""

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Final

import grpc
from cyclopts import Parameter

from landbridge.clock import system_clock, to_iso
from landbridge.commands.files import open_bundle, read_named
from landbridge.commands.output import Output, OutputOption, data_console, print_json, talk
from landbridge.commands.rights_line import RightsLine
from landbridge.commands.table import open_table, plain
from landbridge.document import read_document
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.federation import Federation
from landbridge.home import Home, find_home
from landbridge.keys import write_whole
from landbridge.library.kinds import Kind
from landbridge.profile_status import (
    AnswerPlace,
    AnswerStatus,
    Standing,
    answer_places,
    answer_statuses,
)
from landbridge.rights.correction import Correction, verify_correction
from landbridge.rights.status_list import StatusList, is_status_list, verify_status_list
from landbridge.rpc.documents import MOST_AT_ONCE, get_documents, list_documents
from landbridge.rpc.rights_calls import get_status_list
from landbridge.trust.bundle import TrustBundle
from landbridge.verification import verify_profile

_GOOD: Final = 0
_NOT_GOOD: Final = 3
_UNREACHABLE: Final = 5
_SUFFIX: Final = ".status"
_STYLES: Final = {Standing.GOOD: "green", Standing.SUPERSEDED: "red", Standing.UNKNOWN: "yellow"}

Lists = dict[str, StatusList | LandbridgeError]


def status(  # noqa: PLR0913  one parameter an option
    file: Path,
    /,
    *,
    lists: Path | None = None,
    save: Path | None = None,
    agency: Annotated[str | None, Parameter(name="--as")] = None,
    bundle: Path | None = None,
    federation: Path | None = None,
    home: Path | None = None,
    output: OutputOption = Output.TABLE,
) -> int:
    """Say whether a saved profile is still good, by the status lists of the agencies in it.

    The profile is verified first. The lists are of all answers of an agency: nobody learns which
    profile is asked about. Exit codes: 0 still good, 3 something was corrected, withdrawn or
    repaired since, 5 some list could not be had, or is too old.

    Args:
        file: A file that `landbridge profile ... --save FILE` wrote.
        lists: A folder of saved lists, instead of asking the gateway.
        save: Also keep the lists in this folder, for `--lists` later.
        agency: Who asks, where it is not the home's own requester.
        bundle: With --lists: the federation's trust bundle; without it, that of the home folder.
        federation: With --bundle: the federation.toml.
        home: The home folder, where it is not .landbridge here or above.
        output: table, json or ndjson.

    Raises:
        LandbridgeError: LB-4xxx when the profile does not verify; LB-1106 for unreadable files.
    """
    found = None if bundle and lists else Home.read(find_home(home))
    trusted = open_bundle(bundle or _home(found).bundle)
    terms = federation or (found.federation if found else None)
    document = read_document(read_named(file, "profile"))
    verified = verify_profile(
        document, trusted, federation=Federation.load(terms) if terms else None
    )
    places = answer_places(verified.signed, trusted)
    held: Lists
    if lists is not None:
        held = _read_lists(lists, trusted)
        notices = _kept_notices(found, agency, trusted)
    else:
        held, notices = asyncio.run(_ask(_home(found), agency, places, save))
    results = answer_statuses(places, held, notices, system_clock())
    _show(file, results, output)
    return _tell(results)


def _home(home: Home | None) -> Home:
    if home is None:
        raise refuse(Reason.USAGE, "there is no home folder to ask by", where="--home")
    return home


async def _ask(
    home: Home, agency: str | None, places: list[AnswerPlace], save: Path | None
) -> tuple[Lists, list[Correction]]:
    async with RightsLine(home, agency) as line:
        origins = {place.origin: place.agency for place in places}
        fetched = await asyncio.gather(
            *(_fetch(line, agency_, origin, save) for origin, agency_ in origins.items())
        )
        held: Lists = dict(zip(origins, fetched, strict=True))
        notices: list[Correction] = []
        if any(isinstance(one, StatusList) and one.superseded for one in fetched):
            notices = await _fetch_notices(line.channel, line.bundle)
        return held, notices


async def _fetch(
    line: RightsLine, agency: str, origin: str, save: Path | None
) -> StatusList | LandbridgeError:
    try:
        data = await get_status_list(line.channel, agency)
        found = verify_status_list(data, line.bundle)
        if found.origin != origin:
            raise refuse(
                Reason.BAD_STATUS_LIST,
                f"it is of the log {found.origin}",
                where=f"status list of {origin}",
            )
    except LandbridgeError as error:
        return error
    if save is not None:
        _write(save / f"{origin.replace('/', '_')}{_SUFFIX}", data)
    return found


async def _fetch_notices(channel: grpc.aio.Channel, bundle: TrustBundle) -> list[Correction]:
    """Fetch the notices to this party: they say what was wrong, and since when."""
    try:
        listed = [one for one in await list_documents(channel) if one.kind is Kind.CORRECTION]
        documents: list[bytes] = []
        for start in range(0, len(listed), MOST_AT_ONCE):
            wanted = [one.digest for one in listed[start : start + MOST_AT_ONCE]]
            documents += await get_documents(channel, wanted)
    except LandbridgeError as error:
        talk(f"note: the notices could not be fetched: {error}")
        return []
    return list(_verified(documents, bundle))


def _kept_notices(home: Home | None, agency: str | None, bundle: TrustBundle) -> list[Correction]:
    """Read the notices that `landbridge correction fetch` has kept."""
    if home is None or not home.requesters:
        return []
    _, state = home.state_of(agency)
    paths = sorted((state / Kind.CORRECTION.folder).glob("*.jws.json"))
    return list(_verified((path.read_bytes() for path in paths), bundle))


def _verified(documents: Iterable[bytes], bundle: TrustBundle) -> Iterable[Correction]:
    for document in documents:
        try:
            yield verify_correction(document, bundle, system_clock())
        except LandbridgeError as error:
            talk(f"note: a notice is passed over: {error}")


def _read_lists(folder: Path, bundle: TrustBundle) -> Lists:
    """Read the lists in a folder; of one log the newest that verifies."""
    if not folder.is_dir():
        raise refuse(Reason.USAGE, "it is no folder", where=str(folder))
    held: Lists = {}
    for path in sorted(folder.iterdir()):
        data = read_named(path, "status list") if path.is_file() else b""
        if not is_status_list(data):
            continue
        origin = data.split(b"\n", 2)[1].decode(errors="replace")
        before = held.get(origin)
        try:
            found = verify_status_list(data, bundle)
        except LandbridgeError as error:
            held.setdefault(origin, error)
            continue
        if not isinstance(before, StatusList) or found.issued_at > before.issued_at:
            held[origin] = found
    return held


def _write(path: Path, data: bytes) -> None:
    try:
        write_whole(path, data, mode=0o644)
    except OSError as error:
        raise refuse(
            Reason.USAGE, f"the list cannot be written: {error.strerror}", where=str(path)
        ) from error


def _show(file: Path, results: list[AnswerStatus], output: Output) -> None:
    documents = [_document(one) for one in results]
    if output is Output.JSON:
        good = all(one.standing is Standing.GOOD for one in results)
        print_json({"file": str(file), "good": good, "answers": documents}, output)
    elif output is Output.NDJSON:
        for document in documents:
            print_json(document, output)
    else:
        table = open_table("AGENCY", "ENTRY", "STANDS", "AS OF", "WHAT")
        for one, document in zip(results, documents, strict=True):
            table.add_row(
                plain(one.place.agency),
                str(one.place.index),
                plain(one.standing, _STYLES[one.standing]),
                document["as_of"],
                plain(_in_words(one)),
            )
        data_console().print(table)


def _document(one: AnswerStatus) -> dict[str, Any]:
    return {
        "agency": one.place.agency,
        "log": one.place.origin,
        "entry": one.place.index,
        "datasets": list(one.place.datasets),
        "standing": one.standing,
        "as_of": to_iso(one.as_of) if one.as_of else "",
        "code": one.error.code if one.error else "",
        "why": one.error.message if one.error else "",
        "corrections": [
            {
                "correction": notice.id,
                "case": notice.case,
                "dataset": notice.dataset,
                "fields": list(notice.fields),
                "reason": notice.reason,
                "since": to_iso(notice.since),
                "issued_at": to_iso(notice.issued_at),
            }
            for notice in one.corrections
        ],
    }


def _in_words(one: AnswerStatus) -> str:
    if one.error is not None:
        return f"{one.error.code} {one.error.message}"
    told = [
        f"{notice.dataset}: {', '.join(notice.fields)} {notice.reason}, "
        f"wrong since {to_iso(notice.since)[:10]}"
        for notice in one.corrections
    ]
    return "; ".join(told) or ", ".join(one.place.datasets)


def _tell(results: list[AnswerStatus]) -> int:
    superseded = [one for one in results if one.standing is Standing.SUPERSEDED]
    if superseded:
        whose = ", ".join(dict.fromkeys(one.place.agency for one in superseded))
        code = Reason.PROFILE_SUPERSEDED.code
        talk(f"{code} something that {whose} answered was corrected, withdrawn or repaired since")
        talk("next: ask for the profile again; `landbridge correction fetch` shows the notices")
        return _NOT_GOOD
    return _UNREACHABLE if any(one.error for one in results) else _GOOD
