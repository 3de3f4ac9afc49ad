"""A tree that grows in batches is the tree of the definition, and every new leaf is proven."""

from hypothesis import given, settings
from hypothesis import strategies as st

from landbridge.log.frontier import Frontier
from landbridge.log.merkle import EMPTY_ROOT, leaf_hash, tree_root, verify_inclusion
from tests.vectors import generate

batches = st.lists(st.integers(1, 40), min_size=1, max_size=12)


@settings(max_examples=60, deadline=None)
@given(batches)
def test_random_batches_give_the_recursive_root_and_paths(counts: list[int]) -> None:
    entries = [generate.entry(number) for number in range(sum(counts))]
    leaves = [leaf_hash(entry) for entry in entries]
    frontier, start = Frontier(), 0
    for count in counts:
        growth = frontier.grow(leaves[start : start + count])
        size = start + count
        root = generate.mth(entries[:size])
        assert growth.root == root
        paths = growth.paths()
        assert len(paths) == count
        for index, path in enumerate(paths, start):
            verify_inclusion(leaves[index], index, size, path, root)
        assert list(paths[0]) == generate.path(start, entries[:size])
        frontier = growth.after()
        assert frontier.root() == root
        assert frontier.size == size
        start = size


@settings(deadline=None)
@given(st.integers(0, 80), st.integers(1, 80))
def test_a_batch_names_each_subtree_that_it_completed_once(before: int, count: int) -> None:
    leaves = [leaf_hash(b"%d" % number) for number in range(before + count)]
    frontier = Frontier().grow(leaves[:before]).after() if before else Frontier()
    growth = frontier.grow(leaves[before:])
    for level in range(9):
        expected = [
            tree_root(leaves[position << level : (position + 1) << level])
            for position in range(before >> level, (before + count) >> level)
        ]
        assert growth.complete(level) == expected


def test_an_empty_tree() -> None:
    assert Frontier().root() == EMPTY_ROOT
