"""What an append hands back: an entry, and the proof that the signed log holds it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Evidence:
    """An entry, its place, its inclusion path, and the signed head that the path leads to."""

    entry: bytes
    index: int
    path: tuple[bytes, ...]
    checkpoint: bytes
