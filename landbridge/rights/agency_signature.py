"""Statements that an agency signs with its key for memoranda: decisions, notices, receipts."""

from landbridge.keys import KeyUse, SigningKey
from landbridge.statement.by_agency import sign_with_use, verify_use
from landbridge.statement.form import What
from landbridge.statement.signed import SignedByOne
from landbridge.trust.bundle import TrustBundle


def sign_as_agency(payload: bytes, key: SigningKey) -> SignedByOne:
    """Sign a payload as an agency.

    Raises:
        LandbridgeError: LB-4002 when the key is for another use.
    """
    return sign_with_use(payload, key, KeyUse.MEMORANDUM, "memoranda")


def verify_agency(signed: SignedByOne, bundle: TrustBundle, at: int, what: What) -> str:
    """Return the agency that signed; `at` is in Unix milliseconds.

    Raises:
        LandbridgeError: LB-4002 when no agency of the federation has that key then; LB-4001 when it
            did not sign this.
    """
    return verify_use(signed, KeyUse.MEMORANDUM, bundle, at, what)
