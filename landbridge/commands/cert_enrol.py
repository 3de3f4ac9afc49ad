"""`landbridge cert enrol INVITATION`: a party's first certificate, or one after expiry."""

import asyncio
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from certs.invitation import Invitation
from certs.renewal.admission import enrol as enrol_party
from landbridge.clock import system_clock
from landbridge.commands.output import Output, OutputOption, data_console, print_json, talk, visible
from landbridge.commands.party_name import shown_party
from landbridge.commands.timespan import beside
from landbridge.keys import read_private
from landbridge.party import PartyFolder
from landbridge.rpc.credentials import Credential
from landbridge.trust.document import unix_ms


def enrol(
    invitation: Path,
    /,
    *,
    state: Path,
    dry_run: Annotated[bool, Parameter(negative=())] = False,
    output: OutputOption = Output.TABLE,
) -> int:
    """Take up an invitation: the TLS key is made in the folder and never leaves it.

    An invitation works once. The folder may be new, or that of a party whose certificate has
    expired or was revoked: its signing keys, its log and its trust stay.

    Args:
        invitation: The file that the federation's operator handed over, of mode 0600.
        state: The party's folder; its signing keys lie there where `federation apply` made them.
        dry_run: Say for whom the invitation is and what would be written, and use it not.
        output: How to print: table, json or ndjson.

    Raises:
        LandbridgeError: LB-4014 for the invitation; LB-4017 and LB-4010 when the folder is another
            party's or federation's; LB-4011 when others may read the invitation or a key; LB-2001
            when the federation cannot be reached.
    """
    document = read_private(invitation)
    read = Invitation.read(document)
    party = shown_party(read.identity, read.federation)
    told = {
        "dry_run": dry_run,
        "federation": read.federation,
        "party": party,
        "state": str(state),
        "from": read.address,
    }
    if dry_run:
        ends = beside(unix_ms(read.expires_at), system_clock())
        lines = [
            (
                f"{party} of {read.federation} would enrol at {read.address};"
                f" the invitation ends {ends}"
            ),
            f"a TLS key and its certificate would be written to {state / 'credential.pem'}",
            "nothing was changed, and the invitation is not used",
        ]
    else:
        asyncio.run(enrol_party(document, state))
        folder = PartyFolder.open(state)
        leaf = Credential.read(folder.credential, folder.trust.current).leaf
        told |= {"serial": f"{leaf.serial:x}", "bundle": folder.bundle.number}
        lines = [
            (
                f"{party} is enrolled in {read.federation}: certificate {leaf.serial:x} ends"
                f" {beside(leaf.not_after, system_clock())}, trust bundle {folder.bundle.number}"
            ),
        ]
    if output is not Output.TABLE:
        print_json(told, output)
        return 0
    for line in lines:
        data_console().print(visible(line), markup=False, soft_wrap=True)
    if not dry_run:
        talk(f"next: start the process with --state {state}; remove {invitation}, it is used up")
    return 0
