"""Runs a command of `landbridge` that serves, with its log kept in memory.

    python -m bench.unlogged node serve node.toml ...

It is the product that serves, and its heads are signed as ever; but nothing of the log reaches a
disk, and subjects are named by one HMAC each. So much would a server cost that keeps no log.
"""

import hmac
import sqlite3
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from landbridge.commands.main import run
from landbridge.log import own_head, proven_entries, state, tables
from landbridge.log import store as log_store
from landbridge.log.database import LogDatabase
from landbridge.log.head_mark import HeadMark
from landbridge.log.subject_keys import About, Naming, Pseudonym, SubjectKeys
from landbridge.log.tiles import Tile

_KEY: Final = bytes(32)


class _Memory:
    """The one log of this process."""

    def __init__(self) -> None:
        self.entries: list[bytes] = []
        self.tiles: dict[tuple[int, int], bytes] = {}
        self.head = b""

    def write_batch(
        self,
        _connection: object,
        _start: int,
        entries: Sequence[bytes],
        tiles: Iterable[Tile],
        checkpoint: bytes,
    ) -> None:
        """Keep a batch."""
        self.entries.extend(entries)
        self.tiles.update({(tile.level, tile.index): tile.hashes for tile in tiles})
        self.head = checkpoint

    def read_entries(self, _connection: object, start: int, end: int) -> list[bytes]:
        """Give entries back."""
        return self.entries[start:end]

    def read_tile(self, _connection: object, level: int, index: int) -> bytes:
        """Give a tile back."""
        return self.tiles[level, index]


def keep_in_memory() -> None:
    """Let this process's log, which must be empty, lie in memory from now on."""
    memory = _Memory()
    read_head = tables.read_head

    @contextmanager
    def writing(database: LogDatabase) -> Iterator[sqlite3.Connection]:
        with database.reading() as connection:
            yield connection

    def name_within(
        _: SubjectKeys, _connection: object, _version: object, subjects: Iterable[About]
    ) -> Naming:
        names = [
            Pseudonym(hmac.digest(_KEY, f"{scheme} {value}".encode(), "sha256")[:16], "2026-11")
            for scheme, value, _ in subjects
        ]
        return Naming(names, {}, ())

    for name, value in (
        ("write_batch", memory.write_batch),
        ("write_note", lambda *_: None),
        ("take_apart", lambda *_: None),
        ("read_entries", memory.read_entries),
        ("read_tile", memory.read_tile),
        ("read_head", lambda connection: memory.head or read_head(connection)),
    ):
        for module in (log_store, own_head, proven_entries, state):
            if hasattr(module, name):
                setattr(module, name, value)
    for kind, name, method in (
        (LogDatabase, "writing", writing),
        (SubjectKeys, "name_within", name_within),
        (HeadMark, "keep", lambda *_: None),
    ):
        setattr(kind, name, method)


if __name__ == "__main__":
    keep_in_memory()
    sys.exit(run(sys.argv[1:]))
