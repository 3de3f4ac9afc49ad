"""The certificates that the authority has issued, and every key that it has ever certified."""

import hashlib
import sqlite3
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from landbridge.errors import Reason, refuse

_KEPT_AFTER_END_MS: Final = 7 * 24 * 3600 * 1000
"""How long an expired certificate stays in the registry; the log holds it for good."""
_COLUMNS: Final = "issuer, serial, identity, der, not_after, trial, erased, revoked_at"


@dataclass(frozen=True, slots=True)
class IssuedLeaf:
    """A certificate that was issued; times in Unix milliseconds, `revoked_at` 0 for not revoked.

    `issuer` is the issuer's key id and `serial` the serial number, both in hexadecimal.
    """

    issuer: str
    serial: str
    identity: str
    der: bytes
    not_after: int
    trial: bool
    erased: bool
    revoked_at: int

    @property
    def certificate(self) -> x509.Certificate:
        """The certificate itself."""
        return x509.load_der_x509_certificate(self.der)


def record_leaf(
    connection: sqlite3.Connection, leaf: IssuedLeaf, *, request: bytes | None = None
) -> None:
    """Put a certificate down; `request` names what it answers, so that a repeat gets the same."""
    connection.execute(
        f"INSERT INTO leaf ({_COLUMNS}, request) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
        (
            leaf.issuer,
            leaf.serial,
            leaf.identity,
            leaf.der,
            leaf.not_after,
            leaf.trial,
            leaf.erased,
            leaf.revoked_at,
            request,
        ),
    )


def find_leaf(connection: sqlite3.Connection, issuer: str, serial: str) -> IssuedLeaf | None:
    """Find a certificate by its issuer's key id and its serial, both in hexadecimal."""
    return _one(connection, "issuer = ? AND serial = ?", issuer, serial)


def find_answer(connection: sqlite3.Connection, request: bytes) -> IssuedLeaf | None:
    """Find the certificate that answered exactly this request before."""
    return _one(connection, "request = ?", request)


def leaves_in_use(connection: sqlite3.Connection, now: int) -> list[IssuedLeaf]:
    """Return the certificates, trials apart, that are neither expired, given up nor revoked."""
    return _many(connection, "not_after > ? AND trial = 0 AND erased = 0 AND revoked_at = 0", now)


def leaves_of(connection: sqlite3.Connection, identity: str, now: int) -> list[IssuedLeaf]:
    """Return all certificates of a party that have not expired."""
    return _many(connection, "identity = ? AND not_after > ?", identity, now)


def revoked_leaves(connection: sqlite3.Connection, issuer: str) -> list[IssuedLeaf]:
    """Return an issuer's certificates that were revoked."""
    return _many(connection, "issuer = ? AND revoked_at > 0", issuer)


def mark_erased(connection: sqlite3.Connection, identity: str, serial: str) -> None:
    """Put down that a party has erased the key of one of its certificates."""
    connection.execute(
        "UPDATE leaf SET erased = 1 WHERE identity = ? AND serial = ?", (identity, serial)
    )


def give_up_leaves(connection: sqlite3.Connection, identity: str) -> None:
    """Put down that a party has lost all its certificates: it enrols anew."""
    connection.execute("UPDATE leaf SET erased = 1 WHERE identity = ?", (identity,))


def mark_revoked(connection: sqlite3.Connection, leaf: IssuedLeaf, now: int) -> None:
    """Put down that a certificate is revoked."""
    connection.execute(
        "UPDATE leaf SET revoked_at = ? WHERE issuer = ? AND serial = ?",
        (now, leaf.issuer, leaf.serial),
    )


def forget_expired(connection: sqlite3.Connection, now: int) -> None:
    """Drop certificates that expired a week ago; that their keys were used stays known."""
    connection.execute("DELETE FROM leaf WHERE not_after < ?", (now - _KEPT_AFTER_END_MS,))


def use_key(connection: sqlite3.Connection, public: ec.EllipticCurvePublicKey) -> None:
    """Put down that a key is certified now, which happens once.

    Raises:
        LandbridgeError: LB-4013 when the key was certified before.
    """
    try:
        connection.execute("INSERT INTO seen_key VALUES (?)", (key_digest(public),))
    except sqlite3.IntegrityError as error:
        raise refuse(
            Reason.BAD_SIGNING_REQUEST,
            "the certificate signing request is not accepted: its key was certified before",
        ) from error


def is_key_used(connection: sqlite3.Connection, public: ec.EllipticCurvePublicKey) -> bool:
    """Whether a key was certified before."""
    query = "SELECT 1 FROM seen_key WHERE digest = ?"
    return connection.execute(query, (key_digest(public),)).fetchone() is not None


def key_digest(public: ec.EllipticCurvePublicKey) -> bytes:
    """Return the SHA-256 of a key's DER."""
    der = public.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return hashlib.sha256(der).digest()


def _one(connection: sqlite3.Connection, where: str, *values: object) -> IssuedLeaf | None:
    return next(iter(_many(connection, where, *values)), None)


def _many(connection: sqlite3.Connection, where: str, *values: object) -> list[IssuedLeaf]:
    query = f"SELECT {_COLUMNS} FROM leaf WHERE {where}"  # noqa: S608  our own words
    return [
        IssuedLeaf(issuer, serial, identity, der, end, bool(trial), bool(erased), revoked_at)
        for issuer, serial, identity, der, end, trial, erased, revoked_at in connection.execute(
            query, values
        )
    ]
