"""Reads a log's entries from its database and proves them by the signed head (RFC 6962)."""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial

from landbridge.errors import Reason, refuse
from landbridge.log.connection import Database
from landbridge.log.named_places import read_positions
from landbridge.log.note import NoteVerifier
from landbridge.log.rollback import check_holds
from landbridge.log.state import LogState, check_tile
from landbridge.log.subject_keys import Pseudonym
from landbridge.log.subject_notes import noted_positions
from landbridge.log.tables import read_entries, read_handovers, read_tile

_PAGE = 1024


class ProvenEntries:
    """What a log holds, up to the head that is known. Thread-safe.

    Whoever derives from it says what that head is, and sets the state anew with every next one.
    """

    _state: LogState

    def __init__(self, database: Database, verifiers: Sequence[NoteVerifier]) -> None:
        self._reader = database
        self._verifiers = tuple(verifiers)

    @property
    def origin(self) -> str:
        """The log's name: `<agency>.<federation>/<role>/<name>`."""
        return self._verifiers[0].name

    @property
    def size(self) -> int:
        """How many entries the log holds."""
        return self._state.size

    def head(self) -> bytes:
        """Return the newest signed checkpoint."""
        return self._state.checkpoint

    def handovers(self) -> list[bytes]:
        """Return the heads at which the key changed, oldest first, each signed by both keys.

        Raises:
            LandbridgeError: LB-5001, LB-5002 as for `append`.
        """
        with self._reader.reading() as connection:
            return read_handovers(connection)

    def check_holds(self, checkpoint: bytes) -> None:
        """Check that the log holds a head that it signed once.

        Raises:
            LandbridgeError: LB-5003 when it does not; LB-5002 when it is no head of this log.
        """
        with self._reader.snapshot() as connection:
            check_holds(connection, self._verifiers, self._state, checkpoint)

    def entry(self, index: int) -> bytes:
        """Return one entry.

        Raises:
            LandbridgeError: LB-1001 when there is none; LB-5001, LB-5002 as for `append`.
        """
        self._require(0 <= index < self.size, f"the log has no entry {index}")
        with self._reader.reading() as connection:
            return read_entries(connection, index, index + 1)[0]

    def entries_at(self, indices: Iterable[int]) -> list[bytes]:
        """Return the entries at some positions, in the order of these.

        Raises:
            LandbridgeError: LB-1001 when there is none; LB-5001, LB-5002 as for `append`.
        """
        wanted = list(indices)
        for index in wanted:
            self._require(0 <= index < self.size, f"the log has no entry {index}")
        with self._reader.reading() as connection:
            return [read_entries(connection, index, index + 1)[0] for index in wanted]

    def entries(self, start: int = 0) -> Iterator[bytes]:
        """Give the entries from a position on, oldest first, to the end as it is then.

        Raises:
            LandbridgeError: LB-5001, LB-5002 as for `append`.
        """
        while start < (end := min(self.size, start + _PAGE)):
            with self._reader.reading() as connection:
                page = read_entries(connection, start, end)
            yield from page
            start = end

    def entries_backwards(self, before: int | None = None) -> Iterator[tuple[int, bytes]]:
        """Give index and entry, newest first, from a position or the newest when one is taken.

        Raises:
            LandbridgeError: LB-5001, LB-5002 as for `append`.
        """
        end = self.size if before is None else before
        while end > 0:
            start = max(0, end - _PAGE)
            with self._reader.reading() as connection:
                page = read_entries(connection, start, end)
            yield from zip(range(end - 1, start - 1, -1), reversed(page), strict=True)
            end = start

    def positions(
        self, names: Iterable[Pseudonym], *, before: int | None = None, limit: int
    ) -> list[int]:
        """Return where any of these are named, newest first, each position once.

        Raises:
            LandbridgeError: LB-5001, LB-5002 as for `append`.
        """
        end = self.size if before is None else before
        called = [(name.period, name.value) for name in names]
        if not called:
            return []
        with self._reader.snapshot() as connection:
            noted = noted_positions(connection, called, end)
            indexed = read_positions(connection, called, end, limit)
        return sorted(noted.union(indexed), reverse=True)[:limit]

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

    def inclusion_proofs(self, indices: Iterable[int], size: int) -> list[tuple[bytes, ...]]:
        """Prove several entries as `inclusion_proof` does; what they share is hashed once.

        Raises:
            LandbridgeError: as for `inclusion_proof`.
        """
        state, wanted = self._state, list(indices)
        for index in wanted:
            self._require(
                0 <= index < size <= state.size, f"no proof of entry {index} in a log of {size}"
            )
        with self._reader.reading() as connection:
            return state.tree.inclusion_paths(wanted, size, partial(read_tile, connection))

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

    def _require(self, holds: bool, message: str) -> None:  # noqa: FBT001
        if not holds:
            raise refuse(Reason.MALFORMED_REQUEST, f"{message}; it holds {self.size}")
