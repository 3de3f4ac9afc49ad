"""The files of an authority: its private key in PKCS#8, and its certificates in PEM."""

from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.keys import read_private, read_public_file
from landbridge.trust.authority import is_issued_by

_WITH_CROSS = 2


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


def to_pem(*certificates: x509.Certificate | None) -> bytes:
    """Write certificates as PEM, one after the other; None is left out."""
    return b"".join(
        certificate.public_bytes(serialization.Encoding.PEM)
        for certificate in certificates
        if certificate is not None
    )


def load_key(path: Path, passphrase: bytes | None = None) -> ec.EllipticCurvePrivateKey:
    """Read a private key that `key_pem` wrote.

    Raises:
        LandbridgeError: LB-4011 when others may read the file; LB-1101 when it cannot be read or
            the passphrase is wrong.
    """
    try:
        key = serialization.load_pem_private_key(read_private(path), passphrase)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise _cannot("the private key cannot be read", path) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise _cannot("the private key is not an elliptic-curve key", path)
    return key


def load_certificates(
    path: Path, key: ec.EllipticCurvePrivateKey | None = None
) -> tuple[x509.Certificate, x509.Certificate | None]:
    """Read an authority's certificate, which is that of the key, and a cross-certificate over it.

    Raises:
        LandbridgeError: LB-1101 when the file does not hold these.
    """
    try:
        certificates = x509.load_pem_x509_certificates(read_public_file(path))
        publics = [certificate.public_key() for certificate in certificates]
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _cannot("the certificate cannot be read", path) from error
    if key is not None and publics[0] != key.public_key():
        raise _cannot("the certificate is not that of the key beside it", path)
    if len(certificates) > _WITH_CROSS or publics[0] != publics[-1]:
        raise _cannot("beside the certificate stands more than a cross-certificate over it", path)
    return certificates[0], certificates[1] if len(certificates) == _WITH_CROSS else None


def check_signed(certificate: x509.Certificate, issuer: x509.Certificate) -> None:
    """Check that one certificate is signed by another.

    Raises:
        LandbridgeError: LB-1101 when it is not.
    """
    if not is_issued_by(certificate, issuer):
        raise _cannot(
            f"{certificate.subject.rfc4514_string()!r} is not signed by"
            f" {issuer.subject.rfc4514_string()!r}"
        )


def _cannot(message: str, path: Path | None = None) -> LandbridgeError:
    return refuse(Reason.INVALID_CONFIGURATION, message, where=str(path or ""))
