"""A tree kept as C2SP tlog-tiles keeps it: 256 hashes wide, full tiles outside, the rest in memory.

Tile `index` of tile level `level` holds the hashes of the subtrees over 256**level leaves from
number `index` * 256 on. Full tiles never change; whoever holds them gives a function to read them.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from hashlib import sha256
from typing import Final

from landbridge.log.frontier import Frontier, Growth, Path
from landbridge.log.merkle import (
    HASH_BYTES,
    consistency_ranges,
    inclusion_ranges,
    range_hash,
    tree_root,
)

TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT
TILE_BYTES = TILE_WIDTH * HASH_BYTES
_MOST_TILES: Final = 1024
"""Full tiles kept as they were hashed, 24 KiB each."""

ReadTile = Callable[[int, int], bytes]
"""From tile level and index to the 8,192 bytes of a full tile."""


@dataclass(frozen=True, slots=True)
class Tile:
    """A full tile."""

    level: int
    index: int
    hashes: bytes


def tile_path(level: int, index: int, width: int = TILE_WIDTH) -> str:
    """Return the path under which a tile is published, such as `tile/0/x001/x234/067.p/5`."""
    return f"tile/{level}/{tile_number(index, width)}"


def tile_number(index: int, width: int = TILE_WIDTH) -> str:
    """Return the part of a published path that says which tile of a level, and how full."""
    groups = [f"{index % 1000:03d}"]
    while index := index // 1000:
        groups.insert(0, f"x{index % 1000:03d}")
    partial = "" if width == TILE_WIDTH else f".p/{width}"
    return "/".join(groups) + partial


def split_hashes(hashes: bytes) -> list[bytes]:
    """Take a tile's bytes apart."""
    return [hashes[start : start + HASH_BYTES] for start in range(0, len(hashes), HASH_BYTES)]


@lru_cache(_MOST_TILES)
def rows_of_tile(hashes: bytes) -> tuple[bytes, ...]:
    """Hash a full tile: its 256 hashes, the 128 above them, and so on, without the root.

    Proofs of neighbours, and of the same entries again, need the same ones.
    """
    rows = [hashes]
    while len(rows[-1]) > 2 * HASH_BYTES:
        below = rows[-1]
        pairs = range(0, len(below), 2 * HASH_BYTES)
        rows.append(
            b"".join([sha256(b"\x01" + below[at : at + 2 * HASH_BYTES]).digest() for at in pairs])
        )
    return tuple(rows)


@dataclass(frozen=True, slots=True)
class TiledTree:
    """A tree at one size: its frontier, and the hashes of the unfilled tile of each tile level."""

    frontier: Frontier = field(default_factory=Frontier)
    edges: tuple[tuple[bytes, ...], ...] = ()

    @classmethod
    def load(cls, size: int, read_tile: ReadTile, tail: Sequence[bytes]) -> "TiledTree":
        """Build the tree from its full tiles and the leaf hashes that fill no tile yet.

        Reads at most 255 tiles a level, whatever the size.
        """
        edges = [tuple(tail)] if size else []
        while count := size >> (TILE_HEIGHT * len(edges)):
            unfilled = range(count - count % TILE_WIDTH, count)
            below = len(edges) - 1
            edges.append(
                tuple(tree_root(split_hashes(read_tile(below, index))) for index in unfilled)
            )
        return cls(Frontier(size, tuple(_peaks(size, edges))), tuple(edges))

    def grow(self, leaves: Sequence[bytes]) -> tuple["TiledTree", Growth, list[Tile]]:
        """Add leaf hashes, at least one: the grown tree, what proves them, and the tiles filled."""
        growth = self.frontier.grow(leaves)
        edges: list[tuple[bytes, ...]] = []
        filled: list[Tile] = []
        while count := growth.size >> (TILE_HEIGHT * len(edges)):
            level = len(edges)
            before = self.edges[level] if level < len(self.edges) else ()
            hashes = [*before, *growth.complete(TILE_HEIGHT * level)]
            index = (count - len(hashes)) // TILE_WIDTH
            while len(hashes) >= TILE_WIDTH:
                filled.append(Tile(level, index, b"".join(hashes[:TILE_WIDTH])))
                hashes = hashes[TILE_WIDTH:]
                index += 1
            edges.append(tuple(hashes))
        return TiledTree(growth.after(), tuple(edges)), growth, filled

    def inclusion_path(self, index: int, size: int, read_tile: ReadTile) -> Path:
        """Prove a leaf in the tree as it was at a size, 0 <= index < size <= the present size."""
        node = self._node_reader(read_tile)
        return tuple(range_hash(leaves, node) for leaves in inclusion_ranges(index, size))

    def inclusion_paths(self, indices: Sequence[int], size: int, read_tile: ReadTile) -> list[Path]:
        """Prove several leaves as `inclusion_path` does; what they share is hashed once."""
        node = cache(self._node_reader(read_tile))
        return [
            tuple(range_hash(leaves, node) for leaves in inclusion_ranges(index, size))
            for index in indices
        ]

    def consistency_path(self, old_size: int, new_size: int, read_tile: ReadTile) -> Path:
        """Prove that one size continues another, 0 < old_size <= new_size <= the present size."""
        node = self._node_reader(read_tile)
        return tuple(range_hash(leaves, node) for leaves in consistency_ranges(old_size, new_size))

    def _node_reader(self, read_tile: ReadTile) -> Callable[[int, int], bytes]:
        frontier, edges = self.frontier, self.edges

        @cache
        def rows(level: int, index: int) -> Sequence[bytes]:
            return rows_of_tile(read_tile(level, index))

        def node(height: int, position: int) -> bytes:
            if frontier.size >> height == position + 1 and not position & 1:
                return frontier.peaks[height]
            level, rise = divmod(height, TILE_HEIGHT)
            index, start = divmod(position << rise, TILE_WIDTH)
            if index == frontier.size >> (TILE_HEIGHT * (level + 1)):
                return tree_root(edges[level][start : start + (1 << rise)])
            at = (start >> rise) * HASH_BYTES
            return rows(level, index)[rise][at : at + HASH_BYTES]

        return node


def _peaks(size: int, edges: Sequence[Sequence[bytes]]) -> Iterator[bytes]:
    """Hash the complete subtrees of a tree from its unfilled tiles, lowest first."""
    for height in range(size.bit_length()):
        level, rise = divmod(height, TILE_HEIGHT)
        position = (size >> height) - 1
        start = (position << rise) % TILE_WIDTH
        whole = size >> height & 1
        yield tree_root(edges[level][start : start + (1 << rise)]) if whole else b""
