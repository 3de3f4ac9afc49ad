"""Revocation lists: which certificates of one issuing authority are no longer accepted.

X.509 v2 lists with a number (RFC 5280, section 5), one per issuing authority, complete: no deltas,
no indirect lists, no reasons left out.
"""

import warnings
from dataclasses import dataclass, field
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.oid import CRLEntryExtensionOID, ExtensionOID, SignatureAlgorithmOID

from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.trust.authority import ODD_CERTIFICATE, subject_key_id

LARGEST_LIST = 4 << 20
_EXTENSIONS = {
    ExtensionOID.CRL_NUMBER,
    ExtensionOID.AUTHORITY_KEY_IDENTIFIER,
    ExtensionOID.ISSUING_DISTRIBUTION_POINT,
}
_SIGNATURES = {SignatureAlgorithmOID.ECDSA_WITH_SHA256, SignatureAlgorithmOID.ECDSA_WITH_SHA384}
_ODD_LIST = (*ODD_CERTIFICATE, CryptographyDeprecationWarning)


@dataclass(frozen=True, slots=True)
class RevocationList:
    """A verified list of one issuing authority; times are in Unix milliseconds."""

    issuer: str
    """Key id of the issuing authority, in hexadecimal."""
    number: int
    this_update: int
    next_update: int
    serials: frozenset[int] = field(repr=False)
    der: bytes = field(repr=False)


def issuer_of(der: bytes) -> str:
    """Return the key id of the authority that a list says it is of; nothing is verified yet.

    Raises:
        LandbridgeError: LB-4012 when it cannot be read.
    """
    try:
        extensions = _load(der).extensions
        key = extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    except _ODD_LIST as error:
        raise bad_list(f"it cannot be read ({type(error).__name__})") from error
    if key is None:
        raise bad_list("it does not name its issuer's key")
    return key.hex()


def read(der: bytes, issuer: x509.Certificate) -> RevocationList:
    """Read a list of this issuing authority, after a strict check of its form and signature.

    Raises:
        LandbridgeError: LB-4012 when the form is not right or the signature does not verify.
    """
    if issuer_of(der) != subject_key_id(issuer):
        raise bad_list("it is of another authority")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", CryptographyDeprecationWarning)
            return _read(_load(der), der, issuer)
    except _ODD_LIST as error:
        raise bad_list(f"it cannot be read ({type(error).__name__})") from error


def _load(der: bytes) -> x509.CertificateRevocationList:
    if len(der) > LARGEST_LIST:
        raise bad_list(f"it is larger than {LARGEST_LIST} bytes")
    return x509.load_der_x509_crl(der)


def _read(
    signed: x509.CertificateRevocationList, der: bytes, issuer: x509.Certificate
) -> RevocationList:
    public = issuer.public_key()
    if (
        not isinstance(public, ec.EllipticCurvePublicKey)
        or signed.issuer != issuer.subject
        or signed.signature_algorithm_oid not in _SIGNATURES
        or not signed.is_signature_valid(public)
    ):
        raise bad_list("its signature does not verify")
    if signed.public_bytes(Encoding.DER) != der:
        raise bad_list("it is not in DER")
    extensions = signed.extensions
    if {extension.oid for extension in extensions} != _EXTENSIONS:
        raise bad_list("it has other extensions than the federation's lists have")
    _check_scope(extensions)
    this_update, next_update = signed.last_update_utc, signed.next_update_utc
    if next_update is None or next_update <= this_update:
        raise bad_list("it does not say when the next one comes")
    for entry in signed:
        if any(found.oid != CRLEntryExtensionOID.CRL_REASON for found in entry.extensions):
            raise bad_list(f"the entry {entry.serial_number:x} has an unknown extension")
    return RevocationList(
        issuer=subject_key_id(issuer),
        number=extensions.get_extension_for_class(x509.CRLNumber).value.crl_number,
        this_update=_unix_ms(this_update),
        next_update=_unix_ms(next_update),
        serials=frozenset(entry.serial_number for entry in signed),
        der=der,
    )


def _check_scope(extensions: x509.Extensions) -> None:
    """Accept a list only if it speaks of all leaves of its authority, and of all reasons."""
    scope = extensions.get_extension_for_class(x509.IssuingDistributionPoint)
    value = scope.value
    if (
        not scope.critical
        or value.indirect_crl
        or value.only_contains_ca_certs
        or value.only_contains_attribute_certs
        or value.only_some_reasons is not None
    ):
        raise bad_list("it does not cover all certificates of its authority")


def _unix_ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def bad_list(message: str) -> LandbridgeError:
    """Make the error for a list that is not acceptable."""
    return refuse(Reason.BAD_REVOCATION_LIST, message, where="revocation list")
