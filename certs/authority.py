"""The federation's authorities: an offline root, and the issuing authority that signs leaves."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from certs.profiles import issuing_certificate, leaf_certificate, root_certificate
from landbridge.agency import Identity, check_agency, parse_identity
from landbridge.clock import Clock, to_datetime
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.keys import read_private, read_public_file, write_whole

_LONGEST_ORGANISATION = 64
_LONGEST_HOST = 253


@dataclass(frozen=True, slots=True)
class Issuing:
    """The authority that signs leaves; its key is in daily use."""

    federation: str
    roots_pem: bytes = field(repr=False)
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey = field(repr=False)

    @property
    def pem(self) -> bytes:
        """The authority's certificate."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def issue(
        self, identity: Identity, public: ec.EllipticCurvePublicKey, clock: Clock
    ) -> x509.Certificate:
        """Sign a leaf for one identity, from the registry's facts alone.

        Raises:
            LandbridgeError: LB-1101 when the key is not P-256, or the identity is not well formed,
                of another federation, or too long for a DNS name.
        """
        parse_identity(identity.uri, self.federation)
        if len(identity.dns_name) > _LONGEST_HOST:
            raise _cannot(f"the name {identity.dns_name} is longer than DNS allows")
        if public.curve.name != "secp256r1":
            raise _cannot(f"the key for {identity.uri} is not on the curve P-256")
        return leaf_certificate(
            public,
            identity,
            to_datetime(clock()),
            issuing=self.certificate,
            issuing_key=self.key,
        )

    def save(self, folder: Path) -> None:
        """Write issuing.pem, the roots above it, and issuing.key of mode 0600."""
        write_whole(folder / "roots.pem", self.roots_pem, mode=0o644)
        write_whole(folder / "issuing.pem", self.pem, mode=0o644)
        write_whole(folder / "issuing.key", key_pem(self.key))

    @classmethod
    def load(cls, folder: Path, federation: str) -> Self:
        """Read what `save` wrote.

        Raises:
            LandbridgeError: LB-4011 when others may read the key; LB-1101 when a file is not right.
        """
        key = _load_key(folder / "issuing.key", None)
        certificate = _load_certificate(folder / "issuing.pem", key)
        return cls(federation, read_public_file(folder / "roots.pem"), certificate, key)


@dataclass(frozen=True, slots=True)
class Root:
    """The federation's root; its key is needed only to make issuing authorities."""

    federation: str
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey = field(repr=False)

    @classmethod
    def create(cls, federation: str, clock: Clock) -> Self:
        """Make the first root of a federation.

        Raises:
            LandbridgeError: LB-1101 when the federation's name is not a DNS-like name of at most 64
                characters with a dot in it.
        """
        check_agency(federation)
        if len(federation) > _LONGEST_ORGANISATION or "." not in federation:
            raise _cannot(f"{federation!r} cannot be a federation's name")
        key = ec.generate_private_key(ec.SECP384R1())
        return cls(federation, root_certificate(key, federation, 1, to_datetime(clock())), key)

    @property
    def pem(self) -> bytes:
        """The root certificate."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def create_issuing(self, clock: Clock, *, generation: int = 1) -> Issuing:
        """Make an issuing authority."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = issuing_certificate(
            key.public_key(),
            generation,
            to_datetime(clock()),
            root=self.certificate,
            root_key=self.key,
        )
        return Issuing(self.federation, self.pem, certificate, key)

    def save(self, folder: Path, passphrase: bytes) -> None:
        """Write root.pem, and root.key encrypted under the passphrase."""
        write_whole(folder / "root.pem", self.pem, mode=0o644)
        write_whole(folder / "root.key", key_pem(self.key, passphrase))

    @classmethod
    def load(cls, folder: Path, federation: str, passphrase: bytes) -> Self:
        """Read what `save` wrote.

        Raises:
            LandbridgeError: LB-4011 when others may read the key; LB-1101 when a file is not right
                or the passphrase is wrong.
        """
        key = _load_key(folder / "root.key", passphrase)
        return cls(federation, _load_certificate(folder / "root.pem", key), key)


def key_pem(key: ec.EllipticCurvePrivateKey, passphrase: bytes | None = None) -> bytes:
    """Write a private key as PKCS#8 in PEM, encrypted if a passphrase is given."""
    encryption: serialization.KeySerializationEncryption = (
        serialization.BestAvailableEncryption(passphrase)
        if passphrase
        else serialization.NoEncryption()
    )
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
    )


def _load_key(path: Path, passphrase: bytes | None) -> ec.EllipticCurvePrivateKey:
    try:
        key = serialization.load_pem_private_key(read_private(path), passphrase)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise _cannot("the private key cannot be read", path) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise _cannot("the private key is not an elliptic-curve key", path)
    return key


def _load_certificate(path: Path, key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    try:
        certificate = x509.load_pem_x509_certificate(read_public_file(path))
    except ValueError as error:
        raise _cannot("the certificate cannot be read", path) from error
    if certificate.public_key() != key.public_key():
        raise _cannot("the certificate is not that of the key beside it", path)
    return certificate


def _cannot(message: str, path: Path | None = None) -> LandbridgeError:
    return refuse(Reason.INVALID_CONFIGURATION, message, where=str(path or ""))
