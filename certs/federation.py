"""A whole federation's PKI in one step: authorities, every party's folder, one signed bundle."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from certs.authority import Issuing, Root
from certs.bundle import member_record, sign_bundle
from certs.party import Party, create_party
from landbridge.agency import Identity, Role
from landbridge.clock import Clock, system_clock, to_datetime
from landbridge.errors import Reason, refuse
from landbridge.keys import KeyUse, SigningKey, public_text, write_whole
from landbridge.trust import TrustBundle
from landbridge.trust_document import BundleDocument, DeniedRecord


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
    number: int = field(default=0)

    def state(self, agency: str, role: Role, name: str = "main") -> Path:
        """Return the folder of a party."""
        return self.parties[Identity(agency, self.federation, role, name)].folder

    def publish(
        self,
        *,
        addresses: Mapping[Identity, str] | None = None,
        suspended: Collection[str] = (),
        denied: Collection[tuple[str, int]] = (),
    ) -> TrustBundle:
        """Sign the next bundle and write it to every party's folder.

        Addresses add to those that are known. `suspended` (agencies) and `denied` (issuer's key id
        in hex, serial number) stand in this bundle alone.

        Raises:
            LandbridgeError: LB-1101 when an address is not `host:port`; LB-4010 when what was made
                is not a sound bundle.
        """
        self.addresses.update(addresses or {})
        document = sign_bundle(self._content(suspended, denied), self.bundle_key)
        bundle = TrustBundle.parse(document, self.bundle_key.public)
        self.number = bundle.number
        for party in self.parties.values():
            write_whole(party.folder / "trust-bundle.json", document, mode=0o644)
        return bundle

    def _content(
        self, suspended: Collection[str], denied: Collection[tuple[str, int]]
    ) -> BundleDocument:
        members = {
            agency: member_record(
                title,
                [
                    (party, self.addresses.get(identity, ""))
                    for identity, party in self.parties.items()
                    if identity.agency == agency
                ],
                suspended=agency in suspended,
            )
            for agency, title in self.titles.items()
        }
        return BundleDocument(
            federation=self.federation,
            number=self.number + 1,
            issued_at=to_datetime(self.clock()),
            bundle_key=public_text(self.bundle_key.public),
            roots=(self.root.pem.decode(),),
            issuing=(self.issuing.pem.decode(),),
            members=members,
            denied=tuple(
                DeniedRecord(issuer=issuer, serial=f"{serial:x}")
                for issuer, serial in sorted(denied)
            ),
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
    pki = FederationPki(
        federation=federation,
        root=root,
        issuing=issuing,
        bundle_key=bundle_key,
        parties=made,
        titles={plan.agency: plan.title for plan in reversed(parties)},
        addresses={identity: plan.address for identity, plan in zip(made, parties, strict=True)},
        clock=clock,
    )
    pki.publish()
    return pki
