"""Where `landbridge status` has its lists and notices from: the gateway, or a folder."""

import asyncio
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import grpc

from landbridge.clock import system_clock
from landbridge.commands.files import read_named
from landbridge.commands.output import talk
from landbridge.commands.rights_line import RightsLine
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.home import Home
from landbridge.keys import write_whole
from landbridge.library.kinds import SUFFIX, Kind, digest_of
from landbridge.profile_status import AnswerPlace
from landbridge.rights.correction import Correction, verify_correction
from landbridge.rights.status_list import StatusList, is_status_list, verify_status_list
from landbridge.rpc.documents import MOST_AT_ONCE, get_documents, list_documents
from landbridge.rpc.rights_calls import get_status_list
from landbridge.trust.bundle import TrustBundle

_LIST: Final = ".status"

Lists = dict[str, StatusList | LandbridgeError]
"""By origin of a log: its list, or why there is none."""


async def ask_lists(
    home: Home, agency: str | None, places: list[AnswerPlace], save: Path | None
) -> tuple[Lists, list[Correction]]:
    """Fetch the lists for some answers, and the notices to this party; keep them where to `save`.

    An agency whose list cannot be had, or does not verify, hides no other's.

    Raises:
        LandbridgeError: LB-1106 when the home holds no keys of that agency, or a file cannot be
            written.
    """
    async with RightsLine(home, agency) as line:
        origins = {place.origin: place.agency for place in places}
        fetched = await asyncio.gather(
            *(_fetch(line, agency_, origin, save) for origin, agency_ in origins.items())
        )
        held: Lists = dict(zip(origins, fetched, strict=True))
        notices: list[Correction] = []
        if any(isinstance(one, StatusList) and one.superseded for one in fetched):
            notices = await _fetch_notices(line.channel, line.bundle, save)
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
        _write(save / f"{origin.replace('/', '_')}{_LIST}", data)
    return found


async def _fetch_notices(
    channel: grpc.aio.Channel, bundle: TrustBundle, save: Path | None
) -> list[Correction]:
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
    if save is not None:
        for document in documents:
            _write(save / f"{digest_of(document)[:32]}{SUFFIX}", document)
    return list(_verified(documents, bundle))


def kept_notices(
    home: Home | None, agency: str | None, lists: Path | None, bundle: TrustBundle
) -> list[Correction]:
    """Read the notices beside the lists, and those that `landbridge correction fetch` has kept.

    Raises:
        LandbridgeError: LB-1106 when one cannot be read, or the home holds no keys of that agency.
    """
    folders = [lists] if lists is not None else []
    if home is not None and home.requesters:
        folders.append(home.state_of(agency)[1] / Kind.CORRECTION.folder)
    paths = (path for folder in folders for path in sorted(folder.glob(f"*{SUFFIX}")))
    return list(_verified((read_named(path, "notice") for path in paths), bundle))


def _verified(documents: Iterable[bytes], bundle: TrustBundle) -> Iterator[Correction]:
    for document in documents:
        try:
            yield verify_correction(document, bundle, system_clock())
        except LandbridgeError as error:
            talk(f"note: a notice is passed over: {error}")


def read_lists(folder: Path, bundle: TrustBundle) -> Lists:
    """Read the lists in a folder; of one log the newest that verifies.

    Raises:
        LandbridgeError: LB-1106 when it is no folder, or a file in it cannot be read.
    """
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
