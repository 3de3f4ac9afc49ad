"""The trust bundle: who belongs to the federation, and which keys and certificates speak for whom.

Bundles are numbered, and a successor's number never goes down. How one is written and signed stands
in landbridge/trust_document.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from landbridge.agency import Role, parse_identity
from landbridge.clock import to_iso
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.keys import KeyUse, make_key_id, read_public
from landbridge.trust_document import (
    BundleDocument,
    KeyRecord,
    MemberRecord,
    read_document,
    unix_ms,
    unsound,
)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a server of the federation listens, and the DNS name in its certificate."""

    agency: str
    role: Role
    name: str
    address: str
    dns_name: str


@dataclass(frozen=True, slots=True)
class Member:
    """An agency of the federation."""

    agency: str
    title: str
    roles: frozenset[Role]
    endpoints: tuple[Endpoint, ...]
    suspended: bool


@dataclass(frozen=True, slots=True)
class _Key:
    agency: str
    use: KeyUse
    public: Ed25519PublicKey
    not_before: int
    not_after: int
    suspended: bool


@dataclass(frozen=True, slots=True)
class TrustBundle:
    """A verified bundle, laid out for look-up."""

    federation: str
    number: int
    issued_at: int
    roots_pem: bytes = field(repr=False)
    issuing_pem: bytes = field(repr=False)
    members: Mapping[str, Member] = field(repr=False)
    denied: frozenset[tuple[str, int]] = field(repr=False)
    anchor: Ed25519PublicKey = field(repr=False)
    document: bytes = field(repr=False)
    _keys: dict[str, _Key] = field(repr=False)
    _logs: dict[str, tuple[Role, _Key]] = field(repr=False)

    @classmethod
    def parse(cls, document: bytes, anchor: Ed25519PublicKey | None) -> Self:
        """Verify and read a bundle.

        Without an anchor the bundle is held against the key that it states itself: this proves
        nothing beyond the file, so do it only where the file itself is trusted.

        Raises:
            LandbridgeError: LB-4010 when the signature does not verify or the content is not sound.
        """
        content, signer = read_document(document, anchor)
        keys, logs = _lay_out(content)
        return cls(
            federation=content.federation,
            number=content.number,
            issued_at=unix_ms(content.issued_at),
            roots_pem="".join(content.roots).encode(),
            issuing_pem="".join(content.issuing).encode(),
            members={name: _member(name, record) for name, record in content.members.items()},
            denied=frozenset((entry.issuer, int(entry.serial, 16)) for entry in content.denied),
            anchor=signer,
            document=document,
            _keys=keys,
            _logs=logs,
        )

    def accept_successor(self, document: bytes) -> "TrustBundle":
        """Read the bundle that is to take this one's place; it must be signed by the same key.

        Raises:
            LandbridgeError: LB-4010 when it is not acceptable, of another federation, or older.
        """
        new = TrustBundle.parse(document, self.anchor)
        if new.federation != self.federation:
            raise unsound(f"it is of the federation {new.federation}, not {self.federation}")
        if new.number < self.number or (new.number == self.number and document != self.document):
            raise unsound(f"its number is {new.number}, but number {self.number} is in use")
        return new

    def endpoints(self, role: Role) -> tuple[Endpoint, ...]:
        """Return the servers of that role, of all agencies that are not suspended."""
        return tuple(
            endpoint
            for member in self.members.values()
            if not member.suspended
            for endpoint in member.endpoints
            if endpoint.role is role
        )

    def verifying_key(self, key_id: str, use: KeyUse, at: int) -> tuple[str, Ed25519PublicKey]:
        """Return a key and the agency that it speaks for; `at` is in Unix milliseconds.

        Raises:
            LandbridgeError: LB-4002 when the key is unknown, or not for this use or time.
        """
        key = self._keys.get(key_id)
        if key is None:
            raise self._untrusted(f"the key {key_id[:120]!r} is not listed")
        self._check(key, key_id, use, at)
        return key.agency, key.public

    def log_key(self, origin: str, at: int) -> tuple[str, Role, Ed25519PublicKey]:
        """Return whose log an origin names, in which role, and the key of its checkpoints.

        Raises:
            LandbridgeError: LB-4002 when the log is unknown, or its key is not for this time.
        """
        found = self._logs.get(origin)
        if found is None:
            raise self._untrusted(f"the log {origin[:120]!r} is not listed")
        role, key = found
        self._check(key, origin, KeyUse.LOG, at)
        return key.agency, role, key.public

    def _check(self, key: _Key, name: str, use: KeyUse, at: int) -> None:
        if key.use is not use:
            raise self._untrusted(f"the key {name!r} is for the use '{key.use}', not '{use}'")
        if not key.not_before <= at < key.not_after:
            raise self._untrusted(
                f"the key of {name!r} is valid from {to_iso(key.not_before)}"
                f" until {to_iso(key.not_after)}, not at {to_iso(at)}"
            )
        if key.suspended:
            raise self._untrusted(f"the agency {key.agency} is suspended")

    def _untrusted(self, message: str) -> LandbridgeError:
        return refuse(Reason.UNTRUSTED_KEY, message, where=f"trust bundle {self.number}")


def _member(agency: str, record: MemberRecord) -> Member:
    endpoints = tuple(
        Endpoint(agency, e.role, e.name, e.address, e.dns_name) for e in record.endpoints
    )
    return Member(agency, record.title, frozenset(record.roles), endpoints, record.suspended)


def _lay_out(content: BundleDocument) -> tuple[dict[str, _Key], dict[str, tuple[Role, _Key]]]:
    """Lay keys and logs out for look-up; each key belongs to one agency and one use alone."""
    keys: dict[str, _Key] = {}
    logs: dict[str, tuple[Role, _Key]] = {}
    try:
        for agency, member in content.members.items():
            for record in member.keys:
                key = _key(agency, record, suspended=member.suspended)
                if record.key_id != make_key_id(agency, key.use, key.public):
                    raise unsound(f"members.{agency}: {record.key_id!r} is not the id of its key")
                keys[record.key_id] = key
            for log in member.logs:
                owner = parse_identity(f"spiffe://{log.origin}", content.federation)
                key = keys[log.key_id]
                if owner.agency != agency or key.agency != agency or log.origin in logs:
                    raise unsound(f"members.{agency}: the log {log.origin!r} is not its own")
                logs[log.origin] = (owner.role, key)
    except KeyError as error:
        raise unsound(f"the key {error} of a log is not listed") from error
    except LandbridgeError as error:
        raise unsound(error.message) from error
    listed = sum(len(member.keys) for member in content.members.values())
    if len({key.public.public_bytes_raw() for key in keys.values()}) != listed:
        raise unsound("a key is listed twice")
    return keys, logs


def _key(agency: str, record: KeyRecord, *, suspended: bool) -> _Key:
    return _Key(
        agency,
        record.use,
        read_public(record.public_key),
        unix_ms(record.not_before),
        unix_ms(record.not_after),
        suspended,
    )
