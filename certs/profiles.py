"""The certificates of a federation and their revocation lists, as they are built (RFC 5280).

Root P-384 for 10 years, issuing authority P-256 for one year, leaf P-256 for 24 hours. Each leaf
carries one URI, the identity, and one DNS name of its own. Its subject is empty, so that nothing
can be matched but these names. An authority's id, such as `issuing-3`, follows from its subject,
and names the revocation list that its certificates point to.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from certs.authority_name import authority_name, federation_of, list_url
from landbridge.agency import Identity
from landbridge.rpc.certificate import SIGNATURES_ONLY

ROOT_LIFE = timedelta(days=3652)
ISSUING_LIFE = timedelta(days=365)
LEAF_LIFE = timedelta(hours=24)
TRIAL_LIFE = timedelta(minutes=10)
BACK_DATED = timedelta(minutes=5)
# A serial stays on the list for one list's life after its certificate's end (RFC 5280, 3.3).
_LISTED_AFTER_END = timedelta(hours=1)

# A UUID of our own in the arcs that cut it into small parts: linters read no arc over 32 bits, so
# that the one-part form under 2.25 (ITU-T X.667) would not do.
POLICY = x509.ObjectIdentifier(
    "1.2.840.113556.1.8000.2554.35613.31787.12135.19355.46298.7314173.7858365"
)

AUTHORITY_USAGE = x509.KeyUsage(
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

Revoked = tuple[int, datetime, datetime]
"""A serial, when it was revoked, and the end of its certificate."""


def root_certificate(
    key: ec.EllipticCurvePrivateKey, federation: str, generation: int, now: datetime
) -> x509.Certificate:
    """Make the self-signed root; each generation has a subject of its own."""
    subject = authority_name(federation, f"Root {generation}")
    builder = _builder(subject, subject, key.public_key(), now, now + ROOT_LIFE)
    return (
        builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(AUTHORITY_USAGE, critical=True)
        .sign(key, hashes.SHA384())
    )


def cross_certificate(
    public: ec.EllipticCurvePublicKey,
    now: datetime,
    *,
    new_root: x509.Certificate,
    old_root: x509.Certificate,
    old_key: ec.EllipticCurvePrivateKey,
) -> x509.Certificate:
    """Vouch for a new root's key with the old root's, so that who trusts only that may follow.

    It ends with the old root, and allows the new one's issuing authorities below it, no more.
    """
    end = min(old_root.not_valid_after_utc, new_root.not_valid_after_utc)
    builder = _builder(new_root.subject, old_root.subject, public, now, end)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=1), critical=True)
    return _below(builder, old_root).sign(old_key, hashes.SHA384())


def issuing_certificate(  # noqa: PLR0913  what stands in the certificate
    public: ec.EllipticCurvePublicKey,
    generation: int,
    now: datetime,
    *,
    root: x509.Certificate,
    root_key: ec.EllipticCurvePrivateKey,
    name_constraints: str | None = None,
) -> x509.Certificate:
    """Make an issuing authority's certificate: it signs leaves, and no authority below it.

    `name_constraints` is the agency's host, `<agency>.<federation>`, where an agency runs the
    authority: TLS then accepts no name under it but that agency's (RFC 5280, section 4.2.1.10).
    """
    subject = authority_name(federation_of(root.subject), f"Issuing {generation}")
    end = min(now + ISSUING_LIFE, root.not_valid_after_utc)
    builder = _builder(subject, root.subject, public, now, end)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    if name_constraints is not None:
        permitted = [
            x509.UniformResourceIdentifier(name_constraints),
            x509.DNSName(name_constraints),
        ]
        constraints = x509.NameConstraints(permitted, excluded_subtrees=None)
        builder = builder.add_extension(constraints, critical=True)
    return _below(builder, root).sign(root_key, hashes.SHA384())


def leaf_certificate(  # noqa: PLR0913  what stands in the certificate
    public: ec.EllipticCurvePublicKey,
    identity: Identity,
    now: datetime,
    *,
    issuing: x509.Certificate,
    issuing_key: ec.EllipticCurvePrivateKey,
    life: timedelta = LEAF_LIFE,
) -> x509.Certificate:
    """Make a party's certificate; it ends with its issuing authority at the latest."""
    usages = [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]
    names = [x509.UniformResourceIdentifier(identity.uri), x509.DNSName(identity.dns_name)]
    end = min(now + life, issuing.not_valid_after_utc)
    builder = _builder(x509.Name([]), issuing.subject, public, now, end)
    builder = (
        builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(SIGNATURES_ONLY, critical=True)
        .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=True)
    )
    return _traceable(builder, issuing).sign(issuing_key, hashes.SHA256())


def crl(  # noqa: PLR0913  what stands in the list
    issuing: x509.Certificate,
    key: ec.EllipticCurvePrivateKey,
    *,
    number: int,
    now: datetime,
    next_update: datetime,
    revoked: Iterable[Revoked],
) -> bytes:
    """Sign an authority's revocation list and return its DER (RFC 5280, section 5).

    A certificate that ended more than an hour ago is left out.
    """
    constraints = issuing.extensions.get_extension_for_class(x509.BasicConstraints).value
    scope = x509.IssuingDistributionPoint(
        full_name=[x509.UniformResourceIdentifier(list_url(issuing.subject))],
        relative_name=None,
        # An issuing authority, which has path length 0, signs only leaves; a root none.
        only_contains_user_certs=constraints.path_length == 0,
        only_contains_ca_certs=constraints.path_length is None,
        only_some_reasons=None,
        indirect_crl=False,
        only_contains_attribute_certs=False,
    )
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuing.subject)
        .last_update(now - BACK_DATED)
        .next_update(next_update)
        .add_extension(x509.CRLNumber(number), critical=False)
        .add_extension(_authority_key(issuing), critical=False)
        .add_extension(scope, critical=True)
    )
    for serial, when, end in sorted(revoked):
        if now <= end + _LISTED_AFTER_END:
            entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(when)
            builder = builder.add_revoked_certificate(entry.build())
    digest = hashes.SHA256() if constraints.path_length == 0 else hashes.SHA384()
    return builder.sign(key, digest).public_bytes(serialization.Encoding.DER)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    public: ec.EllipticCurvePublicKey,
    now: datetime,
    end: datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACK_DATED)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _below(builder: x509.CertificateBuilder, root: x509.Certificate) -> x509.CertificateBuilder:
    """Add what every authority under a root has."""
    return _traceable(builder.add_extension(AUTHORITY_USAGE, critical=True), root)


def _traceable(
    builder: x509.CertificateBuilder, issuer: x509.Certificate
) -> x509.CertificateBuilder:
    """Add whose key signed, under which policy, and where revocations are listed."""
    where = [x509.UniformResourceIdentifier(list_url(issuer.subject))]
    point = x509.DistributionPoint(where, relative_name=None, reasons=None, crl_issuer=None)
    return (
        builder.add_extension(_authority_key(issuer), critical=False)
        .add_extension(
            x509.CertificatePolicies([x509.PolicyInformation(POLICY, None)]), critical=False
        )
        .add_extension(x509.CRLDistributionPoints([point]), critical=False)
    )


def _authority_key(issuer: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    subject_key = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(subject_key)
