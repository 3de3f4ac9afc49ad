"""Mutations of documents, the same ones on every run."""

import random
from collections.abc import Iterator

_KINDS = ("flip", "set", "insert", "cut", "repeat", "truncate")


def mutations(original: bytes, count: int, *, seed: int) -> Iterator[bytes]:
    """Make that many variants of a document, each with one to four changes."""
    source = random.Random(seed)
    for _ in range(count):
        changed = bytearray(original)
        for _ in range(source.randint(1, 4)):
            _mutate(changed, source)
        yield bytes(changed)


def _mutate(changed: bytearray, source: random.Random) -> None:
    place = source.randrange(len(changed)) if changed else 0
    length = source.randint(1, 8)
    match source.choice(_KINDS):
        case "flip" if changed:
            changed[place] ^= 1 << source.randrange(8)
        case "set" if changed:
            # Values that matter in DER: ends, signs, lengths, common tags.
            changed[place] = source.choice((0x00, 0x01, 0x7F, 0x80, 0x81, 0x82, 0xFF, 0x30, 0x02))
        case "insert":
            changed[place:place] = source.randbytes(length)
        case "cut":
            del changed[place : place + length]
        case "repeat":
            changed[place:place] = changed[place : place + length]
        case "truncate" if source.randrange(8) == 0:
            del changed[place:]
        case _:
            changed.append(source.randrange(256))
