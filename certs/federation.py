"""A whole federation's PKI in one step: authorities, every party's folder, one signed bundle."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from certs.authority import Issuing, Root
from certs.bundle import authority_record, member_record, sign_bundle, sign_statement
from certs.party import Party, create_party
from certs.profiles import LEAF_LIFE, Revoked
from landbridge.agency import Identity, Role
from landbridge.clock import Clock, system_clock, to_datetime
from landbridge.errors import Reason, refuse
from landbridge.keys import KeyUse, SigningKey, public_text, write_whole
from landbridge.trust.approval import Act, Statement, admission, digest_of
from landbridge.trust.authority import subject_key_id
from landbridge.trust.bundle import TrustBundle
from landbridge.trust.document import (
    ApprovalRecord,
    AuthorityRecord,
    AuthorityState,
    BundleDocument,
    DeniedRecord,
    MemberRecord,
)

FIRST_LIST_LIFE = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class PartyPlan:
    """A party that is to be made; the address is `host:port`, or empty while it is not known."""

    agency: str
    role: Role
    title: str
    uses: tuple[KeyUse, ...]
    name: str = "main"
    address: str = ""


@dataclass(slots=True)
class FederationPki:
    """What the maker of a federation holds: the authorities, the bundle key, all parties."""

    federation: str
    root: Root
    issuing: Issuing
    bundle_key: SigningKey
    parties: Mapping[Identity, Party]
    titles: Mapping[str, str]
    addresses: dict[Identity, str]
    clock: Clock
    authorities: dict[str, AuthorityRecord]
    """As they stand in the next bundle."""
    number: int = field(default=0)
    list_number: int = field(default=0)
    content: BundleDocument | None = field(default=None, repr=False)
    """Of the newest bundle."""

    def state(self, agency: str, role: Role, name: str = "main") -> Path:
        """Return the folder of a party."""
        return self.parties[Identity(agency, self.federation, role, name)].folder

    def publish(
        self,
        *,
        addresses: Mapping[Identity, str] | None = None,
        suspended: Collection[str] = (),
        denied: Collection[tuple[str, int]] = (),
        approvals: Sequence[ApprovalRecord] = (),
    ) -> TrustBundle:
        """Sign the next bundle and write it to every party's folder.

        Addresses and `denied` (issuer's key id in hex, serial number) add to those that are known.
        `suspended` (agencies) stand in this bundle alone. What needs approval to change, all
        administrators at hand approve.

        Raises:
            LandbridgeError: LB-1101 when an address is not `host:port`; LB-4010 when what was made
                is not a sound bundle.
        """
        document = self.sign_next(
            addresses=addresses, suspended=suspended, denied=denied, approvals=approvals
        )
        for party in self.parties.values():
            write_whole(party.folder / "trust-bundle.json", document, mode=0o644)
        return TrustBundle.parse(document, self.bundle_key.public)

    def sign_next(
        self,
        *,
        addresses: Mapping[Identity, str] | None = None,
        suspended: Collection[str] = (),
        denied: Collection[tuple[str, int]] = (),
        approvals: Sequence[ApprovalRecord] = (),
    ) -> bytes:
        """Sign the next bundle as `publish` does, and write it nowhere.

        Raises:
            LandbridgeError: as `publish`.
        """
        self.addresses.update(addresses or {})
        content = self._content(suspended, denied, approvals)
        document = sign_bundle(content, self.bundle_key)
        TrustBundle.parse(document, self.bundle_key.public)
        self.content, self.number = content, content.number
        return document

    def publish_list(
        self, revoked: Sequence[Revoked] = (), *, life: timedelta = FIRST_LIST_LIFE
    ) -> bytes:
        """Sign the issuing authority's next revocation list and write it to every folder."""
        self.list_number += 1
        signed = self.issuing.sign_crl(self.list_number, revoked, self.clock, life)
        name = subject_key_id(self.issuing.certificate) + ".crl"
        for party in self.parties.values():
            write_whole(party.folder / "revocation" / name, signed, mode=0o644)
        return signed

    def approve(
        self, act: Act, subject: str, *, revision: int = 0, detail: str = ""
    ) -> ApprovalRecord:
        """Have all administrators at hand sign an act."""
        statement = Statement(self.federation, act, subject, revision, detail)
        return sign_statement(
            statement,
            [
                party.keys[KeyUse.ADMIN]
                for party in self.parties.values()
                if KeyUse.ADMIN in party.keys
            ],
        )

    def _content(
        self,
        suspended: Collection[str],
        denied: Collection[tuple[str, int]],
        approvals: Sequence[ApprovalRecord],
    ) -> BundleDocument:
        now = to_datetime(self.clock())
        members: dict[str, MemberRecord] = {}
        approved = list(approvals)
        for agency in self.titles:
            members[agency], more = self._member(agency, now if agency in suspended else None)
            approved += more
        return BundleDocument(
            federation=self.federation,
            number=self.number + 1,
            issued_at=now,
            bundle_key=public_text(self.bundle_key.public),
            authorities=tuple(self.authorities.values()),
            members=members,
            denied=self._denied(denied, now),
            approvals=tuple(approved),
        )

    def _member(
        self, agency: str, suspended_at: datetime | None
    ) -> tuple[MemberRecord, list[ApprovalRecord]]:
        """Return a member as it now is, and what administrators have to approve of the change."""
        member = member_record(self.titles[agency], self._parties_of(agency))
        before = self.content.members[agency] if self.content else None
        if before is None:
            return member.model_copy(update={"suspended_at": suspended_at}), []
        if before.suspended_at and suspended_at:
            suspended_at = before.suspended_at
        acts: list[ApprovalRecord] = []
        revision = before.revision
        if member.endpoints != before.endpoints:
            seen = admission(
                self.federation,
                agency,
                member.title,
                member.roles,
                [],
                servers=[(e.role, e.name, e.address) for e in member.endpoints],
            )
            detail = digest_of(seen)
            acts.append(self.approve(Act.MEMBER_ACCEPT, agency, revision=revision, detail=detail))
        if before.suspended_at and not suspended_at:
            acts.append(self.approve(Act.MEMBER_RESUME, agency, revision=revision))
        if acts or suspended_at != before.suspended_at:
            revision += 1
        return member.model_copy(update={"suspended_at": suspended_at, "revision": revision}), acts

    def _parties_of(self, agency: str) -> list[tuple[Party, str]]:
        return [
            (party, self.addresses.get(identity, ""))
            for identity, party in self.parties.items()
            if identity.agency == agency
        ]

    def _denied(self, more: Collection[tuple[str, int]], now: datetime) -> tuple[DeniedRecord, ...]:
        before = self.content.denied if self.content else ()
        known = {(entry.issuer, entry.serial) for entry in before}
        added = {(issuer, f"{serial:x}") for issuer, serial in more} - known
        return before + tuple(
            DeniedRecord(issuer=issuer, serial=serial, until=now + LEAF_LIFE)
            for issuer, serial in sorted(added)
        )


def create_federation(
    folder: Path,
    federation: str,
    parties: Sequence[PartyPlan],
    *,
    clock: Clock = system_clock,
) -> FederationPki:
    """Make a federation's PKI: a party's folder is `<folder>/<agency>/<role>-<name>`.

    The keys of root, issuing authority and bundle stay in memory, in what is returned.

    Raises:
        LandbridgeError: LB-1101 when a name, a party or an address is not well formed.
    """
    root = Root.create(federation, clock)
    issuing = root.create_issuing(clock)
    bundle_key = SigningKey.generate(federation, KeyUse.BUNDLE)
    made: dict[Identity, Party] = {}
    for plan in parties:
        identity = Identity(plan.agency, federation, plan.role, plan.name)
        if identity in made:
            raise refuse(Reason.INVALID_CONFIGURATION, f"the party {identity.uri} is there twice")
        state = folder / plan.agency / f"{plan.role}-{plan.name}"
        made[identity] = create_party(state, identity, plan.uses, issuing=issuing, clock=clock)
        anchor = public_text(bundle_key.public) + "\n"
        write_whole(state / "anchor.pub", anchor.encode(), mode=0o644)
    now = to_datetime(clock())
    active = AuthorityState.ACTIVE
    pki = FederationPki(
        federation=federation,
        root=root,
        issuing=issuing,
        bundle_key=bundle_key,
        parties=made,
        titles={plan.agency: plan.title for plan in reversed(parties)},
        addresses={identity: plan.address for identity, plan in zip(made, parties, strict=True)},
        clock=clock,
        authorities={
            root.id: authority_record(root.certificate, active, now),
            issuing.id: authority_record(issuing.certificate, active, now, issuer=root.id),
        },
    )
    pki.publish()
    pki.publish_list()
    return pki
