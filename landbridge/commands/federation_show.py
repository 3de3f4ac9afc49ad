"""`landbridge federation show`: members and their parties, the datasets they publish, who waits."""

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import grpc
from cyclopts import Parameter
from rich.console import Console

from certs.application import fingerprint
from landbridge.alarm import Alarms
from landbridge.commands.act_line import Administrator
from landbridge.commands.admin_line import AdminLine, tell_alarm
from landbridge.commands.applications import waiting
from landbridge.commands.card import Card
from landbridge.commands.cert_bundle import bundle_document
from landbridge.commands.files import read_named
from landbridge.commands.output import Output, OutputOption, data_console, print_json, talk
from landbridge.commands.table import heading, open_table, plain
from landbridge.home import Home, find_home
from landbridge.keys import public_text, write_whole
from landbridge.party import PartyFolder
from landbridge.rpc.live_party import LiveParty
from landbridge.rpc.status import from_rpc_error
from landbridge.v1 import catalogue_pb2, gateway_service_pb2, gateway_service_pb2_grpc

_TIMEOUT_S = 10.0


def show(
    *,
    admin: Annotated[str | None, Parameter(name="--as")] = None,
    card: Path | None = None,
    home: Path | None = None,
    output: OutputOption = Output.TABLE,
) -> int:
    """List who belongs to the federation, what each runs, and which datasets it publishes.

    An administrator also sees the applications that wait. A requester sees the rest.

    Args:
        admin: Which administrator asks, where this machine holds keys of several.
        card: Bring this card up to date with the present roots and bundle key: give it to those
            who want to join.
        home: The home folder, where it is not .landbridge here or above.
        output: How to print: table, json or ndjson.

    Raises:
        LandbridgeError: LB-2001 when the gateway cannot be reached; what the folder's files are
            refused for; LB-1101 for a file that is no card.
    """
    document = asyncio.run(_show(Home.read(find_home(home)), admin, card))
    if output is Output.TABLE:
        render_federation(document, data_console())
        if card is not None:
            talk(f"{card} is up to date")
    else:
        print_json(document, output)
    return 0


async def _show(home: Home, name: str | None, card: Path | None) -> dict[str, Any]:
    folder, admin = _who(home, name)
    live = LiveParty(PartyFolder.open(folder), alarms=Alarms(tell_alarm))
    channel = live.channel(home.gateway_address, home.gateway_dns_name)
    line = AdminLine(live, admin) if admin else None
    try:
        applications = []
        if line is not None:
            await line.refresh()
            applications = waiting((await line.standing()).pending)
        stub: gateway_service_pb2_grpc.GatewayServiceAsyncStub = (
            gateway_service_pb2_grpc.GatewayServiceStub(channel.channel)
        )
        try:
            directory = await stub.GetDirectory(
                gateway_service_pb2.GetDirectoryRequest(), timeout=_TIMEOUT_S
            )
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error, peer="the gateway") from error
    finally:
        if line is not None:
            await line.close()
        await channel.close()
    bundle = live.trust.bundle
    if card is not None:
        old = Card.read(read_named(card, "card"), where=str(card))
        new = Card.of(bundle, public_text(bundle.anchor), old.address, old.dns_name)
        write_whole(card, new.to_bytes(), mode=0o644)
    return {
        "federation": bundle.federation,
        "bundle": bundle.number,
        "members": _members(bundle_document(bundle)["members"], directory.catalogues),
        "applications": [
            {
                "agency": application.agency,
                "title": application.title,
                "parties": [f"{party.role} {party.address}" for party in application.parties],
                "fingerprint": fingerprint(data),
            }
            for application, data in applications
        ],
    }


def _who(home: Home, name: str | None) -> tuple[Path, Administrator | None]:
    """Ask as an administrator where the home holds one, else as a requester."""
    if name or home.admins:
        admin = Administrator.of(home, name or next(iter(home.admins)))
        return admin.folder, admin
    return home.state_of()[1], None


def _members(
    members: Iterable[dict[str, Any]], catalogues: Iterable[catalogue_pb2.Catalogue]
) -> list[dict[str, Any]]:
    published = {catalogue.agency: catalogue.datasets for catalogue in catalogues}
    return [
        {
            "agency": member["agency"],
            "title": member["title"],
            "state": member["state"],
            "roles": member["roles"],
            "endpoints": member["endpoints"],
            "reached": member["agency"] in published if "node" in member["roles"] else None,
            "datasets": [
                {"dataset": dataset.name, "title": dataset.title, "as_of": dataset.as_of}
                for dataset in published.get(member["agency"], ())
            ],
        }
        for member in members
    ]


def render_federation(document: dict[str, Any], console: Console) -> None:
    """Print members, datasets and applications."""
    title = f"{document['federation']}   bundle {document['bundle']}"
    console.print(plain(title, "bold"))
    heading("Members", console)
    table = open_table("AGENCY", "TITLE", "STATE", "ROLES", "SERVES AT", "DATASETS")
    for member in document["members"]:
        state = member["state"]
        if state == "in" and member["reached"] is False:
            state = "not reached"
        table.add_row(
            plain(member["agency"]),
            plain(member["title"]),
            plain(state, "" if state == "in" else "yellow"),
            plain(" ".join(member["roles"])),
            plain(", ".join(member["endpoints"])),
            plain(", ".join(dataset["dataset"] for dataset in member["datasets"])),
        )
    console.print(table)
    for application in document["applications"]:
        heading(f"{application['agency']} ({application['title']}) asks to join", console)
        console.print(plain(f"  runs {', '.join(application['parties'])}"))
        console.print(plain(f"  fingerprint {application['fingerprint']}"), soft_wrap=True)
