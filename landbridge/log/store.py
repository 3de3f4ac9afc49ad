"""A log on disk: appends batches durably and proves every entry (RFC 6962, C2SP tlog-checkpoint).

1. In one transaction: see that the file still holds the head we know (a connection made anew may
   have met another file: then all is read again), add the entries, sign the new head, write it all.
2. Only when the disk has it does memory follow, and only then does the caller get evidence.

After any failure memory still holds the last durable state, and the next call starts from the file.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import Self

from landbridge.errors import Reason, refuse
from landbridge.keys import KeyUse, SigningKey
from landbridge.log.checkpoint import Checkpoint
from landbridge.log.database import LogDatabase, create_log_file, is_file_there
from landbridge.log.evidence import Evidence
from landbridge.log.merkle import EMPTY_ROOT
from landbridge.log.note import NoteSigner
from landbridge.log.state import LogState, check_tile, load_state
from landbridge.log.tables import read_entries, read_head, read_tile, write_batch

MAX_ENTRY_BYTES = 65_535
"""What the entry bundles of C2SP tlog-tiles can hold."""
CHECKED_AT_OPEN = 1 << 18
"""Entries that are hashed anew at start-up, the newest ones: less than a second of work."""
_PAGE = 1024


def check_sizes(entries: Iterable[bytes]) -> None:
    """Check that entries may stand in a log.

    Raises:
        LandbridgeError: LB-1001 for one of more than 65,535 bytes.
    """
    longest = max(map(len, entries), default=0)
    if longest > MAX_ENTRY_BYTES:
        raise refuse(
            Reason.MALFORMED_REQUEST,
            f"a log entry of {longest} bytes is longer than the {MAX_ENTRY_BYTES} that fit",
        )


class LogStore:
    """The log of one origin. Thread-safe; several processes may append to one file in turn."""

    def __init__(self, database: LogDatabase, signer: NoteSigner) -> None:
        self._writer = database
        self._reader = LogDatabase(database.path)
        self._signer = signer
        self._appending = Lock()
        try:
            with database.reading() as connection:
                self._state = load_state(connection, signer.verifier)
                self._trusted = connection
            self.check(self.size - CHECKED_AT_OPEN)
        except BaseException:
            self.close()
            raise

    @classmethod
    def open(cls, path: Path, origin: str, key: SigningKey) -> Self:
        """Open a log, or begin one where there is no file.

        Raises:
            LandbridgeError: LB-5001 when the disk refuses; LB-5002 when the file does not hold what
                its signed head says, or is the log of another origin or key; LB-1101 when the key
                is not for logs.
        """
        if key.use is not KeyUse.LOG:
            raise refuse(Reason.INVALID_CONFIGURATION, f"the key {key.key_id} is not for logs")
        signer = NoteSigner(origin, key)
        if not is_file_there(path):
            create_log_file(path, signer.sign(Checkpoint(origin, 0, EMPTY_ROOT).text()))
        return cls(LogDatabase(path), signer)

    @property
    def origin(self) -> str:
        """The log's name: `<agency>.<federation>/<role>/<name>`."""
        return self._signer.verifier.name

    @property
    def size(self) -> int:
        """How many entries the log holds."""
        return self._state.size

    def head(self) -> bytes:
        """Return the newest signed checkpoint."""
        return self._state.checkpoint

    def append(self, entries: Sequence[bytes]) -> list[Evidence]:
        """Add entries under one signed head; they are on the disk when this returns.

        Raises:
            LandbridgeError: LB-5001 when the disk refuses: nothing is kept, and a later call may
                succeed; LB-5002 when the file no longer continues what was signed; LB-1001 for an
                entry of more than 65,535 bytes.
        """
        if not entries:
            return []
        check_sizes(entries)
        leaves = [sha256(b"\x00" + entry).digest() for entry in entries]
        with self._appending:
            with self._writer.writing() as connection:
                before = self._state
                if connection is not self._trusted or read_head(connection) != before.checkpoint:
                    before = load_state(connection, self._signer.verifier, known=before)
                    self._trusted = connection
                tree, growth, tiles = before.tree.grow(leaves)
                text = Checkpoint(self.origin, growth.size, growth.root).text()
                checkpoint = self._signer.sign(text)
                write_batch(connection, before.size, entries, tiles, checkpoint)
            self._state = LogState(checkpoint, growth.root, tree)
        return [
            Evidence(entry, index, path, checkpoint)
            for index, (entry, path) in enumerate(
                zip(entries, growth.paths(), strict=True), before.size
            )
        ]

    def entry(self, index: int) -> bytes:
        """Return one entry.

        Raises:
            LandbridgeError: LB-1001 when there is none; LB-5001, LB-5002 as for `append`.
        """
        self._require(0 <= index < self.size, f"the log has no entry {index}")
        with self._reader.reading() as connection:
            return read_entries(connection, index, index + 1)[0]

    def entries_backwards(self) -> Iterator[tuple[int, bytes]]:
        """Give index and entry, newest first, from the newest when the first is taken.

        Raises:
            LandbridgeError: LB-5001, LB-5002 as for `append`.
        """
        end = self.size
        while end > 0:
            start = max(0, end - _PAGE)
            with self._reader.reading() as connection:
                page = read_entries(connection, start, end)
            yield from zip(range(end - 1, start - 1, -1), reversed(page), strict=True)
            end = start

    def inclusion_proof(self, index: int, size: int) -> tuple[bytes, ...]:
        """Prove an entry in the log as it was at a size (RFC 6962, section 2.1.1).

        Raises:
            LandbridgeError: LB-1001 unless index < size <= the log's size.
        """
        state = self._state
        self._require(
            0 <= index < size <= state.size, f"no proof of entry {index} in a log of {size}"
        )
        with self._reader.reading() as connection:
            return state.tree.inclusion_path(index, size, partial(read_tile, connection))

    def consistency_proof(self, old_size: int, new_size: int) -> tuple[bytes, ...]:
        """Prove that the log at one size continues it at another (RFC 6962, section 2.1.2).

        Raises:
            LandbridgeError: LB-1001 unless 0 < old_size <= new_size <= the log's size.
        """
        state = self._state
        self._require(
            0 < old_size <= new_size <= state.size,
            f"no proof that a log of {new_size} continues one of {old_size}",
        )
        with self._reader.reading() as connection:
            return state.tree.consistency_path(old_size, new_size, partial(read_tile, connection))

    def check(self, since: int = 0) -> None:
        """Hash the entries from a position on anew and hold them against the tree.

        Raises:
            LandbridgeError: LB-5002 at the first that does not fit.
        """
        state = self._state
        for level, tile in state.full_tiles(since):
            with self._reader.reading() as connection:
                check_tile(connection, level, tile)

    def close(self) -> None:
        """Close the file."""
        self._writer.close()
        self._reader.close()

    def _require(self, holds: bool, message: str) -> None:  # noqa: FBT001
        if not holds:
            raise refuse(Reason.MALFORMED_REQUEST, f"{message}; it holds {self.size}")
