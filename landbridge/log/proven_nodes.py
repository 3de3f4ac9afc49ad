"""Nodes of signed trees that one path has proven, so that the next path stops where it meets them.

Neighbours in a batch share most of their paths: of 64 entries under one head each then costs about
one hash, and not one for each level. A path that was changed anywhere still leads nowhere: what it
says above the node it meets is compared with what was proven.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Final

from landbridge.log.frontier import Path
from landbridge.log.merkle import HASH_BYTES

_MOST: Final = 1 << 13
"""Pairs of nodes in all trees together, some 3 MB; then they are gathered anew."""
_LEVEL_BITS: Final = 6


_Pair = tuple[bytes, bytes, Path]
"""Two neighbours, and the path from the node above them to the root."""


class ProvenNodes:
    """What paths have proven of trees, each of which its user gives a number. Thread-safe."""

    def __init__(self) -> None:
        self._trees: dict[int, dict[int, _Pair]] = {}
        self._count = 0

    def holds(  # noqa: PLR0913, PLR0917  a tree, and what stands where in it
        self, tree: int, root: bytes, size: int, leaf: bytes, index: int, path: Sequence[bytes]
    ) -> bool:
        """Tell whether a path shows a leaf hash at an index of a tree (RFC 9162, section 2.1.3.2).

        A number means one root and one size for as long as this object is used.
        """
        if not 0 <= index < size:
            return False
        pairs, steps = self._trees.get(tree) or {}, tuple(path[:])
        current, place, last, step, level = leaf, index, size - 1, 0, 0
        climbed: list[tuple[int, bytes, bytes]] = []
        while last:
            if place & 1 or place < last:
                if step == len(steps) or len(steps[step]) != HASH_BYTES:
                    return False
                pair = (steps[step], current) if place & 1 else (current, steps[step])
                step += 1
                name = place >> 1 << _LEVEL_BITS | level
                known = pairs.get(name)
                if known is not None:
                    if known != (*pair, steps[step:]):
                        return False
                    break
                climbed.append((name, *pair))
                current = sha256(b"\x01" + pair[0] + pair[1]).digest()
            place, last, level = place >> 1, last >> 1, level + 1
        else:
            if current != root or step != len(steps):
                return False
        if climbed:
            for above, (name, left, right) in enumerate(climbed, 1):
                pairs[name] = (left, right, steps[above:])
            self._keep(tree, pairs, len(climbed))
        return True

    def _keep(self, tree: int, pairs: dict[int, _Pair], more: int) -> None:
        if self._count > _MOST:
            self._trees, self._count = {}, 0
        else:
            self._trees[tree] = pairs
            self._count += more
