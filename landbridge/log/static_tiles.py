"""A log as static files, in the layout of C2SP tlog-tiles: checkpoint, tiles and entry bundles."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final, Self

from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.log.checkpoint import Checkpoint, read_checkpoint
from landbridge.log.entry_bundle import bundle_path, read_bundle
from landbridge.log.merkle import HASH_BYTES
from landbridge.log.note import MAX_NOTE_BYTES, parse_note
from landbridge.log.tiles import TILE_WIDTH, tile_path

CHECKPOINT: Final = "checkpoint"
_LARGEST_BUNDLE: Final = TILE_WIDTH * (2 + 65_535)


class PublishedTiles:
    """A log that lies as static files in a folder, to be read. Use it from one thread."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.refresh()

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

    @property
    def has_entries(self) -> bool:
        """Whether the entries are published, not their hashes alone."""
        return self.size == 0 or (self.folder / "tile" / "entries").is_dir()

    def entries(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Give the entries from one position up to, and without, another, or to the head.

        Raises:
            LandbridgeError: LB-5001 when they cannot be read; LB-5002 when a bundle is missing or
                not whole.
        """
        last = self.size if end is None else min(end, self.size)
        while start < last:
            index, skipped = divmod(start, TILE_WIDTH)
            bundle = self._bundle(index)[skipped : last - index * TILE_WIDTH]
            yield from bundle
            start += len(bundle)

    def tile(self, level: int, index: int, width: int = TILE_WIDTH) -> bytes:
        """Return the first hashes of a tile.

        Where the tile of that width is gone, since the full one is there, this is cut from it.

        Raises:
            LandbridgeError: LB-5001 when it cannot be read; LB-5002 when it is missing or not of
                the size that its name says.
        """
        path = tile_path(level, index, width)
        data = self._read(path, TILE_WIDTH * HASH_BYTES)
        if data is None and width < TILE_WIDTH:
            path, length = tile_path(level, index), TILE_WIDTH * HASH_BYTES
            data = self._read(path, length)
        else:
            length = width * HASH_BYTES
        if data is None:
            raise self._damaged(path, "the tile is missing")
        if len(data) != length:
            raise self._damaged(path, f"the tile is of {len(data)} bytes, not {length}")
        return data[: width * HASH_BYTES]

    def handovers(self) -> list[bytes]:
        """Return nothing: static files keep no heads but the newest."""
        return []

    def refresh(self) -> None:
        """Take up the head as it is now.

        Raises:
            LandbridgeError: LB-5001 when it cannot be read; LB-4008 when it is no checkpoint.
        """
        data = self._read(CHECKPOINT, MAX_NOTE_BYTES)
        if data is None:
            raise refuse(
                Reason.LOG_UNAVAILABLE,
                "the published log has no checkpoint",
                where=str(self.folder / CHECKPOINT),
            )
        try:
            self._head: Checkpoint = read_checkpoint(parse_note(data))
        except LandbridgeError as error:
            error.where = str(self.folder / CHECKPOINT)
            raise
        self._checkpoint = data

    def close(self) -> None:
        """Do nothing: no file stays open."""

    def __enter__(self) -> Self:
        """Return the reader."""
        return self

    def __exit__(self, *_: object) -> None:
        """Do nothing: no file stays open."""

    def _bundle(self, index: int) -> list[bytes]:
        """Return the entries of a bundle, up to the head and perhaps further."""
        width = min(TILE_WIDTH, self.size - index * TILE_WIDTH)
        path = bundle_path(index, width)
        data = self._read(path, _LARGEST_BUNDLE)
        if data is None and width < TILE_WIDTH:
            path, width = bundle_path(index), TILE_WIDTH
            data = self._read(path, _LARGEST_BUNDLE)
        if data is None:
            raise self._damaged(path, "the entry bundle is missing")
        try:
            return read_bundle(data, width)
        except LandbridgeError as error:
            raise self._damaged(path, error.message) from error

    def _read(self, path: str, limit: int) -> bytes | None:
        try:
            with (self.folder / path).open("rb") as file:
                # One byte more than there may be tells that it is too long.
                return file.read(limit + 1)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise refuse(
                Reason.LOG_UNAVAILABLE,
                f"the published log cannot be read: {error.strerror}",
                where=str(self.folder / path),
            ) from error

    def _damaged(self, path: str, what: str) -> LandbridgeError:
        return refuse(Reason.LOG_DAMAGED, what, where=str(self.folder / path))
