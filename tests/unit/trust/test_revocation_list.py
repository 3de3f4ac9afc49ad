"""Revocation lists: read only if they are complete, of our form and of their authority."""

import functools
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st

from certs.authority import Root
from certs.profiles import LEAF_LIFE
from landbridge.clock import to_datetime
from landbridge.errors import LandbridgeError, Reason
from landbridge.trust.authority import subject_key_id
from landbridge.trust.revocation_list import LARGEST_LIST, issuer_of, read
from tests.bundles import refusal
from tests.pki import FEDERATION, shared_federation
from tests.succession import now

HOUR = timedelta(hours=1)
Builder = x509.CertificateRevocationListBuilder


def issuer() -> x509.Certificate:
    return shared_federation().issuing.certificate


def made(number: int = 1, *serials: int) -> bytes:
    when = to_datetime(now())
    revoked = [(serial, when, when + LEAF_LIFE) for serial in serials]
    return shared_federation().issuing.sign_crl(number, revoked, now)


def test_list_is_read_as_the_authority_signed_it() -> None:
    data = made(7, 0x1F, 0xABC)
    found = read(data, issuer())
    assert (found.issuer, found.number) == (subject_key_id(issuer()), 7)
    assert found.serials == {0x1F, 0xABC}
    assert found.der == data
    assert found.this_update <= now() < found.next_update
    assert issuer_of(data) == found.issuer


def test_list_of_another_authority_is_refused() -> None:
    other = Root.create(FEDERATION, now).create_issuing(now)
    forged = other.sign_crl(9, [], now)
    error = refusal(lambda: read(forged, issuer()))
    assert error.reason is Reason.BAD_REVOCATION_LIST
    assert "another authority" in error.message


def scope(**update: Any) -> x509.IssuingDistributionPoint:
    usual: dict[str, Any] = {
        "full_name": [x509.UniformResourceIdentifier("http://crl.federation.example/a.crl")],
        "relative_name": None,
        "only_contains_user_certs": True,
        "only_contains_ca_certs": False,
        "only_some_reasons": None,
        "indirect_crl": False,
        "only_contains_attribute_certs": False,
    }
    return x509.IssuingDistributionPoint(**{**usual, **update})


def signed(  # noqa: PLR0913  one for each part
    change: Callable[[Builder], Builder] = lambda builder: builder,
    *,
    point: x509.IssuingDistributionPoint | None = None,
    critical: bool = True,
    number: int | None = 1,
    names_key: bool = True,
    key: Any = None,
    subject: x509.Name | None = None,
    digest: Any = None,
) -> bytes:
    """Sign a list of the true authority, one part of which is not as it should be."""
    when = to_datetime(now())
    builder = Builder().issuer_name(subject or issuer().subject)
    builder = builder.last_update(when).next_update(when + HOUR)
    if number is not None:
        builder = builder.add_extension(x509.CRLNumber(number), critical=False)
    if names_key:
        own = issuer().extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        named = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own)
        builder = builder.add_extension(named, critical=False)
    builder = builder.add_extension(point or scope(), critical=critical)
    key = key or shared_federation().issuing.key
    algorithm = None if isinstance(key, ed25519.Ed25519PrivateKey) else digest or hashes.SHA256()
    return change(builder).sign(key, algorithm).public_bytes(Encoding.DER)


@functools.cache
def unchanged() -> bytes:
    return signed()


def _unknown_critical(builder: Builder) -> Builder:
    extension = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
    return builder.add_extension(extension, critical=True)


def _delta(builder: Builder) -> Builder:
    return builder.add_extension(x509.DeltaCRLIndicator(1), critical=True)


def _indirect_entry(builder: Builder) -> Builder:
    entry = x509.RevokedCertificateBuilder().serial_number(5).revocation_date(to_datetime(now()))
    name = x509.CertificateIssuer([x509.DirectoryName(issuer().subject)])
    return builder.add_revoked_certificate(entry.add_extension(name, critical=True).build())


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: signed(number=None), "other extensions"),
        (lambda: signed(names_key=False), "cannot be read"),
        (lambda: signed(_unknown_critical), "other extensions"),
        (lambda: signed(_delta), "other extensions"),
        (lambda: signed(_indirect_entry), "unknown extension"),
        (lambda: signed(critical=False), "not cover all"),
        (lambda: signed(point=scope(indirect_crl=True)), "not cover all"),
        (
            lambda: signed(
                point=scope(only_contains_user_certs=False, only_contains_ca_certs=True)
            ),
            "not cover all",
        ),
        (
            lambda: signed(
                point=scope(only_some_reasons=frozenset({x509.ReasonFlags.key_compromise}))
            ),
            "not cover all",
        ),
        (lambda: signed(key=ec.generate_private_key(ec.SECP256R1())), "does not verify"),
        (lambda: signed(key=ed25519.Ed25519PrivateKey.generate()), "does not verify"),
        (lambda: signed(digest=hashes.SHA512()), "does not verify"),
        (lambda: signed(subject=shared_federation().root.certificate.subject), "does not verify"),
        (lambda: made() + b"\x00", "cannot be read"),
        (lambda: made()[:-1], "cannot be read"),
        (lambda: b"", "cannot be read"),
        (lambda: b"-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n", "cannot be read"),
        (lambda: bytes(LARGEST_LIST + 1), "larger than"),
    ],
)
def test_list_of_another_form_is_refused(make: Callable[[], bytes], why: str) -> None:
    read(signed(), issuer())
    error = refusal(lambda: read(make(), issuer()))
    assert error.reason is Reason.BAD_REVOCATION_LIST
    assert why in error.message


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_broken_lists_are_refused_and_nothing_else(data: st.DataObject) -> None:
    whole = unchanged()
    position = data.draw(st.integers(0, len(whole) - 1))
    patch = data.draw(st.binary(min_size=1, max_size=4))
    broken = whole[:position] + patch + whole[position + len(patch) :]
    if broken == whole:
        return
    with pytest.raises(LandbridgeError) as caught:
        read(broken, issuer())
    assert caught.value.reason is Reason.BAD_REVOCATION_LIST
