"""Roots and issuing authorities from preparation to removal, as the registrar moves them."""

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from certs.authority import Root
from certs.authority_name import authority_id
from certs.lint import lint_chain
from certs.registrar.prepared import key_path
from landbridge.errors import Reason
from landbridge.trust.approval import Act
from landbridge.trust.document import AuthorityState
from tests.authority import Desk
from tests.bundles import refusal
from tests.pki import FEDERATION


def state(desk: Desk, name: str) -> AuthorityState:
    records = desk.registrar.journal.bundle.content.authorities
    return next(each.state for each in records if each.id == name)


def publish(desk: Desk, name: str) -> None:
    desk.prepare_issuing(name) if name.startswith("issuing") else desk.prepare_root(name)
    assert desk.act(Act.AUTHORITY_PUBLISH, name).done


def issuer_of(leaf: x509.Certificate) -> str:
    return authority_id(leaf.issuer)


def test_an_issuing_authority_is_rotated_with_nobody_left_behind(desk: Desk) -> None:
    publish(desk, "issuing-2")
    desk.all_prove("issuing-2")
    assert desk.act(Act.AUTHORITY_ACTIVATE, "issuing-2").done
    assert state(desk, "issuing-1") is AuthorityState.RETIRING
    error = refusal(lambda: desk.act(Act.AUTHORITY_REMOVE, "issuing-1"))
    assert error.reason is Reason.GATE_CLOSED
    assert "shows a certificate of issuing-1" in error.message
    (retiring,) = [each for each in desk.registrar.standing().authorities if each.id == "issuing-1"]
    assert any(f"stands in bundle {desk.number}" in text for text in retiring.obstacles)
    desk.all_renew()
    assert {issuer_of(holder.leaf) for holder in desk.holders.values()} == {"issuing-2"}
    assert desk.act(Act.AUTHORITY_REMOVE, "issuing-1").done
    assert state(desk, "issuing-1") is AuthorityState.REMOVED
    assert not key_path(desk.folder, "issuing-1").exists()
    assert len(desk.registrar.journal.lists) == 1


def test_a_root_is_rotated_with_a_bridge_from_the_old_one(desk: Desk) -> None:
    publish(desk, "root-2")
    publish(desk, "issuing-2")
    desk.all_prove("issuing-2", "root-2")
    assert not desk.act(Act.AUTHORITY_ACTIVATE, "root-2", "first").done
    assert desk.act(Act.AUTHORITY_ACTIVATE, "root-2", "second").done
    assert state(desk, "root-1") is AuthorityState.RETIRING
    assert desk.act(Act.AUTHORITY_ACTIVATE, "issuing-2").done
    desk.all_renew()
    chain = desk.registrar.renew(desk.renewal(desk.node))
    assert len(x509.load_pem_x509_certificates(chain)) == 3
    assert lint_chain(chain) == ()
    error = refusal(lambda: desk.act(Act.AUTHORITY_REMOVE, "root-1", "first", "second"))
    assert "issuing-1 under root-1 is still" in error.message
    assert desk.act(Act.AUTHORITY_REMOVE, "issuing-1").done
    assert desk.act(Act.AUTHORITY_REMOVE, "root-1", "first", "second").done
    chain = desk.registrar.renew(desk.renewal(desk.node))
    assert len(x509.load_pem_x509_certificates(chain)) == 2


def test_a_root_is_removed_by_two_alone(desk: Desk) -> None:
    publish(desk, "root-2")
    publish(desk, "issuing-2")
    desk.all_prove("issuing-2", "root-2")
    desk.act(Act.AUTHORITY_ACTIVATE, "root-2", "first", "second")
    desk.act(Act.AUTHORITY_ACTIVATE, "issuing-2")
    desk.all_renew()
    desk.act(Act.AUTHORITY_REMOVE, "issuing-1")
    for _ in range(2):
        assert not desk.act(Act.AUTHORITY_REMOVE, "root-1", "first").done
    assert state(desk, "root-1") is AuthorityState.RETIRING


def test_an_issuing_authority_follows_its_root(desk: Desk) -> None:
    publish(desk, "root-2")
    publish(desk, "issuing-2")
    desk.all_prove("issuing-2", "root-2")
    error = refusal(lambda: desk.act(Act.AUTHORITY_ACTIVATE, "issuing-2"))
    assert "needs its root root-2 to be active" in error.message


def test_a_root_that_none_vouches_for_is_published_by_two_who_sign_it(desk: Desk) -> None:
    root = Root.create(FEDERATION, desk.clock, generation=2)
    response = desk.act(Act.AUTHORITY_PREPARE, "root-2", attachment=root.pem)
    assert any("no root vouches for it" in effect for effect in response.effects)
    error = refusal(lambda: desk.act(Act.AUTHORITY_PUBLISH, "root-2", "first", "second"))
    assert "must sign its certificate" in error.message
    one = desk.act(Act.AUTHORITY_PUBLISH, "root-2", "first", attachment=root.pem)
    assert one.signatures_missing == 1
    assert desk.act(Act.AUTHORITY_PUBLISH, "root-2", "second", attachment=root.pem).done


