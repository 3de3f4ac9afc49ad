"""Callers with certificates of every wrong form, by where they are refused, and with which code."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from certs.authority_files import to_pem
from certs.profiles import issuing_certificate
from landbridge.agency import Identity, Role
from landbridge.errors import Reason
from landbridge.rpc.certificate import SIGNATURES_ONLY
from landbridge.rpc.credentials import Credential
from tests.hostile import CLIENT_AUTH, SERVER_AUTH, Recipe
from tests.integration.tls_server import NODE
from tests.pki import BOARD, FEDERATION, GATEWAY, shared_federation

CALLER = Identity(GATEWAY, FEDERATION, Role.GATEWAY, "main")
HOST = f"{GATEWAY}.{FEDERATION}"
ANY_USE = ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE
UNKNOWN = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")

Make = Callable[[], Credential]


def hostile(**changes: object) -> Credential:
    return Recipe.true_to(CALLER, **changes).shown(shared_federation().issuing)


def named(*uris: str) -> Make:
    return lambda: hostile(uris=uris)


def usage(**changes: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        **{
            **{name: getattr(SIGNATURES_ONLY, f"_{name}") for name in _BITS},
            **changes,
        }
    )


_BITS = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)
COMMON_NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, CALLER.dns_name)])

# TLS itself lets all of these in.
OF_WRONG_FORM: Mapping[str, Make] = {
    "two URIs": named(CALLER.uri, NODE.uri),
    "no URI": named(),
    "no DNS name": lambda: hostile(hosts=()),
    "another's DNS name": lambda: hostile(hosts=(NODE.dns_name,)),
    "a NUL in the DNS name": lambda: hostile(hosts=(f"{CALLER.dns_name}\x00.evil",)),
    "no names at all": lambda: hostile(uris=(), hosts=()),
    "names that are not critical": lambda: hostile(names_critical=False),
    "a name in the subject": lambda: hostile(subject=COMMON_NAME),
    "an authority's certificate": lambda: hostile(ca=True),
    "an RSA key": lambda: hostile(key=rsa.generate_private_key(65537, 2048)),
    "a P-384 key": lambda: hostile(key=ec.generate_private_key(ec.SECP384R1())),
    "no extended use": lambda: hostile(extended=()),
    "client use alone": lambda: hostile(extended=(CLIENT_AUTH,)),
    "any use beside the two": lambda: hostile(extended=(CLIENT_AUTH, SERVER_AUTH, ANY_USE)),
    "no key usage": lambda: hostile(key_usage=None),
    "key encipherment beside signatures": lambda: hostile(key_usage=usage(key_encipherment=True)),
    "ten years": lambda: hostile(life=timedelta(days=3650)),
    "no issuer key id": lambda: hostile(without=(x509.AuthorityKeyIdentifier,)),
    "no subject key id": lambda: hostile(without=(x509.SubjectKeyIdentifier,)),
    "no basic constraints": lambda: hostile(without=(x509.BasicConstraints,)),
    "no policy": lambda: hostile(without=(x509.CertificatePolicies,)),
    "no revocation list": lambda: hostile(without=(x509.CRLDistributionPoints,)),
    "an unknown extension": lambda: hostile(extra=UNKNOWN),
}
# So are these, whose URI is not an identity in its one exact form.
OF_WRONG_NAME: Mapping[str, Make] = {
    "a NUL in the URI": named(f"{CALLER.uri}\x00/evil"),
    "percent-encoding": named(f"spiffe://{HOST}/g%61teway/main"),
    "two dots": named(f"spiffe://{HOST}/node/../gateway/main"),
    "a space": named(f"spiffe://{HOST}/gateway/ma in"),
    "an empty URI": named(""),
    "upper case": named(f"spiffe://{HOST.upper()}/gateway/main"),
    "a query": named(f"{CALLER.uri}?role=node"),
    "a port": named(f"spiffe://{HOST}:443/gateway/main"),
    "another federation": named(f"spiffe://{GATEWAY}.elsewhere.example/gateway/main"),
    "no such role": named(f"spiffe://{HOST}/superuser/main"),
}


def _wrong_issuer() -> Credential:
    """Name the key of another authority as the issuer's."""
    return hostile(issuer_key=ec.generate_private_key(ec.SECP256R1()).public_key())


def _agency_run() -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    """Make an authority that an agency runs for itself, under the federation's root."""
    pki = shared_federation()
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = issuing_certificate(
        key.public_key(),
        7,
        datetime.now(UTC),
        root=pki.root.certificate,
        root_key=pki.root.key,
        name_constraints=f"{BOARD}.{FEDERATION}",
    )
    return certificate, key


def _under(
    certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey, identity: Identity
) -> Credential:
    pki = shared_federation()
    issuing = type(pki.issuing)(FEDERATION, certificate, key, pki.root.certificate)
    return Recipe.true_to(identity).shown(issuing)


def _own_name_under_unlisted() -> Credential:
    """Certify by an authority that the root has made, and no trust bundle lists."""
    return _under(*_agency_run(), Identity(BOARD, FEDERATION, Role.REQUESTER, "main"))


def _foreign_name() -> Credential:
    return _under(*_agency_run(), CALLER)


def _leaf_issued() -> Credential:
    """Sign a leaf with another leaf's key."""
    pki = shared_federation()
    above = Recipe.true_to(CALLER)
    signer = above.certificate(pki.issuing)
    own = Recipe.true_to(CALLER)
    leaf = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(signer.subject)
        .public_key(own.key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - timedelta(minutes=5))
        .not_valid_after(datetime.now(UTC) + timedelta(hours=1))
    )
    for extension in signer.extensions:
        leaf = leaf.add_extension(extension.value, extension.critical)
    made = leaf.sign(above.key, hashes.SHA256())  # type: ignore[arg-type]
    good = own.shown(pki.issuing)
    chain = to_pem(made, signer, pki.issuing.certificate)
    return Credential(good.key, chain, good.leaf, made, good.private)


def _long_chain() -> Credential:
    """Show a chain that is longer than what a server of gRPC takes."""
    issuing = shared_federation().issuing.certificate
    return hostile(above=(issuing, *([issuing] * 16)))


REFUSED_BY_GUARD: Mapping[str, tuple[Make, Reason]] = {
    **{name: (make, Reason.CERTIFICATE_REFUSED) for name, make in OF_WRONG_FORM.items()},
    **{name: (make, Reason.CALLER_REFUSED) for name, make in OF_WRONG_NAME.items()},
    "an authority that is not listed": (_own_name_under_unlisted, Reason.ISSUER_REFUSED),
}

REFUSED_BY_TLS: Mapping[str, Make] = {
    "expired": lambda: hostile(made_ago=timedelta(hours=25)),
    "not yet valid": lambda: hostile(made_ago=timedelta(hours=-1)),
    "server use alone": lambda: hostile(extended=(SERVER_AUTH,)),
    "any use alone": lambda: hostile(extended=(ANY_USE,)),
    "an unknown critical extension": lambda: hostile(extra=UNKNOWN, extra_critical=True),
    "no signatures": lambda: hostile(key_usage=usage(digital_signature=False, key_agreement=True)),
    "another's key id for the issuer's": _wrong_issuer,
    "no issuing authority": lambda: hostile(above=()),
    "an agency's authority for a foreign name": _foreign_name,
    "issued by a leaf": _leaf_issued,
    "an oversized chain": _long_chain,
    "an Ed25519 key": lambda: hostile(key=ed25519.Ed25519PrivateKey.generate()),
    "a P-521 key": lambda: hostile(key=ec.generate_private_key(ec.SECP521R1())),
}
