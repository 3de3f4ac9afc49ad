"""One pass over a whole log: every entry and every tile held against the signed head.

Whoever makes the pass may look at the entries on the way, and ask for the roots of earlier sizes,
without a second one.
"""

from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import Final

from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.log.checkpoint import Checkpoint, read_checkpoint
from landbridge.log.frontier import Frontier
from landbridge.log.merkle import EMPTY_ROOT, HASH_BYTES, node_hash
from landbridge.log.note import parse_note
from landbridge.log.reading import LogReader
from landbridge.log.tiles import TILE_WIDTH, TiledTree, split_hashes

_PAGE: Final = 16 * TILE_WIDTH

Page = tuple[int, list[bytes]]
"""The position of the first entry, and the entries from it on."""


class PassThrough:
    """A pass over the log that a reader shows, up to the head that the reader has now."""

    def __init__(self, reader: LogReader, sizes: Iterable[int] = ()) -> None:
        """Prepare a pass that notes the roots at some sizes, beside that of the head."""
        self._reader = reader
        self.head: Checkpoint = read_checkpoint(parse_note(reader.checkpoint))
        self.roots: dict[int, bytes] = {0: EMPTY_ROOT}
        """The root at each size asked for, as far as the pass has come."""
        self._sizes = {size for size in sizes if 0 < size <= self.head.size}

    def pages(self) -> Iterator[Page]:
        """Give the entries page by page, oldest first; the pass is made when this has ended.

        Where the entries are not there, their hashes are read instead, and nothing is given.

        Raises:
            LandbridgeError: LB-5002 at the first entry or tile that does not fit, or when all of
                them together do not lead to the root of the head; LB-5001 when the log cannot be
                read.
        """
        tree = TiledTree()
        for start in range(0, self.head.size, _PAGE):
            end = min(start + _PAGE, self.head.size)
            if self._reader.has_entries:
                page = list(self._reader.entries(start, end))
                leaves = [sha256(b"\x00" + entry).digest() for entry in page]
                yield start, page
            else:
                leaves = self._leaves(start, end)
            self._note_roots(tree.frontier, leaves)
            tree, growth, filled = tree.grow(leaves)
            for tile in filled:
                self._hold(tile.level, tile.index, tile.hashes)
            self.roots[growth.size] = growth.root
        for level, edge in enumerate(tree.edges):
            if edge:
                index = (self.head.size >> (8 * level)) // TILE_WIDTH
                self._hold(level, index, b"".join(edge))
        if tree.frontier.root() != self.head.root:
            raise self._damaged("the entries do not lead to the root of the signed head")
        self.roots[self.head.size] = self.head.root

    def finish(self) -> Checkpoint:
        """Make the whole pass, and return the head that it bore out.

        Raises:
            LandbridgeError: as for `pages`.
        """
        for _ in self.pages():
            pass
        return self.head

    def _leaves(self, start: int, end: int) -> list[bytes]:
        leaves: list[bytes] = []
        for first in range(start, end, TILE_WIDTH):
            width = min(TILE_WIDTH, end - first)
            leaves += split_hashes(self._reader.tile(0, first // TILE_WIDTH, width))
        return leaves

    def _note_roots(self, before: Frontier, leaves: list[bytes]) -> None:
        """Note the roots at the sizes within a page, growing the tree leaf by leaf."""
        wanted = {size for size in self._sizes if before.size < size <= before.size + len(leaves)}
        self._sizes -= wanted
        if not wanted:
            return
        peaks = list(before.peaks)
        last = max(wanted)
        for size, leaf in enumerate(leaves, before.size + 1):
            level, node = 0, leaf
            while level < len(peaks) and peaks[level]:
                node, peaks[level] = node_hash(peaks[level], node), b""
                level += 1
            peaks[level : level + 1] = [node]
            if size in wanted:
                self.roots[size] = Frontier(size, tuple(peaks)).root()
                if size == last:
                    return

    def _hold(self, level: int, index: int, hashes: bytes) -> None:
        found = self._reader.tile(level, index, len(hashes) // HASH_BYTES)
        if found != hashes:
            raise self._damaged(
                f"tile {level}/{index} does not hold the hashes of what is under it"
            )

    def _damaged(self, what: str) -> LandbridgeError:
        return refuse(Reason.LOG_DAMAGED, what, where=self._reader.origin)
