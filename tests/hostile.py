"""Certificates that a federation's authority would never issue, signed by its real key."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, ObjectIdentifier

from certs.authority import Issuing
from landbridge.agency import Identity
from landbridge.rpc.certificate import SIGNATURES_ONLY

CLIENT_AUTH = ExtendedKeyUsageOID.CLIENT_AUTH
SERVER_AUTH = ExtendedKeyUsageOID.SERVER_AUTH


@dataclass(frozen=True)
class Recipe:
    """A leaf's content; what is not overridden is as in the true profile."""

    uris: tuple[str, ...]
    hosts: tuple[str, ...]
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
    ca: bool = False
    key_usage: x509.KeyUsage | None = SIGNATURES_ONLY
    extended: tuple[ObjectIdentifier, ...] = (CLIENT_AUTH, SERVER_AUTH)
    life: timedelta = timedelta(hours=24)
    made_ago: timedelta = timedelta(minutes=5)
    issuer_key_id: bool = True
    extra: x509.ExtensionType | None = None

    @classmethod
    def true_to(cls, identity: Identity, **changes: object) -> "Recipe":
        key = ec.generate_private_key(ec.SECP256R1())
        return replace(cls((identity.uri,), (identity.dns_name,), key), **changes)

    def certificate(self, issuing: Issuing) -> x509.Certificate:
        public = self.key.public_key()
        start = datetime.now(UTC) - self.made_ago
        names = [
            *map(x509.UniformResourceIdentifier, self.uris),
            *map(x509.DNSName, self.hosts),
        ]
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([]))
            .issuer_name(issuing.certificate.subject)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(start + self.life)
            .add_extension(x509.BasicConstraints(self.ca, None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=True)
        if self.extended:
            builder = builder.add_extension(x509.ExtendedKeyUsage(self.extended), critical=False)
        if self.key_usage:
            builder = builder.add_extension(self.key_usage, critical=True)
        if self.issuer_key_id:
            identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(
                issuing.certificate.public_key()
            )
            builder = builder.add_extension(identifier, critical=False)
        if self.extra:
            builder = builder.add_extension(self.extra, critical=False)
        return builder.sign(issuing.key, hashes.SHA256())

    def pem(self, issuing: Issuing) -> bytes:
        return self.certificate(issuing).public_bytes(serialization.Encoding.PEM)

    def key_pem(self) -> bytes:
        return self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )

    def write(self, folder: Path, issuing: Issuing) -> Path:
        """Write it as a tls folder."""
        folder.mkdir(parents=True)
        (folder / "chain.pem").write_bytes(self.pem(issuing) + issuing.pem)
        (folder / "key.pem").write_bytes(self.key_pem())
        (folder / "key.pem").chmod(0o600)
        (folder / "roots.pem").write_bytes(issuing.roots_pem)
        return folder
