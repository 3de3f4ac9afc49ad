"""The act that invites a party: it makes a one-time invitation that nobody on the way can read."""

import secrets
from datetime import timedelta
from typing import Final

from certs.invitation import SECRET_BYTES, Invitation, seal_invitation
from certs.registrar.joining import (
    StoredInvitation,
    forget_invitations,
    save_invitation,
    withdraw_invitations,
)
from certs.registrar.parties import find_party
from certs.registrar.plan import Plan, does_not_fit
from certs.registrar.present import Present, shown_name
from landbridge.agency import Role, parse_identity
from landbridge.clock import to_datetime, to_iso
from landbridge.keys import public_text

INVITATION_LIFE: Final = timedelta(hours=24)


def plan_invitation(
    uri: str, attachment: bytes, present: Present, address: tuple[str, str] | None
) -> Plan:
    """Work out what invites a party; the invitation is sealed to the key in the attachment.

    `address` is where the gateway takes enrolments, and its DNS name. A role that the agency has
    not had so far is added to it.

    Raises:
        LandbridgeError: LB-4015 when the party cannot be invited; LB-4005 when it is no identity.
    """
    identity = parse_identity(uri, present.bundle.federation)
    member = present.member(identity.agency)
    if member.suspended_at is not None or member.left_at is not None:
        raise does_not_fit(f"{identity.agency} is suspended or has left")
    if address is None:
        raise does_not_fit(
            "no gateway takes enrolments",
            next_step="start the gateway with --enrolment-listen and tell the authority of it",
        )
    known = find_party(present.connection, uri)
    invited = StoredInvitation(
        secrets.token_hex(16),
        uri,
        secrets.token_bytes(SECRET_BYTES),
        present.now + INVITATION_LIFE // timedelta(milliseconds=1),
        known.acknowledged if known else 0,
    )
    host, dns_name = address
    sealed = seal_invitation(
        Invitation(
            federation=present.bundle.federation,
            identity=uri,
            address=host,
            dns_name=dns_name,
            anchor=public_text(present.bundle.anchor),
            roots=present.bundle.roots_at(present.now).decode(),
            id=invited.id,
            secret=invited.secret.hex(),
            expires_at=to_datetime(invited.expires_at),
        ),
        attachment,
    )

    def carry_out(number: int) -> bytes:
        del number
        forget_invitations(present.connection, present.now)
        withdraw_invitations(present.connection, uri)
        save_invitation(present.connection, invited)
        return sealed

    name = shown_name(uri, present.bundle.federation)
    effects = [f"{name} may enrol once, until {to_iso(invited.expires_at)}"]
    content = None
    if identity.role not in member.roles:
        roles = tuple(sorted({*member.roles, identity.role}))
        content = present.with_member(identity.agency, member.model_copy(update={"roles": roles}))
        effects.append(f"{identity.agency} takes the role '{identity.role}'")
    if identity.role in {Role.ADMIN, Role.AUTHORITY, Role.GATEWAY}:
        effects.append(f"ATTENTION: {name} is of those who run the federation")
    return Plan(tuple(effects), content, carry_out=carry_out)