def test_a_tainted_authority_is_accepted_for_an_hour(desk: Desk) -> None:
    publish(desk, "issuing-2")
    desk.all_prove("issuing-2")
    desk.act(Act.AUTHORITY_ACTIVATE, "issuing-2")
    response = desk.act(Act.AUTHORITY_TAINT, "issuing-1")
    assert any("registry.one/node" in effect for effect in response.effects)
    renewed = desk.renew(desk.node)
    desk.clock.now += 3_600_000
    assert refusal(lambda: desk.renew(desk.node)).reason is Reason.ISSUER_REFUSED
    assert desk.renew(renewed)
    # Who shows it still holds the removal up, and two may override that.
    assert refusal(lambda: desk.act(Act.AUTHORITY_REMOVE, "issuing-1")).reason is Reason.GATE_CLOSED
    assert desk.act(Act.AUTHORITY_REMOVE, "issuing-1", "first", "second", override=True).done


def test_what_is_prepared_or_published_may_be_given_up(desk: Desk) -> None:
    desk.prepare_issuing("issuing-2")
    assert desk.act(Act.AUTHORITY_ABORT, "issuing-2").done
    error = refusal(lambda: desk.act(Act.AUTHORITY_PUBLISH, "issuing-2"))
    assert error.reason is Reason.NOT_APPROVED
    assert "never used again" in refusal(lambda: desk.prepare_issuing("issuing-2")).message
    publish(desk, "issuing-3")
    assert desk.act(Act.AUTHORITY_ABORT, "issuing-3").done
    assert state(desk, "issuing-3") is AuthorityState.ABORTED
    assert not key_path(desk.folder, "issuing-3").exists()


def test_a_key_request_may_be_repeated_and_gives_the_same_key(desk: Desk) -> None:
    keys = [
        x509.load_der_x509_csr(desk.act(Act.AUTHORITY_PREPARE, "issuing-2").result).public_key()
        for _ in range(2)
    ]
    assert keys[0] == keys[1]
    assert key_path(desk.folder, "issuing-2").stat().st_mode & 0o777 == 0o600


def test_a_certificate_for_another_key_is_refused(desk: Desk) -> None:
    desk.act(Act.AUTHORITY_PREPARE, "issuing-2")
    public = ec.generate_private_key(ec.SECP256R1()).public_key()
    made = desk.root.sign_issuing(public, desk.clock, generation=2)
    pem = made.public_bytes(Encoding.PEM)
    error = refusal(lambda: desk.act(Act.AUTHORITY_PREPARE, "issuing-2", attachment=pem))
    assert "not for the key" in error.message


def test_certificates_that_do_not_fit_are_refused(desk: Desk) -> None:
    request = desk.act(Act.AUTHORITY_PREPARE, "issuing-2").result
    public = x509.load_der_x509_csr(request).public_key()
    assert isinstance(public, ec.EllipticCurvePublicKey)
    foreign = Root.create(FEDERATION, desk.clock)
    other_federation = Root.create("other.example", desk.clock)
    good = desk.root.sign_issuing(public, desk.clock, generation=2).public_bytes(Encoding.PEM)
    wrong = desk.root.sign_issuing(public, desk.clock, generation=3).public_bytes(Encoding.PEM)
    strange = foreign.sign_issuing(public, desk.clock, generation=2).public_bytes(Encoding.PEM)
    leaf = desk.node.leaf.public_bytes(Encoding.PEM)
    for name, attachment in (
        ("issuing-2", strange),
        ("issuing-2", wrong),
        ("issuing-2", good + good),
        ("issuing-2", leaf),
        ("issuing-2", b"garbage"),
        ("issuing-2", good * 20),
        ("root-2", good),
        ("root-2", other_federation.pem),
        ("root-2", Root.create(FEDERATION, desk.clock, generation=3).pem),
        ("root-2", foreign.create_next(desk.clock).pem + leaf),
        ("root-1", desk.root.pem),
        ("issuing-1", good),
        ("issuing-0", good),
        ("branch-2", good),
        ("issuing-", good),
    ):
        before = desk.dump()
        error = refusal(
            lambda n=name, a=attachment: desk.act(Act.AUTHORITY_PREPARE, n, attachment=a)
        )
        assert error.reason in {
            Reason.NOT_APPROVED,
            Reason.MALFORMED_REQUEST,
            Reason.CERTIFICATE_REFUSED,
            Reason.INVALID_CONFIGURATION,
        }, name
        assert desk.dump() == before
    assert desk.act(Act.AUTHORITY_PREPARE, "issuing-2", attachment=good).done


def test_a_cross_certificate_by_a_stranger_is_refused(desk: Desk) -> None:
    stranger = Root.create(FEDERATION, desk.clock).create_next(desk.clock)
    assert stranger.cross is not None
    pem = stranger.pem + stranger.cross.public_bytes(Encoding.PEM)
    error = refusal(lambda: desk.act(Act.AUTHORITY_PREPARE, "root-2", attachment=pem))
    assert error.reason is Reason.INVALID_CONFIGURATION


@pytest.mark.parametrize("name", ["issuing-7", "root-7", "", "x" * 300])
def test_steps_of_what_is_not_there_are_refused(desk: Desk, name: str) -> None:
    reason = refusal(lambda: desk.act(Act.AUTHORITY_PUBLISH, name, "first", "second")).reason
    assert reason in {Reason.NOT_APPROVED, Reason.MALFORMED_REQUEST}
