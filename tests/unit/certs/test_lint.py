"""The lint that everything signed must pass: our own judge and pkilint together."""

import builtins
import functools
from dataclasses import replace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from certs import lint
from certs.authority import Issuing, Root
from certs.authority_files import to_pem
from certs.lint import Finding, Kind, lint_certificate, lint_chain, lint_crl, refuse_on
from certs.profiles import LEAF_LIFE
from landbridge.agency import Identity, Role
from landbridge.clock import system_clock, to_datetime
from landbridge.errors import LandbridgeError, Reason
from landbridge.rpc.certificate import SIGNATURES_ONLY

FEDERATION = "federation.example"
NODE = Identity("fsa.ed", FEDERATION, Role.NODE, "main")
KEY = ec.generate_private_key(ec.SECP256R1())
pytestmark = pytest.mark.judge("pkilint")


@functools.cache
def issuing() -> Issuing:
    following = Root.create(FEDERATION, system_clock).create_next(system_clock)
    return following.create_issuing(system_clock, generation=2)


def leaf() -> x509.Certificate:
    return issuing().issue(NODE, KEY.public_key(), system_clock)


def der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.DER)


def uri_certificate(uri: str) -> bytes:
    """Make a leaf whose URI is another, so that only pkilint's view of that URI is asked."""
    names = [x509.UniformResourceIdentifier(uri), x509.DNSName(NODE.dns_name)]
    now = to_datetime(system_clock())
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(issuing().certificate.subject)
        .public_key(KEY.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + LEAF_LIFE)
        .add_extension(x509.SubjectAlternativeName(names), critical=True)
        .add_extension(SIGNATURES_ONLY, critical=True)
    )
    return der(builder.sign(issuing().key, hashes.SHA256()))


def test_whole_chain_with_its_cross_certificate_is_clean() -> None:
    assert lint_chain(to_pem(leaf()) + issuing().chain_pem) == ()


def test_revocation_lists_are_clean() -> None:
    now = to_datetime(system_clock())
    for revoked in ([], [(2**90, now, now + LEAF_LIFE)]):
        signed = issuing().sign_crl(1, revoked, system_clock)
        assert lint_crl(signed, issuing().certificate) == ()


def test_list_of_another_authority_is_found() -> None:
    other = Root.create(FEDERATION, system_clock).create_issuing(system_clock)
    found = lint_crl(other.sign_crl(1, [], system_clock), issuing().certificate)
    assert {"issuer", "signature", "authority-key", "scope"} <= {each.code for each in found}


def test_what_pkilint_alone_sees_is_found() -> None:
    findings = lint_certificate(uri_certificate(NODE.uri), Kind.LEAF)
    assert any(each.code.startswith("pkix.") for each in findings)


@pytest.mark.parametrize(
    ("uri", "allowed"),
    [
        (NODE.uri, True),
        ("spiffe://fsa.ed.elsewhere.example/node/main", False),
        (NODE.uri + "?a=b", False),
        ("spiffe://fsa.ed.federation.example/node/main/../other", False),
    ],
)
def test_only_our_own_identity_is_allowed_the_scheme_that_pkilint_does_not_know(
    uri: str,
    allowed: bool,  # noqa: FBT001
) -> None:
    findings = lint_certificate(uri_certificate(uri), Kind.LEAF)
    told = [each for each in findings if each.code == "pkix.invalid_uri_syntax"]
    assert (told == []) is allowed


def test_order_of_a_chain_is_looked_at() -> None:
    other = Root.create(FEDERATION, system_clock).create_issuing(system_clock)
    chain = to_pem(leaf(), other.certificate)
    assert [each.code for each in lint_chain(chain)] == ["order"]


def test_chain_too_long_for_tls_is_found() -> None:
    many = to_pem(leaf()) + issuing().pem * 12
    assert "length" in {each.code for each in lint_chain(many)}


@pytest.mark.parametrize("pem", [b"", b"garbage"])
def test_garbage_is_a_finding(pem: bytes) -> None:
    assert [each.code for each in lint_chain(pem)] == ["unreadable"]
    assert [each.code for each in lint_certificate(pem, Kind.LEAF)] == ["unreadable"]
    assert [each.code for each in lint_crl(pem, issuing().certificate)] == ["unreadable"]


def test_findings_let_nothing_pass() -> None:
    refuse_on((), "the leaf")
    with pytest.raises(LandbridgeError, match="the leaf does not pass the lint: odd") as caught:
        refuse_on([Finding("x", "odd")], "the leaf")
    assert caught.value.reason is Reason.CERTIFICATE_REFUSED


def test_without_pkilint_nothing_is_let_through(monkeypatch: pytest.MonkeyPatch) -> None:
    real_import = builtins.__import__

    def absent(name: str, *rest: object, **more: object) -> object:
        if name.startswith("pkilint"):
            raise ImportError(name)
        return real_import(name, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", absent)
    lint._pkilint.cache_clear()
    with pytest.raises(LandbridgeError) as caught:
        lint_certificate(der(leaf()), Kind.LEAF)
    assert "landbridge[authority]" in caught.value.next_step


def test_authority_of_an_agency_is_clean() -> None:
    made = Root.create(FEDERATION, system_clock).create_issuing(system_clock, agency="fsa.ed")
    assert lint_certificate(der(made.certificate), Kind.ISSUING) == ()
    assert replace(made, cross=None).chain_pem == made.pem
