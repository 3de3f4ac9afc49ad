"""A part of a log, read into facts, leaf hashes and heads: the work that other processes share.

It needs nothing but the entries, so that parts are read in any order and any process.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Final

from landbridge.audit.fact import (
    DIGEST_BYTES,
    KINDS,
    name_accesses,
    pack_fact,
    pack_named,
    read_entry,
    write_accesses,
)
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.log.checkpoint import stated
from landbridge.log.reading import open_reader

PART: Final = 8192
"""Entries that are read at a time."""
_LARGEST: Final = (1 << 63) - 1

NamedHead = tuple[int, int, bytes, int, str, int, bytes]
"""Number of the log, size, root; number of the log that names it, in which entry, when written,
and the head itself."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Which entries of which log are read, and the numbers of all logs that may be named."""

    path: Path
    number: int
    origin: str
    start: int
    end: int
    numbers: Mapping[str, int]


@dataclass(slots=True)
class Part:
    """What a stretch of entries says."""

    leaves: list[bytes] = field(default_factory=list)
    facts: list[tuple[bytes, bytes]] = field(default_factory=list)
    """Each query with a packed fact about it."""
    heads: list[NamedHead] = field(default_factory=list)
    accesses: dict[bytes, bytes] = field(default_factory=dict)
    """What was released and refused, by its name in the facts."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a stretch could not be read, in a form that passes between processes."""

    reason: int
    message: str
    where: str
    next_step: str

    def error(self) -> LandbridgeError:
        """Make the error anew; the caller raises it."""
        reason = Reason(self.reason)
        return refuse(reason, self.message, where=self.where, next_step=self.next_step)


def read_part(entries: Iterable[bytes], stretch: Stretch) -> Part:
    """Read entries; those of logs that nobody lists are named in vain.

    Raises:
        LandbridgeError: LB-5002 for an entry that is none of ours.
    """
    part = Part()
    heads: dict[tuple[int, int, bytes], tuple[str, int, bytes]] = {}
    heads_read: dict[tuple[str, bytes], tuple[int, bytes]] = {}
    names: dict[tuple[bytes, ...], bytes] = {}
    log, numbers = stretch.number, stretch.numbers
    for position, data in enumerate(entries, stretch.start):
        leaf = sha256(b"\x00" + data).digest()
        part.leaves.append(leaf)
        entry = read_entry(data)
        query = entry.query_digest
        if entry.kind not in KINDS or len(query) != DIGEST_BYTES:
            continue
        named = b""
        for heard in entry.heard:
            other = numbers.get(heard.origin)
            if other is None:
                continue
            size, root = heads_read.get((heard.origin, note := heard.checkpoint)) or _state(
                heads_read, heard.origin, note
            )
            named += pack_named(other, heard.index, heard.leaf_hash, size, root)
            if (other, size, root) not in heads:
                place = f"entry {position} of {stretch.origin}"
                heads[other, size, root] = place, entry.logged_at_unix_ms, note
        listed = tuple([one.SerializeToString() for one in entry.accesses])
        name = names.get(listed)
        if name is None:
            written = write_accesses(listed)
            name = names[listed] = name_accesses(written)
            part.accesses[name] = written
        part.facts.append((query, pack_fact(entry, log, position, name, leaf, named)))
    part.heads = [(other, size, root, log, *said) for (other, size, root), said in heads.items()]
    return part


def _state(
    known: dict[tuple[str, bytes], tuple[int, bytes]], origin: str, note: bytes
) -> tuple[int, bytes]:
    """Read size and root of a head; one of another log, or of none, gets a size that none has."""
    said = stated(note)
    if said is None or said.origin != origin:
        found = _LARGEST, sha256(note).digest()
    else:
        found = min(said.size, _LARGEST), said.root
    known[origin, note] = found
    return found


def read_stretch(stretch: Stretch) -> Part | Failure:
    """Open a log and read a stretch of it."""
    try:
        with open_reader(stretch.path) as reader:
            return read_part(reader.entries(stretch.start, stretch.end), stretch)
    except LandbridgeError as error:
        return Failure(error.reason.value, error.message, error.where, error.next_step)
