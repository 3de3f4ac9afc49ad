"""What a requester's log entries say of a query, and of the profile that came: never a value."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Self

from google.protobuf.message import DecodeError

from landbridge.envelope import (
    ANSWER_TYPE,
    PROFILE_TYPE,
    QUERY_TYPE,
    EvidenceVerifier,
    VerifiedEntry,
    digest,
)
from landbridge.errors import LandbridgeError
from landbridge.log.checkpoint import Checkpoint, stated
from landbridge.log.subject_keys import Pseudonym, SubjectKeys
from landbridge.v1 import envelope_pb2, log_pb2, profile_pb2, query_pb2


@dataclass(frozen=True, slots=True)
class Asked:
    """A query by its digest, and what it says; one that cannot be read says nothing."""

    digest: bytes
    query: query_pb2.Query

    @classmethod
    def read(cls, query: envelope_pb2.Envelope) -> Self:
        """Read a signed query."""
        name = digest(QUERY_TYPE, query.payload)
        try:
            return cls(name, query_pb2.Query.FromString(query.payload))
        except DecodeError:
            return cls(name, query_pb2.Query())

    @property
    def subject(self) -> tuple[str, str] | None:
        """Scheme and value of whom it is about."""
        asked = self.query.subject
        return (asked.scheme, asked.value) if self.query.HasField("subject") else None


@dataclass(frozen=True, slots=True)
class Heard:
    """What the logs of gateway and nodes showed with a profile, as far as it verifies."""

    gateway: VerifiedEntry | None
    nodes: tuple[VerifiedEntry, ...]

    @classmethod
    def of(cls, profile: envelope_pb2.Envelope, evidence: EvidenceVerifier) -> Self:
        """Verify what came; what does not verify is left out, so that it accuses nobody."""
        try:
            answers: Iterable[envelope_pb2.Envelope]
            answers = profile_pb2.Profile.FromString(profile.payload).answers
        except DecodeError:
            answers = ()
        nodes = (_verify(answer, ANSWER_TYPE, evidence) for answer in answers)
        gateway = _verify(profile, PROFILE_TYPE, evidence)
        return cls(gateway, tuple(found for found in nodes if found is not None))

    @property
    def all(self) -> tuple[VerifiedEntry, ...]:
        """The gateway's entry and the nodes'."""
        return self.nodes if self.gateway is None else (self.gateway, *self.nodes)


@dataclass(frozen=True, slots=True)
class SeenHead:
    """A head of another log, signed, and when it was seen, in Unix milliseconds."""

    head: Checkpoint
    signed: bytes
    at: int


def heads_heard(entries: Iterable[bytes]) -> Iterator[SeenHead]:
    """Give the heads that entries heard of other logs."""
    for data in entries:
        entry = log_pb2.LogEntry.FromString(data)
        for heard in entry.heard:
            head = stated(heard.checkpoint)
            if head is not None:
                yield SeenHead(head, heard.checkpoint, entry.logged_at_unix_ms)


def write_receipt(asked: Asked, profile: envelope_pb2.Envelope, heard: Heard) -> log_pb2.LogEntry:
    """Write what an entry says of a profile, beside what it says of the query."""
    gateway = heard.gateway
    is_for_query = gateway is not None and gateway.entry.query_digest == asked.digest
    return log_pb2.LogEntry(
        kind=log_pb2.ENTRY_KIND_RECEIPT,
        payload_digest=digest(PROFILE_TYPE, profile.payload),
        accesses=gateway.entry.accesses if gateway is not None and is_for_query else (),
        heard=[entry.heard() for entry in heard.all],
    )


def write_entry(
    asked: Asked, said: log_pb2.LogEntry, subjects: SubjectKeys, at: int
) -> tuple[bytes, list[Pseudonym]]:
    """Write the entry that says something of a query, and whom it is indexed under.

    `at` is Unix milliseconds.

    Raises:
        LandbridgeError: LB-5001, LB-5002 when the subject's key cannot be read.
    """
    query = asked.query
    entry = log_pb2.LogEntry(
        logged_at_unix_ms=at,
        query_digest=asked.digest,
        requester=query.requester,
        purpose=query.purpose,
        case_reference=query.case_reference,
        subject_kind=query.subject_kind,
        query_expires_at_unix_ms=query.expires_at_unix_ms,
    )
    entry.MergeFrom(said)
    named: list[Pseudonym] = []
    if asked.subject:
        named.append(subjects.name(*asked.subject, at))
        entry.subject_pseudonym, entry.pseudonym_period = named[0].value, named[0].period
    return entry.SerializeToString(), named


def _verify(
    envelope: envelope_pb2.Envelope, kind: str, evidence: EvidenceVerifier
) -> VerifiedEntry | None:
    try:
        return evidence.verify(envelope, kind)
    except LandbridgeError:
        return None
