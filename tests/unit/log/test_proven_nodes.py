"""A path that stops where another has been is believed exactly when it would be in full."""

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from landbridge.log import proven_nodes
from landbridge.log.frontier import Frontier, Growth
from landbridge.log.merkle import leaf_hash, root_from_path
from landbridge.log.proven_nodes import ProvenNodes


def tree(before: int, added: int) -> tuple[Growth, list[bytes]]:
    start = Frontier()
    if before:
        start = start.grow([leaf_hash(b"%d" % number) for number in range(before)]).after()
    leaves = [leaf_hash(b"new %d" % number) for number in range(added)]
    return start.grow(leaves), leaves


def changed(
    leaf: bytes, index: int, path: tuple[bytes, ...]
) -> Iterator[tuple[bytes, int, tuple[bytes, ...]]]:
    """Give what a path could be changed to: each node, more nodes, fewer, in another order."""
    yield bytes(32), index, path
    yield from ((leaf, other, path) for other in (index - 1, index ^ 1, index + 1, index + 8, -1))
    for place in range(len(path)):
        flipped = bytes([path[place][0] ^ 1]) + path[place][1:]
        yield leaf, index, (*path[:place], flipped, *path[place + 1 :])
        yield leaf, index, (*path[:place], path[place][:-1], *path[place + 1 :])
        yield leaf, index, (*path[:place], *path[place + 1 :])
    yield leaf, index, (*path, bytes(32))
    yield leaf, index, path[::-1] if path[::-1] != path else (*path, leaf)


@settings(max_examples=40, deadline=None)
@given(
    before=st.integers(0, 70),
    added=st.integers(1, 40),
    order=st.randoms(use_true_random=False),
)
def test_what_is_believed_is_what_the_whole_path_shows(
    before: int, added: int, order: object
) -> None:
    growth, leaves = tree(before, added)
    paths, nodes = growth.paths(), ProvenNodes()
    places = [*range(added)]
    order.shuffle(places)  # type: ignore[attr-defined]
    for place in places:
        index, leaf, path = before + place, leaves[place], paths[place]
        for wrong_leaf, wrong_index, wrong in changed(leaf, index, path):
            whole = root_from_path(wrong_leaf, wrong_index, growth.size, wrong) == growth.root
            assert not whole
            assert not nodes.holds(1, growth.root, growth.size, wrong_leaf, wrong_index, wrong)
        for _ in range(2):
            assert nodes.holds(1, growth.root, growth.size, leaf, index, path)


def test_one_tree_says_nothing_of_another() -> None:
    one, leaves = tree(8, 8)
    other, _ = tree(9, 8)
    nodes, path = ProvenNodes(), one.paths()[0]
    assert nodes.holds(1, one.root, one.size, leaves[0], 8, path)
    assert not nodes.holds(2, other.root, other.size, leaves[0], 8, path)
    assert not nodes.holds(3, bytes(32), one.size, leaves[0], 8, path)
    assert nodes.holds(1, one.root, one.size, leaves[0], 8, path)


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proven_nodes, "_MOST", 100)
    nodes = ProvenNodes()
    for number in range(20):
        growth, leaves = tree(number, 64)
        for place, path in enumerate(growth.paths()):
            index = number + place
            assert nodes.holds(number, growth.root, growth.size, leaves[place], index, path)
        assert sum(map(len, nodes._trees.values())) == nodes._count <= 200
    for number in range(20, 40):
        growth, leaves = tree(number, 2)
        assert not nodes.holds(number, bytes(32), growth.size, leaves[0], number, ())
    assert {*nodes._trees} <= {*range(20)}
