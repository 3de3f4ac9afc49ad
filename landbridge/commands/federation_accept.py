"""`landbridge federation accept`: two administrators take an agency in, or back."""

from typing import Annotated

from cyclopts import Parameter

from certs.application import Application
from landbridge.commands.act import ActOptions, Prepared, run_act
from landbridge.commands.act_line import ActLine
from landbridge.commands.applications import find
from landbridge.errors import Reason, refuse
from landbridge.trust.approval import Act, Statement, digest_of
from landbridge.trust.document import MemberRecord

_DEFAULTS = ActOptions()


def accept(
    agency: str,
    /,
    *,
    fingerprint: Annotated[str, Parameter()] = "",
    dropping: Annotated[bool, Parameter(negative=())] = False,
    options: ActOptions = _DEFAULTS,
) -> int:
    """Take an applicant in, change what is known of a member, or take a suspended one back.

    Two administrators have to run it. An application is accepted by its fingerprint, which the
    agency reads out; without one, a suspended member is taken back. Exit code 3: one more has to.

    Args:
        agency: The agency's id.
        fingerprint: What the agency reads out; spaces do not matter, 32 digits are enough.
        dropping: Accept that a member's servers which the application does not name are dropped.
        options: Who acts, and how.
    """

    async def prepare(line: ActLine) -> Prepared:
        member = line.bundle.content.members.get(agency)
        revision = member.revision if member else 0
        if not fingerprint:
            if member is None or member.suspended_at is None:
                raise refuse(
                    Reason.USAGE,
                    f"{agency!r} is not a suspended member, so it is accepted by an application",
                    next_step="give --fingerprint as the agency reads it out",
                )
            return Prepared(line.statement(Act.MEMBER_RESUME, agency, revision=revision))
        standing = await line.standing()
        application, document = find(standing.pending, agency, fingerprint)
        _check_servers(application, member, dropping=dropping)
        statement = Statement(
            line.bundle.federation,
            Act.MEMBER_ACCEPT,
            agency,
            revision,
            digest_of(application.admission),
        )
        parties = [f"{agency}/{party.role}" for party in application.parties]
        return Prepared(
            statement, document, f"invite its parties: landbridge cert issue {parties[0]}"
        )

    return run_act(options, prepare)


def _check_servers(
    application: Application, member: MemberRecord | None, *, dropping: bool
) -> None:
    """Refuse to forget a server by oversight: an application states all that the member runs."""
    named = {(party.role, party.name) for party in application.parties if party.address}
    dropped = [
        f"{each.role}/{each.name} at {each.address}"
        for each in (member.endpoints if member else ())
        if (each.role, each.name) not in named
    ]
    if dropped and not dropping:
        raise refuse(
            Reason.USAGE,
            f"the application no longer names {', '.join(dropped)} of {application.agency}",
            next_step="have the agency apply again with --bundle trust-bundle.json, "
            "or give --dropping if that is meant",
        )
