"""Our own lint: whether a certificate has exactly the profile of its kind, in every part.

Outside linters say nothing of a missing or wide extended key usage, missing names, a serial of 1,
a long life or a key of another kind; here whatever differs from the profile is a finding.
"""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.oid import ExtendedKeyUsageOID, SignatureAlgorithmOID

from certs.authority_name import authority_id, federation_of, list_url
from certs.profiles import AUTHORITY_USAGE, BACK_DATED, ISSUING_LIFE, LEAF_LIFE, POLICY, ROOT_LIFE
from landbridge.errors import LandbridgeError
from landbridge.rpc.certificate import SIGNATURES_ONLY, read_leaf
from landbridge.trust.authority import ODD_CERTIFICATE

MALFORMED = (*ODD_CERTIFICATE, CryptographyDeprecationWarning, x509.UnsupportedGeneralNameType)
"""What cryptography raises on odd certificates and lists, or only warns of as yet."""

# Ours have 159 bits at random: one in eight billion is this short.
_FEWEST_SERIAL_BITS = 127


class Kind(StrEnum):
    """What a certificate is for."""

    ROOT = "root"
    CROSS = "cross"
    ISSUING = "issuing"
    LEAF = "leaf"


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with a certificate or a list, by a code and in words."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class _Profile:
    """What differs between the kinds; the subject is the start of an authority's id."""

    subject: str
    curve: str
    signature: x509.ObjectIdentifier
    life: timedelta
    path_length: int | None


_SHA256, _SHA384 = SignatureAlgorithmOID.ECDSA_WITH_SHA256, SignatureAlgorithmOID.ECDSA_WITH_SHA384
_PROFILES = {
    Kind.ROOT: _Profile("root-", "secp384r1", _SHA384, ROOT_LIFE, None),
    Kind.CROSS: _Profile("root-", "secp384r1", _SHA384, ROOT_LIFE, 1),
    Kind.ISSUING: _Profile("issuing-", "secp256r1", _SHA384, ISSUING_LIFE, 0),
    Kind.LEAF: _Profile("", "secp256r1", _SHA256, LEAF_LIFE, None),
}


def kind_of(certificate: x509.Certificate) -> Kind:
    """Tell what a certificate says that it is; whether it has the profile is another matter."""
    try:
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    except MALFORMED:
        return Kind.LEAF
    if not constraints.ca:
        return Kind.LEAF
    if certificate.subject == certificate.issuer:
        return Kind.ROOT
    return Kind.ISSUING if constraints.path_length == 0 else Kind.CROSS


def check_profile(der: bytes, kind: Kind) -> tuple[Finding, ...]:
    """Hold a certificate against the profile of its kind; nothing found means that it has it."""
    findings: list[Finding] = []
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", CryptographyDeprecationWarning)
            certificate = x509.load_der_x509_certificate(der)
            for finding in _findings(certificate, kind, _PROFILES[kind]):
                findings.append(finding)  # noqa: PERF402  what was found before an error, stays
    except MALFORMED as error:
        findings.append(Finding("unreadable", f"it cannot be read ({type(error).__name__})"))
    except LandbridgeError as error:
        findings.append(Finding(error.code, error.message))
    return tuple(findings)


def _findings(certificate: x509.Certificate, kind: Kind, profile: _Profile) -> Iterator[Finding]:
    public = certificate.public_key()
    if not isinstance(public, ec.EllipticCurvePublicKey) or public.curve.name != profile.curve:
        yield Finding("key", f"its key is not on the curve {profile.curve}")
        return
    if certificate.signature_algorithm_oid != profile.signature:
        yield Finding("signature", "it is not signed with the profile's algorithm")
    if certificate.serial_number.bit_length() < _FEWEST_SERIAL_BITS:
        yield Finding("serial", f"its serial {certificate.serial_number} is too short to be random")
    life = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    if not timedelta(0) < life <= profile.life + BACK_DATED:
        yield Finding("life", f"it lives for {life}; {profile.life} are allowed")
    yield from _check_extensions(certificate, kind, _expected(certificate, public, kind, profile))
    yield from _check_names(certificate, kind, profile)


