"""`landbridge cert renew`: new certificates now, or for as long as it runs with --keep."""

import asyncio
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from certs.renewal.keeper import keep as keep_parties
from certs.renewal.keeper import renew_all
from landbridge.clock import system_clock, to_iso
from landbridge.commands.loop import run_on_fast_loop
from landbridge.commands.output import Output, OutputOption, data_console, print_json, visible
from landbridge.commands.party_name import shown_party
from landbridge.commands.timespan import beside
from landbridge.errors import Reason, refuse
from landbridge.home import Home, find_home
from landbridge.party import PartyFolder
from landbridge.rpc.certificate import LeafCertificate
from landbridge.rpc.credentials import Credential


def renew(
    *states: Path,
    keep: Annotated[bool, Parameter(negative=())] = False,
    dry_run: Annotated[bool, Parameter(negative=())] = False,
    home: Path | None = None,
    output: OutputOption = Output.TABLE,
) -> int:
    """Fetch the present trust and renew certificates now; a process that serves takes them up.

    Nodes and gateways renew by themselves. Parties that serve nothing, requesters and
    administrators, need `--keep` to run somewhere, as a service: their certificates too live a day.

    Args:
        states: Parties' folders; without any, all requesters and administrators of the home.
        keep: Run until stopped, and renew each at half of its certificate's life.
        dry_run: Say what would be renewed, and change nothing.
        home: The home folder, where it is not .landbridge here or above.
        output: How to print: table, json or ndjson.

    Raises:
        LandbridgeError: LB-2001 when the authority cannot be reached; LB-4019 when a certificate
            has expired: then an invitation helps; what a folder's files are refused for.
    """
    folders = states or tuple(_kept_here(home))
    if dry_run:
        reports = [_told(folder, _held(folder), "would be renewed") for folder in folders]
    elif keep:
        run_on_fast_loop(lambda: keep_parties(folders))
        return 0
    else:
        leaves = asyncio.run(renew_all(folders))
        reports = [
            _told(folder, leaf, "renewed") for folder, leaf in zip(folders, leaves, strict=True)
        ]
    if output is Output.TABLE:
        for report in reports:
            line = f"{report['party']}: {report['state']}; {report['serial'][:8]} ends"
            line += f" {report['until']} ({report['ends']})"
            data_console().print(visible(line), markup=False, soft_wrap=True)
        if dry_run:
            data_console().print("nothing was changed")
    else:
        print_json({"dry_run": dry_run, "parties": reports}, output)
    return 0


def _kept_here(home: Path | None) -> list[Path]:
    found = Home.read(find_home(home))
    folders = [*found.requesters.values(), *found.admins.values()]
    if not folders:
        raise refuse(
            Reason.USAGE,
            "this home holds no requester and no administrator",
            where=str(found.folder),
            next_step="name a party's folder: landbridge cert renew DIR",
        )
    return folders


def _held(folder: Path) -> LeafCertificate:
    party = PartyFolder.open(folder)
    return Credential.read(party.credential, party.trust.current).leaf


def _told(folder: Path, leaf: LeafCertificate, state: str) -> dict[str, Any]:
    return {
        "party": shown_party(leaf.identity.uri, leaf.identity.federation),
        "folder": str(folder),
        "state": state,
        "serial": f"{leaf.serial:x}",
        "until": to_iso(leaf.not_after),
        "ends": beside(leaf.not_after, system_clock()),
    }
