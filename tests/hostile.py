"""Certificates that a federation's authority would never issue, signed by its real key or not."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, ObjectIdentifier

from certs.authority import Issuing
from certs.authority_files import to_pem
from certs.authority_name import list_url
from certs.profiles import POLICY
from landbridge.agency import Identity
from landbridge.rpc.certificate import SIGNATURES_ONLY, LeafCertificate
from landbridge.rpc.credentials import Credential

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
CLIENT_AUTH = ExtendedKeyUsageOID.CLIENT_AUTH
SERVER_AUTH = ExtendedKeyUsageOID.SERVER_AUTH


NO_NAME = x509.Name([])


@dataclass(frozen=True)
class Recipe:
    """A leaf's content; what is not overridden is as in the true profile."""

    identity: Identity
    key: Key
    uris: tuple[str, ...] | None = None
    hosts: tuple[str, ...] | None = None
    subject: x509.Name = NO_NAME
    names_critical: bool = True
    serial: int = 0
    ca: bool = False
    key_usage: x509.KeyUsage | None = SIGNATURES_ONLY
    extended: tuple[ObjectIdentifier, ...] = (CLIENT_AUTH, SERVER_AUTH)
    life: timedelta = timedelta(hours=24)
    made_ago: timedelta = timedelta(minutes=5)
    issuer_key: ec.EllipticCurvePublicKey | None = None
    """Whose key the certificate says has signed it, if not the issuer's."""
    without: tuple[type[x509.ExtensionType], ...] = ()
    extra: x509.ExtensionType | None = None
    extra_critical: bool = False
    above: tuple[x509.Certificate, ...] | None = None
    """What stands above the leaf in its chain, if not the issuing authority."""

    @classmethod
    def true_to(cls, identity: Identity, **changes: object) -> "Recipe":
        return replace(cls(identity, ec.generate_private_key(ec.SECP256R1())), **changes)  # type: ignore[arg-type]

    def certificate(self, issuing: Issuing) -> x509.Certificate:
        start = datetime.now(UTC) - self.made_ago
        builder = (
            x509.CertificateBuilder()
            .subject_name(self.subject)
            .issuer_name(issuing.certificate.subject)
            .public_key(self.key.public_key())
            .serial_number(self.serial or x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(start + self.life)
        )
        for extension, critical in self._extensions(issuing):
            if not isinstance(extension, self.without):
                builder = builder.add_extension(extension, critical=critical)
        return builder.sign(issuing.key, hashes.SHA256())

    def _extensions(self, issuing: Issuing) -> list[tuple[x509.ExtensionType, bool]]:
        uris = (self.identity.uri,) if self.uris is None else self.uris
        hosts = (self.identity.dns_name,) if self.hosts is None else self.hosts
        names = [*map(x509.UniformResourceIdentifier, uris), *map(x509.DNSName, hosts)]
        issuer = self.issuer_key or issuing.certificate.public_key()
        where = [x509.UniformResourceIdentifier(list_url(issuing.certificate.subject))]
        found: list[tuple[x509.ExtensionType, bool]] = [
            (x509.BasicConstraints(self.ca, None), True),
            (x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()), False),
            (x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer), False),  # type: ignore[arg-type]
            (x509.CertificatePolicies([x509.PolicyInformation(POLICY, None)]), False),
            (x509.CRLDistributionPoints([x509.DistributionPoint(where, None, None, None)]), False),
        ]
        if names:
            found.append((x509.SubjectAlternativeName(names), self.names_critical))
        if self.extended:
            found.append((x509.ExtendedKeyUsage(self.extended), False))
        if self.key_usage:
            found.append((self.key_usage, True))
        if self.extra:
            found.append((self.extra, self.extra_critical))
        return found

    def pem(self, issuing: Issuing) -> bytes:
        return to_pem(self.certificate(issuing))

    def key_pem(self) -> bytes:
        return self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )

    def shown(self, issuing: Issuing) -> Credential:
        """Make a credential of it, with none of the checks that an honest party makes."""
        leaf = self.certificate(issuing)
        above = (issuing.certificate, issuing.cross) if self.above is None else self.above
        stated = LeafCertificate(self.identity, "", leaf.serial_number, 0, 0)
        key: ec.EllipticCurvePrivateKey = self.key  # type: ignore[assignment]
        return Credential(self.key_pem(), to_pem(leaf, *above), stated, leaf, key)

    def write(self, path: Path, issuing: Issuing) -> Path:
        """Write it as a credential file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.shown(issuing).pem)
        path.chmod(0o600)
        return path
