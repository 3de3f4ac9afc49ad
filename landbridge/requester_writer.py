"""What a requester's log does on its own thread: verify what came, name subjects, write, commit.

One call is one batch, of whatever queries and profiles there are, under one signed head.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from landbridge.agency import Identity, Role
from landbridge.clock import Clock
from landbridge.envelope import EvidenceVerifier, VerifiedEntry
from landbridge.errors import LandbridgeError, Reason
from landbridge.live_key import LiveKey
from landbridge.log.committer import LARGEST_BATCH
from landbridge.log.seen_sizes import SeenSizes, check_not_rolled_back
from landbridge.log.signed_head import is_still_signed
from landbridge.log.store import LogStore
from landbridge.party import PartyFolder
from landbridge.requester_trace import Asked, Heard, Line, SeenHead, heads_heard
from landbridge.v1 import envelope_pb2

LogKeysNow = tuple[str, Role, Sequence[Ed25519PublicKey]]
"""Whose log it is, in which role, and its keys that are good now."""

_READ_AGAIN: Final = 500
"""Entries, the newest ones, that are read at the start for what they heard of other logs."""


@dataclass(frozen=True, slots=True)
class Pending:
    """A query that is in the log, and how large other logs were seen to be before it left."""

    asked: Asked
    seen: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Came:
    """A profile that came for a query."""

    pending: Pending
    profile: envelope_pb2.Envelope


@dataclass(frozen=True, slots=True)
class PutDown:
    """What became of a batch: how large other logs are now, and what is refused by itself."""

    seen: Mapping[str, int]
    refused: Sequence[LandbridgeError | None]
    """One for each query, then one for each profile."""


class RequesterWriter:
    """Writes the log of one requester. Not thread-safe: it is called by one thread at a time.

    The file is opened when the first batch is written, and anew when the log's key has changed.
    """

    def __init__(self, folder: PartyFolder, identity: Identity, key: LiveKey, clock: Clock) -> None:
        self._folder = folder
        self._identity = identity
        self._key = key
        self._clock = clock
        self._store: LogStore | None = None
        self._key_id = ""
        self._seen = SeenSizes()
        self._heads: dict[str, SeenHead] = {}
        """What showed these sizes."""
        self._good_keys: dict[str, LogKeysNow] = {}
        """Of the logs in this batch, by the trust at this moment."""
        self._evidence = EvidenceVerifier(
            lambda origin, _: self._good_keys.get(origin) or self._look_up_keys(origin)
        )

    def put_down(self, asked: Sequence[Asked], came: Sequence[Came]) -> PutDown:
        """Put down queries that are about to leave, and profiles that may then be handed on.

        Of others' logs only what verifies by the trust bundle is put down, so that nobody is
        accused by a forged head. Whatever does not is for the verification of the profile.

        By itself is refused what says more than an entry holds (LB-1001), and a profile that shows
        that a log was put back to an older copy (LB-5003): what it showed is put down.

        Raises:
            LandbridgeError: LB-5001 when the disk refuses; LB-5002 when the log is damaged.
        """
        self._good_keys.clear()
        heard = [Heard.of(each.profile, self._evidence) for each in came]
        at = self._clock()
        lines = [
            *(Line.of_query(one, at) for one in asked),
            *(
                Line.of_receipt(each.pending.asked, logs, at)
                for each, logs in zip(came, heard, strict=True)
            ),
        ]
        refused = [_too_large(line) for line in lines]
        self._append([line for line, error in zip(lines, refused, strict=True) if not error])
        for place, (each, logs) in enumerate(zip(came, heard, strict=True), len(asked)):
            if refused[place] is None:
                refused[place] = self._put_back(each.pending, logs.all)
        self._saw(entry for logs in heard for entry in logs.all)
        return PutDown(self._seen.sizes, refused)

    def close(self) -> None:
        """Close the file."""
        store, self._store = self._store, None
        if store is not None:
            store.close()

    def _append(self, lines: Sequence[Line]) -> None:
        key_id = self._key().key_id
        for start in range(0, len(lines), LARGEST_BATCH):
            part = lines[start : start + LARGEST_BATCH]
            try:
                _append_to(self._opened(key_id), part)
            except LandbridgeError as error:
                # Another process may have let the next key sign a moment before it is seen here.
                following = self._key().key_id
                if error.reason is not Reason.LOG_DAMAGED or following == key_id:
                    raise
                key_id = following
                _append_to(self._opened(key_id), part)

    def _opened(self, key_id: str) -> LogStore:
        """Return the log under the key that signs now."""
        if self._store is None or self._key_id != key_id:
            self.close()
            self._store = self._folder.open_log(self._identity)
            self._key_id = key_id
            self._recall(self._store)
        return self._store

    def _look_up_keys(self, origin: str) -> LogKeysNow:
        found = self._folder.bundle.log_keys(origin, self._clock())
        self._good_keys[origin] = found
        return found

    def _saw(self, entries: Iterable[VerifiedEntry]) -> None:
        for entry in entries:
            head = entry.head
            if head.size > self._seen.sizes.get(head.origin, 0):
                self._saw_head(SeenHead(head, entry.checkpoint, self._clock()))

    def _saw_head(self, seen: SeenHead) -> None:
        self._seen.saw(seen.head.origin, seen.head.size)
        self._heads[seen.head.origin] = seen

    def _put_back(
        self, pending: Pending, entries: Iterable[VerifiedEntry]
    ) -> LandbridgeError | None:
        """Return why an entry stands where it cannot, unless a tainted key has signed that."""
        for entry in entries:
            origin = entry.origin
            if entry.index >= pending.seen.get(origin, 0):
                continue
            try:
                check_not_rolled_back(pending.seen, origin, entry.index)
            except LandbridgeError as error:
                if pending.seen[origin] > self._seen.sizes.get(origin, 0):
                    continue  # forgotten since
                if self._store is None or self._counts(self._heads[origin]):
                    return error
                self._recall(self._store)
        return None

    def _counts(self, seen: SeenHead) -> bool:
        return is_still_signed(seen.signed, self._folder.bundle.past_log_keys, seen.at)

    def _recall(self, store: LogStore) -> None:
        """Go by the largest head of each log, of those in the newest receipts, that counts."""
        newest = itertools.islice(store.entries_backwards(), _READ_AGAIN)
        heard = list(heads_heard(entry for _, entry in newest))
        self._seen, self._heads = SeenSizes(), {}
        for seen in sorted(heard, key=lambda seen: seen.head.size, reverse=True):
            if seen.head.origin not in self._heads and self._counts(seen):
                self._saw_head(seen)


def _append_to(store: LogStore, lines: Sequence[Line]) -> None:
    store.append_about(
        [line.about for line in lines],
        lambda named: [line.write(name) for line, name in zip(lines, named, strict=True)],
    )


def _too_large(line: Line) -> LandbridgeError | None:
    try:
        line.check_size()
    except LandbridgeError as error:
        return error
    return None
