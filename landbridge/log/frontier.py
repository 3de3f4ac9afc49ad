"""The right edge of a Merkle tree: all that is needed to make it grow and to prove what was added.

The memory it takes depends on the number of levels only, never on the number of leaves.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from landbridge.log.merkle import EMPTY_ROOT, node_hash, parent_row

Path = tuple[bytes, ...]
"""An inclusion path, leaf side first."""


@dataclass(frozen=True, slots=True)
class Frontier:
    """A tree's size and the roots of its complete subtrees.

    `peaks[level]` is the root of the last complete subtree over 2**level leaves where that bit of
    the size is set, and empty where it is not (RFC 6962, section 2.1).
    """

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    def root(self) -> bytes:
        """Return the root of the tree."""
        current = b""
        for peak in self.peaks:
            if peak:
                current = node_hash(peak, current) if current else peak
        return current or EMPTY_ROOT

    def grow(self, leaves: Sequence[bytes]) -> "Growth":
        """Add leaf hashes, at least one.

        A row holds the nodes of one level from the place where the tree changes; a peak of the old
        tree joins its row where the first new node needs it as its left neighbour.
        """
        offset, row = self.size, list(leaves)
        rows: list[_Row] = []
        while True:
            if offset & 1:
                offset -= 1
                row.insert(0, self.peaks[len(rows)])
            rows.append((offset, row))
            if len(row) > 1:
                row = parent_row(row)
            elif offset == 0:
                return Growth(self, self.size + len(leaves), tuple(rows))
            else:
                row = row.copy()  # the last node, without a neighbour, stands in the next row too
            offset >>= 1


_Row = tuple[int, list[bytes]]


@dataclass(frozen=True, slots=True)
class Growth:
    """A batch of leaves added to a tree: its new root, and what proves each new leaf."""

    before: Frontier
    size: int
    rows: tuple[_Row, ...]

    @property
    def root(self) -> bytes:
        """The root of the grown tree."""
        return self.rows[-1][1][0]

    def after(self) -> Frontier:
        """Return the frontier of the grown tree."""
        size = self.size
        peaks = [
            row[(size >> level) - 1 - offset] if size >> level & 1 else b""
            for level, (offset, row) in enumerate(self.rows[: size.bit_length()])
        ]
        return Frontier(size, tuple(peaks))

    def complete(self, level: int) -> list[bytes]:
        """Return the nodes over 2**level leaves that this batch completed, from left to right."""
        if level >= len(self.rows):
            return []
        offset, row = self.rows[level]
        return row[(self.before.size >> level) - offset : (self.size >> level) - offset]

    def paths(self) -> list[Path]:
        """Return the inclusion path of each new leaf to the new root, in order.

        Worked from the root down, so that leaves share the upper part of their paths. A lone leaf
        is the last one: all its neighbours stand on the left.
        """
        if self.size == self.before.size + 1:
            return [tuple([row[0] for _, row in self.rows[:-1] if len(row) > 1])]
        above: list[Path] = [()]
        above_offset = 0
        for offset, row in reversed(self.rows[:-1]):
            here: list[Path] = []
            parent = (offset >> 1) - above_offset
            for place in range(0, len(row) - 1, 2):
                path = above[parent]
                parent += 1
                here.append((row[place + 1], *path))
                here.append((row[place], *path))
            if len(row) & 1:
                here.append(above[parent])
            above, above_offset = here, offset
        return above[self.before.size - above_offset :]
