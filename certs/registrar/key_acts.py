"""Signing keys: the introduction of a next one by its agency, and the acts that move one on.

The introduction is signed by an earlier key of the agency and by the new key itself. It stands in
the bundle as published, so that all can verify with it before anybody signs with it.
"""

import base64
import sqlite3
from typing import Final

from cryptography.exceptions import InvalidSignature

from certs.bundle import KEY_LIFE
from certs.profiles import BACK_DATED
from certs.registrar.plan import Plan, does_not_fit
from certs.registrar.present import Present
from certs.rotation import AgencyKey, Obstacle, key_obstacles
from landbridge.errors import Reason, refuse
from landbridge.keys import KeyUse, make_key_id, public_text, read_public
from landbridge.trust.approval import Act
from landbridge.trust.document import (
    AuthorityState,
    BundleDocument,
    Endorsement,
    KeyRecord,
    LogRecord,
    MemberRecord,
)
from landbridge.trust.introduction import Introduction, may_vouch

KEY_STEPS: Final = {
    Act.KEY_ACTIVATE: AuthorityState.ACTIVE,
    Act.KEY_TAINT: AuthorityState.TAINTED,
    Act.KEY_REMOVE: AuthorityState.REMOVED,
}
"""Which state each act leads to."""
_MOST_KEYS: Final = 200
_USABLE: Final = frozenset({AuthorityState.PUBLISHED, AuthorityState.ACTIVE})


def plan_introduction(
    introduction: bytes, key_id: str, signature: bytes, possession: bytes, present: Present
) -> Plan:
    """Work out what lists an agency's next signing key; nobody but the agency decides on it.

    Raises:
        LandbridgeError: LB-1001 when it is malformed; LB-4002 when the key that vouches is not the
            agency's present one for the same use, or the new key is listed; LB-4001 when a
            signature does not verify.
    """
    new = Introduction.read(introduction)
    if new.federation != present.bundle.federation:
        raise refuse(Reason.UNTRUSTED_KEY, f"the key is for the federation {new.federation}")
    agency, public = present.bundle.verifying_key(key_id, new.use, present.now)
    member = present.member(agency)
    earlier = next(key for key in member.keys if key.key_id == key_id)
    if (
        agency != new.agency
        or earlier.state not in _USABLE
        or not may_vouch(earlier.use, new.use)
        or len(member.keys) >= _MOST_KEYS
    ):
        raise refuse(Reason.UNTRUSTED_KEY, f"the key {key_id} cannot vouch for this one")
    if not new.is_signed_by(public, signature) or not new.is_signed_by(new.public, possession):
        raise refuse(Reason.BAD_SIGNATURE, "the introduction is not signed by both keys")
    made = make_key_id(agency, new.use, new.public)
    texts = {key.public_key for each in present.content.members.values() for key in each.keys}
    if public_text(new.public) in texts:
        raise refuse(Reason.UNTRUSTED_KEY, f"the key {made} is listed already")
    if waiting := [
        key.key_id
        for key in member.keys
        if key.state is AuthorityState.PUBLISHED
        and key.endorsement is not None
        and key.endorsement.key_id == key_id
    ]:
        raise refuse(Reason.UNTRUSTED_KEY, f"{waiting[0]} waits to follow {key_id} already")
    record = KeyRecord(
        key_id=made,
        use=new.use,
        public_key=public_text(new.public),
        state=AuthorityState.PUBLISHED,
        not_before=present.moment - BACK_DATED,
        not_after=present.moment + KEY_LIFE,
        endorsement=Endorsement(
            key_id=key_id, signature=base64.urlsafe_b64encode(signature).rstrip(b"=").decode()
        ),
    )
    return Plan(
        (f"all come to verify with {made}, which follows {key_id}",),
        present.with_member(agency, _with_key(member, record, key_id)),
        carry_out=lambda number: _remember(present.connection, made, number),
    )


