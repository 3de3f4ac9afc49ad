"""`landbridge cert status`: who holds, trusts and has acknowledged what, and who lags."""

import asyncio
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from landbridge.commands.admin_line import open_line
from landbridge.commands.cert_standing import (
    accepted_authorities,
    lowest_acknowledged,
    only_agency,
    standing_document,
)
from landbridge.commands.cert_status_table import render_standing
from landbridge.commands.output import Output, OutputOption, data_console, print_json
from landbridge.errors import Reason, refuse
from landbridge.suggestion import did_you_mean
from landbridge.trust.bundle import TrustBundle

_LAGGING = 3


def status(
    agency: str = "",
    /,
    *,
    admin: Annotated[str | None, Parameter(name="--as")] = None,
    home: Path | None = None,
    output: OutputOption = Output.TABLE,
) -> int:
    """Say what each agency holds, trusts and has acknowledged, what waits, and who lags.

    Exit code 3 says that some party lags.

    Args:
        agency: Only this agency's parties.
        admin: Which administrator asks, where this machine holds keys of several.
        home: The home folder, where it is not .landbridge here or above.
        output: How to print: table, json or ndjson.

    Raises:
        LandbridgeError: LB-2001 when the authority cannot be reached; LB-1106 for an agency that
            has no party.
    """
    document = asyncio.run(_standing(home, admin))
    if agency:
        known = [each["agency"] for each in document["agencies"]]
        if agency not in known:
            raise refuse(
                Reason.USAGE, f"{agency!r} has no enrolled party{did_you_mean(agency, known)}"
            )
        document = only_agency(document, agency)
    if output is Output.TABLE:
        render_standing(document, data_console())
    else:
        print_json(document, output)
    return _LAGGING if document["lagging"] else 0


async def _standing(home: Path | None, admin: str | None) -> dict[str, Any]:
    async with open_line(home, admin) as line:
        standing = await line.standing()
        # What a party trusts follows from the bundle that it uses: fetch from the oldest one on.
        since = max(0, lowest_acknowledged(standing) - 1)
        received = await line.trust(since)
        anchor = line.bundle.anchor
        trusted = {}
        for document in (*received.bundles, line.bundle.document):
            bundle = TrustBundle.parse(document, anchor)
            pairs = [(record.id, str(record.state)) for record in bundle.content.authorities]
            trusted[bundle.number] = accepted_authorities(pairs)
        return standing_document(standing, line.bundle.federation, trusted)
