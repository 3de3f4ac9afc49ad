"""The signature of a trust bundle: a JWS in flattened form (RFC 7515, section 7.2.2).

It is made with the federation's bundle key. The bytes received are verified; only then are they
parsed.
"""

import base64
import json

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from joserfc.jws import FlattenedJSONSerialization

from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.keys import read_public

# What the parsers of JSON and JWS raise on hostile input.
MALFORMED = (JoseError, ValueError, TypeError, AttributeError, KeyError, RecursionError)
_JWS_MEMBERS = {"payload", "protected", "signature"}


def verify_bundle(
    document: bytes, anchor: Ed25519PublicKey | None
) -> tuple[bytes, Ed25519PublicKey]:
    """Return the signed bytes and the key that signed them; without an anchor, the stated one.

    Raises:
        LandbridgeError: LB-4010 when the signature does not verify.
    """
    try:
        outer = json.loads(document)
        if not isinstance(outer, dict) or outer.keys() != _JWS_MEMBERS:
            raise unsound("it is not a JWS in flattened form")
        parts: FlattenedJSONSerialization = {
            "payload": outer["payload"],
            "protected": outer["protected"],
            "signature": outer["signature"],
        }
        signer = anchor or _stated_key(parts["payload"])
        signed = jws.deserialize_json(parts, OKPKey.import_key(signer), algorithms=["Ed25519"])
    except MALFORMED as error:
        raise unsound("its signature does not verify") from error
    return signed.payload, signer


def _stated_key(payload: str) -> Ed25519PublicKey:
    content = json.loads(base64.urlsafe_b64decode(payload + "=="))
    try:
        return read_public(content["bundle_key"])
    except LandbridgeError as error:
        raise unsound(error.message) from error


def unsound(message: str) -> LandbridgeError:
    """Make the error for a bundle that is not acceptable."""
    return refuse(Reason.BAD_TRUST_BUNDLE, message, where="trust bundle")
