"""A party's own folder: its TLS files, signing keys, trust bundle, memoranda and log."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from landbridge.agency import Identity, Role
from landbridge.errors import Reason, refuse
from landbridge.keys import KeyUse, SigningKey, read_public
from landbridge.log.pseudonym import Pseudonyms
from landbridge.log.store import LogStore
from landbridge.trust import TrustBundle


@dataclass(frozen=True, slots=True)
class PartyFolder:
    """What one party holds on its own disk."""

    folder: Path
    bundle: TrustBundle

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Read the folder's trust bundle and hold it against the folder's anchor.

        Raises:
            LandbridgeError: LB-1101 when a file is missing; LB-4010 when the bundle is not sound.
        """
        try:
            anchor = (folder / "anchor.pub").read_text().strip()
            document = (folder / "trust-bundle.json").read_bytes()
        except OSError as error:
            raise refuse(
                Reason.INVALID_CONFIGURATION,
                f"the party's folder is not complete: {error.strerror}",
                where=str(error.filename),
                next_step="give the folder that the federation made for this party (--state)",
            ) from error
        return cls(folder, TrustBundle.parse(document, read_public(anchor)))

    @property
    def tls(self) -> Path:
        """The folder of the TLS chain, key and roots."""
        return self.folder / "tls"

    @property
    def memoranda(self) -> Path:
        """The folder of signed memoranda."""
        return self.folder / "memoranda"

    def signing_key(self, use: KeyUse) -> SigningKey:
        """Load the signing key for a use."""
        return SigningKey.load(self.folder / "keys" / f"{use}.key")

    def identity(self, role: Role) -> Identity:
        """Return this party's identity in a role that serves, as the trust bundle lists it.

        Raises:
            LandbridgeError: LB-4010 when the bundle lists no such server of this party.
        """
        key = self.signing_key(KeyUse.LOG)
        for endpoint in self.bundle.endpoints(role):
            if endpoint.agency == key.agency:
                return Identity(key.agency, self.bundle.federation, role, endpoint.name)
        raise refuse(
            Reason.BAD_TRUST_BUNDLE,
            f"the trust bundle lists no {role} of {key.agency}",
            where=str(self.folder / "trust-bundle.json"),
        )

    def open_log(self, identity: Identity) -> LogStore:
        """Open this party's verifiable log."""
        origin = identity.uri.removeprefix("spiffe://")
        return LogStore.open(self.folder / "log.sqlite", origin, self.signing_key(KeyUse.LOG))

    def pseudonyms(self) -> Pseudonyms:
        """Load the key that turns subjects into pseudonyms in this party's log."""
        return Pseudonyms.load(self.folder / "pseudonym.key")