def plan_key_step(key_id: str, to: AuthorityState, present: Present) -> Plan:
    """Work out what moves a signing key on.

    Raises:
        LandbridgeError: LB-4015 when there is no such key.
    """
    agency, key = _find(key_id, present.content)
    against = key_step_obstacles(agency, key, to, present)
    before = key.endorsement.key_id if key.endorsement else ""

    def change(each: KeyRecord) -> KeyRecord:
        if each.key_id == key_id:
            ended = to in {AuthorityState.TAINTED, AuthorityState.REMOVED}
            end = min(each.not_after, present.moment) if ended else each.not_after
            return each.model_copy(update={"state": to, "not_after": end})
        follows = to is AuthorityState.ACTIVE and each.key_id == before and each.use is key.use
        if follows and each.state is AuthorityState.ACTIVE:
            return each.model_copy(update={"state": AuthorityState.RETIRING})
        return each

    def carry_out(number: int) -> bytes:
        _remember(present.connection, key_id, number)
        if to is AuthorityState.ACTIVE and before:
            _remember(present.connection, before, number)
        return b""

    effects = {
        AuthorityState.ACTIVE: f"{agency} signs with {key_id} from now on"
        + (f"; what {before} signed stays verifiable" if before else ""),
        AuthorityState.TAINTED: f"nothing is believed that {key_id} signs from now on",
        AuthorityState.REMOVED: f"{key_id} signs nothing more; what it signed stays verifiable",
    }
    return Plan((effects[to],), present.with_keys(agency, change), against, carry_out)


def key_step_obstacles(
    agency: str, key: KeyRecord, to: AuthorityState, present: Present
) -> tuple[Obstacle, ...]:
    """Return what stands against a signing key's step now."""
    owners = frozenset(v.party for v in present.views if v.party.startswith(f"{agency}/"))
    return key_obstacles(
        AgencyKey(key.key_id, key.state, owners),
        to,
        present.views,
        since=_since(present.connection, key.key_id),
    )


def check_held_keys(keys: dict[str, str], agency: str, present: Present, payload: bytes) -> None:
    """Check that a party holds keys which the federation lists for its agency.

    `keys` are signatures of `payload` in hexadecimal, by key id.

    Raises:
        LandbridgeError: LB-4002 when one is not listed for the agency; LB-4001 when a signature
            does not verify.
    """
    listed = {key.key_id: key for key in present.member(agency).keys}
    for key_id, signature in keys.items():
        record = listed.get(key_id)
        if record is None:
            raise refuse(
                Reason.UNTRUSTED_KEY,
                f"the key {key_id[:120]!r} is not listed for {agency}",
                next_step="apply with the new keys, and have the operator accept them",
            )
        try:
            read_public(record.public_key).verify(bytes.fromhex(signature), payload)
        except (InvalidSignature, ValueError) as error:
            raise refuse(Reason.BAD_SIGNATURE, f"{key_id} has not signed this") from error


def _with_key(member: MemberRecord, record: KeyRecord, before: str) -> MemberRecord:
    logs = member.logs
    if record.use is KeyUse.LOG:
        logs = tuple(
            LogRecord(origin=log.origin, key_ids=(*log.key_ids, record.key_id))
            if before in log.key_ids
            else log
            for log in member.logs
        )
    return member.model_copy(update={"keys": (*member.keys, record), "logs": logs})


def _find(key_id: str, content: BundleDocument) -> tuple[str, KeyRecord]:
    for agency, member in content.members.items():
        for key in member.keys:
            if key.key_id == key_id:
                return agency, key
    raise does_not_fit(f"there is no key {key_id[:120]!r}")


def _remember(connection: sqlite3.Connection, key_id: str, number: int) -> bytes:
    """Put down in which bundle a key came to its present state."""
    connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (f"key {key_id}", str(number)))
    return b""


def _since(connection: sqlite3.Connection, key_id: str) -> int:
    row = connection.execute("SELECT value FROM meta WHERE name = ?", (f"key {key_id}",)).fetchone()
    return int(row[0]) if row else 0
