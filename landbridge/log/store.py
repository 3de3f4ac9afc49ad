"""A log on disk: appends batches durably and proves every entry (RFC 6962, C2SP tlog-checkpoint).

1. In one transaction: see that the file still holds the head we know (a connection made anew may
   have met another file: then all is read again), add the entries, sign the new head, write it all.
2. Only when the disk has it does memory follow, and only then does the caller get evidence.

After any failure memory still holds the last durable state, and the next call starts from the file.

The key may change between two appends. The head then bears the signatures of both keys, so that
readers see who handed over to whom, and is kept.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.keys import KeyUse, SigningKey
from landbridge.log.checkpoint import Checkpoint
from landbridge.log.connection import Connection, Database
from landbridge.log.database import LogDatabase
from landbridge.log.evidence import Evidence, check_sizes
from landbridge.log.head_mark import HeadMark
from landbridge.log.merkle import EMPTY_ROOT
from landbridge.log.note import NoteSigner, NoteVerifier, find_signers, parse_note
from landbridge.log.rollback import check_holds, check_no_mark
from landbridge.log.state import (
    LogState,
    check_handovers,
    check_tile,
    follow_state,
    load_state,
)
from landbridge.log.subject_keys import Pseudonym, SubjectKeys
from landbridge.log.subject_tables import NewKey, read_positions, write_keys, write_positions
from landbridge.log.tables import (
    read_entries,
    read_handovers,
    read_head,
    read_tile,
    write_batch,
    write_handover,
)

CHECKED_AT_OPEN = 1 << 18
"""Entries that are hashed anew at start-up, the newest ones: less than a second of work."""
_PAGE = 1024


class LogStore:
    """The log of one origin. Thread-safe; several processes may append to one file in turn."""

    def __init__(
        self,
        database: Database,
        signer: NoteSigner,
        former: Sequence[NoteVerifier] = (),
        look_up_key: bytes | None = None,
        mark: HeadMark | None = None,
    ) -> None:
        self._writer = database
        self._reader = database.another()
        self._subjects = (
            SubjectKeys(database.another(), look_up_key, erasures=mark.erasures if mark else None)
            if look_up_key
            else None
        )
        self._mark = mark
        self._signer = signer
        self._verifiers = (signer.verifier, *former)
        self._appending = Lock()
        self._halted: LandbridgeError | None = None
        try:
            database.add_missing_tables()
            # Read before the database is: another process may append between the two.
            marked = mark.read() if mark else None
            with database.snapshot() as connection:
                self._state = load_state(connection, self._verifiers)
                check_handovers(connection, self._verifiers, self._state)
                if marked is not None:
                    check_holds(connection, self._verifiers, self._state, marked)
                self._trusted = connection
            self.check(self.size - CHECKED_AT_OPEN)
            if signer.verifier not in find_signers(parse_note(self.head()), self._verifiers):
                self._hand_over(signer)
            elif mark is not None and marked != self.head():
                mark.keep(self.head())
        except BaseException:
            self._mark = None
            self.close()
            raise

    @classmethod
    def open(  # noqa: PLR0913  the last by name
        cls,
        place: Path | Database,
        origin: str,
        key: SigningKey,
        former: Iterable[Ed25519PublicKey] = (),
        *,
        look_up_key: bytes | None = None,
        mark: HeadMark | None = None,
    ) -> Self:
        """Open a log, or begin one where there is none; a path is that of an SQLite file.

        `former` are other keys of this log: where one of them signed last, `key` takes over.
        `look_up_key` is what subjects' keys are found by; a log that names no subject needs none.
        `mark` remembers the newest head outside the database.

        Raises:
            LandbridgeError: LB-5001 when the disk refuses; LB-5002 when the database does not hold
                what its signed head says, or is the log of another origin or key; LB-5003 when it
                is older than its mark; LB-1101 when the key is not for logs.
        """
        signer = _signer(origin, key)
        database = LogDatabase(place) if isinstance(place, Path) else place
        if not database.is_there():
            if mark is not None:
                check_no_mark(mark.read(), database.where)
            database.create(signer.sign(Checkpoint(origin, 0, EMPTY_ROOT).text()))
        earlier = [NoteVerifier(origin, public) for public in former if public != key.public]
        return cls(database, signer, earlier, look_up_key, mark)

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

    @property
    def signer(self) -> Ed25519PublicKey:
        """The key that signs now."""
        return self._signer.verifier.public

    def sign_note(self, text: str) -> bytes:
        """Sign a text that is no head under the log's name, and return the whole note.

        Raises:
            LandbridgeError: LB-1001 when it could be read as a head of this log.
        """
        self._require(not text.startswith(f"{self.origin}\n"), "a text that reads as a head")
        return self._signer.sign(text)

    @property
    def subjects(self) -> SubjectKeys:
        """The keys of those whom the log names.

        Raises:
            LandbridgeError: LB-1101 when the party has no `pseudonym.key`.
        """
        if self._subjects is None:
            raise refuse(
                Reason.INVALID_CONFIGURATION,
                "there is no pseudonym.key: the log cannot name subjects",
                where=self._writer.where,
                next_step="restore the file as it was made",
            )
        return self._subjects

    def sign_with(self, key: SigningKey) -> None:
        """Let another key of this log sign from now on; it has signed the head when this returns.

        Raises:
            LandbridgeError: LB-1101 when the key is another agency's or not for logs; LB-5001,
                LB-5002 as for `append`: the key before signs on.
        """
        signer = _signer(self.origin, key)
        if signer.agency != self._signer.agency:
            raise refuse(
                Reason.INVALID_CONFIGURATION,
                f"the key {key.key_id} is not one of {self._signer.agency}",
            )
        with self._appending:
            if signer.verifier != self._signer.verifier:
                self._hand_over(signer)

    def halt(self, error: LandbridgeError) -> None:
        """Refuse every append with this error until `resume`; what was logged can still be read."""
        self._halted = error

    def resume(self) -> None:
        """Append again."""
        self._halted = None

    @property
    def halted(self) -> LandbridgeError | None:
        """Why nothing is appended, where that is so."""
        return self._halted

    def check_not_halted(self) -> None:
        """Check that the log takes entries.

        Raises:
            LandbridgeError: what `halt` was given.
        """
        if (halted := self._halted) is not None:
            # Made anew: several threads may be told at once.
            raise refuse(halted.reason, halted.message, next_step=halted.next_step)

    def refresh(self) -> None:
        """Take up what another process has appended since.

        Raises:
            LandbridgeError: LB-5001, LB-5002 as for `append`.
        """
        with self._appending:
            with self._writer.snapshot() as connection:
                self._state = self._last(connection)
            self._keep_mark()

    def handovers(self) -> list[bytes]:
        """Return the heads at which the key changed, oldest first, each signed by both keys.

        Raises:
            LandbridgeError: LB-5001, LB-5002 as for `append`.
        """
        with self._reader.reading() as connection:
            return read_handovers(connection)

    def append(
        self, entries: Sequence[bytes], named: Sequence[Sequence[Pseudonym]] = ()
    ) -> list[Evidence]:
        """Add entries under one signed head; they are on the disk when this returns.

        `named` tells, entry by entry, under whom `positions` finds it; empty: none under anybody.

        Raises:
            LandbridgeError: LB-5001 when the disk refuses: nothing is kept, and a later call may
                succeed; LB-5002 when the file no longer continues what was signed; LB-1001 for an
                entry of more than 65,535 bytes; what `halt` was given.
        """
        self.check_not_halted()
        if not entries:
            return []
        check_sizes(entries)
        leaves = [sha256(b"\x00" + entry).digest() for entry in entries]
        with self._appending:
            new = self._unstored(named)
            with self._writer.writing() as connection:
                before = self._last(connection)
                tree, growth, tiles = before.tree.grow(leaves)
                text = Checkpoint(self.origin, growth.size, growth.root).text()
                checkpoint = self._signer.sign(text)
                write_batch(connection, before.size, entries, tiles, checkpoint)
                if new:
                    write_keys(connection, new)
                if named:
                    write_positions(connection, _places(before.size, entries, named))
            self._state = LogState(checkpoint, growth.root, tree)
            self._keep_mark()
            if new:
                self.subjects.remember_stored(key.pseudonym for key in new)
        return [
            Evidence(entry, index, path, checkpoint)
            for index, (entry, path) in enumerate(
                zip(entries, growth.paths(), strict=True), before.size
            )
        ]

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
        with self._reader.reading() as connection:
            called = [(name.period, name.value) for name in names]
            return read_positions(connection, called, end, limit)

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

    def close(self) -> None:
        """Close the database; the mark is written."""
        if self._mark is not None:
            self._mark.close()
        self._writer.close()
        self._reader.close()
        if self._subjects is not None:
            self._subjects.close()

    def _unstored(self, named: Sequence[Sequence[Pseudonym]]) -> list[NewKey]:
        new = {name.value: name for names in named for name in names if name.unstored_key}
        return self.subjects.unstored(new.values()) if new else []

    def _keep_mark(self) -> None:
        if self._mark is not None:
            self._mark.keep(self._state.checkpoint)

    def _last(self, connection: Connection) -> LogState:
        """Return the state to go on from: the known one, or what another writer left since."""
        if connection is self._trusted:
            if read_head(connection) == self._state.checkpoint:
                return self._state
            followed = follow_state(connection, self._verifiers, self._state)
            if followed is not None:
                return followed
        found = load_state(connection, self._verifiers, known=self._state)
        self._trusted = connection
        return found

    def _hand_over(self, signer: NoteSigner) -> None:
        with self._writer.writing() as connection:
            before = self._last(connection)
            note = parse_note(before.checkpoint)
            checkpoint = signer.cosign(note, find_signers(note, self._verifiers)[-1])
            write_handover(connection, checkpoint)
        others = [one for one in self._verifiers if one != signer.verifier]
        self._verifiers = (signer.verifier, *others)
        self._signer = signer
        self._state = replace(before, checkpoint=checkpoint)
        self._keep_mark()

    def _require(self, holds: bool, message: str) -> None:  # noqa: FBT001
        if not holds:
            raise refuse(Reason.MALFORMED_REQUEST, f"{message}; it holds {self.size}")


def _places(
    start: int, entries: Sequence[bytes], named: Sequence[Sequence[Pseudonym]]
) -> Iterator[tuple[str, bytes, int]]:
    for position, (_, names) in enumerate(zip(entries, named, strict=True), start):
        for name in names:
            yield name.period, name.value, position


def _signer(origin: str, key: SigningKey) -> NoteSigner:
    if key.use is not KeyUse.LOG:
        raise refuse(Reason.INVALID_CONFIGURATION, f"the key {key.key_id} is not for logs")
    return NoteSigner(origin, key)
