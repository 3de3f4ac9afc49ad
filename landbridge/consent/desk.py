"""Consent desks: agencies that take a person's consent and vouch for it with a key of their own."""

from landbridge.keys import KeyUse, SigningKey
from landbridge.statement.by_agency import sign_with_use, verify_use
from landbridge.statement.form import What
from landbridge.statement.signed import SignedByOne
from landbridge.trust.bundle import TrustBundle


def sign_as_desk(payload: bytes, key: SigningKey) -> SignedByOne:
    """Sign a payload as a consent desk.

    Raises:
        LandbridgeError: LB-4002 when the key is for another use.
    """
    return sign_with_use(payload, key, KeyUse.CONSENT, "consent")


def verify_desk(signed: SignedByOne, bundle: TrustBundle, at: int, what: What) -> str:
    """Return the agency whose consent desk signed; `at` is in Unix milliseconds.

    Raises:
        LandbridgeError: LB-4002 when no consent desk of the federation has that key then; LB-4001
            when it did not sign this.
    """
    return verify_use(signed, KeyUse.CONSENT, bundle, at, what)
