"""The standing of the federation: what every party holds and has acknowledged, and who lags."""

from collections.abc import Iterator

from certs.application import Application, fingerprint
from certs.registrar.authority_acts import step_obstacles
from certs.registrar.issued import IssuedLeaf, leaves_of
from certs.registrar.joining import waiting_applications
from certs.registrar.parties import EnrolledParty
from certs.registrar.pending import all_pending
from certs.registrar.present import Present
from certs.registrar.submission import summarise
from certs.rotation import Authority, PartyView, next_states
from landbridge.trust.approval import Statement
from landbridge.trust.document import AuthorityState, Level, unix_ms
from landbridge.v1 import authority_service_pb2

SILENT_AFTER_MS = 15 * 60 * 1000
"""Parties speak every five minutes; one that was silent for three times that lags."""


def write_standing(present: Present) -> authority_service_pb2.GetStandingResponse:
    """Write the standing as of now."""
    return authority_service_pb2.GetStandingResponse(
        bundle_number=present.bundle.number,
        authorities=[_authority(authority, present) for authority in present.authorities],
        parties=[_party(party, view, present) for party, view in present.parties],
        pending=[*_applications(present), *_acts(present)],
        now_unix_ms=present.now,
    )


def _authority(authority: Authority, present: Present) -> authority_service_pb2.AuthorityStanding:
    following = next_states(authority.state)
    return authority_service_pb2.AuthorityStanding(
        id=authority.id,
        state=str(authority.state),
        issuer=authority.issuer,
        not_after_unix_ms=_end(authority.id, present),
        next_state=str(following[0]) if following else "",
        obstacles=[obstacle.text for obstacle in step_obstacles(authority, following[0], present)]
        if following
        else [],
        shown_by=[
            party.identity
            for party, view in present.parties
            if not view.removed and _rests_on(view, authority, present)
        ],
    )


def _rests_on(view: PartyView, authority: Authority, present: Present) -> bool:
    if authority.level is Level.ISSUING:
        return view.shows == authority.id
    return any(each.id == view.shows for each in present.authorities if each.issuer == authority.id)


def _end(name: str, present: Present) -> int:
    listed = {each.id: each.x509 for each in present.content.authorities}
    certificate = listed.get(name) or present.prepared[name].certificates[0]
    return unix_ms(certificate.not_valid_after_utc)


def _party(
    party: EnrolledParty, view: PartyView, present: Present
) -> authority_service_pb2.PartyStanding:
    leaves = leaves_of(present.connection, party.identity, present.now)
    shown = next((leaf for leaf in leaves if leaf.serial == party.serial), None)
    return authority_service_pb2.PartyStanding(
        identity=party.identity,
        acknowledged=party.acknowledged,
        heard_at_unix_ms=party.heard_at,
        serial=party.serial,
        issuer=view.shows,
        not_after_unix_ms=shown.not_after if shown else 0,
        proven=party.proven,
        alarms=party.alarms,
        lag="; ".join(_lags(party, view, shown, present)),
    )


def _lags(
    party: EnrolledParty, view: PartyView, shown: IssuedLeaf | None, present: Present
) -> Iterator[str]:
    agency = present.bundle.members.get(view.party.partition("/")[0])
    if agency is not None and agency.suspended:
        # Nobody waits for it.
        return
    if shown is None:
        yield "its certificate has ended: it must enrol again"
        return
    if shown.revoked_at:
        yield "its certificate is revoked: it must enrol again"
        return
    if party.acknowledged < present.bundle.number:
        yield f"it uses bundle {party.acknowledged}"
    state = {each.id: each.state for each in present.authorities}.get(view.shows)
    if state is not AuthorityState.ACTIVE:
        yield f"it shows a certificate of {view.shows or 'an authority that is gone'}"
    for each in present.content.authorities:
        waiting = each.state is AuthorityState.PUBLISHED and each.level is Level.ISSUING
        if waiting and each.id not in view.proven:
            yield f"it has not proven {each.id}"
    silent = (present.now - party.heard_at) // 60_000
    if present.now - party.heard_at > SILENT_AFTER_MS:
        yield f"it has been silent for {silent} minutes" if party.heard_at else "it never spoke"


def _applications(present: Present) -> Iterator[authority_service_pb2.PendingAct]:
    for document in waiting_applications(present.connection):
        application = Application.read(document)
        roles = ", ".join(sorted({str(party.role) for party in application.parties}))
        yield authority_service_pb2.PendingAct(
            statement=document,
            summary=f"application of {application.agency} ({application.title}) as {roles};"
            f" fingerprint {fingerprint(document)}",
        )


def _acts(present: Present) -> Iterator[authority_service_pb2.PendingAct]:
    for act in all_pending(present.connection):
        yield authority_service_pb2.PendingAct(
            statement=act.statement,
            signed_by=[key_id for key_id, _ in act.signatures],
            summary=summarise(Statement.read(act.statement)),
        )
