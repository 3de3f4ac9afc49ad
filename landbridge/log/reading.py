"""Reading a log from outside: its own file, while its process writes, or its published tiles.

A reader shows the log as its head said when it was opened or last refreshed. What it gives is not
verified: `landbridge.log.pass_through` does that.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol, Self

from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.log.checkpoint import Checkpoint, read_checkpoint
from landbridge.log.merkle import leaf_hash, tree_root
from landbridge.log.note import parse_note
from landbridge.log.static_tiles import CHECKPOINT, PublishedTiles
from landbridge.log.tables import (
    check_format,
    damaged,
    read_entries,
    read_handovers,
    read_head,
    read_tile,
)
from landbridge.log.tiles import TILE_WIDTH, split_hashes

LOG_FILE: Final = "log.sqlite"
_LOCK_WAIT_S: Final = 5.0
_PAGE: Final = 4096
_PASSING: Final = ("SQLITE_BUSY", "SQLITE_CANTOPEN", "SQLITE_IOERR", "SQLITE_LOCKED", "SQLITE_PERM")


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
    """Open a log to be read: a log.sqlite, a party's folder with one, or a folder of tiles.

    Raises:
        LandbridgeError: LB-1106 when there is no log; LB-5001 when it cannot be read; LB-5002 or
            LB-4008 when it has no head.
    """
    if (path / CHECKPOINT).is_file():
        return PublishedTiles(path)
    file = path / LOG_FILE if path.is_dir() else path
    if not file.is_file():
        raise refuse(
            Reason.USAGE,
            "there is no log",
            where=str(path),
            next_step="name a log.sqlite, a party's folder, or a folder of published tiles",
        )
    return LogFile(file)


class LogFile:
    """A log's SQLite file, opened to be read only."""

    has_entries: Final = True

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._errors():
            self._connection = _connect(path)
        try:
            with self._errors():
                check_format(self._connection)
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
            with self._errors():
                page = read_entries(self._connection, start, stop)
            yield from page
            start = stop

    def tile(self, level: int, index: int, width: int = TILE_WIDTH) -> bytes:
        """Return the first hashes of a tile; one that is not full is not kept, but computed."""
        with self._errors():
            if width == TILE_WIDTH:
                return read_tile(self._connection, level, index)
            start = index * TILE_WIDTH
            if level == 0:
                found = read_entries(self._connection, start, start + width)
                return b"".join(map(leaf_hash, found))
            below = range(start, start + width)
            return b"".join(
                tree_root(split_hashes(read_tile(self._connection, level - 1, one)))
                for one in below
            )

    def handovers(self) -> list[bytes]:
        """Return the heads at which the log's key changed."""
        with self._errors():
            return read_handovers(self._connection)

    def refresh(self) -> None:
        """Take up the head as it is now."""
        with self._errors():
            self._checkpoint = read_head(self._connection)
            self._head: Checkpoint = read_checkpoint(parse_note(self._checkpoint))

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def __enter__(self) -> Self:
        """Return the reader."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self.close()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            name = getattr(error, "sqlite_errorname", "")
            message = f"the log's file: {error} ({name or 'unreadable'})"
            if name.startswith(_PASSING):
                raise refuse(Reason.LOG_UNAVAILABLE, message, where=str(self._path)) from error
            raise _at(damaged(message), self._path) from error
        except LandbridgeError as error:
            raise _at(error, self._path) from error.__cause__


def _connect(path: Path) -> sqlite3.Connection:
    # A copy in a folder that may not be written has no shared memory beside it: SQLite then reads
    # it only where it is told that nobody writes.
    wal = path.with_name(path.name + "-wal")
    options = ("mode=ro", *(() if wal.exists() else ("mode=ro&immutable=1",)))
    for option in options:
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?{option}",
            uri=True,
            timeout=_LOCK_WAIT_S,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            connection.execute("SELECT 1 FROM sqlite_schema").fetchone()
        except sqlite3.OperationalError:
            connection.close()
            if option == options[-1]:
                raise
        except sqlite3.Error:
            connection.close()
            raise
        else:
            return connection
    raise AssertionError


def _at(error: LandbridgeError, path: Path) -> LandbridgeError:
    error.where = error.where or str(path)
    return error
