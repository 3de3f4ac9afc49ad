"""The trust bundle: who belongs to the federation, and which keys and certificates speak for whom.

Bundles are numbered. How one is written and signed stands in landbridge/trust/document.py, and
which one may follow another in landbridge/trust/succession.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, NamedTuple, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from landbridge.agency import Role
from landbridge.clock import to_iso
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.keys import KeyUse
from landbridge.trust.document import (
    AuthorityState,
    BundleDocument,
    MemberRecord,
    read_document,
    unix_ms,
)
from landbridge.trust.issuers import Issuer, lay_out_issuers, roots_at
from landbridge.trust.keys import ListedKey, lay_out_keys

__all__ = ["Endpoint", "Issuer", "Member", "TrustBundle"]

_STOLEN_UNSEEN_MS: Final = 3_600_000
"""For how long before its taint a key may have been in a thief's hands."""
_EVER: Final = 1 << 63


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
    """An agency of the federation; times are in Unix milliseconds."""

    agency: str
    title: str
    roles: frozenset[Role]
    endpoints: tuple[Endpoint, ...]
    suspended_at: int | None = None
    left_at: int | None = None
    revision: int = 1

    @property
    def suspended(self) -> bool:
        """Whether the agency is out of service: suspended, or gone."""
        return self.suspended_at is not None or self.left_at is not None

    def is_in_good_standing(self, at: int) -> bool:
        """Whether the agency was neither suspended nor gone then."""
        return (self.suspended_at is None or at < self.suspended_at) and (
            self.left_at is None or at < self.left_at
        )


class _Answer(NamedTuple):
    """Whose log an origin names and its keys, as long as this stays so: Unix milliseconds."""

    since: int
    until: int
    found: tuple[str, Role, tuple[Ed25519PublicKey, ...]]


class _GoodKey(NamedTuple):
    """An agency and its key, and from when until when it is good: Unix milliseconds."""

    since: int
    until: int
    found: tuple[str, Ed25519PublicKey]


