"""What a requester's log entries say of a query, and of the profile that came: never a value."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Self

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
from landbridge.log.evidence import check_size
from landbridge.log.subject_keys import About, Pseudonym
from landbridge.v1 import envelope_pb2, log_pb2, profile_pb2, query_pb2
from landbridge.wire import number_part, part

_HEARD: Final = b"\xa2\x01"
_INDEX: Final = b"\x10"
_LEAF_HASH: Final = b"\x1a"
"""Tags of `LogEntry.heard`, and of `index` and `leaf_hash` in it."""
_NAME_BYTES: Final = 32
"""What the name of a subject takes in an entry, at most."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A query by its digest, and what it says; one that cannot be read says nothing."""

    digest: bytes
    query: query_pb2.Query

    @classmethod
    def read(cls, query: envelope_pb2.Envelope) -> Self:
        """Read a signed query."""
        payload = query.payload
        name = digest(QUERY_TYPE, payload)
        try:
            return cls(name, query_pb2.Query.FromString(payload))
        except DecodeError:
            return cls(name, query_pb2.Query())

    def about(self, at: int) -> Sequence[About]:
        """Tell whom it is about, if anybody, for an entry made at a time (Unix milliseconds)."""
        if not self.query.HasField("subject"):
            return ()
        subject = self.query.subject
        return ((subject.scheme, subject.value, at),)

    def entry(
        self, kind: "log_pb2.EntryKind.ValueType", at: int, payload_digest: bytes = b""
    ) -> log_pb2.LogEntry:
        """Begin the entry that says something of the query; `at` is Unix milliseconds."""
        query = self.query
        return log_pb2.LogEntry(
            kind=kind,
            logged_at_unix_ms=at,
            query_digest=self.digest,
            requester=query.requester,
            purpose=query.purpose,
            case_reference=query.case_reference,
            subject_kind=query.subject_kind,
            payload_digest=payload_digest,
            query_expires_at_unix_ms=query.expires_at_unix_ms,
        )


@dataclass(frozen=True, slots=True)
class Heard:
    """What the logs of gateway and nodes showed with a profile, as far as it verifies."""

    profile_digest: bytes
    gateway: VerifiedEntry | None
    nodes: tuple[VerifiedEntry, ...]

    @classmethod
    def of(cls, profile: envelope_pb2.Envelope, evidence: EvidenceVerifier) -> Self:
        """Verify what came; what does not verify is left out, so that it accuses nobody."""
        payload = profile.payload
        try:
            answers: Iterable[envelope_pb2.Envelope]
            answers = profile_pb2.Profile.FromString(payload).answers
        except DecodeError:
            answers = ()
        nodes = [_verify(answer, ANSWER_TYPE, evidence) for answer in answers]
        gateway = _verify(profile, PROFILE_TYPE, evidence)
        # An entry that verified names this payload.
        name = gateway.entry.payload_digest if gateway else digest(PROFILE_TYPE, payload)
        return cls(name, gateway, tuple(found for found in nodes if found is not None))

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


class Line:
    """An entry of a requester's log, whole but for what the log calls whom the query is about."""

    __slots__ = ("_entry", "_heard", "about")

    def __init__(self, asked: Asked, entry: log_pb2.LogEntry, heard: bytes = b"") -> None:
        self.about: Sequence[About] = asked.about(entry.logged_at_unix_ms)
        """Whom it names."""
        self._entry = entry
        self._heard = heard

    @classmethod
    def of_query(cls, asked: Asked, at: int) -> Self:
        """Say that a query is about to leave; `at` is Unix milliseconds."""
        return cls(asked, asked.entry(log_pb2.ENTRY_KIND_QUERY, at))

    @classmethod
    def of_receipt(cls, asked: Asked, heard: Heard, at: int) -> Self:
        """Say what came of a query; `at` is Unix milliseconds."""
        entry = asked.entry(log_pb2.ENTRY_KIND_RECEIPT, at, heard.profile_digest)
        gateway = heard.gateway
        if gateway is not None and gateway.entry.query_digest == asked.digest:
            entry.accesses.extend(gateway.entry.accesses)
        return cls(asked, entry, b"".join(map(_write_heard, heard.all)))

    def check_size(self) -> None:
        """Check that it may stand in a log.

        Raises:
            LandbridgeError: LB-1001.
        """
        check_size(self._entry.ByteSize() + len(self._heard) + _NAME_BYTES)

    def write(self, named: Sequence[Pseudonym]) -> bytes:
        """Write it with the name of its subject, where it has one."""
        for name in named:
            self._entry.subject_pseudonym, self._entry.pseudonym_period = name.value, name.period
        # The last field of an entry, as it is written already.
        return self._entry.SerializeToString() + self._heard


def _verify(
    envelope: envelope_pb2.Envelope, kind: str, evidence: EvidenceVerifier
) -> VerifiedEntry | None:
    try:
        return evidence.verify(envelope, kind)
    except LandbridgeError:
        return None


def _write_heard(entry: VerifiedEntry) -> bytes:
    """Write one `heard` of an entry; those of a batch share all but their place and their hash."""
    before, after = _written_head(entry.origin, entry.checkpoint)
    place = number_part(_INDEX, entry.index) + part(_LEAF_HASH, entry.leaf_hash)
    return part(_HEARD, before + place + after)


@lru_cache(maxsize=256)
def _written_head(origin: str, checkpoint: bytes) -> tuple[bytes, bytes]:
    return (
        log_pb2.Heard(origin=origin).SerializeToString(),
        log_pb2.Heard(checkpoint=checkpoint).SerializeToString(),
    )
