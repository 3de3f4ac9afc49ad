"""Statements that an agency signs with its key for memoranda: decisions, notices, receipts."""

from joserfc.jwk import OKPKey

from landbridge.errors import Reason, refuse
from landbridge.keys import KeyUse, SigningKey, public_text
from landbridge.statement.form import What
from landbridge.statement.signed import ED25519, SignedByOne
from landbridge.trust.bundle import TrustBundle


def sign_as_agency(payload: bytes, key: SigningKey) -> SignedByOne:
    """Sign a payload as an agency.

    Raises:
        LandbridgeError: LB-4002 when the key is for another use.
    """
    if key.use is not KeyUse.MEMORANDUM:
        raise refuse(
            Reason.UNTRUSTED_KEY,
            f"the key {key.key_id} is not a key for memoranda",
            next_step=f"sign with the key {key.agency}/{KeyUse.MEMORANDUM}/...",
        )
    return SignedByOne.sign(payload, algorithm=ED25519, key_id=key.key_id, sign=key.sign)


def verify_agency(signed: SignedByOne, bundle: TrustBundle, at: int, what: What) -> str:
    """Return the agency that signed; `at` is in Unix milliseconds.

    Raises:
        LandbridgeError: LB-4002 when no agency of the federation has that key then; LB-4001 when it
            did not sign this.
    """
    agency, public = bundle.verifying_key(signed.key_id, KeyUse.MEMORANDUM, at)
    if signed.algorithm != ED25519:
        raise refuse(Reason.BAD_SIGNATURE, "it is signed with another algorithm", where=what)
    signed.verify(
        OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", "x": public_text(public)}), what
    )
    return agency
