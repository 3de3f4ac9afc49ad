"""The acts on members: accepted by two administrators, suspended, taken back, left.

An application is accepted as the agency has signed it; the administrators sign the SHA-256 of its
admission. Accepting an application of a known member changes its details and adds its new keys.
"""

from datetime import datetime

from pydantic import ValidationError

from certs.application import Application
from certs.bundle import KEY_LIFE, endpoint_record
from certs.profiles import BACK_DATED
from certs.registrar.joining import drop_application, find_application
from certs.registrar.plan import Plan, does_not_fit
from certs.registrar.present import Present
from landbridge.agency import Role
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.keys import KeyUse, make_key_id, read_public
from landbridge.trust.approval import Act, Statement, digest_of
from landbridge.trust.document import AuthorityState, KeyRecord, LogRecord, MemberRecord


def plan_membership(statement: Statement, attachment: bytes, present: Present) -> Plan:
    """Work out an act on a member.

    Raises:
        LandbridgeError: LB-4015 when it does not fit the present state; LB-1001 when the
            application cannot be accepted.
    """
    known = present.content.members.get(statement.subject)
    revision = known.revision if known else 0
    if statement.revision != revision:
        raise does_not_fit(
            f"the act is for revision {statement.revision} of {statement.subject},"
            f" and it is at {revision}",
            next_step="see the present state, and sign the act anew",
        )
    if statement.act is Act.MEMBER_ACCEPT:
        return _accept(statement, attachment, present, known)
    member = present.member(statement.subject)
    if member.left_at is not None:
        raise does_not_fit(f"{statement.subject} has left; it may apply to join again")
    agency, title = statement.subject, member.title
    suspended = member.suspended_at is not None
    change: dict[str, datetime | None]
    match statement.act:
        case Act.MEMBER_SUSPEND if not suspended:
            change = {"suspended_at": present.moment}
            effect = f"{agency} ({title}) is suspended: its calls are refused, its streams end"
        case Act.MEMBER_RESUME if suspended:
            change = {"suspended_at": None}
            effect = f"{agency} ({title}) is in service again"
        case Act.MEMBER_LEAVE:
            change = {"left_at": present.moment}
            effect = f"{agency} ({title}) leaves for good; what it signed stays verifiable"
        case _:
            raise does_not_fit(f"{agency} is {'already' if suspended else 'not'} suspended")
    changed = member.model_copy(update={**change, "revision": revision + 1})
    parties = [view.party for view in present.views if view.party.startswith(f"{agency}/")]
    effects = [effect, f"this concerns {', '.join(parties) or 'no enrolled party'}"]
    running = sorted({Role.GATEWAY, Role.AUTHORITY} & set(member.roles))
    if running:
        effects.append(f"ATTENTION: {agency} runs the federation's {' and '.join(running)}")
    return Plan(tuple(effects), present.with_member(agency, changed))


def _accept(
    statement: Statement, attachment: bytes, present: Present, known: MemberRecord | None
) -> Plan:
    digest = digest_of(attachment)
    if find_application(present.connection, digest) is None:
        raise does_not_fit(
            "the attachment is not an application that waits",
            next_step="`landbridge federation show` lists those that wait",
        )
    application = Application.read(attachment)
    if application.agency != statement.subject:
        raise does_not_fit(f"the application is of {application.agency}")
    if statement.detail != digest_of(application.admission):
        raise does_not_fit("what was signed is not what this application asks for")
    member = _member(application, present, known)

    def carry_out(number: int) -> bytes:
        del number
        drop_application(present.connection, digest)
        return b""

    return Plan(
        tuple(_effects(application, known)),
        present.with_member(application.agency, member),
        carry_out=carry_out,
    )


def _effects(application: Application, known: MemberRecord | None) -> list[str]:
    agency = application.agency
    effects = [
        f"{agency} ({application.title}) "
        + ("has its details changed" if known else "becomes a member")
    ]
    effects += [
        f"it runs {party.role}/{party.name}" + (f" at {party.address}" if party.address else "")
        for party in application.parties
    ]
    effects += [
        f"its key {make_key_id(agency, key.use, read_public(key.public_key))} is trusted"
        for key in application.keys
    ]
    admins = sum(key.use is KeyUse.ADMIN for key in application.keys)
    if admins:
        effects.append(f"ATTENTION: {admins} of these keys may administer the federation")
    return effects


def _member(application: Application, present: Present, known: MemberRecord | None) -> MemberRecord:
    agency = application.agency
    moment = present.moment
    keys = tuple(
        KeyRecord(
            key_id=make_key_id(agency, key.use, read_public(key.public_key)),
            use=key.use,
            public_key=key.public_key,
            state=AuthorityState.ACTIVE,
            not_before=moment - BACK_DATED,
            not_after=moment + KEY_LIFE,
        )
        for key in application.keys
    )
    before = known.keys if known else ()
    listed = {key.public_key for member in present.content.members.values() for key in member.keys}
    if taken := [key.key_id for key in keys if key.public_key in listed]:
        raise does_not_fit(f"the key {taken[0]} is listed already: apply with the new ones alone")
    try:
        return MemberRecord(
            title=application.title,
            roles=tuple(sorted({party.role for party in application.parties})),
            suspended_at=known.suspended_at if known else None,
            revision=known.revision + 1 if known else 1,
            endpoints=tuple(
                endpoint_record(application.identity(party), party.address)
                for party in application.parties
                if party.address
            ),
            keys=(*before, *keys),
            logs=_logs(application, (*before, *keys), known),
        )
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        raise refuse(
            Reason.MALFORMED_REQUEST, f"the application cannot be accepted: {first['msg']}"
        ) from error


def _logs(
    application: Application, keys: tuple[KeyRecord, ...], known: MemberRecord | None
) -> tuple[LogRecord, ...]:
    """Return the agency's logs: those that were there stay, a new key stands last in its own."""
    logs = {log.origin: log.key_ids for log in known.logs} if known else {}
    by_key = {key.public_key: key.key_id for key in keys if key.use is KeyUse.LOG}
    for party in application.parties:
        if not party.log:
            continue
        origin = application.identity(party).uri.removeprefix("spiffe://")
        key_id = by_key.get(party.log)
        if key_id is None:
            raise _no_such_key(origin)
        before = logs.get(origin, ())
        logs[origin] = before if key_id in before else (*before, key_id)
    return tuple(LogRecord(origin=origin, key_ids=ids) for origin, ids in logs.items())


def _no_such_key(origin: str) -> LandbridgeError:
    return refuse(
        Reason.MALFORMED_REQUEST, f"the key of the log {origin} is not among the agency's log keys"
    )
