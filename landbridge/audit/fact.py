"""What one log entry says of a query, in the few values that can be held against other logs."""

import struct
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from typing import Final, NamedTuple

from google.protobuf.message import DecodeError

from landbridge.log.tables import damaged
from landbridge.v1 import log_pb2

KINDS: Final = frozenset(
    {
        log_pb2.ENTRY_KIND_QUERY,
        log_pb2.ENTRY_KIND_RECEIPT,
        log_pb2.ENTRY_KIND_ANSWER,
        log_pb2.ENTRY_KIND_PROFILE,
    }
)
"""The kinds of entries that are about a query."""
DIGEST_BYTES: Final = 32
_FIXED: Final = struct.Struct(">IQBBq16s32s32sHH")
NAMED: Final = struct.Struct(">IQ32sQ8s")
"""An entry of another log: number of the log, index, leaf hash; size and first bytes of the root
of the head that came with it."""
_NAME_BYTES: Final = 16
_BYTE: Final = 0xFF


class NamedEntry(NamedTuple):
    """An entry of another log, and the head that came with it."""

    log: int
    position: int
    leaf: bytes
    size: int
    root: bytes
    """Its first bytes."""


class Fact(NamedTuple):
    """One entry about one query."""

    query: bytes
    log: int
    """Number of the log that holds it."""
    position: int
    kind: int
    step: int
    at: int
    accesses: bytes
    """Names what was released and refused: most entries say the same as many others."""
    payload: bytes
    leaf: bytes
    who: bytes
    """Requester, purpose, case and kind of subject, in one text."""
    heard: bytes
    """Entries of other logs that this one names, packed."""

    @property
    def said(self) -> Sequence[str]:
        """Requester, purpose, case and kind of subject."""
        return self.who.decode().split("\0")

    @property
    def requester(self) -> str:
        """The agency that asked."""
        return self.said[0]

    def named(self) -> Iterator["NamedEntry"]:
        """Give every entry of another log that this one names."""
        return map(NamedEntry._make, NAMED.iter_unpack(self.heard))


def read_entry(entry: bytes) -> log_pb2.LogEntry:
    """Read an entry.

    Raises:
        LandbridgeError: LB-5002 when it is none of ours.
    """
    try:
        return log_pb2.LogEntry.FromString(entry)
    except DecodeError:
        raise damaged("an entry is no log entry of ours") from None


def pack_fact(  # noqa: PLR0913, PLR0917  a million times over: no object for what is packed at once
    entry: log_pb2.LogEntry, log: int, position: int, accesses: bytes, leaf: bytes, named: bytes
) -> bytes:
    """Pack what an entry says of its query; facts that are joined can be taken apart again."""
    # A text that holds the separator only looks odd where it is printed.
    who = (
        f"{entry.requester}\0{entry.purpose}\0{entry.case_reference}\0{entry.subject_kind}"
    ).encode()
    return (
        _FIXED.pack(
            log,
            position,
            entry.kind & _BYTE,
            entry.step & _BYTE,
            entry.logged_at_unix_ms,
            accesses,
            entry.payload_digest,
            leaf,
            len(who),
            len(named) // NAMED.size,
        )
        + who
        + named
    )


def unpack_facts(query: bytes, packed: bytes) -> list[Fact]:
    """Take apart the joined facts about one query."""
    found: list[Fact] = []
    place, end = 0, len(packed)
    while place < end:
        log, position, kind, step, at, accesses, payload, leaf, letters, count = _FIXED.unpack_from(
            packed, place
        )
        start = place + _FIXED.size
        middle = start + letters
        place = middle + count * NAMED.size
        found.append(
            Fact(
                query, log, position, kind, step, at, accesses, payload, leaf,
                packed[start:middle], packed[middle:place],
            )
        )  # fmt: skip
    return found


def pack_named(log: int, index: int, leaf: bytes, size: int, root: bytes) -> bytes:
    """Pack an entry of another log that is named; a leaf hash of another size fits no entry."""
    return NAMED.pack(log, index, leaf, size, root)


def write_accesses(parts: Iterable[bytes]) -> bytes:
    """Put together what an entry says of its datasets, one serialized access after the other."""
    return b"".join([len(part).to_bytes(4) + part for part in parts])


def name_accesses(written: bytes) -> bytes:
    """Name what `write_accesses` wrote by its digest."""
    return sha256(written).digest()[:_NAME_BYTES]


def read_accesses(written: bytes) -> list[log_pb2.Access]:
    """Take apart what `write_accesses` wrote."""
    found: list[log_pb2.Access] = []
    place = 0
    while place < len(written):
        start = place + 4
        place = start + int.from_bytes(written[place:start])
        found.append(log_pb2.Access.FromString(written[start:place]))
    return found
