"""Writes proofs that must be refused: `python -m tests.vectors.refused`.

Each is a right proof of RFC 6962 with one thing changed, or one of sizes of which nothing can be
proven. Like generate.py it shares no code with the program.
"""

import json
from collections.abc import Iterator
from hashlib import sha256

from tests.vectors.generate import FOLDER, entry, hexes, mth, path, proof

SOME_HASH = sha256(b"no hash of any tree here").digest()
EMPTY = sha256(b"").digest()


def refused() -> dict[str, object]:
    """Proofs that prove nothing, each with what is wrong in it."""
    entries = [entry(number) for number in range(9)]
    inclusion: list[dict[str, object]] = []
    for index, size in ((0, 8), (5, 8), (2, 3), (1, 5), (8, 9)):
        nodes, root, leaf = path(index, entries[:size]), mth(entries[:size]), mth([entries[index]])
        for what, changed in changed_inclusion(index, size, leaf, nodes, root):
            inclusion.append(shown(what, changed))
    consistency: list[dict[str, object]] = []
    for old, new in ((1, 8), (6, 8), (2, 5), (6, 7), (4, 8)):
        nodes = proof(old, entries[:new])
        for what, changed in changed_consistency(
            old, new, mth(entries[:old]), mth(entries[:new]), nodes
        ):
            consistency.append(shown(what, changed))
    one, other = mth(entries[:1]), mth(entries[:2])
    for what, changed in (
        ("both empty", consistent(0, 0, EMPTY, EMPTY, [])),
        ("both empty, with a path", consistent(0, 0, EMPTY, EMPTY, [EMPTY])),
        ("both empty, other roots", consistent(0, 0, EMPTY, one, [])),
        ("from empty", consistent(0, 1, EMPTY, one, [])),
        ("from empty, with a path", consistent(0, 1, EMPTY, one, [EMPTY])),
        ("same size, with a path", consistent(1, 1, one, one, [one])),
        ("same size, other roots", consistent(1, 1, one, other, [])),
        ("no path", consistent(1, 2, one, other, [])),
        ("smaller", consistent(1, 0, one, EMPTY, [])),
        ("smaller, not empty", consistent(2, 1, other, one, [])),
    ):
        consistency.append(shown(what, changed))
    return {"inclusion": inclusion, "consistency": consistency}


def changed_inclusion(
    index: int, size: int, leaf: bytes, nodes: list[bytes], root: bytes
) -> Iterator[tuple[str, dict[str, object]]]:
    """Give wrong variants of a right inclusion proof."""
    yield "index - 1", included(index - 1, size, leaf, nodes, root)
    yield "index + 1", included(index + 1, size, leaf, nodes, root)
    yield "index, other bit", included(index ^ 2, size, leaf, nodes, root)
    yield "size * 2", included(index, size * 2, leaf, nodes, root)
    yield "size / 2", included(index, size // 2, leaf, nodes, root)
    yield "no tree", included(0, 0, leaf, nodes, root)
    yield "short leaf", included(index, size, b"leaf", nodes, root)
    yield "no leaf", included(index, size, b"", nodes, root)
    yield "empty root", included(index, size, leaf, nodes, EMPTY)
    yield "other root", included(index, size, leaf, nodes, SOME_HASH)
    yield from (
        (what, included(index, size, leaf, wrong, root)) for what, wrong in wrong_paths(nodes, root)
    )


def changed_consistency(
    old: int, new: int, old_root: bytes, new_root: bytes, nodes: list[bytes]
) -> Iterator[tuple[str, dict[str, object]]]:
    """Give wrong variants of a right consistency proof."""
    yield "old - 1", consistent(old - 1, new, old_root, new_root, nodes)
    yield "old + 1", consistent(old + 1, new, old_root, new_root, nodes)
    yield "old, other bit", consistent(old ^ 2, new, old_root, new_root, nodes)
    yield "new * 2", consistent(old, new * 2, old_root, new_root, nodes)
    yield "new / 2", consistent(old, new // 2, old_root, new_root, nodes)
    yield "old root", consistent(old, new, SOME_HASH, new_root, nodes)
    yield "new root", consistent(old, new, old_root, SOME_HASH, nodes)
    yield "short roots", consistent(old, new, b"old", b"new", nodes)
    yield "roots swapped", consistent(old, new, new_root, old_root, nodes)
    yield "no path", consistent(old, new, old_root, new_root, [])
    yield "old root first", consistent(old, new, old_root, new_root, [old_root, *nodes])
    yield from (
        (what, consistent(old, new, old_root, new_root, wrong))
        for what, wrong in wrong_paths(nodes, new_root)
    )


def wrong_paths(nodes: list[bytes], root: bytes) -> Iterator[tuple[str, list[bytes]]]:
    """Give wrong variants of a path."""
    yield "nothing at the end", [*nodes, b""]
    yield "root at the end", [*nodes, root]
    yield "nothing first", [b"", *nodes]
    yield "root first", [root, *nodes]
    yield "first twice", [nodes[0], *nodes]
    yield "last left out", nodes[:-1]
    yield "one put between", [nodes[0], SOME_HASH, *nodes[1:]]
    for place, node in enumerate(nodes):
        flipped = bytes([node[0] ^ 8]) + node[1:]
        yield f"bit in {place}", [*nodes[:place], flipped, *nodes[place + 1 :]]


def included(
    index: int, size: int, leaf: bytes, nodes: list[bytes], root: bytes
) -> dict[str, object]:
    """Write an inclusion proof with all that it is held against."""
    return {"index": index, "size": size, "leaf": leaf, "path": nodes, "root": root}


def consistent(
    old: int, new: int, old_root: bytes, new_root: bytes, nodes: list[bytes]
) -> dict[str, object]:
    """Write a consistency proof with all that it is held against."""
    return {"old": old, "new": new, "old_root": old_root, "new_root": new_root, "path": nodes}


def shown(what: str, case: dict[str, object]) -> dict[str, object]:
    """Write a case with its bytes in hexadecimal."""
    written: dict[str, object] = {"what": what}
    for name, value in case.items():
        if isinstance(value, list):
            written[name] = hexes(value)
        else:
            written[name] = value.hex() if isinstance(value, bytes) else value
    return written


def documents() -> dict[str, str]:
    """Return the file that is generated here, by name."""
    return {"refused.json": json.dumps(refused(), indent=1) + "\n"}


if __name__ == "__main__":
    for name, text in documents().items():
        (FOLDER / name).write_text(text)
