"""Our own lint: it finds what outside linters do not see, and nothing in what is ours."""

import functools
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from certs.authority import Issuing, Root
from certs.list_check import check_list
from certs.profile_check import Kind, check_profile, kind_of
from certs.profiles import LEAF_LIFE
from landbridge.agency import Identity, Role
from landbridge.clock import system_clock, to_datetime
from landbridge.errors import LandbridgeError, Reason
from landbridge.rpc.certificate import read_leaf
from landbridge.trust import revocation_list
from tests.mutations import mutations

FEDERATION = "federation.example"
NODE = Identity("fsa.ed", FEDERATION, Role.NODE, "main")


@functools.cache
def roots() -> tuple[Root, Root]:
    first = Root.create(FEDERATION, system_clock)
    return first, first.create_next(system_clock)


@functools.cache
def issuing() -> Issuing:
    return roots()[1].create_issuing(system_clock, generation=2)


@functools.cache
def leaf() -> x509.Certificate:
    public = ec.generate_private_key(ec.SECP256R1()).public_key()
    return issuing().issue(NODE, public, system_clock)


def der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.DER)


def rebuilt(  # noqa: PLR0913  one for each part
    *,
    without: type[x509.ExtensionType] | None = None,
    instead: x509.ExtensionType | None = None,
    critical: bool | None = None,
    serial: int | None = None,
    life: timedelta = LEAF_LIFE,
    subject: x509.Name | None = None,
    key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey | None = None,
) -> bytes:
    """Make our leaf anew with one part changed, signed by its real authority."""
    old = leaf()
    start = old.not_valid_before_utc
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject or old.subject)
        .issuer_name(old.issuer)
        .public_key(key or old.public_key())
        .serial_number(old.serial_number if serial is None else serial)
        .not_valid_before(start)
        .not_valid_after(start + life)
    )
    kinds = [type(each.value) for each in old.extensions]
    for each in old.extensions:
        kind = type(each.value)
        if kind is without:
            continue
        changed = kind is type(instead)
        is_critical = critical if changed and critical is not None else each.critical
        value = instead if changed and instead is not None else each.value
        builder = builder.add_extension(value, is_critical)
    if instead is not None and type(instead) not in kinds:
        builder = builder.add_extension(instead, bool(critical))
    return der(builder.sign(issuing().key, hashes.SHA256()))


def codes(document: bytes, kind: Kind = Kind.LEAF) -> set[str]:
    return {finding.code for finding in check_profile(document, kind)}


def test_nothing_is_found_in_what_the_authorities_sign() -> None:
    first, second = roots()
    assert second.cross is not None
    bound = first.create_issuing(system_clock, agency="fsa.ed").certificate
    made = {
        Kind.ROOT: [first.certificate, second.certificate],
        Kind.CROSS: [second.cross],
        Kind.ISSUING: [issuing().certificate, bound],
        Kind.LEAF: [leaf()],
    }
    for kind, certificates in made.items():
        for certificate in certificates:
            assert check_profile(der(certificate), kind) == ()
            assert kind_of(certificate) is kind


@pytest.mark.parametrize("kind", [Kind.ROOT, Kind.CROSS, Kind.ISSUING])
def test_a_leaf_is_nothing_else(kind: Kind) -> None:
    assert check_profile(der(leaf()), kind)


@pytest.mark.parametrize(
    "extension",
    [
        x509.BasicConstraints,
        x509.KeyUsage,
        x509.ExtendedKeyUsage,
        x509.SubjectAlternativeName,
        x509.SubjectKeyIdentifier,
        x509.AuthorityKeyIdentifier,
        x509.CertificatePolicies,
        x509.CRLDistributionPoints,
    ],
)
def test_each_missing_extension_is_found(extension: type[x509.ExtensionType]) -> None:
    findings = check_profile(rebuilt(without=extension), Kind.LEAF)
    assert any(extension.__name__ in finding.message for finding in findings)


CLIENT_ONLY = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
ANY_USE = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE])
WIDE_USE = x509.KeyUsage(*[True] * 7, encipher_only=False, decipher_only=False)
CA_TRUE = x509.BasicConstraints(ca=True, path_length=None)
FOREIGN_NAMES = x509.SubjectAlternativeName(
    [x509.UniformResourceIdentifier(NODE.uri), x509.DNSName("main.node.other.federation.example")]
)
ELSEWHERE = x509.CRLDistributionPoints(
    [
        x509.DistributionPoint(
            [x509.UniformResourceIdentifier("http://elsewhere.example/1.crl")], None, None, None
        )
    ]
)