def _check_names(certificate: x509.Certificate, kind: Kind, profile: _Profile) -> Iterator[Finding]:
    if (kind is Kind.ROOT) != (certificate.subject == certificate.issuer):
        yield Finding("issuer", "a root, and nothing else, is its own issuer")
    if kind is not Kind.LEAF:
        if not authority_id(certificate.subject).startswith(profile.subject):
            yield Finding("subject", f"it is called {certificate.subject.rfc4514_string()!r}")
        return
    if list(certificate.subject):
        yield Finding("subject", "it has a subject; a leaf is known by its other names alone")
    # The names, and all else that whoever is called by a party looks at.
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    read_leaf(pem, federation_of(certificate.issuer))


def _check_extensions(
    certificate: x509.Certificate,
    kind: Kind,
    expected: dict[type, tuple[bool, x509.ExtensionType | None]],
) -> Iterator[Finding]:
    for each in certificate.extensions:
        critical, value = expected.pop(type(each.value), (None, None))
        name = type(each.value).__name__
        if isinstance(each.value, x509.NameConstraints) and kind is Kind.ISSUING:
            yield from _check_constraints(each, each.value, federation_of(certificate.subject))
        elif critical is None:
            yield Finding("extra", f"its profile has no extension {each.oid.dotted_string}")
        elif each.critical is not critical:
            yield Finding("critical", f"its {name} must{'' if critical else ' not'} be critical")
        elif value is not None and each.value != value:
            yield Finding("extension", f"its {name} is not the profile's")
    for missing in expected:
        yield Finding("missing", f"it has no {missing.__name__}")


def _expected(
    certificate: x509.Certificate,
    public: ec.EllipticCurvePublicKey,
    kind: Kind,
    profile: _Profile,
) -> dict[type, tuple[bool, x509.ExtensionType | None]]:
    """List the extensions: whether critical, and the value, or None if looked at elsewhere."""
    leaf = kind is Kind.LEAF
    constraints = x509.BasicConstraints(ca=not leaf, path_length=profile.path_length)
    expected: dict[type, tuple[bool, x509.ExtensionType | None]] = {
        x509.BasicConstraints: (True, constraints),
        x509.KeyUsage: (True, SIGNATURES_ONLY if leaf else AUTHORITY_USAGE),
        x509.SubjectKeyIdentifier: (False, x509.SubjectKeyIdentifier.from_public_key(public)),
    }
    if kind is not Kind.ROOT:
        where = [x509.UniformResourceIdentifier(list_url(certificate.issuer))]
        point = x509.DistributionPoint(where, relative_name=None, reasons=None, crl_issuer=None)
        policies = x509.CertificatePolicies([x509.PolicyInformation(POLICY, None)])
        expected[x509.AuthorityKeyIdentifier] = (False, None)
        expected[x509.CertificatePolicies] = (False, policies)
        expected[x509.CRLDistributionPoints] = (False, x509.CRLDistributionPoints([point]))
    if leaf:
        usages = [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]
        expected[x509.ExtendedKeyUsage] = (False, x509.ExtendedKeyUsage(usages))
        expected[x509.SubjectAlternativeName] = (True, None)
    return expected


def _check_constraints(
    extension: x509.Extension[x509.ExtensionType],
    constraints: x509.NameConstraints,
    federation: str,
) -> Iterator[Finding]:
    permitted = constraints.permitted_subtrees or []
    hosts = {str(name.value) for name in permitted}
    kinds = [type(name) for name in permitted]
    if not extension.critical:
        yield Finding("critical", "its NameConstraints must be critical")
    if kinds != [x509.UniformResourceIdentifier, x509.DNSName] or constraints.excluded_subtrees:
        yield Finding("constraints", "its name constraints do not bind one URI and one DNS name")
    elif len(hosts) != 1 or not hosts.pop().endswith("." + federation):
        yield Finding("constraints", "its name constraints are not one agency's")
