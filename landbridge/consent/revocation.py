"""Revocations of consents: signed by who signed the consent, or by the desk that vouched for it.

A revocation names the record by its id and the agencies that it concerns, and not the person. It
takes effect at a node when the node takes notice of it, whatever time it states.
"""

from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from pydantic import Field

from landbridge.consent.binding import verify_binding
from landbridge.consent.desk import sign_as_desk, verify_desk
from landbridge.consent.kind import consent_document
from landbridge.consent.person_key import PersonKey
from landbridge.consent.record import RecordDocument
from landbridge.consent.verification import Consent
from landbridge.errors import Reason, refuse
from landbridge.keys import SigningKey
from landbridge.memorandum.words import AgencyId, Instant, SomeDistinct, read_instant
from landbridge.statement.form import Part, make_payload, read_payload
from landbridge.statement.signed import SignedByOne
from landbridge.trust.bundle import TrustBundle

_WHAT: Final = consent_document("revocation of a consent")


class _Payload(Part):
    consent_revocation: str = Field(pattern=r"^[0-9a-f]{32}$")
    """The record's id."""
    agencies: SomeDistinct[AgencyId]
    """Those that the record concerns: its requester and its providers."""
    desk: AgencyId
    revoked_at: Instant
    valid_until: Instant
    """The end of the consent: from then on the revocation is of no use."""
    binding: dict[str, Any] = Field(default_factory=dict)
    """The binding of the person's key, where the person signs."""


@dataclass(frozen=True, slots=True)
class Revocation:
    """A verified revocation; times are Unix milliseconds."""

    record_id: str
    digest: bytes
    """SHA-256 of the document as it was received."""
    agencies: frozenset[str]
    """Those to which it matters: the record's requester and its providers."""
    desk: str
    signer: str
    """The desk, or the thumbprint of the person's key."""
    revoked_at: int
    """The time that it states; it counts from when it is noticed."""
    until: int
    """When the consent would have ended by itself: behind it this may be forgotten."""

    def ends(self, consent: Consent) -> bool:
        """Whether it revokes a consent: whoever else names its id revokes nothing."""
        return self.record_id == consent.record_id and self.signer in (consent.signer, consent.desk)


def revoke_as_desk(record: RecordDocument, desk: SigningKey, *, revoked_at: str) -> SignedByOne:
    """Revoke a consent as the desk that vouched for it.

    Raises:
        LandbridgeError: LB-4002 when the key is another desk's or for another use.
    """
    if desk.agency != record.desk:
        raise refuse(
            Reason.UNTRUSTED_KEY,
            f"the consent is vouched for by {record.desk}, not by {desk.agency}",
            next_step=f"sign with the key of {record.desk}, or with the person's own key",
        )
    return sign_as_desk(_write(record, revoked_at, {}), desk)


def revoke_as_person(record: RecordDocument, key: PersonKey, *, revoked_at: str) -> SignedByOne:
    """Revoke a consent as the person who signed it.

    Raises:
        LandbridgeError: LB-4002 when the person's key did not sign the record.
    """
    introduced = record.consent_record.pii_principal_key
    if introduced is None or record.given.entity_id != key.public.thumbprint:
        raise refuse(
            Reason.UNTRUSTED_KEY,
            "the consent is not signed with this key",
            next_step=f"sign with the key that signed it, or have the desk {record.desk} revoke it",
        )
    return key.sign(_write(record, revoked_at, introduced.binding))


def verify_revocation(document: bytes, bundle: TrustBundle, at: int) -> Revocation:
    """Return the revocation if a consent desk, or a person whose key one has bound, signed it.

    Keys are judged by the time that it states, and never by a later one than `at` (Unix
    milliseconds): a consent that was revoked does not come back when a key comes to its end.

    Raises:
        LandbridgeError: LB-4105 malformed; LB-4001 altered; LB-4002 not signed by a consent desk of
            the federation, or by a key that one has bound.
    """
    signed, payload = _parse(document)
    judged = min(read_instant(payload.revoked_at), at)
    if payload.binding:
        binding = verify_binding(payload.binding, bundle, judged)
        binding.key.verify(signed, _WHAT)
        desk = binding.desk
    else:
        desk = verify_desk(signed, bundle, judged, _WHAT)
    if desk != payload.desk:
        raise refuse(Reason.BAD_SIGNATURE, "its signer is not the one that it names", where=_WHAT)
    return _take(document, signed, payload)


def read_noticed(document: bytes) -> Revocation:
    """Read a revocation that was verified when it was noticed: it stays, whatever becomes of keys.

    Raises:
        LandbridgeError: LB-4105 when it is none.
    """
    return _take(document, *_parse(document))


def _parse(document: bytes) -> tuple[SignedByOne, _Payload]:
    signed = SignedByOne.parse(document, _WHAT)
    return signed, read_payload(_Payload, signed.payload, _WHAT)


def _take(document: bytes, signed: SignedByOne, payload: _Payload) -> Revocation:
    return Revocation(
        payload.consent_revocation,
        sha256(document).digest(),
        frozenset(payload.agencies),
        payload.desk,
        signed.key_id if payload.binding else payload.desk,
        read_instant(payload.revoked_at),
        read_instant(payload.valid_until),
    )


def _write(record: RecordDocument, revoked_at: str, binding: dict[str, Any]) -> bytes:
    agencies = list(dict.fromkeys(record.agencies))
    return make_payload(
        _Payload,
        {
            "consent_revocation": record.consent_record.record_id,
            "agencies": agencies,
            "desk": record.desk,
            "revoked_at": revoked_at,
            "valid_until": record.given.valid_until,
            "binding": binding,
        },
        _WHAT,
    )
