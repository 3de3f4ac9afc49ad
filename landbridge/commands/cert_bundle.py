"""`landbridge cert bundle`: shows a trust bundle, fetches the newest, or brings it to a party."""

import asyncio
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from rich.console import Console

from landbridge.clock import system_clock, to_iso
from landbridge.commands.admin_line import open_line
from landbridge.commands.files import open_bundle, read_named
from landbridge.commands.output import Output, OutputOption, data_console, print_json, talk
from landbridge.commands.table import heading, open_table, plain
from landbridge.commands.timespan import beside
from landbridge.errors import Reason, refuse
from landbridge.home import Home, find_home
from landbridge.keys import read_public_file, write_whole
from landbridge.trust.bundle import TrustBundle
from landbridge.trust.document import unix_ms
from landbridge.trust.store import ANCHOR_FILE, BUNDLE_FILE, LISTS_FOLDER, TrustStore


def bundle(  # noqa: PLR0913  one parameter an option
    *files: Path,
    fetch: Annotated[Path | None, Parameter()] = None,
    since: int = 0,
    state: Path | None = None,
    admin: Annotated[str | None, Parameter(name="--as")] = None,
    dry_run: Annotated[bool, Parameter(negative=())] = False,
    home: Path | None = None,
    output: OutputOption = Output.TABLE,
) -> int:
    """Show what a trust bundle holds: authorities and keys with their states, members, denials.

    A party that has lost touch gets what it missed by file: --fetch DIR --since N writes every
    bundle after number N and the revocation lists; FILES --state DIR take them into the party's
    folder, checked as if they had come over the line. A running process follows its folder.

    Args:
        files: A bundle to show; or, with --state, bundles (.json) and lists (.crl) to take over.
        fetch: Write the newest bundle and lists to this folder.
        since: With --fetch, all bundles after this number, not the newest alone.
        state: The folder of a party, which is to take the files over.
        admin: Which administrator fetches, where this machine holds keys of several.
        dry_run: Check what would be taken over or written, and change nothing.
        home: The home folder, where it is not .landbridge here or above.
        output: How to print: table, json or ndjson.

    Raises:
        LandbridgeError: LB-4010 and LB-4012 for what is not acceptable; LB-1106 for a wrong call.
    """
    if fetch is not None:
        document = asyncio.run(_fetch(home, admin, fetch, since, dry_run=dry_run))
    elif state is not None:
        document = _install(files, state, dry_run=dry_run)
    elif len(files) > 1:
        raise refuse(Reason.USAGE, "one bundle is shown at a time; --state DIR takes several over")
    else:
        place = files[0] if files else Home.read(find_home(home)).bundle
        shown = open_bundle(place)
        document = bundle_document(shown)
        if output is Output.TABLE:
            render_bundle(document, data_console())
            return 0
    if output is Output.TABLE:
        for line in document["effects"]:
            data_console().print(plain(line), soft_wrap=True)
        if dry_run:
            data_console().print(plain("nothing was changed"))
    else:
        print_json(document, output)
    return 0


def bundle_document(shown: TrustBundle) -> dict[str, Any]:
    """Describe what a bundle holds."""
    content = shown.content
    return {
        "federation": content.federation,
        "number": content.number,
        "issued_at": to_iso(shown.issued_at),
        "bundle_key": content.bundle_key,
        "authorities": [
            {
                "authority": each.id,
                "state": str(each.state),
                "under": each.issuer,
                "since": to_iso(unix_ms(each.since)),
                "until": to_iso(unix_ms(each.until or each.x509.not_valid_after_utc)),
                "cross_certified": each.cross is not None,
            }
            for each in content.authorities
        ],
        "members": [
            {
                "agency": agency,
                "title": member.title,
                "roles": [str(role) for role in member.roles],
                "state": "left" if member.left_at else "suspended" if member.suspended_at else "in",
                "revision": member.revision,
                "endpoints": [f"{each.role} {each.address}" for each in member.endpoints],
                "keys": [
                    {
                        "key_id": key.key_id,
                        "state": str(key.state),
                        "until": to_iso(unix_ms(key.not_after)),
                    }
                    for key in member.keys
                ],
            }
            for agency, member in content.members.items()
        ],
        "denied": [
            {"issuer": each.issuer, "serial": each.serial, "until": to_iso(unix_ms(each.until))}
            for each in content.denied
        ],
    }


