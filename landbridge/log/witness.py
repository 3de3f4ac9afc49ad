"""A witness of other logs: it cosigns a head only if this continues all that it has seen.

The rules are those of C2SP tlog-witness:

1. The head is signed by the log that it names, and that is not the witness's own.
2. The caller knows the size that was seen last; else it is told that size, and nothing is cosigned.
3. The path proves that the head continues what was seen.
4. The head is on the disk before its cosignature leaves.
5. What was seen less than an hour before its key was tainted may be a thief's, and binds nobody:
   the log then has to continue what was seen before. It is told as a fork all the same.

Two signed heads of one size with two roots prove that the log shows different histories: both are
kept, whatever else the caller says.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Final

from landbridge.clock import Clock, system_clock
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.keys import SigningKey
from landbridge.log.cosignature import Cosigner
from landbridge.log.signed_head import (
    KeysOf,
    PastKeys,
    SignedHead,
    empty_head,
    is_still_signed,
    kept_head,
    read_signed_head,
)
from landbridge.log.witness_file import Fork, Seen, WitnessFile

LONGEST_PATH: Final = 63
"""Hashes in a consistency path (C2SP tlog-witness)."""


@dataclass(frozen=True, slots=True)
class Word:
    """What a witness says of a head: its cosignature, or the size that it has seen."""

    line: bytes
    """One signature line; empty where it has not cosigned."""
    seen_size: int


@dataclass(frozen=True, slots=True)
class Brought:
    """A head that is brought to a witness, not verified, with the path from an old size to it."""

    checkpoint: bytes
    old_size: int
    path: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class _Cosigned:
    """A head that continues what was seen, in whose place it is kept; None where nothing was."""

    seen: Seen
    after: int | None


class Witness:
    """The witness that a party is, under the name of its own log. Thread-safe.

    `keys_of` gives the keys of a log that are good now, `past_keys` those of earlier.
    `told` is told of a log that goes on without what a tainted key has signed.
    """

    def __init__(  # noqa: PLR0913  built once, by name
        self,
        file: WitnessFile,
        origin: str,
        key: SigningKey,
        keys_of: KeysOf,
        past_keys: PastKeys,
        *,
        told: Callable[[LandbridgeError], None] = lambda _: None,
        clock: Clock = system_clock,
    ) -> None:
        self.origin = origin
        self._file = file
        self._cosigner = Cosigner(origin, key)
        self._keys_of = keys_of
        self._past_keys = past_keys
        self._told = told
        self._clock = clock
        self._adding = Lock()

    def use_key(self, key: SigningKey) -> None:
        """Cosign with another key from now on."""
        self._cosigner = Cosigner(self.origin, key)

    def add(self, checkpoint: bytes, old_size: int, path: Sequence[bytes]) -> Word:
        """Cosign a head that is proven to continue what was seen.

        Raises:
            LandbridgeError: LB-1001 for a head of the witness's own log, for an old size above the
                head's and for more than 63 hashes; LB-4008, LB-4001, LB-4002 for a head that is
                malformed or not signed by its log; LB-4008 for a path that proves nothing; LB-4302
                when the head and what was seen prove a fork; LB-5001, LB-5002 for the disk.
        """
        (outcome,) = self.add_all([Brought(checkpoint, old_size, path)])
        if isinstance(outcome, LandbridgeError):
            raise outcome
        return outcome

    def add_all(self, brought: Sequence[Brought]) -> list[Word | LandbridgeError]:
        """Do what `add` does with each of several heads; all that is cosigned is kept at once.

        What is refused is in its place in the list, and changes nothing for the others.

        Raises:
            LandbridgeError: LB-5001, LB-5002 for the disk: then nothing is cosigned.
        """
        read = [self._read(one) for one in brought]
        with self._adding:
            judged = [
                self._judge(head, one.old_size, one.path) if isinstance(head, SignedHead) else head
                for one, head in zip(brought, read, strict=True)
            ]
            cosigned = [one for one in judged if isinstance(one, _Cosigned)]
            if not cosigned:
                return [one for one in judged if not isinstance(one, _Cosigned)]
            kept = iter(self._file.keep_seen([(one.seen, one.after) for one in cosigned]))
            return [
                self._word(one.seen, kept=next(kept)) if isinstance(one, _Cosigned) else one
                for one in judged
            ]

    def seen(self, origin: str) -> Seen | None:
        """Return the newest head of a log that was cosigned.

        Raises:
            LandbridgeError: LB-5001, LB-5002 for the disk.
        """
        return self._file.seen(origin)

    def binding(self, origin: str) -> Seen | None:
        """Return the newest head of a log that it has to continue: no thief's, if it was cosigned.

        Raises:
            LandbridgeError: LB-5001, LB-5002 for the disk.
        """
        seen = self._file.seen(origin)
        return self._binding(seen) if seen else None

    def _binding(self, seen: Seen) -> Seen | None:
        for one in self._file.cosigned_of(seen.origin):
            if is_still_signed(one.checkpoint, self._past_keys, one.at):
                return one
        return None

    def _read(self, one: Brought) -> SignedHead | LandbridgeError:
        """Verify a head, and what is said about it, as far as that needs nothing from the disk."""
        try:
            head = read_signed_head(one.checkpoint, self._keys_of)
        except LandbridgeError as error:
            return error
        if head.origin == self.origin:
            return refuse(Reason.MALFORMED_REQUEST, f"{self.origin} is no witness of itself")
        if not 0 <= one.old_size <= head.size:
            return refuse(
                Reason.MALFORMED_REQUEST,
                f"a head of {head.size} does not follow one of {one.old_size}",
            )
        if len(one.path) > LONGEST_PATH:
            return refuse(Reason.MALFORMED_REQUEST, f"a path of {len(one.path)} hashes is too long")
        return head

    def _judge(
        self, head: SignedHead, old_size: int, path: Sequence[bytes]
    ) -> _Cosigned | Word | LandbridgeError:
        """Hold a head against what was seen, and cosign it where it continues that."""
        seen = self._file.seen(head.origin)
        before = kept_head(seen.checkpoint) if seen else empty_head(head.origin)
        fits = old_size == before.size and before.is_continued_by(head, path)
        tainted: SignedHead | None = None
        if seen is not None and not fits:
            bound = self._binding(seen)
            if bound != seen:
                tainted = kept_head(seen.checkpoint)
                before = kept_head(bound.checkpoint) if bound else empty_head(head.origin)
            elif before.differs_from(head):
                return self.fork(before, head)
        if old_size != before.size:
            return Word(b"", before.size)
        if not fits and not before.is_continued_by(head, path):
            return refuse(
                Reason.BAD_LOG_EVIDENCE,
                f"the path does not show that {head.origin} of {head.size} entries continues its"
                f" {before.size}",
            )
        now = self._clock()
        if tainted is not None:
            self._told(self.fork(tainted, head))
        line = str(self._cosigner.cosign(head.note, now // 1000)).encode()
        kept = Seen(head.origin, head.size, head.data(), line, now)
        return _Cosigned(kept, seen.size if seen else None)

    def _word(self, cosigned: Seen, *, kept: bool) -> Word:
        if kept:
            return Word(cosigned.line, cosigned.size)
        newer = self._file.seen(cosigned.origin)
        return Word(b"", newer.size if newer else 0)

    def fork(self, first: SignedHead, second: SignedHead) -> LandbridgeError:
        """Keep two heads that cannot both be true; returns the error that names them.

        Raises:
            LandbridgeError: LB-5001, LB-5002 for the disk.
        """
        self._file.keep_fork(Fork(first.origin, first.data(), second.data(), self._clock()))
        return refuse(
            Reason.LOG_FORKED,
            f"{first.origin} signed two histories: one of {first}, and one of {second}",
        )
