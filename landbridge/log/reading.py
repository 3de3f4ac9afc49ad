"""Reading a log from outside: its own database, while its process writes, or published tiles.

A reader shows the log as its head said when it was opened or last refreshed. What it gives is not
verified: `landbridge.log.pass_through` does that.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final, Protocol, Self

from landbridge.errors import Reason, refuse
from landbridge.log.checkpoint import Checkpoint, read_checkpoint
from landbridge.log.connection import Connection
from landbridge.log.merkle import leaf_hash, tree_root
from landbridge.log.note import parse_note
from landbridge.log.own_database import FILE_NAME, SETTINGS_NAME, own_database
from landbridge.log.read_only_file import ReadOnlyFile
from landbridge.log.static_tiles import CHECKPOINT, PublishedTiles
from landbridge.log.tables import read_entries, read_handovers, read_head, read_tile
from landbridge.log.tiles import TILE_WIDTH, split_hashes

_PAGE: Final = 4096


class LogReader(Protocol):
    """A log that can be read. Use it from one thread."""

    @property
    def origin(self) -> str:
        """The log's name, as its head says it."""

    @property
    def size(self) -> int:
        """How many entries the head is over."""

    @property
    def checkpoint(self) -> bytes:
        """The signed head."""

    @property
    def has_entries(self) -> bool:
        """Whether the entries themselves are there, not their hashes alone."""

    def entries(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Give the entries from one position up to, and without, another, or to the head.

        Raises:
            LandbridgeError: LB-5001 when they cannot be read; LB-5002 when they are not there.
        """

    def tile(self, level: int, index: int, width: int = TILE_WIDTH) -> bytes:
        """Return the first hashes of a tile, as many as `width` says.

        Raises:
            LandbridgeError: as for `entries`.
        """

    def handovers(self) -> list[bytes]:
        """Return the heads at which the log's key changed, as far as they are kept here."""

    def refresh(self) -> None:
        """Take up the head as it is now.

        Raises:
            LandbridgeError: LB-5001, LB-5002 as for `entries`; LB-4008 when it is no checkpoint.
        """

    def close(self) -> None:
        """Let go of the files."""

    def __enter__(self) -> Self:
        """Return the reader."""

    def __exit__(self, *_: object) -> None:
        """Let go of the files."""


def open_reader(path: Path) -> LogReader:
    """Open a log to be read: a log.sqlite, a party's folder, or a folder of published tiles.

    Raises:
        LandbridgeError: LB-1106 when there is no log; LB-1101 when the folder's log.toml is wrong;
            LB-5001 when the log cannot be read; LB-5002 or LB-4008 when it has no head.
    """
    if (path / CHECKPOINT).is_file():
        return PublishedTiles(path)
    if (path / SETTINGS_NAME).is_file():
        return LogTables(own_database(path))
    file = path / FILE_NAME if path.is_dir() else path
    if not file.is_file():
        raise refuse(
            Reason.USAGE,
            "there is no log",
            where=str(path),
            next_step="name a log.sqlite, a party's folder, or a folder of published tiles",
        )
    return LogTables(ReadOnlyFile(file))


class _Source(Protocol):
    """Where the tables of a log can be read."""

    def reading(self) -> AbstractContextManager[Connection]:
        """Give a connection to read with."""

    def close(self) -> None:
        """Close the connection."""


class LogTables:
    """A log as its own party keeps it, to be read only. Use it from one thread."""

    has_entries: Final = True

    def __init__(self, source: _Source) -> None:
        self._source = source
        try:
            self.refresh()
        except BaseException:
            self.close()
            raise

    @property
    def origin(self) -> str:
        """The log's name, as its head says it."""
        return self._head.origin

    @property
    def size(self) -> int:
        """How many entries the head is over."""
        return self._head.size

    @property
    def checkpoint(self) -> bytes:
        """The signed head."""
        return self._checkpoint

    def entries(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Give the entries from one position up to, and without, another, or to the head."""
        last = self.size if end is None else min(end, self.size)
        while start < last:
            stop = min(last, start + _PAGE)
            with self._source.reading() as connection:
                page = read_entries(connection, start, stop)
            yield from page
            start = stop

    def tile(self, level: int, index: int, width: int = TILE_WIDTH) -> bytes:
        """Return the first hashes of a tile; one that is not full is not kept, but computed."""
        start = index * TILE_WIDTH
        with self._source.reading() as connection:
            if width == TILE_WIDTH:
                return read_tile(connection, level, index)
            if level == 0:
                found = read_entries(connection, start, start + width)
                return b"".join(map(leaf_hash, found))
            return b"".join(
                tree_root(split_hashes(read_tile(connection, level - 1, below)))
                for below in range(start, start + width)
            )

    def handovers(self) -> list[bytes]:
        """Return the heads at which the log's key changed."""
        with self._source.reading() as connection:
            return read_handovers(connection)

    def refresh(self) -> None:
        """Take up the head as it is now."""
        with self._source.reading() as connection:
            self._checkpoint = read_head(connection)
            self._head: Checkpoint = read_checkpoint(parse_note(self._checkpoint))

    def close(self) -> None:
        """Close the connection."""
        self._source.close()

    def __enter__(self) -> Self:
        """Return the reader."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connection."""
        self.close()
