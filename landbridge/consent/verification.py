"""Verifies consent records: who vouches for one, and whether it covers what somebody asks."""

from dataclasses import dataclass
from hashlib import sha256

from landbridge.clock import to_iso
from landbridge.consent.binding import verify_binding
from landbridge.consent.desk import verify_desk
from landbridge.consent.record import WHAT, read_record
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.memorandum.words import read_instant
from landbridge.statement.signed import SignedByOne
from landbridge.subject import SubjectId
from landbridge.trust.bundle import TrustBundle


@dataclass(frozen=True, slots=True)
class Consent:
    """A consent whose signature holds; times are Unix milliseconds."""

    record_id: str
    digest: bytes
    """SHA-256 of what was signed: one for one record, however its document is laid out."""
    subject: SubjectId
    requester: str
    purpose: str
    datasets: frozenset[str]
    """As `agency/dataset`."""
    start: int
    end: int
    desk: str
    """The agency that vouches, by its own signature or by the person's bound key."""
    signer: str
    """The desk, or the thumbprint of the person's key."""

    def check(
        self, *, subject: SubjectId, requester: str, purpose: str, provider: str, at: int
    ) -> frozenset[str]:
        """Return the provider's datasets that the person has opened to just this.

        Raises:
            LandbridgeError: LB-3012 for another person, requester, purpose, provider or time.
        """
        if subject != self.subject:
            raise self._refuse("pii_principal_id", "it is of another person than is asked about")
        if requester != self.requester:
            raise self._refuse("party_identification", f"it is for {self.requester}")
        if purpose != self.purpose:
            raise self._refuse("pii_processing.purpose", f"it is for the purpose {self.purpose}")
        self.check_time(at)
        own = frozenset(
            dataset
            for agency, _, dataset in (name.partition("/") for name in self.datasets)
            if agency == provider
        )
        if not own:
            raise self._refuse("pii_processing.pii_information", f"it opens nothing of {provider}")
        return own

    def check_time(self, at: int) -> None:
        """Check that a time in Unix milliseconds is within the period.

        Raises:
            LandbridgeError: LB-3012.
        """
        if at < self.start:
            raise self._refuse("events[0].valid_from", f"it begins at {to_iso(self.start)}")
        if at >= self.end:
            raise self._refuse("events[0].valid_until", f"it ended at {to_iso(self.end)}")

    def _refuse(self, place: str, why: str) -> LandbridgeError:
        return refuse(Reason.CONSENT_REFUSED, why, where=f"{WHAT} {self.record_id}: {place}")


def verify_consent(document: bytes, bundle: TrustBundle, at: int) -> Consent:
    """Return the consent if the person or a consent desk has signed it.

    1. Read the document, and from it the record.
    2. Signed by a person: verify that a desk has bound the key to this person, then the signature.
    3. Signed by a desk: verify the signature with the key that the trust bundle lists.
    4. Hold the signer against the record's own words.

    Raises:
        LandbridgeError: LB-4105 malformed; LB-4001 altered; LB-4002 not vouched for by a consent
            desk of the federation; LB-3012 signed with a key that is not bound to the person.
    """
    signed = SignedByOne.parse(document, WHAT)  # 1
    record = read_record(signed.payload)
    introduced = record.consent_record.pii_principal_key
    if introduced is not None:
        binding = verify_binding(introduced.binding, bundle, at)  # 2
        binding.key.verify(signed, WHAT)
        binding.check(record.subject, introduced.salt, at)
        desk, signer = binding.desk, signed.key_id
    else:
        desk = signer = verify_desk(signed, bundle, at, WHAT)  # 3
    if desk != record.desk or signer != record.given.entity_id:  # 4
        raise refuse(Reason.BAD_SIGNATURE, "its signer is not the one that it names", where=WHAT)
    return Consent(
        record_id=record.consent_record.record_id,
        digest=sha256(signed.payload).digest(),
        subject=record.subject,
        requester=record.requester,
        purpose=record.pii_processing.purpose,
        datasets=frozenset(record.pii_processing.pii_information),
        start=read_instant(record.given.valid_from),
        end=read_instant(record.given.valid_until),
        desk=desk,
        signer=signer,
    )
