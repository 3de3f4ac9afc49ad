"""Certificate signing requests: a key and the proof of its possession, and nothing else.

What a request asks for, such as names or CA:TRUE, is not even looked at: a certificate is built
from the registry's facts alone (RFC 2986).
"""

import warnings

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.oid import SignatureAlgorithmOID

from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.trust.authority import ODD_CERTIFICATE

# Ours take about 230 bytes; another maker's names and wishes have room.
LONGEST_REQUEST = 4096
_SIGNATURES = {SignatureAlgorithmOID.ECDSA_WITH_SHA256, SignatureAlgorithmOID.ECDSA_WITH_SHA384}
_MALFORMED = (*ODD_CERTIFICATE, CryptographyDeprecationWarning)


def make_signing_request(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Ask for a certificate for a key: the DER of a request with an empty subject (RFC 2986)."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def read_signing_request(der: bytes) -> ec.EllipticCurvePublicKey:
    """Return the key that a request holds, once its signature has proven possession of it.

    Raises:
        LandbridgeError: LB-4013 when it is too long, malformed, not on P-256 or wrongly signed.
    """
    if len(der) > LONGEST_REQUEST:
        raise _refused(f"it has {len(der)} bytes; {LONGEST_REQUEST} are allowed")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", CryptographyDeprecationWarning)
            return _key(x509.load_der_x509_csr(der))
    except _MALFORMED as error:
        raise _refused(f"it cannot be read ({type(error).__name__})") from error


def _key(request: x509.CertificateSigningRequest) -> ec.EllipticCurvePublicKey:
    public = request.public_key()
    if not isinstance(public, ec.EllipticCurvePublicKey) or public.curve.name != "secp256r1":
        raise _refused("its key is not on the curve P-256")
    if request.signature_algorithm_oid not in _SIGNATURES:
        raise _refused("it is not signed with ECDSA and SHA-2")
    if not request.is_signature_valid:
        raise _refused("its signature does not prove that the sender has the key")
    return public


def _refused(message: str) -> LandbridgeError:
    return refuse(
        Reason.BAD_SIGNING_REQUEST, f"the certificate signing request is not accepted: {message}"
    )
