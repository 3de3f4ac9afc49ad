"""What a party knows of the heads of logs, kept in `witness.sqlite` in its folder.

As a witness: the newest head that it has cosigned of each log, and two heads that prove a fork.
Of its own log: who has cosigned which head, and a head that its log does not hold.
Of logs that it hears of with answers: how large they were.

What is written is on the disk when a call returns. All raise LB-5001 when the disk refuses and
LB-5002 when the file is damaged.
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from landbridge.log.note import NoteSignature
from landbridge.log.signed_head import LARGEST_SIZE, SignedHead
from landbridge.log.witness_database import WITNESS_FILE, WitnessDatabase

_MOST_FORKS: Final = 8
"""Pairs of heads kept of each log: one is proof enough."""
_COSIGNED_HEADS: Final = 16
_APART_MS: Final = 600_000
_MOST_EARLIER: Final = 288
"""Heads kept of the last days: what a thief of a log's key brings replaces the newest alone."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A head that this party has cosigned as a witness; `at` is Unix milliseconds."""

    origin: str
    size: int
    checkpoint: bytes
    line: bytes
    at: int

    def cosigned(self) -> bytes:
        """Write the checkpoint with this witness's line."""
        return self.checkpoint + self.line


@dataclass(frozen=True, slots=True)
class Fork:
    """Two heads of one log that cannot both be true; `at` is Unix milliseconds."""

    origin: str
    first: bytes
    second: bytes
    at: int
    settled: bool = False


@dataclass(frozen=True, slots=True)
class Cosignature:
    """A witness's word on a head of this party's own log; `at` is Unix seconds, as it states."""

    witness: str
    size: int
    at: int


class WitnessFile(WitnessDatabase):
    """What one party knows of heads."""

    def seen(self, origin: str) -> Seen | None:
        """Return the newest head of a log that this party has cosigned."""
        found = self.read("SELECT * FROM seen WHERE origin = ?", (origin,))
        return Seen(*found[0]) if found else None

    def all_seen(self) -> list[Seen]:
        """Return the newest head of each log that this party has cosigned, by origin."""
        return [Seen(*row) for row in self.read("SELECT * FROM seen ORDER BY origin")]

    def keep_seen(self, news: Sequence[tuple[Seen, int | None]]) -> list[bool]:
        """Keep heads, each in the place of the one of that size; None where there was none.

        Returns of each whether it was so: another process may have kept a newer one meanwhile.
        """
        with self.writing() as connection:
            return [_keep_seen(connection, new, after) for new, after in news]

    def cosigned_of(self, origin: str) -> Iterator[Seen]:
        """Yield the newest head of a log that this party has cosigned, then those of before.

        They are some ten minutes apart and reach back for two days in which the log grew.
        """
        query = "SELECT * FROM earlier WHERE origin = ? ORDER BY at DESC"
        if (seen := self.seen(origin)) is not None:
            yield seen
            yield from (Seen(*row) for row in self.read(query, (origin,)))

    def keep_fork(self, fork: Fork) -> bool:
        """Keep two heads that prove a fork; returns whether this is news."""
        first, second = sorted((fork.first, fork.second))
        with self.writing() as connection:
            count = connection.execute(
                "SELECT count(*) FROM fork WHERE origin = ?", (fork.origin,)
            ).fetchone()[0]
            if count >= _MOST_FORKS:
                return False
            cursor = connection.execute(
                "INSERT INTO fork (origin, first, second, at) VALUES (?, ?, ?, ?)"
                " ON CONFLICT DO NOTHING",
                (fork.origin, first, second, fork.at),
            )
            return cursor.rowcount == 1

    def forks(self) -> list[Fork]:
        """Return what proves that logs show different histories, oldest first."""
        query = "SELECT origin, first, second, at, settled FROM fork ORDER BY at, origin, first"
        return [Fork(*row) for row in self.read(query)]

    def settle(self, fork: Fork) -> None:
        """Note that administrators have acted on a fork; it stays as evidence."""
        with self.writing() as connection:
            connection.execute(
                "UPDATE fork SET settled = 1 WHERE (origin, first, second) = (?, ?, ?)",
                (fork.origin, fork.first, fork.second),
            )

    def keep_cosigned(
        self, head: SignedHead, lines: Mapping[str, tuple[NoteSignature, int]]
    ) -> None:
        """Keep cosignatures on a head of one's own log: witness to line and its time in seconds."""
        with self.writing() as connection:
            connection.executemany(
                "INSERT INTO cosigned VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE"
                " SET line = excluded.line, at = excluded.at WHERE excluded.at > at",
                [
                    (head.size, head.note.text, witness, head.data(), str(line).encode(), at)
                    for witness, (line, at) in lines.items()
                ],
            )
            # The newest heads stay, and of each witness what it cosigned last.
            connection.execute(
                "DELETE FROM cosigned WHERE size NOT IN"
                " (SELECT DISTINCT size FROM cosigned ORDER BY size DESC LIMIT ?) AND size <"
                " (SELECT max(size) FROM cosigned AS other WHERE other.witness = cosigned.witness)",
                (_COSIGNED_HEADS,),
            )

    def cosigned(self, witnesses: int = 1) -> bytes:
        """Return the newest head of one's own log with at least so many cosignatures.

        It is empty where there is none.
        """
        found = self.read(
            "SELECT checkpoint, line FROM cosigned WHERE (size, text) ="
            " (SELECT size, text FROM cosigned GROUP BY size, text HAVING count(*) >= ?"
            "  ORDER BY size DESC, count(*) DESC LIMIT 1) ORDER BY witness",
            (witnesses,),
        )
        return found[0][0] + b"".join(line for _, line in found) if found else b""

    def cosignatures(self) -> list[Cosignature]:
        """Return the newest word of each witness on one's own log, by witness."""
        return [
            Cosignature(*row)
            for row in self.read(
                "SELECT witness, max(size), at FROM cosigned GROUP BY witness ORDER BY witness"
            )
        ]

    def claim(self, head: SignedHead) -> None:
        """Keep a head of one's own log that one's log does not hold; the largest one counts."""
        with self.writing() as connection:
            connection.execute(
                "INSERT INTO claimed VALUES (1, ?, ?) ON CONFLICT DO UPDATE"
                " SET size = excluded.size, checkpoint = excluded.checkpoint"
                " WHERE excluded.size > size",
                (head.size, head.data()),
            )

    def claimed(self) -> bytes:
        """Return the head that one's own log did not hold, or nothing."""
        found = self.read("SELECT checkpoint FROM claimed")
        return bytes(found[0][0]) if found else b""

    def drop_claim(self) -> None:
        """Forget it, once the log holds it again."""
        with self.writing() as connection:
            connection.execute("DELETE FROM claimed")

    def heard(self) -> tuple[dict[str, tuple[int, bytes]], int]:
        """Return sizes and heads of logs that one heard of, and how far in one's own log."""
        found = self.read("SELECT origin, size, checkpoint FROM heard")
        heads = {str(origin): (int(size), bytes(head)) for origin, size, head in found}
        until = self.read("SELECT entry FROM heard_until")
        return heads, int(until[0][0]) if until else 0

    def keep_heard(self, heads: Mapping[str, tuple[int, bytes]], until: int) -> None:
        """Keep sizes and heads of logs, as far as one's own log tells of them up to an entry."""
        with self.writing() as connection:
            connection.executemany(
                "INSERT INTO heard VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET size = excluded.size,"
                " checkpoint = excluded.checkpoint WHERE excluded.size > size",
                [(name, min(size, LARGEST_SIZE), head) for name, (size, head) in heads.items()],
            )
            connection.execute(
                "INSERT INTO heard_until VALUES (1, ?) ON CONFLICT DO UPDATE"
                " SET entry = excluded.entry",
                (until,),
            )

    def drop_heard(self, origin: str) -> None:
        """Forget how large a log was."""
        with self.writing() as connection:
            connection.execute("DELETE FROM heard WHERE origin = ?", (origin,))


