"""An issuing authority: it signs leaves and revocation lists, and its key is in daily use."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from certs.authority_files import check_signed, key_pem, load_certificates, load_key, to_pem
from certs.authority_name import authority_id
from certs.profiles import LEAF_LIFE, Revoked, crl, leaf_certificate
from landbridge.agency import Identity, parse_identity
from landbridge.clock import Clock, to_datetime
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.keys import write_whole

LIST_LIFE = timedelta(hours=6)
_LONGEST_HOST = 253


@dataclass(frozen=True, slots=True)
class Issuing:
    """An issuing authority with its key, and the root above it.

    `cross` is the certificate over its root by the root before, while some may trust only that.
    """

    federation: str
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey = field(repr=False)
    root: x509.Certificate
    cross: x509.Certificate | None = None

    def __post_init__(self) -> None:
        """Check that key, certificate, root and cross-certificate belong together.

        Raises:
            LandbridgeError: LB-1101 when they do not.
        """
        if self.certificate.public_key() != self.key.public_key():
            raise _cannot("the issuing authority's certificate is not that of its key")
        check_signed(self.certificate, self.root)
        if self.cross is not None and self.cross.public_key() != self.root.public_key():
            raise _cannot("the cross-certificate is not over the key of the root")

    @property
    def id(self) -> str:
        """The authority's id: `issuing-<generation>`."""
        return authority_id(self.certificate.subject)

    @property
    def pem(self) -> bytes:
        """The authority's certificate."""
        return to_pem(self.certificate)

    @property
    def roots_pem(self) -> bytes:
        """The root above it."""
        return to_pem(self.root)

    @property
    def chain_pem(self) -> bytes:
        """What follows a leaf in a chain: the authority, and the cross-certificate if any."""
        return to_pem(self.certificate, self.cross)

    def issue(
        self,
        identity: Identity,
        public: ec.EllipticCurvePublicKey,
        clock: Clock,
        life: timedelta = LEAF_LIFE,
    ) -> x509.Certificate:
        """Sign a leaf for one identity, from the registry's facts alone.

        Raises:
            LandbridgeError: LB-1101 when the key is not P-256, the identity is too long for a DNS
                name or the life is no leaf's; LB-4005 when the identity is not well formed or of
                another federation; LB-4020 when this authority has itself expired.
        """
        parse_identity(identity.uri, self.federation)
        if len(identity.dns_name) > _LONGEST_HOST:
            raise _cannot(f"the name {identity.dns_name} is longer than DNS allows")
        if public.curve.name != "secp256r1":
            raise _cannot(f"the key for {identity.uri} is not on the curve P-256")
        if not timedelta(0) < life <= LEAF_LIFE:
            raise _cannot(f"a leaf lives for {LEAF_LIFE} at most, not for {life}")
        now = to_datetime(clock())
        if now >= self.certificate.not_valid_after_utc:
            raise refuse(Reason.ISSUER_REFUSED, f"the authority {self.id} has expired")
        return leaf_certificate(
            public,
            identity,
            now,
            issuing=self.certificate,
            issuing_key=self.key,
            life=life,
        )

    def sign_crl(
        self,
        number: int,
        revoked: Iterable[Revoked],
        clock: Clock,
        life: timedelta = LIST_LIFE,
    ) -> bytes:
        """Sign this authority's revocation list and return its DER (RFC 5280, section 5)."""
        now = to_datetime(clock())
        return crl(
            self.certificate,
            self.key,
            number=number,
            now=now,
            next_update=now + life,
            revoked=revoked,
        )

    def save(self, folder: Path) -> None:
        """Write issuing.pem, the root above it, and issuing.key of mode 0600."""
        write_whole(folder / "root.pem", to_pem(self.root, self.cross), mode=0o644)
        write_whole(folder / "issuing.pem", self.pem, mode=0o644)
        write_whole(folder / "issuing.key", key_pem(self.key))

    @classmethod
    def load(cls, folder: Path, federation: str) -> Self:
        """Read what `save` wrote.

        Raises:
            LandbridgeError: LB-4011 when others may read the key; LB-1101 when a file is not right.
        """
        key = load_key(folder / "issuing.key", None)
        certificate, _ = load_certificates(folder / "issuing.pem", key)
        root, cross = load_certificates(folder / "root.pem")
        return cls(federation, certificate, key, root, cross)


def _cannot(message: str) -> LandbridgeError:
    return refuse(Reason.INVALID_CONFIGURATION, message)
