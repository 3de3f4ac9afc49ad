"""The three certificate profiles of a federation (RFC 5280): root, issuing authority, leaf.

Root P-384 for 10 years, issuing authority P-256 for one year, leaf P-256 for 24 hours. Each leaf
carries one URI, the identity, and one DNS name of its own. Its subject is empty, so that nothing
can be matched but these names.
"""

from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from landbridge.agency import Identity
from landbridge.rpc.certificate import SIGNATURES_ONLY

ROOT_LIFE = timedelta(days=3652)
ISSUING_LIFE = timedelta(days=365)
LEAF_LIFE = timedelta(hours=24)
BACK_DATED = timedelta(minutes=5)

_AUTHORITY_USAGE = x509.KeyUsage(
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)


def root_certificate(
    key: ec.EllipticCurvePrivateKey, federation: str, generation: int, now: datetime
) -> x509.Certificate:
    """Make the self-signed root; each generation has a subject of its own."""
    subject = _name(federation, f"Root {generation}")
    builder = _builder(subject, subject, key.public_key(), now, ROOT_LIFE)
    return (
        builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(_AUTHORITY_USAGE, critical=True)
        .sign(key, hashes.SHA384())
    )


def issuing_certificate(
    public: ec.EllipticCurvePublicKey,
    generation: int,
    now: datetime,
    *,
    root: x509.Certificate,
    root_key: ec.EllipticCurvePrivateKey,
) -> x509.Certificate:
    """Make an issuing authority's certificate: it signs leaves, and no authority below it."""
    organisation = root.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)[0].value
    subject = _name(str(organisation), f"Issuing {generation}")
    builder = _builder(subject, root.subject, public, now, ISSUING_LIFE)
    return (
        builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_AUTHORITY_USAGE, critical=True)
        .add_extension(_authority_key(root), critical=False)
        .sign(root_key, hashes.SHA384())
    )


def leaf_certificate(
    public: ec.EllipticCurvePublicKey,
    identity: Identity,
    now: datetime,
    *,
    issuing: x509.Certificate,
    issuing_key: ec.EllipticCurvePrivateKey,
) -> x509.Certificate:
    """Make a party's certificate."""
    usages = [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]
    names = [x509.UniformResourceIdentifier(identity.uri), x509.DNSName(identity.dns_name)]
    builder = _builder(x509.Name([]), issuing.subject, public, now, LEAF_LIFE)
    return (
        builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(SIGNATURES_ONLY, critical=True)
        .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=True)
        .add_extension(_authority_key(issuing), critical=False)
        .sign(issuing_key, hashes.SHA256())
    )


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    public: ec.EllipticCurvePublicKey,
    now: datetime,
    life: timedelta,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACK_DATED)
        .not_valid_after(now + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _authority_key(issuer: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    subject_key = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(subject_key)


def _name(federation: str, what: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, federation),
            x509.NameAttribute(NameOID.COMMON_NAME, what),
        ]
    )
