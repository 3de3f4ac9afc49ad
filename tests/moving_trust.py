"""A federation's trust as its signing keys move on, one bundle after another.

Each bundle must be one that may follow the one before, unless a test says otherwise.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from certs.bundle import sign_bundle
from certs.federation import FederationPki
from landbridge.clock import system_clock, to_datetime
from landbridge.keys import SigningKey, public_text, signature_text
from landbridge.trust.bundle import TrustBundle
from landbridge.trust.document import (
    AuthorityState,
    BundleDocument,
    Endorsement,
    KeyRecord,
    MemberRecord,
)
from landbridge.trust.introduction import Introduction
from landbridge.trust.succession import check_succession

ACTIVE, PUBLISHED = AuthorityState.ACTIVE, AuthorityState.PUBLISHED
RETIRING, REMOVED, TAINTED = (
    AuthorityState.RETIRING,
    AuthorityState.REMOVED,
    AuthorityState.TAINTED,
)
_OVER = {REMOVED, TAINTED}


@dataclass(slots=True)
class MovingTrust:
    """The trust, one bundle after another."""

    pki: FederationPki
    content: BundleDocument = field(init=False)

    def __post_init__(self) -> None:
        assert self.pki.content is not None
        self.content = self.pki.content

    @property
    def bundle(self) -> TrustBundle:
        """The newest bundle, as everybody reads it."""
        key = self.pki.bundle_key
        return TrustBundle.parse(sign_bundle(self.content, key), key.public)

    def change(
        self,
        agency: str,
        keys: Callable[[MemberRecord], dict[str, object]],
        *,
        follows: bool = True,
    ) -> TrustBundle:
        """Publish the next bundle; it must be one that may follow, unless said otherwise."""
        member = self.content.members[agency]
        members = {**self.content.members, agency: member.model_copy(update=keys(member))}
        update = {
            "number": self.content.number + 1,
            "issued_at": to_datetime(system_clock()),
            "members": members,
        }
        new = self.content.model_copy(update=update)
        if follows:
            check_succession(self.content, new, at=system_clock())
        self.content = new
        return self.bundle

    def introduce(self, present: SigningKey, new: SigningKey) -> TrustBundle:
        """List a new key for which the present one vouches, and give it to the agency's log."""
        introduction = Introduction(self.pki.federation, new.agency, new.use, new.public)
        now = to_datetime(system_clock())
        record = KeyRecord(
            key_id=new.key_id,
            use=new.use,
            public_key=public_text(new.public),
            state=PUBLISHED,
            not_before=now - timedelta(minutes=5),
            not_after=now + timedelta(days=365),
            endorsement=Endorsement(
                key_id=present.key_id, signature=signature_text(introduction.sign(present))
            ),
        )

        def keys(member: MemberRecord) -> dict[str, object]:
            logs = [
                log.model_copy(update={"key_ids": (*log.key_ids, new.key_id)})
                if present.key_id in log.key_ids
                else log
                for log in member.logs
            ]
            return {"keys": (*member.keys, record), "logs": tuple(logs)}

        return self.change(new.agency, keys)

    def move(
        self,
        states: dict[str, AuthorityState],
        *,
        ends: datetime | None = None,
        follows: bool = True,
    ) -> TrustBundle:
        """Move an agency's keys to other states; an end is that of the tainted or removed one."""
        agency = next(iter(states)).partition("/")[0]

        def keys(member: MemberRecord) -> dict[str, object]:
            moved = [
                key.model_copy(
                    update={"state": states[key.key_id]}
                    | ({"not_after": ends} if ends and states[key.key_id] in _OVER else {})
                )
                if key.key_id in states
                else key
                for key in member.keys
            ]
            return {"keys": tuple(moved)}

        return self.change(agency, keys, follows=follows)
