"""Signing requests: a key and the proof of its possession; the rest counts for nothing."""

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from certs.csr import LONGEST_REQUEST, make_signing_request, read_signing_request
from landbridge.errors import LandbridgeError, Reason
from tests.mutations import mutations

KEY = ec.generate_private_key(ec.SECP256R1())
SIGNING_REQUEST = make_signing_request(KEY)


def request(
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey,
    digest: hashes.HashAlgorithm | None,
    *extensions: x509.ExtensionType,
) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Root 1")])
    builder = x509.CertificateSigningRequestBuilder().subject_name(name)
    for extension in extensions:
        builder = builder.add_extension(extension, critical=True)
    return builder.sign(key, digest).public_bytes(serialization.Encoding.DER)


def refused(der: bytes) -> str:
    with pytest.raises(LandbridgeError) as caught:
        read_signing_request(der)
    assert caught.value.reason is Reason.BAD_SIGNING_REQUEST
    return caught.value.message


def test_key_of_a_request_is_read() -> None:
    assert read_signing_request(SIGNING_REQUEST) == KEY.public_key()


def test_wishes_are_read_over() -> None:
    wishes = (
        x509.BasicConstraints(ca=True, path_length=None),
        x509.SubjectAlternativeName([x509.UniformResourceIdentifier("spiffe://other/node/main")]),
    )
    assert read_signing_request(request(KEY, hashes.SHA256(), *wishes)) == KEY.public_key()


@pytest.mark.parametrize(
    "der",
    [
        request(ec.generate_private_key(ec.SECP384R1()), hashes.SHA384()),
        request(ec.generate_private_key(ec.SECP256K1()), hashes.SHA256()),
        request(rsa.generate_private_key(65537, 2048), hashes.SHA256()),
        request(ed25519.Ed25519PrivateKey.generate(), None),
    ],
    ids=["P-384", "secp256k1", "RSA", "Ed25519"],
)
def test_keys_are_on_p256_only(der: bytes) -> None:
    assert "P-256" in refused(der)


def test_another_hash_is_refused() -> None:
    assert "SHA-2" in refused(request(KEY, hashes.SHA3_256()))


def test_another_keys_request_is_no_proof() -> None:
    other = ec.generate_private_key(ec.SECP256R1()).public_key()
    encoding, form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    mine, theirs = (key.public_bytes(encoding, form) for key in (KEY.public_key(), other))
    assert "has the key" in refused(SIGNING_REQUEST.replace(mine, theirs))


def test_size_is_bounded() -> None:
    long = x509.SubjectAlternativeName([x509.DNSName("a" * 60)] * (LONGEST_REQUEST // 60))
    assert str(LONGEST_REQUEST) in refused(request(KEY, hashes.SHA256(), long))


@given(st.binary(max_size=200))
def test_garbage_is_refused(der: bytes) -> None:
    refused(der)


def test_20000_mutations_neither_crash_nor_bring_in_another_key() -> None:
    for mutated in mutations(SIGNING_REQUEST, 20_000, seed=3):
        try:
            key = read_signing_request(mutated)
        except LandbridgeError as error:
            assert error.reason is Reason.BAD_SIGNING_REQUEST  # noqa: PT017  most of them are
        else:
            assert key == KEY.public_key()
