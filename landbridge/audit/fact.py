"""What one log entry says of a query, in the few values that can be held against other logs."""

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from google.protobuf.message import DecodeError

from landbridge.log.tables import damaged
from landbridge.v1 import log_pb2

_QUERY: Final = log_pb2.ENTRY_KIND_QUERY
_RECEIPT: Final = log_pb2.ENTRY_KIND_RECEIPT
_ANSWER: Final = log_pb2.ENTRY_KIND_ANSWER
_PROFILE: Final = log_pb2.ENTRY_KIND_PROFILE
KINDS: Final = frozenset({_QUERY, _RECEIPT, _ANSWER, _PROFILE})
_HEARD: Final = struct.Struct(">IQ32s")
_DIGEST_BYTES: Final = 32


class Fact(NamedTuple):
    """One entry about one query."""

    query: bytes
    log: int
    """Number of the log that holds it."""
    position: int
    kind: int
    step: int
    at: int
    who: str
    """Requester, purpose, case and kind of subject, in one text."""
    accesses: int
    """Number of what was released and refused: most entries say the same as many others."""
    payload: bytes
    leaf: bytes
    heard: bytes
    """Entries of other logs that this one names, packed."""

    @property
    def requester(self) -> str:
        """The agency that asked."""
        return self.who.split("\0", 1)[0]

    @property
    def purpose(self) -> str:
        """Why it asked."""
        return self.who.split("\0", 2)[1]

    def named(self) -> Iterator[tuple[int, int, bytes]]:
        """Give number of the log, index and leaf hash of every entry that this one names."""
        return _HEARD.iter_unpack(self.heard)


def read_entry(entry: bytes) -> log_pb2.LogEntry:
    """Read an entry.

    Raises:
        LandbridgeError: LB-5002 when it is none of ours.
    """
    try:
        return log_pb2.LogEntry.FromString(entry)
    except DecodeError:
        raise damaged("an entry is no log entry of ours") from None


def is_fact(entry: log_pb2.LogEntry) -> bool:
    """Tell whether an entry is about a query."""
    return entry.kind in KINDS and len(entry.query_digest) == _DIGEST_BYTES


def write_who(entry: log_pb2.LogEntry) -> str:
    """Put together who asks, and why."""
    # The separator cannot stand in what a log takes as a name, and ends in a text are no matter.
    return f"{entry.requester}\0{entry.purpose}\0{entry.case_reference}\0{entry.subject_kind}"


def write_accesses(entry: log_pb2.LogEntry) -> bytes:
    """Put together what an entry says of its datasets."""
    return b"".join(
        [len(part).to_bytes(4) + part for part in [a.SerializeToString() for a in entry.accesses]]
    )


def read_accesses(written: bytes) -> list[log_pb2.Access]:
    """Take apart what `write_accesses` wrote."""
    found: list[log_pb2.Access] = []
    place = 0
    while place < len(written):
        start = place + 4
        place = start + int.from_bytes(written[place:start])
        found.append(log_pb2.Access.FromString(written[start:place]))
    return found


def pack_named(log: int, heard: log_pb2.Heard) -> bytes:
    """Pack one entry of another log that is named; a leaf hash of another size fits no entry."""
    return _HEARD.pack(log, heard.index, heard.leaf_hash[:_DIGEST_BYTES])
