"""Requests to the authority prove themselves: nobody on the way can change or re-use one."""

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from certs.proof import (
    ACKNOWLEDGEMENT_TYPE,
    RENEWAL_TYPE,
    check_proof,
    enrolment_mac,
    prove,
)
from landbridge.errors import Reason
from landbridge.v1 import authority_service_pb2
from tests.bundles import refusal
from tests.pki import REGISTRY, shared_federation

PAYLOAD = b"please"


def holder() -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    pki = shared_federation()
    identity = next(each for each in pki.parties if each.agency == REGISTRY)
    key = ec.generate_private_key(ec.SECP256R1())
    return key, pki.issuing.issue(identity, key.public_key(), pki.clock)


def proof() -> authority_service_pb2.HolderProof:
    return prove(RENEWAL_TYPE, PAYLOAD, *holder())


def test_a_proof_names_the_certificate_whose_holder_signed() -> None:
    key, leaf = holder()
    assert check_proof(RENEWAL_TYPE, PAYLOAD, prove(RENEWAL_TYPE, PAYLOAD, key, leaf)) == leaf


@pytest.mark.parametrize(
    ("payload_type", "payload"), [(RENEWAL_TYPE, b"pleased"), (ACKNOWLEDGEMENT_TYPE, PAYLOAD)]
)
def test_a_proof_fits_one_request_alone(payload_type: str, payload: bytes) -> None:
    made = proof()
    caught = refusal(lambda: check_proof(payload_type, payload, made))
    assert caught.reason is Reason.BAD_SIGNATURE


def test_another_holders_certificate_does_not_fit() -> None:
    made = proof()
    made.certificate = proof().certificate
    caught = refusal(lambda: check_proof(RENEWAL_TYPE, PAYLOAD, made))
    assert caught.reason is Reason.BAD_SIGNATURE


@pytest.mark.parametrize("certificate", [b"", b"\x30\x00", b"x" * 5000])
def test_what_is_no_certificate_is_refused(certificate: bytes) -> None:
    made = proof()
    made.certificate = certificate
    caught = refusal(lambda: check_proof(RENEWAL_TYPE, PAYLOAD, made))
    assert caught.reason is Reason.CERTIFICATE_REFUSED


@pytest.mark.parametrize("signature", [b"", b"\x00", b"\x30\x06\x02\x01\x00\x02\x01\x00"])
def test_odd_signatures_do_not_verify(signature: bytes) -> None:
    made = proof()
    made.signature = signature
    caught = refusal(lambda: check_proof(RENEWAL_TYPE, PAYLOAD, made))
    assert caught.reason is Reason.BAD_SIGNATURE


def test_the_secret_of_an_invitation_covers_the_whole_enrolment() -> None:
    macs = {
        enrolment_mac(secret, enrolment)
        for secret in (b"a" * 32, b"b" * 32)
        for enrolment in (b"one", b"two")
    }
    assert len(macs) == 4
