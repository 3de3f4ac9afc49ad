"""How a request to the authority proves itself: whoever passes it on need not be trusted.

A party that has a certificate signs with its TLS key: ECDSA with SHA-256 over the
pre-authentication encoding of DSSE. One that has only an invitation shows that it knows the
invitation's secret.
"""

import hashlib
import hmac
import warnings
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.utils import CryptographyDeprecationWarning

from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.keys import pae
from landbridge.v1 import authority_service_pb2

RENEWAL_TYPE: Final = "application/vnd.landbridge.renewal.v1"
ACKNOWLEDGEMENT_TYPE: Final = "application/vnd.landbridge.acknowledgement.v1"
ENROLMENT_TYPE: Final = "application/vnd.landbridge.enrolment.v1"
_LARGEST_CERTIFICATE: Final = 4096
_MALFORMED = (
    CryptographyDeprecationWarning,
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
)


def prove(
    payload_type: str, payload: bytes, key: ec.EllipticCurvePrivateKey, leaf: x509.Certificate
) -> authority_service_pb2.HolderProof:
    """Sign a request with the key of a leaf certificate."""
    return authority_service_pb2.HolderProof(
        certificate=leaf.public_bytes(serialization.Encoding.DER),
        signature=key.sign(pae(payload_type, payload), ec.ECDSA(hashes.SHA256())),
    )


def check_proof(
    payload_type: str, payload: bytes, proof: authority_service_pb2.HolderProof
) -> x509.Certificate:
    """Return the certificate whose holder signed a request; whether it counts is not said here.

    Raises:
        LandbridgeError: LB-4006 when the certificate cannot be read; LB-4001 when the signature
            does not verify.
    """
    if len(proof.certificate) > _LARGEST_CERTIFICATE:
        raise _refused("the certificate is too large")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", CryptographyDeprecationWarning)
            leaf = x509.load_der_x509_certificate(proof.certificate)
            public = leaf.public_key()
    except _MALFORMED as error:
        raise _refused(f"the certificate cannot be read ({type(error).__name__})") from error
    if not isinstance(public, ec.EllipticCurvePublicKey):
        raise _refused("the certificate's key is not on the curve P-256")
    try:
        public.verify(proof.signature, pae(payload_type, payload), ec.ECDSA(hashes.SHA256()))
    except InvalidSignature as error:
        raise refuse(
            Reason.BAD_SIGNATURE, "the certificate's holder has not signed this request"
        ) from error
    return leaf


def enrolment_mac(secret: bytes, enrolment: bytes) -> bytes:
    """Compute what shows that an enrolment comes from the holder of the invitation (RFC 2104)."""
    return hmac.digest(secret, pae(ENROLMENT_TYPE, enrolment), hashlib.sha256)


def _refused(message: str) -> LandbridgeError:
    return refuse(Reason.CERTIFICATE_REFUSED, message)
