"""Statements that an agency signs with one of its keys, each for one use."""

from joserfc.jwk import OKPKey

from landbridge.errors import Reason, refuse
from landbridge.keys import KeyUse, SigningKey, public_text
from landbridge.statement.form import What
from landbridge.statement.signed import ED25519, SignedByOne
from landbridge.trust.bundle import TrustBundle


def sign_with_use(payload: bytes, key: SigningKey, use: KeyUse, called: str) -> SignedByOne:
    """Sign a payload with a key for one use; `called` is what this use is for, in words.

    Raises:
        LandbridgeError: LB-4002 when the key is for another use.
    """
    if key.use is not use:
        raise refuse(
            Reason.UNTRUSTED_KEY,
            f"the key {key.key_id} is not a key for {called}",
            next_step=f"sign with the key {key.agency}/{use}/...",
        )
    return SignedByOne.sign(payload, algorithm=ED25519, key_id=key.key_id, sign=key.sign)


def verify_use(signed: SignedByOne, use: KeyUse, bundle: TrustBundle, at: int, what: What) -> str:
    """Return the agency that signed with a key for one use; `at` is in Unix milliseconds.

    Raises:
        LandbridgeError: LB-4002 when no agency of the federation has that key then; LB-4001 when it
            did not sign this.
    """
    agency, public = bundle.verifying_key(signed.key_id, use, at)
    if signed.algorithm != ED25519:
        raise refuse(Reason.BAD_SIGNATURE, "it is signed with another algorithm", where=what)
    key = OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", "x": public_text(public)})
    signed.verify(key, what)
    return agency
