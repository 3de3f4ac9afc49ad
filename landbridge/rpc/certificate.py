"""The profile that every leaf certificate of a federation has, checked on its DER.

gRPC's own properties of a peer are not used: they cut names at NUL and mix DNS names with URIs.
TLS accepts far more than this profile (RFC 5280), so that everything is checked here again.
"""

import warnings
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, SignatureAlgorithmOID

from landbridge.agency import Identity, parse_identity
from landbridge.errors import LandbridgeError, Reason, refuse

LONGEST_LIFE = timedelta(hours=24, minutes=5)
SIGNATURES_ONLY = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=False,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)
_REMEMBERED = 1024
_EXTENSIONS = {
    ExtensionOID.BASIC_CONSTRAINTS,
    ExtensionOID.KEY_USAGE,
    ExtensionOID.EXTENDED_KEY_USAGE,
    ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
    ExtensionOID.SUBJECT_KEY_IDENTIFIER,
    ExtensionOID.AUTHORITY_KEY_IDENTIFIER,
    ExtensionOID.CERTIFICATE_POLICIES,
    ExtensionOID.CRL_DISTRIBUTION_POINTS,
}
# Beside an empty subject the alternative names are critical, too (RFC 5280, 4.2.1.6).
_CRITICAL = {
    ExtensionOID.BASIC_CONSTRAINTS,
    ExtensionOID.KEY_USAGE,
    ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
}
_SIGNATURES = {SignatureAlgorithmOID.ECDSA_WITH_SHA256, SignatureAlgorithmOID.ECDSA_WITH_SHA384}
_EXTENDED_USAGES = {ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH}
_BOTH_NAMES = 2
# What cryptography raises on odd certificates, or only warns of as yet: a serial below 1.
_MALFORMED = (
    CryptographyDeprecationWarning,
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.ExtensionNotFound,
    x509.UnsupportedGeneralNameType,
)


@dataclass(frozen=True, slots=True)
class LeafCertificate:
    """A leaf certificate that has the profile; times are in Unix milliseconds."""

    identity: Identity
    issuer_key_id: str
    serial: int
    not_before: int
    not_after: int


@lru_cache(_REMEMBERED)
def read_leaf(pem: bytes, federation: str) -> LeafCertificate:
    """Read the identity in a leaf certificate, after a strict check of its whole form.

    The time is not checked here, since what is returned is remembered.

    Raises:
        LandbridgeError: LB-4006 when the form is not right; LB-4005 when its URI is no identity.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", CryptographyDeprecationWarning)
            return _leaf(x509.load_pem_x509_certificate(pem), federation)
    except _MALFORMED as error:
        raise _refused(f"it cannot be read ({type(error).__name__})") from error


def _leaf(certificate: x509.Certificate, federation: str) -> LeafCertificate:
    public = certificate.public_key()
    if not isinstance(public, ec.EllipticCurvePublicKey) or public.curve.name != "secp256r1":
        raise _refused("its key is not on the curve P-256")
    if certificate.signature_algorithm_oid not in _SIGNATURES:
        raise _refused("it is not signed with ECDSA and SHA-2")
    life = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    if life > LONGEST_LIFE:
        raise _refused(f"it is made to live for {life}, longer than {LONGEST_LIFE}")
    # A name in the subject would be matched as a host's where no DNS name stands.
    if list(certificate.subject):
        raise _refused("it carries a name in its subject")
    extensions = certificate.extensions
    if {extension.oid for extension in extensions} != _EXTENSIONS:
        raise _refused("it has other extensions than the federation's certificates have")
    if {extension.oid for extension in extensions if extension.critical} != _CRITICAL:
        raise _refused("other extensions of it are critical than of the federation's certificates")
    _check_usage(extensions)
    issuer = extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    if issuer is None:
        raise _refused("it does not name its issuer's key")
    return LeafCertificate(
        _identity(extensions, federation),
        issuer.hex(),
        certificate.serial_number,
        round(certificate.not_valid_before_utc.timestamp() * 1000),
        round(certificate.not_valid_after_utc.timestamp() * 1000),
    )


def _check_usage(extensions: x509.Extensions) -> None:
    if extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
        raise _refused("its basic constraints are not those of a leaf")
    usage = extensions.get_extension_for_class(x509.KeyUsage)
    if usage.value != SIGNATURES_ONLY:
        raise _refused("its key usage is not digitalSignature alone")
    extended = extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    if set(extended.value) != _EXTENDED_USAGES:
        raise _refused("its extended key usage is not clientAuth and serverAuth")


def _identity(extensions: x509.Extensions, federation: str) -> Identity:
    names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    hosts = names.get_values_for_type(x509.DNSName)
    if len(uris) != 1 or len(hosts) != 1 or len(list(names)) != _BOTH_NAMES:
        raise _refused("it does not carry exactly one URI and one DNS name")
    identity = parse_identity(uris[0], federation)
    if hosts[0] != identity.dns_name:
        raise _refused(f"its DNS name {hosts[0][:100]!r} is not that of {identity.uri}")
    return identity


def _refused(message: str) -> LandbridgeError:
    return refuse(Reason.CERTIFICATE_REFUSED, f"the certificate is not accepted: {message}")
