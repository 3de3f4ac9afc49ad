"""The profile check refuses every leaf that the federation would not have issued."""

import base64
from collections.abc import Callable
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from landbridge.agency import Identity, Role
from landbridge.errors import LandbridgeError, Reason
from landbridge.rpc.certificate import read_leaf
from tests.hostile import CLIENT_AUTH, SERVER_AUTH, Recipe
from tests.pki import FEDERATION, REGISTRY, SCHOOLS, shared_federation

NODE = Identity(REGISTRY, FEDERATION, Role.NODE, "main")
OTHER = Identity(SCHOOLS, FEDERATION, Role.NODE, "main")
HOST = f"{REGISTRY}.{FEDERATION}"

USAGE_WITH_ENCIPHERMENT = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=True,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=False,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)


def read(recipe: Recipe) -> Identity:
    return read_leaf(recipe.pem(shared_federation().issuing), FEDERATION).identity


def issued_leaf() -> bytes:
    """Return a leaf that the federation has issued, as it stands in its party's file."""
    path = shared_federation().state(REGISTRY, Role.NODE) / "credential.pem"
    return b"-----BEGIN CERT" + path.read_bytes().split(b"-----BEGIN CERT")[1]


def test_true_leaf_is_read() -> None:
    assert read(Recipe.true_to(NODE)) == NODE
    issuing = shared_federation().issuing
    pem = issued_leaf()
    leaf = read_leaf(pem, FEDERATION)
    identifier = issuing.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    assert leaf.issuer_key_id == identifier.value.digest.hex()
    assert leaf.serial == x509.load_pem_x509_certificate(pem).serial_number
    assert leaf.not_before < shared_federation().clock() < leaf.not_after


WRONG_FORMS: dict[str, Callable[[], Recipe]] = {
    "two URIs": lambda: Recipe.true_to(NODE, uris=(NODE.uri, OTHER.uri)),
    "the same URI twice": lambda: Recipe.true_to(NODE, uris=(NODE.uri, NODE.uri)),
    "no URI": lambda: Recipe.true_to(NODE, uris=()),
    "no DNS name": lambda: Recipe.true_to(NODE, hosts=()),
    "two DNS names": lambda: Recipe.true_to(NODE, hosts=(NODE.dns_name, OTHER.dns_name)),
    "another's DNS name": lambda: Recipe.true_to(NODE, hosts=(OTHER.dns_name,)),
    "wildcard DNS name": lambda: Recipe.true_to(NODE, hosts=(f"*.node.{HOST}",)),
    "NUL in the DNS name": lambda: Recipe.true_to(NODE, hosts=(NODE.dns_name + "\x00.evil",)),
    "no names at all": lambda: Recipe.true_to(NODE, uris=(), hosts=()),
    "an authority": lambda: Recipe.true_to(NODE, ca=True),
    "RSA key": lambda: Recipe.true_to(NODE, key=rsa.generate_private_key(65537, 2048)),
    "P-384 key": lambda: Recipe.true_to(NODE, key=ec.generate_private_key(ec.SECP384R1())),
    "client use only": lambda: Recipe.true_to(NODE, extended=(CLIENT_AUTH,)),
    "server use only": lambda: Recipe.true_to(NODE, extended=(SERVER_AUTH,)),
    "any use": lambda: Recipe.true_to(
        NODE, extended=(CLIENT_AUTH, SERVER_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE)
    ),
    "no extended use": lambda: Recipe.true_to(NODE, extended=()),
    "no key usage": lambda: Recipe.true_to(NODE, key_usage=None),
    "key encipherment": lambda: Recipe.true_to(NODE, key_usage=USAGE_WITH_ENCIPHERMENT),
    "ten years": lambda: Recipe.true_to(NODE, life=timedelta(days=3650)),
    "no issuer key id": lambda: Recipe.true_to(NODE, without=(x509.AuthorityKeyIdentifier,)),
    "a name in the subject": lambda: Recipe.true_to(
        NODE, subject=x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, OTHER.dns_name)])
    ),
    "names that are not critical": lambda: Recipe.true_to(NODE, names_critical=False),
    "no policy": lambda: Recipe.true_to(NODE, without=(x509.CertificatePolicies,)),
    "no revocation list": lambda: Recipe.true_to(NODE, without=(x509.CRLDistributionPoints,)),
    "an unknown extension": lambda: Recipe.true_to(
        NODE, extra=x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
    ),
}


@pytest.mark.parametrize("name", WRONG_FORMS)
def test_certificate_of_wrong_form_is_refused(name: str) -> None:
    with pytest.raises(LandbridgeError) as caught:
        read(WRONG_FORMS[name]())
    assert caught.value.reason is Reason.CERTIFICATE_REFUSED


@pytest.mark.parametrize(
    "uri",
    [
        f"{NODE.uri}\x00/evil",
        f"spiffe://{HOST}/node/main\x00",
        f"spiffe://{HOST}/node/ma%69n",
        f"spiffe://{HOST}/node/main?role=gateway",
        f"spiffe://{HOST}/node/main#x",
        f"spiffe://{HOST}/node/../gateway/main",
        f"spiffe://{HOST}/node/main/",
        f"spiffe://{HOST}/node//main",
        f"SPIFFE://{HOST}/node/main",
        f"spiffe://{HOST.upper()}/node/main",
        f"spiffe://user@{HOST}/node/main",
        f"spiffe://{HOST}:443/node/main",
        f"spiffe://{HOST}/superuser/main",
        f"spiffe://{FEDERATION}/node/main",
        f"spiffe://{REGISTRY}.evil-{FEDERATION}/node/main",
        f"spiffe://{REGISTRY}.elsewhere.example/node/main",
        f"https://{HOST}/node/main",
        f" {NODE.uri}",
        f"{NODE.uri}\n",
        "",
    ],
)
def test_uri_that_is_no_identity_is_refused(uri: str) -> None:
    with pytest.raises(LandbridgeError) as caught:
        read(Recipe.true_to(NODE, uris=(uri,)))
    assert caught.value.reason in {Reason.CALLER_REFUSED, Reason.CERTIFICATE_REFUSED}


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_broken_certificates_are_refused_and_nothing_else(data: st.DataObject) -> None:
    whole = x509.load_pem_x509_certificate(issued_leaf())
    der = bytearray(whole.tbs_certificate_bytes)
    for _ in range(data.draw(st.integers(1, 3))):
        der[data.draw(st.integers(0, len(der) - 1))] = data.draw(st.integers(0, 255))
    body = bytes(der) + bytes.fromhex("300a06082a8648ce3d040302") + b"\x03\x01\x00"
    pem = _armour(b"\x30\x82" + len(body).to_bytes(2, "big") + body)
    try:
        leaf = read_leaf(pem, FEDERATION)
    except LandbridgeError as error:
        assert error.reason in {Reason.CERTIFICATE_REFUSED, Reason.CALLER_REFUSED}  # noqa: PT017
    else:
        assert leaf.identity.federation == FEDERATION


def _armour(der: bytes) -> bytes:
    text = base64.encodebytes(der)
    return b"-----BEGIN CERTIFICATE-----\n" + text + b"-----END CERTIFICATE-----\n"


@pytest.mark.parametrize(
    "pem", [b"", b"garbage", b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"]
)
def test_what_is_no_certificate_is_refused(pem: bytes) -> None:
    with pytest.raises(LandbridgeError) as caught:
        read_leaf(pem, FEDERATION)
    assert caught.value.reason is Reason.CERTIFICATE_REFUSED
