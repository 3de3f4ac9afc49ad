"""The profile as it goes out, and the log entry that names it."""

from dataclasses import dataclass

from gateway.entry_room import ROOM, bytes_of, too_large
from gateway.inquiry import Inquiry
from gateway.trace import accesses, heard
from landbridge.assembler import assembled_bytes
from landbridge.envelope import PROFILE_TYPE, digest
from landbridge.evidenced import write_evidenced
from landbridge.federation import Federation
from landbridge.log.evidence import Evidence
from landbridge.log.subject_keys import PSEUDONYM_BYTES, Pseudonym
from landbridge.v1 import log_pb2


@dataclass(slots=True)
class WrittenProfile:
    """A profile's bytes and its entry, in which the subject's pseudonym has a place."""

    payload: bytes
    entry: log_pb2.LogEntry
    """What is the query's own."""
    sources: bytes
    """What the entry says of the sources and of their logs."""

    @property
    def entry_size(self) -> int:
        """How many bytes the entry takes."""
        return self.entry.ByteSize() + len(self.sources)

    def signed(self, evidence: Evidence) -> bytes:
        """Return the Envelope: the profile, and the proof that the log holds its entry."""
        return write_evidenced(PROFILE_TYPE, self.payload, evidence)

    def entry_about(self, name: Pseudonym) -> bytes:
        """Return the entry under a pseudonym of the subject."""
        self.entry.subject_pseudonym, self.entry.pseudonym_period = name.value, name.period
        return self.entry.SerializeToString() + self.sources


def write_profile(
    inquiry: Inquiry, *, gateway: str, federation: Federation, at: int
) -> WrittenProfile:
    """Write what was found; `at` is in Unix milliseconds.

    An answer for which the entry has no room becomes a gap, in the inquiry too.
    """
    written = _write(inquiry, gateway, federation, at)
    while written.entry_size > ROOM and inquiry.collected:
        # Whoever names the most makes room: no node can keep the others out of a profile.
        largest = max(inquiry.collected, key=bytes_of)
        inquiry.collected = [one for one in inquiry.collected if one is not largest]
        inquiry.not_answered.extend(too_large(largest))
        written = _write(inquiry, gateway, federation, at)
    return written


def _write(inquiry: Inquiry, gateway: str, federation: Federation, at: int) -> WrittenProfile:
    query = inquiry.query
    answers = [answer for answer, _ in inquiry.resolved] + inquiry.collected
    payload = assembled_bytes(
        query=inquiry.data,
        asked=query.subject,
        gateway=gateway,
        at=at,
        answers=answers,
        not_answered=inquiry.not_answered,
        federation=federation,
    )
    entry = log_pb2.LogEntry(
        kind=log_pb2.ENTRY_KIND_PROFILE,
        logged_at_unix_ms=at,
        query_digest=inquiry.query_digest,
        requester=query.requester,
        purpose=query.purpose,
        case_reference=query.case_reference,
        subject_pseudonym=bytes(PSEUDONYM_BYTES),
        pseudonym_period="0000-00",
        subject_kind=query.subject_kind.number,  # type: ignore[arg-type]
        payload_digest=digest(PROFILE_TYPE, payload),
        query_expires_at_unix_ms=query.expires_at,
    )
    sources = [*accesses(answers, inquiry.not_answered), *heard(answers)]
    return WrittenProfile(payload, entry, b"".join(sources))
