"""A log on disk: appends batches durably and proves every entry (RFC 6962, C2SP tlog-checkpoint).

1. In one transaction: see that the file still holds the head we know (a connection made anew may
   have met another file: then all is read again), add the entries, sign the new head, write it all.
2. Only when the disk has it does memory follow, and only then does the caller get evidence.

After any failure memory still holds the last durable state, and the next call starts from the file.

What it holds is read and proven by `proven_entries`; whose head it bears is known to `own_head`.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import chain, islice, repeat
from pathlib import Path
from typing import Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.keys import SigningKey
from landbridge.log.checkpoint import Checkpoint
from landbridge.log.connection import Connection, Database
from landbridge.log.database import LogDatabase
from landbridge.log.evidence import Evidence, check_sizes
from landbridge.log.frontier import Growth
from landbridge.log.halting import Halting
from landbridge.log.head_mark import HeadMark
from landbridge.log.merkle import EMPTY_ROOT, leaf_hashes
from landbridge.log.named_places import Place
from landbridge.log.note import NoteSigner, NoteVerifier
from landbridge.log.own_head import OwnHead, log_signer
from landbridge.log.rollback import check_no_mark
from landbridge.log.state import LogState
from landbridge.log.subject_keys import About, Pseudonym, SubjectKeys
from landbridge.log.subject_notes import is_due, take_apart, write_note
from landbridge.log.subject_tables import NotedKey
from landbridge.log.tables import write_batch


class LogStore(OwnHead, Halting):
    """The log of one origin. Thread-safe; several processes may append to one file in turn."""

    def __init__(
        self,
        database: Database,
        signer: NoteSigner,
        former: Sequence[NoteVerifier] = (),
        look_up_key: bytes | None = None,
        mark: HeadMark | None = None,
    ) -> None:
        super().__init__(database, signer, former, mark)
        self._subjects = (
            SubjectKeys(database.another(), look_up_key, erasures=mark.erasures if mark else None)
            if look_up_key
            else None
        )
        try:
            self._load()
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
        signer = log_signer(origin, key)
        database = LogDatabase(place) if isinstance(place, Path) else place
        if not database.is_there():
            if mark is not None:
                check_no_mark(mark.read(), database.where)
            database.create(signer.sign(Checkpoint(origin, 0, EMPTY_ROOT).text()))
        earlier = [NoteVerifier(origin, public) for public in former if public != key.public]
        return cls(database, signer, earlier, look_up_key, mark)

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

    def append(self, entries: Sequence[bytes]) -> list[Evidence]:
        """Add entries that name nobody, under one head; they are on the disk when this returns.

        Raises:
            LandbridgeError: LB-5001 when the disk refuses: nothing is kept, and a later call may
                succeed; LB-5002 when the file no longer continues what was signed; LB-1001 for an
                entry of more than 65,535 bytes; what `halt` was given.
        """
        self.check_not_halted()
        if not entries:
            return []
        check_sizes(entries)
        with self._appending:
            with self._writer.writing() as connection:
                before = self._last(connection)
                after, growth = self._add(connection, before, entries, (), ())
            self._follow(before, after)
        return _evidence(before, after, entries, growth)

    def append_about(
        self,
        about: Sequence[Sequence[About]],
        write: Callable[[list[list[Pseudonym]]], Sequence[bytes]],
    ) -> list[Evidence]:
        """Add an entry on each group of subjects, under one head; they are on the disk afterwards.

        `write` is given what the log calls them, group by group, and returns an entry for each. It
        is called within the transaction: naming so needs no look at the disk of its own. Of what it
        raises nothing is kept.

        Raises:
            LandbridgeError: as for `append`; LB-1101 when the party has no `pseudonym.key`.
        """
        self.check_not_halted()
        if not about:
            return []
        subjects = self.subjects
        with self._appending:
            with self._writer.writing() as connection:
                before = self._last(connection)
                version = self._version
                naming = subjects.name_within(connection, version, chain.from_iterable(about))
                names = iter(naming.names)
                named = [list(islice(names, len(group))) for group in about]
                entries = write(named)
                check_sizes(entries)
                after, growth = self._add(connection, before, entries, naming.new, named)
            self._follow(before, after)
            if naming.learned:
                subjects.remember_named(naming)
        return _evidence(before, after, entries, growth)

    def takes_at_once(self) -> bool:
        """Tell whether an append would wait for nobody; never so of a database server."""
        try:
            return isinstance(self._writer, LogDatabase) and self._writer.is_free()
        except LandbridgeError:
            return False  # the append itself tells why

    def close(self) -> None:
        """Close the database; the mark is written."""
        if self._mark is not None:
            self._mark.close()
        self._writer.close()
        self._reader.close()
        if self._subjects is not None:
            self._subjects.close()

    def _add(
        self,
        connection: Connection,
        before: LogState,
        entries: Sequence[bytes],
        new: Sequence[NotedKey],
        named: Sequence[Sequence[Pseudonym]],
    ) -> tuple[LogState, Growth]:
        """Write entries, who is named by them, and the signed head over all."""
        tree, growth, tiles = before.tree.grow(leaf_hashes(entries))
        root = growth.root
        checkpoint = self._signer.sign(Checkpoint(self.origin, growth.size, root).text())
        write_batch(connection, before.size, entries, tiles, checkpoint)
        places = _places(before.size, entries, named) if named else []
        if new or places:
            write_note(connection, before.size, new, places)
        if is_due(before.size, growth.size):
            take_apart(connection)
        return LogState(checkpoint, root, tree), growth

    def _follow(self, before: LogState, after: LogState) -> None:
        """Let memory follow the disk."""
        self._state = after
        self._keep_mark()
        if self._subjects is not None and is_due(before.size, after.size):
            self._subjects.remember_taken_apart()


def _places(
    start: int, entries: Sequence[bytes], named: Sequence[Sequence[Pseudonym]]
) -> list[Place]:
    return [
        (name.period, name.value, position)
        for position, (_, names) in enumerate(zip(entries, named, strict=True), start)
        for name in names
    ]


def _evidence(
    before: LogState, after: LogState, entries: Sequence[bytes], growth: Growth
) -> list[Evidence]:
    indices = range(before.size, growth.size)
    return list(map(Evidence, entries, indices, growth.paths(), repeat(after.checkpoint)))
