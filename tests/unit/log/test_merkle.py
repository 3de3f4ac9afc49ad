"""The Merkle tree against the RFC's examples, its definitions, and altered proofs."""

import json
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from landbridge.errors import LandbridgeError, Reason
from landbridge.log.merkle import (
    EMPTY_ROOT,
    consistency_ranges,
    inclusion_ranges,
    leaf_hash,
    node_hash,
    range_hash,
    root_from_path,
    tree_root,
    verify_consistency,
    verify_inclusion,
)
from tests.vectors import generate, published, refused

LARGEST = 70
ENTRIES = [generate.entry(number) for number in range(LARGEST)]
LEAVES = [leaf_hash(entry) for entry in ENTRIES]
ROOTS = [generate.mth(ENTRIES[:size]) for size in range(LARGEST + 1)]
RFC = json.loads((generate.FOLDER / "rfc6962.json").read_text())
OWN = json.loads((generate.FOLDER / "merkle.json").read_text())


def node_over(leaves: list[bytes]) -> Callable[[int, int], bytes]:
    return lambda level, position: tree_root(leaves[position << level : (position + 1) << level])


def inclusion_path(index: int, size: int) -> list[bytes]:
    return [range_hash(leaves, node_over(LEAVES)) for leaves in inclusion_ranges(index, size)]


def consistency_path(old: int, new: int) -> list[bytes]:
    return [range_hash(leaves, node_over(LEAVES)) for leaves in consistency_ranges(old, new)]


def test_the_known_eight_entry_tree() -> None:
    leaves = [leaf_hash(bytes.fromhex(entry)) for entry in RFC["entries"]]
    assert tree_root([]).hex() == EMPTY_ROOT.hex() == RFC["empty_root"]
    assert [tree_root(leaves[: size + 1]).hex() for size in range(8)] == RFC["roots"]


def test_the_seven_entry_example_of_the_rfc() -> None:
    example = RFC["seven_entries"]
    nodes = {name: tuple(leaves) for name, leaves in example["nodes"].items()}
    for index, names in example["audit_paths"].items():
        assert inclusion_ranges(int(index), 7) == [nodes[name] for name in names]
    for old, names in example["consistency_proofs"].items():
        assert consistency_ranges(int(old), 7) == [nodes[name] for name in names]


def test_the_vectors_are_what_their_generator_makes() -> None:
    made = generate.documents() | published.documents() | refused.documents()
    for name, text in made.items():
        assert (generate.FOLDER / name).read_text() == text


def test_our_own_vectors() -> None:
    leaves = [leaf_hash(generate.entry(number)) for number in range(600)]
    for size, root in OWN["roots"].items():
        assert tree_root(leaves[: int(size)]).hex() == root
    for case in OWN["inclusion"]:
        root = generate.mth([generate.entry(number) for number in range(case["size"])])
        path = [bytes.fromhex(node) for node in case["path"]]
        verify_inclusion(leaves[case["index"]], case["index"], case["size"], path, root)
    for case in OWN["consistency"]:
        old, new = tree_root(leaves[: case["old"]]), tree_root(leaves[: case["new"]])
        path = [bytes.fromhex(node) for node in case["path"]]
        verify_consistency(case["old"], case["new"], old, new, path)


def test_every_index_of_every_tree_up_to_seventy_leaves() -> None:
    for size in range(1, LARGEST + 1):
        for index in range(size):
            path = inclusion_path(index, size)
            assert root_from_path(LEAVES[index], index, size, path) == ROOTS[size]
    assert inclusion_path(33, 70) == generate.path(33, ENTRIES)


def test_every_pair_of_sizes_up_to_forty_leaves() -> None:
    for new in range(1, 41):
        for old in range(1, new + 1):
            path = consistency_path(old, new)
            assert path == generate.proof(old, ENTRIES[:new])
            verify_consistency(old, new, ROOTS[old], ROOTS[new], path)


sizes = st.integers(1, LARGEST)