def _keep_seen(connection: sqlite3.Connection, new: Seen, after: int | None) -> bool:
    row = (new.origin, new.size, new.checkpoint, new.line, new.at)
    if after is None:
        cursor = connection.execute(
            "INSERT INTO seen VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", row
        )
    else:
        cursor = connection.execute(
            "UPDATE seen SET size = ?, checkpoint = ?, line = ?, at = ?"
            " WHERE origin = ? AND size = ?",
            (*row[1:], new.origin, after),
        )
    if cursor.rowcount == 1:
        _keep_earlier(connection, new)
    return cursor.rowcount == 1


def _keep_earlier(connection: sqlite3.Connection, new: Seen) -> None:
    cursor = connection.execute(
        "INSERT INTO earlier SELECT ?, ?, ?, ?, ? WHERE NOT EXISTS"
        " (SELECT 1 FROM earlier WHERE origin = ? AND at > ?)",
        (new.origin, new.size, new.checkpoint, new.line, new.at, new.origin, new.at - _APART_MS),
    )
    if cursor.rowcount:
        connection.execute(
            "DELETE FROM earlier WHERE origin = ? AND at NOT IN"
            " (SELECT at FROM earlier WHERE origin = ? ORDER BY at DESC LIMIT ?)",
            (new.origin, new.origin, _MOST_EARLIER),
        )


def cosigned(folder: Path, witnesses: int = 1) -> bytes:
    """Return the newest head of a party's own log that so many have cosigned, from its folder.

    It is empty where there is none.

    Raises:
        LandbridgeError: LB-5001 or LB-5002 when the file cannot be read.
    """
    if not (folder / WITNESS_FILE).is_file():
        return b""
    with closing(WitnessFile.open(folder)) as file:
        return file.cosigned(witnesses)


def newest_known(folder: Path) -> list[bytes]:
    """Return heads that others have shown of a party's own log, from its folder, for a restore.

    Raises:
        LandbridgeError: LB-5001 or LB-5002 when the file cannot be read.
    """
    if not (folder / WITNESS_FILE).is_file():
        return []
    with closing(WitnessFile.open(folder)) as file:
        return [head for head in (file.cosigned(), file.claimed()) if head]
