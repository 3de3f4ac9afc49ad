"""A federation's bundle and what might come after it, changed in one place and approved or not."""

import functools
from datetime import timedelta
from typing import Any

from certs.bundle import authority_record, key_record, sign_statement
from certs.federation import FederationPki
from landbridge.agency import Identity, Role
from landbridge.clock import to_datetime
from landbridge.keys import KeyUse, SigningKey, signature_text
from landbridge.trust.approval import Act, Statement, admission, digest_of
from landbridge.trust.document import (
    ApprovalRecord,
    AuthorityRecord,
    AuthorityState,
    BundleDocument,
    Endorsement,
    KeyRecord,
    MemberRecord,
    unix_ms,
)
from landbridge.trust.introduction import Introduction
from landbridge.trust.succession import check_succession
from tests.bundles import refusal
from tests.pki import FEDERATION, OPERATIONS, shared_federation


@functools.cache
def present() -> BundleDocument:
    """Return the content of the shared federation's bundle."""
    content = shared_federation().content
    assert content
    return content


def now() -> int:
    return unix_ms(present().issued_at)


def admin(name: str, pki: FederationPki | None = None) -> SigningKey:
    parties = (pki or shared_federation()).parties
    return parties[Identity(OPERATIONS, FEDERATION, Role.ADMIN, name)].keys[KeyUse.ADMIN]


def follow(old: BundleDocument, **update: Any) -> BundleDocument:
    """Return the next bundle's content, with these parts changed."""
    usual = {"number": old.number + 1, "approvals": ()}
    return old.model_copy(update={**usual, **update})


def with_member(
    agency: str, *approvals: ApprovalRecord, old: BundleDocument | None = None, **update: Any
) -> BundleDocument:
    """Return the next bundle's content with one member changed; its revision goes up by one."""
    old = old or present()
    known = old.members[agency]
    changed = known.model_copy(update={"revision": known.revision + 1, **update})
    return follow(old, members={**old.members, agency: changed}, approvals=approvals)


def with_authorities(
    *changed: AuthorityRecord, approvals: tuple[ApprovalRecord, ...] = ()
) -> BundleDocument:
    records = {record.id: record for record in (*present().authorities, *changed)}
    return follow(present(), authorities=tuple(records.values()), approvals=approvals)


def authority(name: str, **update: Any) -> AuthorityRecord:
    found = next(record for record in present().authorities if record.id == name)
    return found.model_copy(update=update)


def record_of(made: Any, state: AuthorityState, issuer: str = "") -> AuthorityRecord:
    """Describe a Root or an Issuing."""
    cross = None if issuer else made.cross
    at = to_datetime(now())
    record = authority_record(
        made.certificate, AuthorityState.PUBLISHED, at, cross=cross, issuer=issuer
    )
    until = at + timedelta(hours=1) if state is AuthorityState.TAINTED else None
    return record.model_copy(update={"state": state, "until": until})


def approved(
    act: Act,
    subject: str,
    *admins: SigningKey,
    revision: int = 0,
    detail: str = "",
    federation: str = FEDERATION,
) -> ApprovalRecord:
    """Have an act signed, by both administrators unless others are given."""
    statement = Statement(federation, act, subject, revision, detail)
    return sign_statement(statement, admins or (admin("first"), admin("second")))


def accepted(
    agency: str,
    member: MemberRecord,
    new: tuple[KeyRecord, ...],
    *admins: SigningKey,
    revision: int,
) -> ApprovalRecord:
    """Have a member accepted as it stands, with these new keys."""
    keys = [(key.use, key.public_key) for key in new]
    servers = [(server.role, server.name, server.address) for server in member.endpoints]
    seen = admission(FEDERATION, agency, member.title, member.roles, keys, servers=servers)
    return approved(Act.MEMBER_ACCEPT, agency, *admins, revision=revision, detail=digest_of(seen))


def listed(key: SigningKey, vouched_by: SigningKey | None = None) -> KeyRecord:
    """Describe a new key, with or without an earlier one that vouches for it."""
    record = key_record(key, now())
    if vouched_by is None:
        return record
    introduction = Introduction(FEDERATION, key.agency, key.use, key.public)
    signature = signature_text(introduction.sign(vouched_by))
    endorsement = Endorsement(key_id=vouched_by.key_id, signature=signature)
    return record.model_copy(update={"endorsement": endorsement})


def accepts(new: BundleDocument, old: BundleDocument | None = None) -> None:
    check_succession(old or present(), new, at=unix_ms(new.issued_at))


def objection(new: BundleDocument, old: BundleDocument | None = None, *, at: int = 0) -> str:
    """Return why a bundle may not follow."""
    when = at or unix_ms(new.issued_at)
    return refusal(lambda: check_succession(old or present(), new, at=when)).message
