"""Acknowledgements: an agency says that it has read a correction notice to it."""

from dataclasses import dataclass
from typing import Final

from pydantic import Field

from landbridge.errors import Reason, refuse
from landbridge.keys import SigningKey
from landbridge.memorandum.words import AgencyId, Instant, read_instant
from landbridge.rights.agency_signature import sign_as_agency, verify_agency
from landbridge.rights.correction import Correction
from landbridge.rights.kind import rights_document
from landbridge.statement.form import Part, make_payload, read_payload
from landbridge.statement.signed import SignedByOne
from landbridge.trust.bundle import TrustBundle

_WHAT: Final = rights_document("acknowledgement")


class _Payload(Part):
    acknowledgement: str = Field(pattern=r"^[0-9a-f]{32}$")
    """The notice's id."""
    digest: str = Field(pattern=r"^[0-9a-f]{64}$")
    """SHA-256 of what was signed of the notice."""
    provider: AgencyId
    recipient: AgencyId
    acknowledged_at: Instant


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """A verified acknowledgement; times are Unix milliseconds."""

    correction: str
    """The notice's id."""
    digest: str
    """SHA-256 of what was signed of the notice, in hex."""
    provider: str
    recipient: str
    acknowledged_at: int

    @property
    def agencies(self) -> frozenset[str]:
        """Whom it concerns."""
        return frozenset((self.provider, self.recipient))

    def fits(self, correction: Correction) -> bool:
        """Whether it acknowledges a notice, which is one text alone."""
        return (self.digest, self.correction, self.provider, self.recipient) == (
            correction.digest,
            correction.id,
            correction.provider,
            correction.recipient,
        )


def acknowledge(correction: Correction, key: SigningKey, *, acknowledged_at: str) -> SignedByOne:
    """Acknowledge a notice as its recipient; the time is in UTC, to the second.

    Raises:
        LandbridgeError: LB-4111 when the notice is to another agency; LB-4002 when the key is for
            another use.
    """
    if key.agency != correction.recipient:
        raise refuse(
            Reason.STEP_REFUSED,
            f"the notice is to {correction.recipient}, not to {key.agency}",
            where=f"correction {correction.id}",
            next_step=f"have {correction.recipient} acknowledge it",
        )
    fields = {
        "acknowledgement": correction.id,
        "digest": correction.digest,
        "provider": correction.provider,
        "recipient": correction.recipient,
        "acknowledged_at": acknowledged_at,
    }
    return sign_as_agency(make_payload(_Payload, fields, _WHAT), key)


def verify_acknowledgement(document: bytes, bundle: TrustBundle, at: int) -> Acknowledgement:
    """Return the acknowledgement if the recipient signed it; keys are judged as for notices.

    Raises:
        LandbridgeError: LB-4107 malformed; LB-4001 altered, or signed by another agency than it
            names; LB-4002 not signed with a key for memoranda of the federation.
    """
    signed = SignedByOne.parse(document, _WHAT)
    payload = read_payload(_Payload, signed.payload, _WHAT)
    judged = min(read_instant(payload.acknowledged_at), at)
    if verify_agency(signed, bundle, judged, _WHAT) != payload.recipient:
        raise refuse(Reason.BAD_SIGNATURE, "its signer is not the one that it names", where=_WHAT)
    return _take(payload)


def read_acknowledgement(document: bytes) -> Acknowledgement:
    """Read an acknowledgement that was verified when it was noticed.

    Raises:
        LandbridgeError: LB-4107 when it is none.
    """
    return _take(read_payload(_Payload, SignedByOne.parse(document, _WHAT).payload, _WHAT))


def _take(payload: _Payload) -> Acknowledgement:
    return Acknowledgement(
        payload.acknowledgement,
        payload.digest,
        payload.provider,
        payload.recipient,
        read_instant(payload.acknowledged_at),
    )
