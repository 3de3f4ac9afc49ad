"""What the authority knows at one moment: trust bundle, prepared authorities, parties.

Acts are planned against it: what they would change is made here as the next bundle's content.
"""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from certs.registrar.parties import EnrolledParty, all_parties, issuers_held
from certs.registrar.prepared import PreparedAuthority, all_prepared
from certs.rotation import Authority, PartyView
from landbridge.agency import Identity, parse_identity
from landbridge.clock import to_datetime
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.trust.authority import subject_key_id
from landbridge.trust.bundle import TrustBundle
from landbridge.trust.document import (
    AuthorityRecord,
    AuthorityState,
    BundleDocument,
    KeyRecord,
    Level,
    MemberRecord,
)


@dataclass(frozen=True)
class Present:
    """The trust bundle in use, the registry beside it, and the time in Unix milliseconds."""

    bundle: TrustBundle
    connection: sqlite3.Connection
    now: int

    @property
    def content(self) -> BundleDocument:
        """The bundle's content."""
        return self.bundle.content

    @property
    def moment(self) -> datetime:
        """The time, as documents write it."""
        return to_datetime(self.now)

    @cached_property
    def prepared(self) -> dict[str, PreparedAuthority]:
        """Authorities that were prepared, by id: those that wait, and all that went before."""
        return {each.id: each for each in all_prepared(self.connection)}

    @cached_property
    def authorities(self) -> tuple[Authority, ...]:
        """Every authority, prepared ones too, as the rules of rotation see it."""
        listed = {each.id: each for each in self.content.authorities}
        waiting = [each for name, each in self.prepared.items() if name not in listed]
        return (
            *(Authority(e.id, e.level, e.state, e.issuer) for e in listed.values()),
            *(Authority(e.id, e.level, e.state, e.above) for e in waiting if e.certificate),
        )

    @cached_property
    def issuer_ids(self) -> dict[str, str]:
        """Ids of issuing authorities by key id in hexadecimal, of those that are gone too."""
        return {
            subject_key_id(e.x509): e.id
            for e in self.content.authorities
            if e.level is Level.ISSUING
        }

    @cached_property
    def parties(self) -> tuple[tuple[EnrolledParty, PartyView], ...]:
        """Every enrolled party, as it told and as the rules of rotation see it."""
        held = issuers_held(self.connection, self.now)
        return tuple(
            (party, self._view(party, held.get(party.identity, set())))
            for party in all_parties(self.connection)
        )

    @property
    def views(self) -> tuple[PartyView, ...]:
        """The parties as the rules of rotation see them."""
        return tuple(view for _, view in self.parties)

    def authority(self, name: str) -> Authority:
        """Return an authority.

        Raises:
            LandbridgeError: LB-4015 when there is none of that id.
        """
        found = next((each for each in self.authorities if each.id == name), None)
        if found is None:
            raise refuse(Reason.NOT_APPROVED, f"there is no authority {name[:60]!r}")
        return found

    def member(self, agency: str) -> MemberRecord:
        """Return a member.

        Raises:
            LandbridgeError: LB-4015 when there is none of that id.
        """
        found = self.content.members.get(agency)
        if found is None:
            raise refuse(Reason.NOT_APPROVED, f"there is no member {agency[:120]!r}")
        return found

    def check_party(self, uri: str) -> Identity:
        """Return an identity that may have certificates now.

        Raises:
            LandbridgeError: LB-4005 when it is none of the federation, or its agency is no member
                in that role, is suspended or has left.
        """
        identity = parse_identity(uri, self.bundle.federation)
        member = self.bundle.members.get(identity.agency)
        if member is None or identity.role not in member.roles:
            raise refuse(
                Reason.CALLER_REFUSED,
                f"{uri} is not in trust bundle {self.bundle.number} of {self.bundle.federation}",
            )
        if member.suspended:
            raise refuse(Reason.CALLER_REFUSED, f"the agency {identity.agency} is suspended")
        return identity

    def with_authorities(self, *changed: AuthorityRecord) -> BundleDocument:
        """Return the content with these authorities added, or in place of what they were."""
        records = {each.id: each for each in (*self.content.authorities, *changed)}
        return self.content.model_copy(update={"authorities": tuple(records.values())})

    def with_member(self, agency: str, member: MemberRecord) -> BundleDocument:
        """Return the content with this member added, or in place of what it was."""
        return self.content.model_copy(update={"members": {**self.content.members, agency: member}})

    def with_keys(self, agency: str, change: Callable[[KeyRecord], KeyRecord]) -> BundleDocument:
        """Return the content with each key of a member changed by a function."""
        member = self.member(agency)
        keys = tuple(change(key) for key in member.keys)
        return self.with_member(agency, member.model_copy(update={"keys": keys}))

    def _view(self, party: EnrolledParty, held: set[str]) -> PartyView:
        name = shown_name(party.identity, self.bundle.federation)
        try:
            self.check_party(party.identity)
        except LandbridgeError:
            removed = True
        else:
            removed = False
        return PartyView(
            party=name,
            acknowledged=party.acknowledged,
            shows=self.issuer_ids.get(party.issuer, ""),
            holds=frozenset(self.issuer_ids[each] for each in held if each in self.issuer_ids),
            proven=frozenset(party.proven),
            removed=removed,
        )


def shown_name(uri: str, federation: str) -> str:
    """Write an identity as agency/role, with the name after it where that is not `main`."""
    try:
        identity = parse_identity(uri, federation)
    except LandbridgeError:
        return uri
    short = f"{identity.agency}/{identity.role}"
    return short if identity.name == "main" else f"{short}/{identity.name}"


def moved(
    record: AuthorityRecord, to: AuthorityState, at: datetime, *, until: datetime | None = None
) -> AuthorityRecord:
    """Return an authority in its next state; an end that it had stays."""
    update = {"state": to, "since": at, "until": until or record.until}
    return record.model_copy(update=update)