def render_bundle(document: dict[str, Any], console: Console) -> None:
    """Print what `bundle_document` describes."""
    title = f"{document['federation']}   bundle {document['number']}, {document['issued_at']}"
    console.print(plain(title, "bold"))
    heading("Authorities", console)
    table = open_table("AUTHORITY", "STATE", "UNDER", "SINCE", "UNTIL")
    for each in document["authorities"]:
        cells = (each["authority"], each["state"], each["under"], each["since"], each["until"])
        table.add_row(*map(plain, cells))
    console.print(table)
    heading("Members", console)
    _members(document["members"], console)
    if document["denied"]:
        heading("Denied certificates", console)
        table = open_table("ISSUER", "SERIAL", "UNTIL")
        for each in document["denied"]:
            table.add_row(plain(each["issuer"]), plain(each["serial"]), plain(each["until"]))
        console.print(table)


def _members(members: Iterable[dict[str, Any]], console: Console) -> None:
    table = open_table("AGENCY", "STATE", "ROLES", "SERVES AT", "KEYS")
    for member in members:
        keys = [
            key["key_id"].partition("/")[2]
            + ("" if key["state"] == "active" else f" ({key['state']})")
            for key in member["keys"]
        ]
        table.add_row(
            plain(member["agency"]),
            plain(member["state"], "" if member["state"] == "in" else "yellow"),
            plain(" ".join(member["roles"])),
            plain(", ".join(member["endpoints"])),
            plain(", ".join(keys)),
        )
    console.print(table)


async def _fetch(
    home: Path | None, admin: str | None, folder: Path, since: int, *, dry_run: bool
) -> dict[str, Any]:
    async with open_line(home, admin) as line:
        received = await line.trust(since)
        documents = list(received.bundles) or [line.bundle.document]
        anchor = line.bundle.anchor
    effects = []
    for document in documents:
        number = TrustBundle.parse(document, anchor).number
        place = folder / f"bundle-{number:06d}.json"
        effects.append(f"bundle {number}: {place}")
        if not dry_run:
            write_whole(place, document, mode=0o644)
    for count, data in enumerate(received.lists, start=1):
        place = folder / f"list-{count}.crl"
        effects.append(f"revocation list {count}: {place}")
        if not dry_run:
            write_whole(place, data, mode=0o644)
    return {"dry_run": dry_run, "folder": str(folder), "effects": effects}


def _install(files: Sequence[Path], state: Path, *, dry_run: bool) -> dict[str, Any]:
    if not files:
        raise refuse(
            Reason.USAGE,
            "no bundle is named",
            next_step="landbridge cert bundle bundle-*.json list-*.crl --state DIR",
        )
    lists = [read_named(file, "revocation list") for file in files if file.suffix == ".crl"]
    bundles = [read_named(file, "trust bundle") for file in files if file.suffix != ".crl"]
    with tempfile.TemporaryDirectory() as scratch:
        store = TrustStore.open(_trust_copied(state, Path(scratch)) if dry_run else state)
        held = store.current.bundle
        store.offer(_newer(bundles, held), lists)
        newest = store.current.bundle
    age = beside(newest.issued_at, system_clock())
    effects = [
        f"{state}: bundle {held.number} -> {newest.number} (signed {age})"
        if newest.number != held.number
        else f"{state}: bundle {held.number} stays; nothing in these files is newer"
    ]
    if not dry_run and newest.number != held.number:
        talk("a process that runs with this folder takes it over within a second")
    return {"dry_run": dry_run, "from": held.number, "to": newest.number, "effects": effects}


def _newer(documents: Iterable[bytes], held: TrustBundle) -> list[bytes]:
    """Put the bundles that are newer than the one held into their order; nothing is checked yet."""
    read = [(TrustBundle.parse(document, None).number, document) for document in documents]
    return [document for number, document in sorted(read) if number > held.number]


def _trust_copied(state: Path, scratch: Path) -> Path:
    """Copy what a party trusts, so that the very same checks can be made without effect."""
    for name in (ANCHOR_FILE, BUNDLE_FILE):
        write_whole(scratch / name, read_public_file(state / name))
    for path in (state / LISTS_FOLDER).glob("*.crl"):
        write_whole(scratch / LISTS_FOLDER / path.name, path.read_bytes())
    return scratch
