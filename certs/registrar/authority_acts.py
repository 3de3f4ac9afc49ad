"""The acts that move a root or an issuing authority on, from `authority.publish` to its end."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from certs.bundle import authority_record
from certs.registrar.plan import Plan, does_not_fit
from certs.registrar.prepared import PreparedAuthority, note_retirement, retirement, save_prepared
from certs.registrar.present import Present, moved
from certs.rotation import Authority, Obstacle, may_move, move, obstacles
from landbridge.clock import to_iso
from landbridge.trust.approval import TWO_ADMINS, Act, digest_of
from landbridge.trust.document import AuthorityRecord, AuthorityState, Level, unix_ms

TAINT_GRACE: Final = timedelta(hours=1)
"""How long a tainted authority is still accepted, so that all can renew by another."""
AUTHORITY_STEPS: Final = {
    Act.AUTHORITY_PUBLISH: AuthorityState.PUBLISHED,
    Act.AUTHORITY_ACTIVATE: AuthorityState.ACTIVE,
    Act.AUTHORITY_RETIRE: AuthorityState.RETIRING,
    Act.AUTHORITY_REMOVE: AuthorityState.REMOVED,
    Act.AUTHORITY_TAINT: AuthorityState.TAINTED,
    Act.AUTHORITY_ABORT: AuthorityState.ABORTED,
}
"""Which state each act leads to."""


def plan_step(name: str, to: AuthorityState, detail: str, present: Present) -> Plan:
    """Work out what moves an authority on.

    A root that no other vouches for is published with its PEM as the attachment, so that `detail`
    is the SHA-256 of it.

    Raises:
        LandbridgeError: LB-4015 when there is no such authority, or it cannot go there.
    """
    authority = present.authority(name)
    if not may_move(authority, to):
        raise does_not_fit(f"{name} is {authority.state}: it cannot become {to}")
    against = step_obstacles(authority, to, present)
    if authority.state is AuthorityState.PREPARED:
        return _out_of_preparation(present.prepared[name], to, detail, present, against)
    after = {each.id: each.state for each in move(authority, to, present.authorities)}
    changed = [
        _moved(record, after[record.id], present)
        for record in present.content.authorities
        if after[record.id] is not record.state
    ]
    retired = [record.id for record in changed if record.state is AuthorityState.RETIRING]

    def carry_out(number: int) -> bytes:
        for each in retired:
            note_retirement(present.connection, each, number)
        return b""

    return Plan(
        effects=tuple(sentence for record in changed for sentence in _effects(record, present)),
        content=present.with_authorities(*changed),
        obstacles=against,
        carry_out=carry_out,
    )


def step_obstacles(
    authority: Authority, to: AuthorityState, present: Present
) -> tuple[Obstacle, ...]:
    """Return what stands against an authority's step now."""
    prepared = present.prepared.get(authority.id)
    return obstacles(
        authority,
        to,
        present.authorities,
        present.views,
        published_in=prepared.published_in if prepared else 0,
        retired_in=retirement(present.connection, authority.id),
    )


def _out_of_preparation(
    prepared: PreparedAuthority,
    to: AuthorityState,
    detail: str,
    present: Present,
    against: tuple[Obstacle, ...],
) -> Plan:
    name = prepared.id

    def carry_out(number: int) -> bytes:
        published_in = number if to is AuthorityState.PUBLISHED else 0
        state = prepared.state if published_in else to
        save_prepared(
            present.connection,
            PreparedAuthority(name, state, prepared.certificate, prepared.above, published_in),
        )
        return b""

    if to is not AuthorityState.PUBLISHED:
        return Plan((f"{name} is given up; nobody ever knew of it",), None, against, carry_out)
    certificate, *cross = prepared.certificates
    record = authority_record(
        certificate,
        to,
        present.moment,
        cross=cross[0] if cross else None,
        issuer=prepared.above,
    )
    alone = record.level is Level.ROOT and not record.cross
    if alone and detail != digest_of(record.certificate.encode()):
        raise does_not_fit(
            f"no root vouches for {name}: the administrators must sign its certificate",
            next_step="attach the PEM of the root's certificate to the act",
        )
    return Plan(
        tuple(_effects(record, present)),
        present.with_authorities(record),
        against,
        carry_out,
        # With no root to vouch for it, two administrators do: for exactly this certificate.
        admins=TWO_ADMINS if alone else 1,
    )


def _moved(record: AuthorityRecord, to: AuthorityState, present: Present) -> AuthorityRecord:
    until = present.moment + TAINT_GRACE if to is AuthorityState.TAINTED else None
    return moved(record, to, present.moment, until=until)


def _effects(record: AuthorityRecord, present: Present) -> Iterator[str]:
    name, state = record.id, record.state
    if state is AuthorityState.PUBLISHED:
        above = f", under {record.issuer}" if record.issuer else ""
        count = sum(not view.removed for view in present.views)
        come = "party comes" if count == 1 else "parties come"
        yield f"{name}{above}: {count} {come} to accept it; it signs nothing yet"
        if record.level is Level.ROOT and not record.cross:
            yield f"{name} has no cross-certificate: nobody who missed it can follow"
        return
    until = to_iso(unix_ms(record.until)) if record.until else ""
    yield {
        AuthorityState.ACTIVE: f"{name} becomes active: "
        + (
            "it signs every certificate from now on"
            if record.level is Level.ISSUING
            else "issuing authorities under it may become so, too"
        ),
        AuthorityState.RETIRING: f"{name} retires: it certifies nothing new and is still accepted",
        AuthorityState.TAINTED: f"{name} is tainted: what it signed is accepted until {until}",
        AuthorityState.REMOVED: f"{name} is removed: nobody accepts what it signed",
    }.get(state, f"{name} is given up; it has signed nothing that is in use")
    holding = ", ".join(
        view.party
        for view in present.views
        if not view.removed and (view.shows == name or name in view.holds)
    )
    if holding and state is AuthorityState.REMOVED:
        yield f"these are locked out until they enrol again: {holding}"
    elif holding and state in {AuthorityState.RETIRING, AuthorityState.TAINTED}:
        yield f"these renew at once: {holding}"
