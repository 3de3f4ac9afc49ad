"""One log as it is shown: what is new in it, verified, goes to the store of facts.

1. The head must be signed by a key of this log, and continue what was read of it before.
2. The entries must lead to it, from what was read before on.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import islice
from pathlib import Path

from landbridge.agency import Role
from landbridge.audit.fact_store import FactStore, KnownLog
from landbridge.audit.listed_logs import ListedLogs
from landbridge.audit.part import PART, Stretch
from landbridge.audit.readers import Readers
from landbridge.audit.roots import roots_at
from landbridge.errors import Reason, refuse
from landbridge.log.checkpoint import Checkpoint
from landbridge.log.frontier import Frontier
from landbridge.log.reading import LogReader, open_reader
from landbridge.log.tables import damaged


@dataclass(frozen=True, slots=True)
class Party:
    """Whose log it is, and how much of it is known."""

    number: int
    origin: str
    agency: str
    role: Role
    size: int


@dataclass(frozen=True, slots=True)
class ShownLog:
    """A log with the head that it shows now, and what was read of it before."""

    path: Path
    head: Checkpoint
    checkpoint: bytes
    known: KnownLog
    new: Stretch


class BrokenHistory(Exception):  # noqa: N818  what is wrong is no error of the reader
    """A log that does not continue what was read of it before, both signed."""

    def __init__(self, before: bytes, now: bytes) -> None:
        super().__init__("the log does not continue what was read of it before")
        self.before = before
        self.now = now


def read_shown(path: Path, reader: LogReader, listed: ListedLogs, store: FactStore) -> ShownLog:
    """Take up the head that a log shows now.

    Raises:
        LandbridgeError: LB-4001, LB-4002, LB-4008 for the head; LB-5001 when the log cannot be
            read; LB-5002 when its entries are not those under the head; LB-5003 when it ends before
            what was read of it; LB-1106 when it is published without entries.
        BrokenHistory: When it is shorter than before, and another.
    """
    reader.refresh()
    checkpoint = reader.checkpoint
    head = listed.verify_head(checkpoint)
    if not reader.has_entries:
        raise refuse(
            Reason.USAGE,
            f"{head.origin} is published without its entries",
            next_step="ask its owner for the log, or for tiles with their entries",
        )
    known = store.log(head.origin)
    if head.size < known.tree.size:
        if tree_of(reader.entries(0, head.size)).root() != head.root:
            raise damaged("the entries are not those under the signed head")
        if _root_of(store, known, head.size) != head.root:
            raise BrokenHistory(known.checkpoint, checkpoint)
        raise refuse(
            Reason.LOG_ROLLED_BACK,
            f"{head.origin} shows {head.size} entries; {known.tree.size} were seen before",
        )
    numbers = {origin: store.number(origin) for origin in listed.logs}
    new = Stretch(path, known.number, head.origin, known.tree.size, head.size, numbers)
    return ShownLog(path, head, checkpoint, known, new)


def take_up(shown: ShownLog, readers: Readers, store: FactStore) -> KnownLog:
    """Read what is new in a log, and write it down whole or not at all.

    Raises:
        LandbridgeError: LB-5001 when the log cannot be read; LB-5002 when its entries are not those
            under the head.
        BrokenHistory: When its head is over other entries than were read before.
    """
    known, head = shown.known, shown.head
    tree = known.tree
    with store.writing():
        for _, part in readers.parts(shown.new):
            if not part.leaves:
                break
            store.add(part)
            store.add_leaves(known.number, tree, part.leaves)
            tree = tree.grow(part.leaves).after()
        if tree.size != head.size:
            raise damaged(f"{head.origin} lacks entries that its head is over")
        if tree.root() != head.root:
            raise _not_continued(shown)
        after = replace(known, tree=tree, checkpoint=shown.checkpoint)
        store.save_log(after)
    return after


def tree_of(entries: Iterable[bytes]) -> Frontier:
    """Hash a log's entries, from the first on."""
    tree, rest = Frontier(), iter(entries)
    while part := list(islice(rest, PART)):
        tree = tree.grow([sha256(b"\x00" + entry).digest() for entry in part]).after()
    return tree


def _not_continued(shown: ShownLog) -> Exception:
    """Tell a log that was rewritten and signed from one that is damaged."""
    if shown.known.tree.size:
        with open_reader(shown.path) as reader:
            if tree_of(reader.entries(0, shown.head.size)).root() == shown.head.root:
                return BrokenHistory(shown.known.checkpoint, shown.checkpoint)
    return damaged(f"the entries of {shown.head.origin} are not those under its signed head")


def _root_of(store: FactStore, known: KnownLog, size: int) -> bytes:
    for before, leaves in store.leaves(known.number, (size, size)):
        for _, root in roots_at(before, leaves, (size,)):
            return root
    return Frontier().root()