@settings(deadline=None)
@given(st.data())
def test_an_altered_inclusion_proof_is_refused(data: st.DataObject) -> None:
    size = data.draw(sizes)
    index = data.draw(st.integers(0, size - 1))
    leaf, path = LEAVES[index], inclusion_path(index, size)
    changes = [
        (flip(leaf, data), index, size, path),
        (leaf, index, size, [*path, ROOTS[size]]),
        (leaf, index, size, [ROOTS[size], *path]),
        (leaf, size, size, path),
        (leaf, -1, size, path),
        (leaf, index, 0, path),
        (leaf[:-1], index, size, path),
    ]
    if path:
        place = data.draw(st.integers(0, len(path) - 1))
        flipped = [*path[:place], flip(path[place], data), *path[place + 1 :]]
        shorter = [*path[:place], path[place][:-1], *path[place + 1 :]]
        changes += [(leaf, index, size, changed) for changed in (flipped, shorter, path[1:], [])]
        other = data.draw(st.integers(0, LARGEST - 1).filter(lambda number: number != index))
        changes.append((leaf, other, size, path))
    for changed in changes:
        with pytest.raises(LandbridgeError) as caught:
            verify_inclusion(*changed, ROOTS[size])
        assert caught.value.reason is Reason.BAD_LOG_EVIDENCE


@settings(deadline=None)
@given(st.data())
def test_an_altered_consistency_proof_is_refused(data: st.DataObject) -> None:
    new = data.draw(sizes)
    old = data.draw(st.integers(1, new))
    path, old_root, new_root = consistency_path(old, new), ROOTS[old], ROOTS[new]
    changes = [
        (old, new, flip(old_root, data), new_root, path),
        (old, new, old_root, flip(new_root, data), path),
        (old, new, old_root, new_root, [*path, new_root]),
        (old, new, old_root, new_root, [old_root, *path]),
        (new + 1, new, old_root, new_root, path),
        (0, new, EMPTY_ROOT, new_root, []),
        (0, 0, EMPTY_ROOT, EMPTY_ROOT, []),
    ]
    if path:
        place = data.draw(st.integers(0, len(path) - 1))
        flipped = [*path[:place], flip(path[place], data), *path[place + 1 :]]
        shorter = [*path[:place], path[place][:-1], *path[place + 1 :]]
        changes += [
            (old, new, old_root, new_root, changed)
            for changed in (flipped, shorter, path[1:], path[:-1], [])
        ]
        changes.append((old, new, new_root, old_root, path))
        changes.append((old, new * 2, old_root, new_root, path))
    for changed in changes:
        with pytest.raises(LandbridgeError) as caught:
            verify_consistency(*changed)
        assert caught.value.reason is Reason.BAD_LOG_EVIDENCE


def test_every_wrong_proof_of_the_vectors_is_refused() -> None:
    wrong = json.loads((generate.FOLDER / "refused.json").read_text())
    assert len(wrong["inclusion"]) > 80
    for case in wrong["inclusion"]:
        path = [bytes.fromhex(node) for node in case["path"]]
        leaf, root = bytes.fromhex(case["leaf"]), bytes.fromhex(case["root"])
        with pytest.raises(LandbridgeError):
            verify_inclusion(leaf, case["index"], case["size"], path, root)
    assert {0} < {case["old"] for case in wrong["consistency"]}
    for case in wrong["consistency"]:
        path = [bytes.fromhex(node) for node in case["path"]]
        roots = bytes.fromhex(case["old_root"]), bytes.fromhex(case["new_root"])
        with pytest.raises(LandbridgeError):
            verify_consistency(case["old"], case["new"], *roots, path)


def test_a_leaf_that_is_no_hash_is_refused() -> None:
    with pytest.raises(LandbridgeError):
        verify_inclusion(b"", 0, 1, [], b"")


def test_a_node_cannot_pose_as_an_entry() -> None:
    left, right = LEAVES[0], LEAVES[1]
    assert leaf_hash(left + right) != node_hash(left, right)
    assert leaf_hash(b"\x01" + left + right) != tree_root([left, right])


@settings(max_examples=20, deadline=None)
@given(st.lists(st.binary(max_size=8), max_size=LARGEST))
def test_the_root_is_the_recursive_definition(entries: list[bytes]) -> None:
    assert tree_root([leaf_hash(entry) for entry in entries]) == generate.mth(entries)


def test_a_fork_is_not_consistent() -> None:
    fork = [generate.mth([*ENTRIES[:5], b"other", *ENTRIES[6:size]]) for size in range(6, 20)]
    for size, root in enumerate(fork, start=6):
        with pytest.raises(LandbridgeError):
            verify_consistency(size, 20, root, ROOTS[20], consistency_path(size, 20))
    assert all(one != other for one, other in pairwise(fork))


def flip(hashed: bytes, data: st.DataObject) -> bytes:
    bit = data.draw(st.integers(0, len(hashed) * 8 - 1))
    return bytes(
        byte ^ (1 << bit % 8) if place == bit // 8 else byte for place, byte in enumerate(hashed)
    )
