"""Renewals: a certificate's holder gets the next one, and nobody else does."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from certs.lint import lint_chain
from certs.proof import RENEWAL_TYPE, prove
from landbridge.agency import Identity, Role
from landbridge.errors import Reason
from landbridge.trust.approval import Act
from landbridge.v1 import authority_service_pb2 as messages
from tests.authority import AUTHORITY, NODE, Desk, Holder
from tests.bundles import refusal
from tests.pki import FEDERATION, REGISTRY, SCHOOLS, shared_federation

MINUTE_MS = 60_000


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def test_a_renewal_certifies_the_new_key_for_the_same_party(desk: Desk) -> None:
    key = new_key()
    chain = desk.registrar.renew(desk.renewal(desk.node, key=key))
    assert lint_chain(chain) == ()
    (act,) = [each for each in desk.acts() if each.get("renews") == desk.node.serial]
    assert act["identity"] == NODE.uri
    assert act["act"] == "certificate.issue"


def test_the_same_renewal_gets_the_same_certificate(desk: Desk) -> None:
    request = desk.renewal(desk.node)
    assert desk.registrar.renew(request) == desk.registrar.renew(request)


def test_a_key_that_was_certified_before_is_refused(desk: Desk) -> None:
    key = new_key()
    desk.registrar.renew(desk.renewal(desk.node, key=key))
    desk.clock.now += 1
    error = refusal(lambda: desk.registrar.renew(desk.renewal(desk.node, key=key)))
    assert error.reason is Reason.BAD_SIGNING_REQUEST
    error = refusal(lambda: desk.registrar.renew(desk.renewal(desk.node, key=desk.node.key)))
    assert error.reason is Reason.BAD_SIGNING_REQUEST


def test_nobody_renews_by_another_s_certificate(desk: Desk) -> None:
    request = desk.renewal(Holder(new_key(), desk.node.leaf))
    assert refusal(lambda: desk.registrar.renew(request)).reason is Reason.BAD_SIGNATURE


def test_a_certificate_of_another_authority_is_refused(desk: Desk) -> None:
    pki, key = shared_federation(), new_key()
    foreign = pki.issuing.issue(NODE, key.public_key(), pki.clock)
    error = refusal(lambda: desk.registrar.renew(desk.renewal(Holder(key, foreign))))
    assert error.reason is Reason.CERTIFICATE_REFUSED


def test_a_certificate_that_the_registry_does_not_know_is_refused(desk: Desk) -> None:
    # Signed by the true authority, as a thief of its key would.
    key = new_key()
    leaf = desk.pki.issuing.issue(NODE, key.public_key(), desk.clock)
    error = refusal(lambda: desk.registrar.renew(desk.renewal(Holder(key, leaf))))
    assert error.reason is Reason.CERTIFICATE_REFUSED


def test_a_proof_for_one_request_does_not_fit_another(desk: Desk) -> None:
    one, other = desk.renewal(desk.node), desk.renewal(desk.node)
    mixed = messages.RenewRequest(renewal=one.renewal, proof=other.proof)
    assert refusal(lambda: desk.registrar.renew(mixed)).reason is Reason.BAD_SIGNATURE
    retyped = prove("application/vnd.other", one.renewal, desk.node.key, desk.node.leaf)
    mixed = messages.RenewRequest(renewal=one.renewal, proof=retyped)
    assert refusal(lambda: desk.registrar.renew(mixed)).reason is Reason.BAD_SIGNATURE


def test_a_renewal_for_another_federation_is_refused(desk: Desk) -> None:
    request = desk.renewal(desk.node, federation="other.example")
    assert refusal(lambda: desk.registrar.renew(request)).reason is Reason.CALLER_REFUSED


@pytest.mark.parametrize("off", [-6 * MINUTE_MS, 6 * MINUTE_MS])
def test_a_clock_that_stands_off_is_told_by_how_much(desk: Desk, off: int) -> None:
    request = desk.renewal(desk.node, signed_at=desk.clock() + off)
    error = refusal(lambda: desk.registrar.renew(request))
    assert error.reason is Reason.STALE_QUERY
    assert f"360 s {'behind' if off < 0 else 'ahead of'}" in error.message


def test_three_minutes_off_are_no_matter(desk: Desk) -> None:
    for off in (-3 * MINUTE_MS, 3 * MINUTE_MS):
        assert desk.registrar.renew(desk.renewal(desk.node, signed_at=desk.clock() + off))


@pytest.mark.parametrize("signed_at", [-(1 << 62), 0, (1 << 62)])
def test_impossible_dates_are_refused(desk: Desk, signed_at: int) -> None:
    request = desk.renewal(desk.node, signed_at=signed_at)
    assert refusal(lambda: desk.registrar.renew(request)).reason is Reason.STALE_QUERY


def test_a_suspended_agency_cannot_renew(desk: Desk) -> None:
    desk.act(Act.MEMBER_SUSPEND, REGISTRY, revision=desk.revision(REGISTRY))
    assert refusal(lambda: desk.renew(desk.node)).reason is Reason.CALLER_REFUSED
    other = Identity(SCHOOLS, FEDERATION, Role.NODE, "main")
    assert desk.renew(desk.holders[other])


def test_a_revoked_certificate_cannot_renew(desk: Desk) -> None:
    desk.act(Act.CERTIFICATE_REVOKE, f"{desk.node.issuer}/{desk.node.serial}")
    assert refusal(lambda: desk.renew(desk.node)).reason is Reason.CERTIFICATE_REVOKED


def test_a_renewal_from_an_authority_that_certifies_nobody_is_refused(desk: Desk) -> None:
    for name in ("issuing-9", "root-1", "x" * 500):
        error = refusal(lambda name=name: desk.renew(desk.node, name))
        assert error.reason is Reason.ISSUER_REFUSED


def test_a_trial_certificate_renews_nothing(desk: Desk) -> None:
    desk.prepare_issuing("issuing-2")
    desk.act(Act.AUTHORITY_PUBLISH, "issuing-2")
    trial = desk.renew(desk.node, "issuing-2")
    life = trial.leaf.not_valid_after_utc - trial.leaf.not_valid_before_utc
    assert life.total_seconds() <= 15 * 60
    assert refusal(lambda: desk.renew(trial)).reason is Reason.CERTIFICATE_REFUSED


@pytest.mark.parametrize("renewal", [b"", b"\xff\xff", b"\x0a" * 100_000])
def test_malformed_and_oversized_renewals_are_refused(desk: Desk, renewal: bytes) -> None:
    proof = prove(RENEWAL_TYPE, renewal, desk.node.key, desk.node.leaf)
    request = messages.RenewRequest(renewal=renewal, proof=proof)
    assert refusal(lambda: desk.registrar.renew(request)).reason in {
        Reason.MALFORMED_REQUEST,
        Reason.CALLER_REFUSED,
    }


def test_the_authority_certifies_itself(desk: Desk) -> None:
    chain = desk.registrar.certify_itself(AUTHORITY, new_key().public_key())
    assert lint_chain(chain) == ()