@pytest.mark.parametrize(
    ("document", "code"),
    [
        (lambda: rebuilt(serial=1), "serial"),
        (lambda: rebuilt(life=timedelta(days=3650)), "life"),
        (lambda: rebuilt(life=timedelta(seconds=-1) + LEAF_LIFE * 2), "life"),
        (lambda: rebuilt(subject=issuing().certificate.subject), "subject"),
        (lambda: rebuilt(instead=CLIENT_ONLY), "extension"),
        (lambda: rebuilt(instead=ANY_USE), "extension"),
        (lambda: rebuilt(instead=CA_TRUE), "extension"),
        (lambda: rebuilt(instead=ELSEWHERE), "extension"),
        (lambda: rebuilt(instead=FOREIGN_NAMES), "LB-4006"),
        (lambda: rebuilt(instead=x509.OCSPNoCheck()), "extra"),
        (lambda: rebuilt(instead=WIDE_USE), "extension"),
        (lambda: rebuilt(key=rsa.generate_private_key(65537, 2048).public_key()), "key"),
        (lambda: rebuilt(key=roots()[0].key.public_key()), "key"),
        (lambda: b"garbage", "unreadable"),
        (lambda: b"", "unreadable"),
        (lambda: der(leaf())[:-20], "unreadable"),
    ],
)
def test_each_departure_from_the_profile_is_found(document: object, code: str) -> None:
    assert callable(document)
    assert code in codes(document())


@pytest.mark.parametrize(
    ("extension", "critical"),
    [
        (x509.BasicConstraints(ca=False, path_length=None), False),
        (leaf().extensions.get_extension_for_class(x509.SubjectAlternativeName).value, False),
        (leaf().extensions.get_extension_for_class(x509.ExtendedKeyUsage).value, True),
    ],
)
def test_criticality_is_part_of_the_profile(
    extension: x509.ExtensionType,
    critical: bool,  # noqa: FBT001
) -> None:
    assert "critical" in codes(rebuilt(instead=extension, critical=critical))


def test_20000_mutated_certificates_crash_neither_lint_nor_guard() -> None:
    original = der(leaf())
    clean = 0
    for mutated in mutations(original, 20_000, seed=5):
        if not check_profile(mutated, Kind.LEAF):
            clean += 1
    # Only what the profile leaves free may differ: serial, times, key ids, key and signature.
    assert clean < 2_000


def test_mutated_pem_does_not_crash_the_guards_reader() -> None:
    pem = leaf().public_bytes(serialization.Encoding.PEM)
    for mutated in mutations(pem, 20_000, seed=7):
        try:
            assert read_leaf(mutated, FEDERATION).identity.federation == FEDERATION
        except LandbridgeError as error:
            assert error.code.startswith("LB-400")  # noqa: PT017  most of them are refused


def test_mutated_authorities_crash_nothing() -> None:
    for kind, certificate in (
        (Kind.ROOT, roots()[0].certificate),
        (Kind.CROSS, roots()[1].cross),
        (Kind.ISSUING, issuing().certificate),
    ):
        assert certificate is not None
        for mutated in mutations(der(certificate), 1_000, seed=11):
            check_profile(mutated, kind)


def test_a_mutated_revocation_list_passes_only_with_its_signed_part_unchanged() -> None:
    now = to_datetime(system_clock())
    signed = issuing().sign_crl(4, [(2**100 + 1, now, now + LEAF_LIFE)], system_clock)
    authority = issuing().certificate
    assert check_list(signed, authority) == ()
    content = x509.load_der_x509_crl(signed).tbs_certlist_bytes
    for mutated in mutations(signed, 5_000, seed=13):
        try:
            revocation_list.read(mutated, authority)
            accepted = True
        except LandbridgeError as error:
            assert error.reason is Reason.BAD_REVOCATION_LIST  # noqa: PT017  most of them are
            accepted = False
        if accepted or not check_list(mutated, authority):
            assert x509.load_der_x509_crl(mutated).tbs_certlist_bytes == content
