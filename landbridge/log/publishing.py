"""Publishes a log as static files (C2SP tlog-tiles): a reader sees a whole log at any moment.

1. What is there already must be an earlier state of the same log; a fork is never written over it.
2. The new entries are hashed anew and must lead to the root of the head that is to be published.
3. Bundles and tiles are written first, each whole or not at all, and the checkpoint last of all.
4. Only then do the unfilled tiles go whose full tile is there now.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from landbridge.errors import Reason, refuse
from landbridge.keys import write_whole
from landbridge.log.checkpoint import Checkpoint, read_checkpoint
from landbridge.log.entry_bundle import bundle_path, write_bundle
from landbridge.log.merkle import HASH_BYTES, leaf_hash
from landbridge.log.note import parse_note
from landbridge.log.reading import LogReader
from landbridge.log.static_tiles import CHECKPOINT, PublishedTiles
from landbridge.log.tiles import TILE_HEIGHT, TILE_WIDTH, TiledTree, split_hashes, tile_path

_READABLE: Final = 0o644
_PAGE: Final = 16 * TILE_WIDTH


@dataclass(frozen=True, slots=True)
class Published:
    """What a publication did."""

    origin: str
    before: int
    size: int
    files: int


class Publisher:
    """Publishes one log into one folder, again and again; one process at a time."""

    def __init__(self, reader: LogReader, folder: Path, *, entries: bool = True) -> None:
        """Prepare to publish; without `entries`, their hashes alone."""
        self._reader = reader
        self._folder = folder
        self._with_entries = entries
        self._done: tuple[bytes, TiledTree] | None = None

    def publish(self, checkpoint: bytes = b"") -> Published:
        """Publish what is new, up to the reader's head or an earlier one, perhaps cosigned.

        Raises:
            LandbridgeError: LB-1106 when it was begun with entries and goes on without, or the
                other way round; LB-4302 when the folder holds another log or a fork of this one;
                LB-5003 when more is published than the log holds; LB-5002 when the log does not
                hold what its head says; LB-5001 when it cannot be read or the disk refuses.
        """
        checkpoint = checkpoint or self._reader.checkpoint
        head = read_checkpoint(parse_note(checkpoint))
        with self._disk_errors():
            before = self._published()
            if before is not None and before.checkpoint == checkpoint:
                return Published(head.origin, head.size, head.size, 0)
            start = self._tree_of(before, head) if before is not None else TiledTree()
            written, tree = self._write(start, head)
            if before is None or checkpoint != before.checkpoint:
                written.append(self._put(CHECKPOINT, checkpoint))
            for path in written:
                shutil.rmtree(self._folder / f"{path}.p", ignore_errors=True)
        self._done = checkpoint, tree
        return Published(head.origin, start.frontier.size, head.size, len(written))

    def _published(self) -> PublishedTiles | None:
        """Return what is there, if it is of this log and not more than the log holds."""
        if not (self._folder / CHECKPOINT).exists():
            return None
        before = PublishedTiles(self._folder)
        if before.origin != self._reader.origin:
            raise refuse(
                Reason.LOG_FORKED,
                f"the folder holds the log {before.origin}, not {self._reader.origin}",
                where=str(self._folder),
                next_step="publish each log into a folder of its own",
            )
        if before.size and before.has_entries is not self._with_entries:
            raise refuse(
                Reason.USAGE,
                f"the log is published {'with' if before.has_entries else 'without'} its entries",
                where=str(self._folder),
                next_step="go on as it was begun, or publish into another folder",
            )
        if before.size > self._reader.size:
            raise refuse(
                Reason.LOG_ROLLED_BACK,
                f"{before.size} entries are published, and the log holds {self._reader.size}",
                where=str(self._folder),
                next_step="restore the newest copy of the log; nothing was published",
            )
        return before

    def _tree_of(self, before: PublishedTiles, head: Checkpoint) -> TiledTree:
        """Return the tree that is published: one that the log had, and that the head continues."""
        if self._done is not None and self._done[0] == before.checkpoint:
            tree = self._done[1]
        else:
            tree = load_tree(self._reader, before.size)
        _check_continues(before, tree, head)
        return tree

    def _write(self, tree: TiledTree, head: Checkpoint) -> tuple[list[str], TiledTree]:
        """Write all that a head needs beside what is there; return the paths and the tree."""
        written: list[str] = []
        if tree.frontier.size == head.size and tree.frontier.root() == head.root:
            return written, tree
        # An unfilled bundle is written anew, wider, so that its earlier entries are read again.
        first = tree.frontier.size - tree.frontier.size % TILE_WIDTH
        for start in range(first, head.size, _PAGE):
            entries = list(self._reader.entries(start, min(start + _PAGE, head.size)))
            if self._with_entries:
                written += self._write_bundles(start // TILE_WIDTH, entries)
            new = entries[max(0, tree.frontier.size - start) :]
            tree, _, tiles = tree.grow([leaf_hash(entry) for entry in new])
            written += [self._put_tile(tile.level, tile.index, tile.hashes) for tile in tiles]
        if tree.frontier.root() != head.root or tree.frontier.size != head.size:
            raise refuse(
                Reason.LOG_DAMAGED,
                "the entries do not lead to the root of the signed head",
                where=head.origin,
                next_step="verify the log: `landbridge log verify`; nothing was published",
            )
        for level, edge in enumerate(tree.edges):
            if edge:
                index = (head.size >> (TILE_HEIGHT * level)) // TILE_WIDTH
                written.append(self._put_tile(level, index, b"".join(edge)))
        return written, tree

    def _write_bundles(self, first: int, entries: list[bytes]) -> Iterator[str]:
        for place in range(0, len(entries), TILE_WIDTH):
            bundle = entries[place : place + TILE_WIDTH]
            path = bundle_path(first + place // TILE_WIDTH, len(bundle))
            yield self._put(path, write_bundle(bundle))

    def _put_tile(self, level: int, index: int, hashes: bytes) -> str:
        return self._put(tile_path(level, index, len(hashes) // HASH_BYTES), hashes)

    def _put(self, path: str, data: bytes) -> str:
        write_whole(self._folder / path, data, mode=_READABLE)
        return path

    @contextmanager
    def _disk_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise refuse(
                Reason.LOG_UNAVAILABLE,
                f"the log cannot be published: {error.strerror}",
                where=str(error.filename or self._folder),
                next_step="make room or give the right to write there, and publish again",
            ) from error


def load_tree(reader: LogReader, size: int) -> TiledTree:
    """Return the tree of a log as it was at a size, from its tiles.

    Raises:
        LandbridgeError: LB-5001 when they cannot be read; LB-5002 when they are damaged.
    """
    tail = reader.tile(0, size // TILE_WIDTH, size % TILE_WIDTH) if size % TILE_WIDTH else b""
    return TiledTree.load(size, reader.tile, split_hashes(tail))


def _check_continues(before: PublishedTiles, tree: TiledTree, head: Checkpoint) -> None:
    published = read_checkpoint(parse_note(before.checkpoint))
    if tree.frontier.root() != published.root:
        raise refuse(
            Reason.LOG_FORKED,
            f"what is published of {head.origin} at {published.size} entries is not what the log"
            " holds: the log was forked or rewritten",
            where=str(before.folder),
            next_step="keep both as evidence, and find out which of them its witnesses know",
        )
    if head.size < published.size:
        raise refuse(
            Reason.LOG_ROLLED_BACK,
            f"{published.size} entries are published; a head over {head.size} does not follow",
            where=str(before.folder),
        )
