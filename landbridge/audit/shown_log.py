"""One log as it is shown: what is new in it, verified, goes to the store of facts.

1. The head must be signed by a key of this log.
2. The entries must lead to it, from what was read before on.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import islice
from typing import Final

from landbridge.agency import Role
from landbridge.audit.fact import (
    DIGEST_BYTES,
    KINDS,
    pack_fact,
    pack_named,
    read_entry,
)
from landbridge.audit.fact_store import FactStore, KnownLog
from landbridge.audit.facts_kept import Packed
from landbridge.audit.listed_logs import ListedLogs
from landbridge.audit.roots import roots_at
from landbridge.errors import Reason, refuse
from landbridge.log.checkpoint import Checkpoint
from landbridge.log.frontier import Frontier
from landbridge.log.reading import LogReader
from landbridge.log.tables import damaged

PART: Final = 4096
"""Entries that are read at a time."""
_LARGEST: Final = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class Party:
    """Whose log it is, and how much of it is known."""

    number: int
    origin: str
    agency: str
    role: Role
    size: int
    names_from: int | None


class BrokenHistory(Exception):  # noqa: N818  what is wrong is no error of the reader
    """A log that does not continue what was read of it before, both signed."""

    def __init__(self, before: bytes, now: bytes) -> None:
        super().__init__("the log does not continue what was read of it before")
        self.before = before
        self.now = now


def take_up(reader: LogReader, listed: ListedLogs, store: FactStore) -> KnownLog:
    """Read what is new in a log; call it within `store.writing()`.

    Raises:
        LandbridgeError: LB-4001, LB-4002, LB-4008 for the head; LB-5001 when the log cannot be
            read; LB-5002 when its entries are not those under the head; LB-5003 when it ends before
            what was read of it.
        BrokenHistory: When its newest head is over other entries than were read before.
    """
    head = listed.verify_head(reader.checkpoint)
    known = store.log(head.origin)
    if head.size < known.tree.size:
        if tree_of(reader, 0, head.size).root() != head.root:
            raise damaged("the entries are not those under the signed head")
        if _root_of(store, known, head.size) != head.root:
            raise BrokenHistory(known.checkpoint, reader.checkpoint)
        raise refuse(
            Reason.LOG_ROLLED_BACK,
            f"{head.origin} shows {head.size} entries; {known.tree.size} were seen before",
        )
    if not reader.has_entries:
        raise refuse(
            Reason.USAGE,
            f"{head.origin} is published without its entries",
            next_step="ask its owner for the log, or for tiles with their entries",
        )
    return _read_on(reader, head, known, store)


def tree_of(
    reader: LogReader, start: int, end: int, seen: Callable[[bytes], None] = lambda _: None
) -> Frontier:
    """Hash a log's entries, from the first on."""
    tree = Frontier()
    entries = iter(reader.entries(start, end))
    while part := list(islice(entries, PART)):
        for entry in part:
            seen(entry)
        tree = tree.grow([sha256(b"\x00" + entry).digest() for entry in part]).after()
    return tree


def _read_on(reader: LogReader, head: Checkpoint, known: KnownLog, store: FactStore) -> KnownLog:
    tree, names_from = known.tree, known.names_from
    entries = iter(reader.entries(tree.size, head.size))
    while part := list(islice(entries, PART)):
        leaves = [sha256(b"\x00" + entry).digest() for entry in part]
        first = _add(part, leaves, known, tree.size, store)
        names_from = first if names_from is None else names_from
        store.add_leaves(known.number, tree, leaves)
        tree = tree.grow(leaves).after()
    if tree.size != head.size:
        raise damaged(f"{head.origin} lacks entries that its head is over")
    if tree.root() != head.root:
        if known.tree.size and tree_of(reader, 0, head.size).root() == head.root:
            raise BrokenHistory(known.checkpoint, reader.checkpoint)
        raise damaged(f"the entries of {head.origin} are not those under its signed head")
    after = replace(known, tree=tree, checkpoint=reader.checkpoint, names_from=names_from)
    store.save_log(after)
    return after


def _add(
    part: Sequence[bytes], leaves: Sequence[bytes], known: KnownLog, start: int, store: FactStore
) -> int | None:
    """Write the facts of some entries; return the position of the first that names others."""
    facts: list[Packed] = []
    heads: dict[tuple[int, int, bytes], tuple[str, int]] = {}
    log, number_of, accesses_number = known.number, store.number, store.accesses_number
    first: int | None = None
    for position, (data, leaf) in enumerate(zip(part, leaves, strict=True), start):
        entry = read_entry(data)
        query = entry.query_digest
        if entry.kind not in KINDS or len(query) != DIGEST_BYTES:
            continue
        named = b""
        for heard in entry.heard:
            other, index = number_of(heard.origin), heard.index
            named += pack_named(other, index, heard.leaf_hash)
            head = other, min(heard.size, _LARGEST), heard.root_hash
            if head not in heads:
                heads[head] = f"entry {position} of {known.origin}", entry.logged_at_unix_ms
        if named and first is None:
            first = position
        accesses = accesses_number(tuple([one.SerializeToString() for one in entry.accesses]))
        facts.append((query, pack_fact(entry, log, position, accesses, leaf, named)))
    store.add(facts, [(*head, *teller) for head, teller in heads.items()])
    return first


def _root_of(store: FactStore, known: KnownLog, size: int) -> bytes:
    for before, leaves in store.leaves(known.number, (size, size)):
        for _, root in roots_at(before, leaves, (size,)):
            return root
    return Frontier().root()
