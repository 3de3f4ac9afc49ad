"""`landbridge cert revoke`: ends certificates before their time, everywhere within a second."""

import re
from typing import Final

from landbridge.commands.act import ActOptions, Prepared, run_act
from landbridge.commands.act_line import ActLine
from landbridge.commands.party_name import read_party, shown_party
from landbridge.errors import Reason, refuse
from landbridge.trust.approval import Act

_CERTIFICATE: Final = re.compile(r"(?P<issuer>issuing-[0-9]+|[0-9a-f]{40})/(?P<serial>[0-9a-f]+)")
_DEFAULTS = ActOptions()


def revoke(subject: str, /, *, options: ActOptions = _DEFAULTS) -> int:
    """Revoke what a party shows, or a certificate by its issuer and serial, and all it has beside.

    Whoever holds the key of one may have renewed by it. Calls are refused and open streams end
    within a second of the news; the party needs an invitation to come back (`landbridge cert
    issue`).

    Args:
        subject: A party, such as register.gov/node, or issuing-1/SERIAL in hexadecimal.
        options: Who acts, and how.
    """

    async def prepare(line: ActLine) -> Prepared:
        match = _CERTIFICATE.fullmatch(subject)
        issuer, serial = (
            (match["issuer"], match["serial"]) if match else await _shown(line, subject)
        )
        key_ids = {each.id: key_id for key_id, each in line.bundle.issuers.items()}
        issuer = key_ids.get(issuer, issuer)
        statement = line.statement(Act.CERTIFICATE_REVOKE, f"{issuer}/{serial}")
        return Prepared(statement, next_step="to let the party come back: landbridge cert issue")

    return run_act(options, prepare)


async def _shown(line: ActLine, party: str) -> tuple[str, str]:
    """Return issuer and serial of the certificate that a party has shown last."""
    federation = line.bundle.federation
    uri = read_party(party, federation).uri
    standing = await line.standing()
    for each in standing.parties:
        if each.identity == uri and each.serial:
            return each.issuer, each.serial
    known = ", ".join(shown_party(each.identity, federation) for each in standing.parties)
    raise refuse(
        Reason.USAGE,
        f"the authority knows of no certificate that {party} shows",
        next_step=f"give issuer and serial, or one of: {known or 'nobody'}",
    )
