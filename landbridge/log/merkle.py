"""The Merkle tree of RFC 6962, section 2.1 (RFC 9162, section 2.1): hashes, proofs, verification.

Proofs are named by ranges of leaves first and hashed afterwards, so that the same arithmetic serves
a tree in memory and one that lies in tiles on disk.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from hashlib import sha256

from landbridge.errors import LandbridgeError, Reason, refuse

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()
_OWN_STEPS = 4
"""Steps of an inclusion path that are taken before looking whether a neighbour took the rest."""

Range = tuple[int, int]
"""Leaves from the first number up to, and without, the second."""


def leaf_hash(entry: bytes) -> bytes:
    """Hash one entry as a leaf (RFC 6962, section 2.1)."""
    return sha256(b"\x00" + entry).digest()


def leaf_hashes(entries: Iterable[bytes]) -> list[bytes]:
    """Hash entries as leaves."""
    hashed = sha256
    return [hashed(b"\x00" + entry).digest() for entry in entries]


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two subtrees into the one above them (RFC 6962, section 2.1)."""
    return sha256(b"\x01" + left + right).digest()


def tree_root(leaves: Sequence[bytes]) -> bytes:
    """Return the root over leaf hashes (RFC 6962, section 2.1)."""
    row = list(leaves)
    if not row:
        return EMPTY_ROOT
    while len(row) > 1:
        row = parent_row(row)
    return row[0]


def parent_row(row: list[bytes]) -> list[bytes]:
    """Hash a row of subtrees in pairs; an odd last one moves up unchanged."""
    if len(row) == 2:  # noqa: PLR2004  the row of an entry that came alone
        return [sha256(b"\x01" + row[0] + row[1]).digest()]
    hashed = sha256
    pairs = [
        hashed(b"\x01" + left + right).digest()
        for left, right in zip(row[::2], row[1::2], strict=False)
    ]
    if len(row) & 1:
        pairs.append(row[-1])
    return pairs


def root_from_path(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """Return the root that an inclusion path leads to, or None when the path has a wrong form.

    The bits in which `index` and the last index differ tell how many steps are taken while the leaf
    may still have neighbours on the right; above them every neighbour stands on the left.
    """
    if not 0 <= index < size or len(leaf) != HASH_BYTES:
        return None
    inner = (index ^ (size - 1)).bit_length()
    if len(path) != inner + (index >> inner).bit_count():
        return None
    nodes = tuple(path)
    right = ~index & ((1 << inner) - 1)
    current = _climb(leaf, right, nodes[:_OWN_STEPS])
    return current and _climb_shared(current, right >> _OWN_STEPS, nodes[_OWN_STEPS:])


def _climb(current: bytes, right: int, nodes: tuple[bytes, ...]) -> bytes | None:
    """Hash upwards; the lowest bit of `right` tells on which side the next neighbour stands."""
    for node in nodes:
        if len(node) != HASH_BYTES:
            return None
        pair = current + node if right & 1 else node + current
        current = sha256(b"\x01" + pair).digest()
        right >>= 1
    return current


_climb_shared = lru_cache(maxsize=1024)(_climb)
"""Entries of one batch share the upper part of their paths, which is so hashed once for all."""


def verify_inclusion(
    leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes
) -> None:
    """Check that a leaf hash stands at an index of the tree (RFC 9162, section 2.1.3.2).

    Raises:
        LandbridgeError: LB-4008 when it does not.
    """
    if root_from_path(leaf, index, size, path) != root:
        raise _unproven(f"the path does not show that leaf {index} is in the tree of {size}")


def verify_consistency(
    old_size: int, new_size: int, old_root: bytes, new_root: bytes, path: Sequence[bytes]
) -> None:
    """Check that the new tree continues the old one (RFC 9162, section 2.1.4.2).

    Raises:
        LandbridgeError: LB-4008 when it does not, and for `old_size` 0, of which nothing is proven.
    """
    if not 0 < old_size <= new_size:
        raise _unproven(f"a tree of {new_size} is not shown to continue one of {old_size}")
    if _roots_from_path(old_size, new_size, old_root, path) != (old_root, new_root):
        raise _unproven(f"the tree of {new_size} does not continue the tree of {old_size}")


def _roots_from_path(
    old_size: int, new_size: int, old_root: bytes, path: Sequence[bytes]
) -> tuple[bytes, bytes] | None:
    steps = list(path)
    if old_size == new_size:
        return None if steps else (old_root, old_root)
    if not old_size & (old_size - 1):
        steps.insert(0, old_root)
    old_last, new_last = old_size - 1, new_size - 1
    while old_last & 1:
        old_last, new_last = old_last >> 1, new_last >> 1
    if len(steps) < 2 or any(len(step) != HASH_BYTES for step in steps):  # noqa: PLR2004
        return None
    old = new = steps[0]
    for step in steps[1:]:
        if new_last == 0:
            return None
        if old_last & 1 or old_last == new_last:
            old, new = node_hash(step, old), node_hash(step, new)
            while old_last and not old_last & 1:
                old_last, new_last = old_last >> 1, new_last >> 1
        else:
            new = node_hash(new, step)
        old_last, new_last = old_last >> 1, new_last >> 1
    return (old, new) if new_last == 0 else None


def inclusion_ranges(index: int, size: int) -> list[Range]:
    """Name the subtrees of an inclusion path, leaf side first (RFC 6962, section 2.1.1)."""
    ranges: list[Range] = []
    start, end = 0, size
    while end - start > 1:
        middle = _middle(start, end)
        if index < middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start = middle
    return ranges[::-1]


def consistency_ranges(old_size: int, new_size: int) -> list[Range]:
    """Name the subtrees of a consistency path, in its order (RFC 6962, section 2.1.2)."""
    ranges: list[Range] = []
    start, end = 0, new_size
    while old_size != end:
        middle = _middle(start, end)
        if old_size <= middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start = middle
    return [*([(start, end)] if start else []), *ranges[::-1]]


def range_hash(leaves: Range, node: Callable[[int, int], bytes]) -> bytes:
    """Hash a subtree that one of the functions above named.

    `node(level, position)` returns the hash of the complete subtree over 2**level leaves.
    """
    start, end = leaves
    complete: list[bytes] = []
    while start < end:
        level = (end - start).bit_length() - 1
        complete.append(node(level, start >> level))
        start += 1 << level
    current = complete.pop()
    while complete:
        current = node_hash(complete.pop(), current)
    return current


def _middle(start: int, end: int) -> int:
    return start + (1 << ((end - start - 1).bit_length() - 1))


def _unproven(message: str) -> LandbridgeError:
    return refuse(Reason.BAD_LOG_EVIDENCE, message)
