"""Tiles: published paths, and proofs from full tiles on disk and unfilled ones in memory."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from landbridge.log.merkle import leaf_hash, tree_root, verify_consistency, verify_inclusion
from landbridge.log.tiles import TILE_BYTES, TiledTree, split_hashes, tile_path
from tests.vectors import generate

LEAVES = [leaf_hash(b"%d" % number) for number in range(70_000)]


def grown(sizes: list[int]) -> tuple[TiledTree, dict[tuple[int, int], bytes]]:
    tree, tiles, start = TiledTree(), {}, 0
    for size in sizes:
        tree, _, filled = tree.grow(LEAVES[start:size])
        for tile in filled:
            assert (tile.level, tile.index) not in tiles
            tiles[tile.level, tile.index] = tile.hashes
        start = size
    return tree, tiles


@pytest.mark.parametrize(
    ("level", "index", "width", "path"),
    [
        (0, 1234067, 256, "tile/0/x001/x234/067"),
        (0, 0, 256, "tile/0/000"),
        (1, 999, 17, "tile/1/999.p/17"),
        (2, 1000, 1, "tile/2/x001/000.p/1"),
    ],
)
def test_paths_are_those_of_the_specification(
    level: int, index: int, width: int, path: str
) -> None:
    assert tile_path(level, index, width) == path


def test_the_tree_of_seventy_thousand_of_the_specification() -> None:
    tree, tiles = grown([100, 66_000, 70_000])
    assert sum(1 for level, _ in tiles if level == 0) == 273
    assert sum(1 for level, _ in tiles if level == 1) == 1
    assert [len(edge) for edge in tree.edges] == [112, 17, 1]
    assert all(len(hashes) == TILE_BYTES for hashes in tiles.values())
    assert split_hashes(tiles[1, 0])[3] == tree_root(LEAVES[768:1024])
    assert tree.frontier.root() == tree_root(LEAVES)
    loaded = TiledTree.load(70_000, lambda level, index: tiles[level, index], LEAVES[69_888:])
    assert loaded == tree
    for index, size in [(0, 70_000), (69_999, 70_000), (65_535, 65_536), (300, 66_001)]:
        path = tree.inclusion_path(index, size, lambda level, index: tiles[level, index])
        verify_inclusion(LEAVES[index], index, size, path, tree_root(LEAVES[:size]))
    proof = tree.consistency_path(65_537, 70_000, lambda level, index: tiles[level, index])
    old = tree_root(LEAVES[:65_537])
    verify_consistency(65_537, 70_000, old, tree.frontier.root(), proof)


@settings(max_examples=40, deadline=None)
@given(st.sets(st.integers(1, 1400), min_size=2, max_size=6), st.data())
def test_proofs_from_tiles_are_those_of_the_definition(
    sizes: set[int], data: st.DataObject
) -> None:
    tree, tiles = grown(sorted(sizes))
    new = data.draw(st.integers(1, tree.frontier.size))
    old = data.draw(st.integers(1, new))
    entries = [b"%d" % number for number in range(new)]

    def read(level: int, index: int) -> bytes:
        return tiles[level, index]

    assert list(tree.inclusion_path(old - 1, new, read)) == generate.path(old - 1, entries)
    assert list(tree.consistency_path(old, new, read)) == generate.proof(old, entries)
    filled = tree.frontier.size - tree.frontier.size % 256
    assert TiledTree.load(tree.frontier.size, read, LEAVES[filled : tree.frontier.size]) == tree


def test_an_empty_tree_has_no_tiles() -> None:
    def read(level: int, index: int) -> bytes:
        raise AssertionError((level, index))

    assert TiledTree.load(0, read, []) == TiledTree()
