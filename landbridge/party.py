"""A party's own folder: its credential, signing keys, trust bundle, memoranda and log."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from landbridge.agency import Identity, Role
from landbridge.clock import Clock, system_clock
from landbridge.errors import Reason, refuse
from landbridge.keys import KeyUse, SigningKey, read_public
from landbridge.log.head_mark import FILE_NAME as MARK_NAME
from landbridge.log.head_mark import HeadMark
from landbridge.log.own_database import own_database
from landbridge.log.store import LogStore
from landbridge.log.subject_keys import LOOK_UP_FILE, load_look_up_key
from landbridge.trust.bundle import TrustBundle
from landbridge.trust.store import TrustStore


@dataclass(frozen=True, slots=True)
class PartyFolder:
    """What one party holds on its own disk."""

    folder: Path
    trust: TrustStore

    @classmethod
    def open(cls, folder: Path, *, clock: Clock = system_clock) -> Self:
        """Read the folder's trust bundle and lists, and hold the bundle against its anchor.

        Raises:
            LandbridgeError: LB-1101 when a file is missing; LB-4010 when the bundle is not sound;
                LB-4012 when a revocation list is not.
        """
        return cls(folder, TrustStore.open(folder, clock=clock))

    @property
    def bundle(self) -> TrustBundle:
        """The trust bundle in use now."""
        return self.trust.current.bundle

    @property
    def credential(self) -> Path:
        """The file of the TLS key, the leaf and the chain above it."""
        return self.folder / "credential.pem"

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
        key, bundle = self.signing_key(KeyUse.LOG), self.bundle
        member = bundle.content.members.get(key.agency)
        logs = member.logs if member else ()
        origins = {log.origin for log in logs if key.key_id in log.key_ids}
        for endpoint in bundle.endpoints(role):
            # An agency may run several nodes: its log's key tells whose folder this is.
            identity = Identity(endpoint.agency, bundle.federation, role, endpoint.name)
            if identity.uri.removeprefix("spiffe://") in origins:
                return identity
        raise refuse(
            Reason.BAD_TRUST_BUNDLE,
            f"the trust bundle lists no {role} of {key.agency}",
            where=str(self.folder / "trust-bundle.json"),
        )

    def open_log(self, identity: Identity) -> LogStore:
        """Open this party's verifiable log, whichever of the log's keys signed it last.

        Raises:
            LandbridgeError: LB-5001 when the disk refuses; LB-5002 when the log is damaged; LB-5003
                when it is an older copy; LB-1101 for `log.toml` and `pseudonym.key`.
        """
        origin = identity.uri.removeprefix("spiffe://")
        look_up_file = self.folder / LOOK_UP_FILE
        look_up_key = load_look_up_key(look_up_file) if look_up_file.exists() else None
        return LogStore.open(
            own_database(self.folder),
            origin,
            self.signing_key(KeyUse.LOG),
            self._log_keys(origin),
            look_up_key=look_up_key,
            mark=HeadMark(self.folder / MARK_NAME),
        )

    def open_copy(self, path: Path) -> LogStore:
        """Open a copy of this party's log, which nothing beside it is held against.

        Raises:
            LandbridgeError: LB-5001, LB-5002 as for `open_log`; LB-4010 when the trust bundle lists
                no log of this party.
        """
        key = self.signing_key(KeyUse.LOG)
        member = self.bundle.content.members.get(key.agency)
        for log in member.logs if member else ():
            if key.key_id in log.key_ids:
                return LogStore.open(path, log.origin, key, self._log_keys(log.origin))
        raise refuse(
            Reason.BAD_TRUST_BUNDLE,
            f"the trust bundle lists no log of {key.agency} with the key in this folder",
            where=str(self.folder / "trust-bundle.json"),
        )

    def _log_keys(self, origin: str) -> list[Ed25519PublicKey]:
        member = self.bundle.content.members.get(origin.partition(f".{self.bundle.federation}/")[0])
        listed = {record.key_id: record.public_key for record in member.keys} if member else {}
        return [
            read_public(listed[key_id])
            for log in (member.logs if member else ())
            if log.origin == origin
            for key_id in log.key_ids
        ]
