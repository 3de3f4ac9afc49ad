"""`landbridge cert issue PARTY`: a one-time invitation to the first certificate."""

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from certs.invitation import InvitationBox
from landbridge.commands.act import ActOptions, Prepared, run_act
from landbridge.commands.act_line import ActLine
from landbridge.commands.party_name import read_party
from landbridge.errors import Reason, refuse
from landbridge.keys import write_whole
from landbridge.trust.approval import Act

_DEFAULTS = ActOptions()


def issue(
    party: str,
    /,
    *,
    out: Annotated[Path, Parameter()] = Path("invitation.json"),
    options: ActOptions = _DEFAULTS,
) -> int:
    """Invite a party of a member to its first certificate, or to a new one after its own expired.

    The invitation holds a secret: hand it over as you would a password. It works once, for a day,
    and a newer one for the same party takes its place.

    Args:
        party: Whom to invite: agency/role, such as register.gov/node.
        out: Where to write the invitation; a file that is there is not touched.
        options: Who acts, and how.
    """
    if out.exists() and not options.dry_run:
        raise refuse(
            Reason.USAGE,
            "there is such a file already",
            where=str(out),
            next_step="give another name with --out, or remove it if it is used up",
        )
    box, identity_uri = InvitationBox(), ""

    def prepare(line: ActLine) -> Prepared:
        nonlocal identity_uri
        identity_uri = read_party(party, line.bundle.federation).uri
        statement = line.statement(Act.INVITE, identity_uri, attachment=box.public)
        return Prepared(statement, box.public, f"landbridge cert enrol {out} --state DIR")

    def use(result: bytes) -> dict[str, Any]:
        invitation = box.open(result, identity_uri)
        write_whole(out, invitation.to_bytes())
        return {"invitation": str(out), "expires_at": invitation.expires_at.isoformat()}

    return run_act(options, prepare, use=use)