@dataclass(frozen=True, slots=True)
class TrustBundle:
    """A verified bundle, laid out for look-up."""

    federation: str
    number: int
    issued_at: int
    roots_pem: bytes = field(repr=False)
    """The anchors of TLS as of the time when the bundle was issued."""
    issuers: Mapping[str, Issuer] = field(repr=False)
    """Issuing authorities that are accepted, by their key id in hexadecimal."""
    active_issuer: Issuer = field(repr=False)
    members: Mapping[str, Member] = field(repr=False)
    denied: frozenset[tuple[str, int]] = field(repr=False)
    anchor: Ed25519PublicKey = field(repr=False)
    document: bytes = field(repr=False)
    content: BundleDocument = field(repr=False)
    _keys: dict[str, ListedKey] = field(repr=False)
    _logs: dict[str, tuple[Role, tuple[ListedKey, ...]]] = field(repr=False)
    _answers: dict[str, _Answer] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    _good: dict[tuple[str, KeyUse], _GoodKey] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @classmethod
    def parse(cls, document: bytes, anchor: Ed25519PublicKey | None) -> Self:
        """Verify and read a bundle.

        Without an anchor the bundle is held against the key that it states itself: this proves
        nothing beyond the file, so do it only where the file itself is trusted.

        Raises:
            LandbridgeError: LB-4010 when the signature does not verify or the content is not sound.
        """
        content, signer = read_document(document, anchor)
        keys, logs = lay_out_keys(content)
        issuers = lay_out_issuers(content)
        return cls(
            federation=content.federation,
            number=content.number,
            issued_at=unix_ms(content.issued_at),
            roots_pem=roots_at(content, unix_ms(content.issued_at)),
            issuers=MappingProxyType(issuers),
            active_issuer=next(
                issuer for issuer in issuers.values() if issuer.state is AuthorityState.ACTIVE
            ),
            members={name: _member(name, record) for name, record in content.members.items()},
            denied=frozenset((entry.issuer, int(entry.serial, 16)) for entry in content.denied),
            anchor=signer,
            document=document,
            content=content,
            _keys=keys,
            _logs=logs,
        )

    def roots_at(self, at: int) -> bytes:
        """Return the anchors of TLS at a time: roots that are neither removed nor expired, as PEM.

        An expired root would break every handshake, and a tainted one ends at its time, so those
        who serve long ask again now and then.
        """
        return roots_at(self.content, at)

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
        good = self._good.get((key_id, use))
        if good is not None and good.since <= at < good.until:
            return good.found
        key = self._keys.get(key_id)
        if key is None:
            raise self._untrusted(f"the key {key_id[:120]!r} is not listed")
        self._check(key, use, at)
        begin, *ends = self._turns_of(key)
        good = self._good[key_id, use] = _GoodKey(begin, min(ends), (key.agency, key.public))
        return good.found

    def log_keys(self, origin: str, at: int) -> tuple[str, Role, tuple[Ed25519PublicKey, ...]]:
        """Return whose log an origin names, in which role, and all its keys that are good then.

        Raises:
            LandbridgeError: LB-4002 when the log is unknown, or no key of it is for this time.
        """
        answer = self._answers.get(origin)
        if answer is None or not answer.since <= at < answer.until:
            answer = self._answers[origin] = self._good_log_keys(origin, at)
        return answer.found

    def _good_log_keys(self, origin: str, at: int) -> _Answer:
        found = self._logs.get(origin)
        if found is None:
            raise self._untrusted(f"the log {origin[:120]!r} is not listed")
        role, keys = found
        refused: LandbridgeError | None = None
        good: list[Ed25519PublicKey] = []
        for key in keys:
            try:
                self._check(key, KeyUse.LOG, at)
            except LandbridgeError as error:
                refused = error
            else:
                good.append(key.public)
        if refused and not good:
            raise refused
        moments = [moment for key in keys for moment in self._turns_of(key)]
        return _Answer(
            max((moment for moment in moments if moment <= at), default=-_EVER),
            min((moment for moment in moments if moment > at), default=_EVER),
            (keys[0].agency, role, tuple(good)),
        )

    def _turns_of(self, key: ListedKey) -> tuple[int, ...]:
        """Return the moments at which a key may begin or cease to be good."""
        member = self.members[key.agency]
        ends = (member.suspended_at, member.left_at)
        return (key.not_before, key.not_after, *(end for end in ends if end is not None))

    def all_log_keys(self, origin: str) -> tuple[Ed25519PublicKey, ...]:
        """Return every key that a log has or had, whatever its time, for what was signed earlier.

        Raises:
            LandbridgeError: LB-4002 when the log is unknown.
        """
        found = self._logs.get(origin)
        if found is None:
            raise self._untrusted(f"the log {origin[:120]!r} is not listed")
        return tuple(key.public for key in found[1] if key.state is not AuthorityState.ABORTED)

    def past_log_keys(self, origin: str, at: int | None = None) -> tuple[Ed25519PublicKey, ...]:
        """Return the keys of a log for what was seen of it earlier, whatever became of them since.

        With a time: the keys that were good then, a tainted one only until an hour before its
        taint, as nobody knows since when it was stolen. Without: all that are not tainted.

        Raises:
            LandbridgeError: LB-4002 when the log is unknown.
        """
        found = self._logs.get(origin)
        if found is None:
            raise self._untrusted(f"the log {origin[:120]!r} is not listed")
        return tuple(key.public for key in found[1] if _was_good(key, at))

    def _check(self, key: ListedKey, use: KeyUse, at: int) -> None:
        if key.use is not use:
            raise self._untrusted(f"the key {key.key_id!r} is for the use '{key.use}', not '{use}'")
        if key.state is AuthorityState.ABORTED:
            raise self._untrusted(f"the key {key.key_id!r} was never taken into use")
        if not key.not_before <= at < key.not_after:
            raise self._untrusted(
                f"the key {key.key_id!r} is valid from {to_iso(key.not_before)}"
                f" until {to_iso(key.not_after)}, not at {to_iso(at)}"
            )
        if not self.members[key.agency].is_in_good_standing(at):
            raise self._untrusted(f"the agency {key.agency} is suspended")

    def _untrusted(self, message: str) -> LandbridgeError:
        return refuse(Reason.UNTRUSTED_KEY, message, where=f"trust bundle {self.number}")


def _was_good(key: ListedKey, at: int | None) -> bool:
    if at is None:
        return key.state not in (AuthorityState.ABORTED, AuthorityState.TAINTED)
    # A key that was tainted may have been removed since, and then says so no more.
    ended = key.state in (AuthorityState.TAINTED, AuthorityState.REMOVED)
    until = key.not_after - (_STOLEN_UNSEEN_MS if ended else 0)
    return key.state is not AuthorityState.ABORTED and key.not_before <= at < until


def _member(agency: str, record: MemberRecord) -> Member:
    endpoints = tuple(
        Endpoint(agency, e.role, e.name, e.address, e.dns_name) for e in record.endpoints
    )
    return Member(
        agency,
        record.title,
        frozenset(record.roles),
        endpoints,
        unix_ms(record.suspended_at) if record.suspended_at else None,
        unix_ms(record.left_at) if record.left_at else None,
        record.revision,
    )
