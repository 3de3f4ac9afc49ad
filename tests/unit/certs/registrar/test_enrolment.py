"""First certificates: one invitation, one certificate, and nothing that the request wishes for."""

from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from certs.enrolment_request import make_enrolment
from certs.invitation import Invitation
from certs.lint import lint_chain
from certs.proof import enrolment_mac
from landbridge.agency import Identity, Role
from landbridge.errors import Reason
from landbridge.keys import KeyUse, SigningKey
from landbridge.trust.approval import Act
from landbridge.trust.bundle import TrustBundle
from landbridge.v1 import authority_service_pb2 as messages
from tests.authority import NODE, Desk, Holder
from tests.bundles import refusal
from tests.pki import FEDERATION, REGISTRY

HOUR_MS = 3_600_000


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def wishful_request(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Ask for everything that no party may have."""
    builder = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "gateway")]))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName("main.gateway.exchange.federation.example")]),
            critical=False,
        )
    )
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


def request_with(invitation: Invitation, signing_request: bytes) -> messages.EnrolRequest:
    enrolment = messages.Enrolment(
        federation=FEDERATION, invitation=invitation.id, signing_request=signing_request
    ).SerializeToString()
    mac = enrolment_mac(bytes.fromhex(invitation.secret), enrolment)
    return messages.EnrolRequest(enrolment=enrolment, mac=mac)


def test_an_invited_party_gets_a_chain_and_whom_to_trust(desk: Desk) -> None:
    invitation, key = desk.invite(NODE), new_key()
    held = list(desk.pki.parties[NODE].keys.values())
    response = desk.registrar.enrol(make_enrolment(invitation, key, held))
    leaf = x509.load_pem_x509_certificates(response.chain)[0]
    assert leaf.public_key() == key.public_key()
    assert lint_chain(response.chain) == ()
    newest = TrustBundle.parse(response.trust.bundles[-1], desk.pki.bundle_key.public)
    assert newest.number == desk.number
    assert len(response.trust.revocation_lists) == 1
    assert desk.renew(Holder(key, leaf)).leaf != leaf


def test_what_a_request_wishes_for_is_not_in_the_certificate(desk: Desk) -> None:
    key = new_key()
    response = desk.registrar.enrol(request_with(desk.invite(NODE), wishful_request(key)))
    leaf = x509.load_pem_x509_certificates(response.chain)[0]
    assert leaf.subject == x509.Name([])
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [NODE.dns_name]
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == [NODE.uri]
    assert not leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def test_an_invitation_is_used_once(desk: Desk) -> None:
    invitation = desk.invite(NODE)
    desk.registrar.enrol(make_enrolment(invitation, new_key()))
    error = refusal(lambda: desk.registrar.enrol(make_enrolment(invitation, new_key())))
    assert error.reason is Reason.INVITATION_REFUSED
    assert "used before" in error.message


def test_the_same_request_gets_the_same_answer_should_it_be_lost(desk: Desk) -> None:
    request = make_enrolment(desk.invite(NODE), new_key())
    first = desk.registrar.enrol(request)
    logged = desk.log.size
    assert desk.registrar.enrol(request).chain == first.chain
    assert desk.log.size == logged


def test_a_wrong_secret_uses_nothing_up(desk: Desk) -> None:
    invitation = desk.invite(NODE)
    forged = invitation.model_copy(update={"secret": "00" * 32})
    error = refusal(lambda: desk.registrar.enrol(make_enrolment(forged, new_key())))
    assert error.reason is Reason.INVITATION_REFUSED
    assert desk.registrar.enrol(make_enrolment(invitation, new_key())).chain


def test_an_unknown_invitation_reads_like_a_wrong_secret(desk: Desk) -> None:
    invitation = desk.invite(NODE)
    unknown = invitation.model_copy(update={"id": "0" * 32})
    forged = invitation.model_copy(update={"secret": "00" * 32})
    first, second = (
        refusal(lambda each=each: desk.registrar.enrol(make_enrolment(each, new_key())))
        for each in (unknown, forged)
    )
    assert first.message == second.message


def test_changed_requests_are_refused(desk: Desk) -> None:
    request = make_enrolment(desk.invite(NODE), new_key())
    for changed in (request.enrolment + b"\x08\x01", request.enrolment[:-1], b"", b"\xff" * 40):
        changed_request = messages.EnrolRequest(enrolment=changed, mac=request.mac)
        error = refusal(lambda r=changed_request: desk.registrar.enrol(r))
        assert error.reason in {Reason.INVITATION_REFUSED, Reason.MALFORMED_REQUEST}
    assert desk.registrar.enrol(request).chain


def test_an_invitation_ends_after_a_day_and_a_newer_one_takes_its_place(desk: Desk) -> None:
    first, second = desk.invite(NODE), desk.invite(NODE)
    error = refusal(lambda: desk.registrar.enrol(make_enrolment(first, new_key())))
    assert error.reason is Reason.INVITATION_REFUSED
    desk.clock.now += 24 * HOUR_MS
    error = refusal(lambda: desk.registrar.enrol(make_enrolment(second, new_key())))
    assert "good until" in error.message


def test_a_key_is_certified_once_and_for_one_party(desk: Desk) -> None:
    key = new_key()
    desk.registrar.enrol(make_enrolment(desk.invite(NODE), key))
    other = Identity("schools.two", FEDERATION, Role.NODE, "main")
    invitation = desk.invite(other)
    error = refusal(lambda: desk.registrar.enrol(make_enrolment(invitation, key)))
    assert error.reason is Reason.BAD_SIGNING_REQUEST
    assert "certified before" in error.message
    # The refusal has not used the invitation up.
    assert desk.registrar.enrol(make_enrolment(invitation, new_key())).chain


@pytest.mark.parametrize("signing_request", [b"", b"\x30\x03\x02\x01\x01", b"\x30" * 9000])
def test_a_malformed_key_request_is_refused(desk: Desk, signing_request: bytes) -> None:
    request = request_with(desk.invite(NODE), signing_request)
    assert refusal(lambda: desk.registrar.enrol(request)).reason is Reason.BAD_SIGNING_REQUEST


def test_signing_keys_must_be_listed_and_held(desk: Desk) -> None:
    foreign = SigningKey.generate(REGISTRY, KeyUse.LOG)
    invitation = desk.invite(NODE)
    error = refusal(lambda: desk.registrar.enrol(make_enrolment(invitation, new_key(), [foreign])))
    assert error.reason is Reason.UNTRUSTED_KEY
    listed = desk.pki.parties[NODE].keys[KeyUse.LOG]
    swapped = SigningKey(REGISTRY, KeyUse.LOG, listed.key_id, foreign.public, foreign.private)
    error = refusal(lambda: desk.registrar.enrol(make_enrolment(invitation, new_key(), [swapped])))
    assert error.reason is Reason.BAD_SIGNATURE


def test_a_suspended_agency_cannot_enrol(desk: Desk) -> None:
    invitation = desk.invite(NODE)
    desk.act(Act.MEMBER_SUSPEND, REGISTRY, revision=desk.revision(REGISTRY))
    error = refusal(lambda: desk.registrar.enrol(make_enrolment(invitation, new_key())))
    assert error.reason is Reason.CALLER_REFUSED


def test_an_expired_party_comes_back_by_invitation(desk: Desk) -> None:
    desk.clock.now += timedelta(hours=25) // timedelta(milliseconds=1)
    assert refusal(lambda: desk.renew(desk.node)).reason is Reason.CERTIFICATE_EXPIRED
    key = new_key()
    chain = desk.registrar.enrol(make_enrolment(desk.invite(NODE), key)).chain
    desk.renew(Holder(key, x509.load_pem_x509_certificates(chain)[0]))


def test_who_enrols_anew_has_given_up_what_it_had(desk: Desk) -> None:
    desk.registrar.enrol(make_enrolment(desk.invite(NODE), new_key()))
    assert refusal(lambda: desk.renew(desk.node)).reason is Reason.CERTIFICATE_REFUSED


def test_who_was_away_is_given_every_bundle_that_it_missed(desk: Desk) -> None:
    held = desk.number
    desk.acknowledge(desk.node)
    for revision in (1, 2):
        act = Act.MEMBER_SUSPEND if revision == 1 else Act.MEMBER_LEAVE
        desk.act(act, "council.four", revision=revision)
    bundles = desk.registrar.enrol(make_enrolment(desk.invite(NODE), new_key())).trust.bundles
    numbers = [TrustBundle.parse(each, desk.pki.bundle_key.public).number for each in bundles]
    assert numbers == [held + 1, held + 2]
