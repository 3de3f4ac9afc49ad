"""Roots of a log at many of its sizes, in one pass over its leaf hashes."""

from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256

from landbridge.log.frontier import Frontier
from landbridge.log.merkle import EMPTY_ROOT, HASH_BYTES
from landbridge.log.tiles import split_hashes


def roots_at(
    before: Frontier, leaves: Sequence[bytes], sizes: Iterable[int]
) -> Iterator[tuple[int, bytes]]:
    """Give the root at each size, in rising order, from `before.size` to the end of the leaves."""
    size, peaks = before.size, list(before.peaks)
    start = size
    for wanted in sizes:
        for leaf in leaves[size - start : wanted - start]:
            level, rest, node = 0, size, leaf
            while rest & 1:
                node = sha256(b"\x01" + peaks[level] + node).digest()
                level, rest = level + 1, rest >> 1
            if level == len(peaks):
                peaks.append(node)
            else:
                peaks[level] = node
            size += 1
        yield wanted, _root(size, peaks)


def write_peaks(tree: Frontier) -> bytes:
    """Write the roots of a tree's complete subtrees, lowest first."""
    return b"".join(peak for peak in tree.peaks if peak)


def read_peaks(size: int, written: bytes) -> Frontier:
    """Read what `write_peaks` wrote of a tree of that size."""
    found = iter(split_hashes(written))
    if len(written) != HASH_BYTES * size.bit_count():
        raise ValueError(size)
    return Frontier(
        size,
        tuple(next(found) if size >> level & 1 else b"" for level in range(size.bit_length())),
    )


def _root(size: int, peaks: Sequence[bytes]) -> bytes:
    node, level = b"", 0
    while size:
        if size & 1:
            node = sha256(b"\x01" + peaks[level] + node).digest() if node else peaks[level]
        level, size = level + 1, size >> 1
    return node or EMPTY_ROOT
