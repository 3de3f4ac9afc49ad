"""A requester's own log: what it asks before a query leaves, what it receives before it is used.

So whoever compares it with the logs of gateway and nodes finds what either side hides; and one of
these that was put back to an older copy is noticed at once. Other processes may append to the same
log in turn, and the log's key may change while this one runs.
"""

import asyncio
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self

from landbridge.agency import Identity
from landbridge.alarm import Alarms
from landbridge.clock import Clock, system_clock
from landbridge.envelope import EvidenceVerifier, VerifiedEntry
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.keys import KeyUse
from landbridge.live_key import LiveKey
from landbridge.log.committer import LARGEST_BATCH, Committer
from landbridge.log.seen_sizes import SeenSizes, check_not_rolled_back
from landbridge.log.signed_head import is_still_signed
from landbridge.log.store import LogStore
from landbridge.party import PartyFolder
from landbridge.requester_trace import (
    Asked,
    Heard,
    SeenHead,
    heads_heard,
    write_entry,
    write_receipt,
)
from landbridge.v1 import envelope_pb2, log_pb2

_ALARM: Final = "requester's log"
_KEPT_MS: Final = 60_000
"""How long queries signed together are known beyond their expiry, when none of them leaves."""
_READ_AGAIN: Final = 500
"""Entries, the newest ones, that are read at the start for what they heard of other logs."""
_QUERY: Final = log_pb2.LogEntry(kind=log_pb2.ENTRY_KIND_QUERY)


@dataclass(frozen=True, slots=True)
class Pending:
    """A query that is in the log, and how large other logs were seen to be before it left."""

    asked: Asked
    seen: Mapping[str, int]


@dataclass(slots=True)
class _Batch:
    """Queries that were signed together: in the log together, once the first of them leaves."""

    asked: Sequence[Asked]
    expires_at: int
    logging: asyncio.Task[None] | None = None


@dataclass(frozen=True, slots=True)
class _Line:
    """The log as it is open now, under one key."""

    key_id: str
    store: LogStore
    committer: Committer

    async def append(self, asked: Sequence[Asked], said: log_pb2.LogEntry, at: int) -> None:
        subjects = self.store.subjects
        if len(asked) > 1:
            # From now on they are known: all are looked up at once.
            subjects.names((*one.subject, at) for one in asked if one.subject)
        written = [write_entry(one, said, subjects, at) for one in asked]
        entries, named = zip(*written, strict=True)
        await self.committer.append_all(entries, named)

    async def close(self) -> None:
        await self.committer.close()
        self.store.close()


class RequesterLog:
    """Appends to the log of one requester. Use it on one event loop; close it with `close`.

    The file is opened when the first query leaves.
    """

    def __init__(
        self, folder: PartyFolder, identity: Identity, key: LiveKey, clock: Clock = system_clock
    ) -> None:
        self._folder = folder
        self._identity = identity
        self._key = key
        self._clock = clock
        self._line: _Line | None = None
        self._opening = asyncio.Lock()
        self._batches: dict[bytes, _Batch] = {}
        self._seen = SeenSizes()
        self._heads: dict[str, SeenHead] = {}
        """What showed these sizes."""
        self._evidence = EvidenceVerifier(
            lambda origin, _: folder.bundle.log_keys(origin, self._clock())
        )

    @classmethod
    def of(
        cls,
        folder: PartyFolder,
        identity: Identity,
        *,
        alarms: Alarms,
        clock: Clock = system_clock,
    ) -> Self | None:
        """Return the log of a party's folder, or None and one alarm where it has no key for one.

        Raises:
            LandbridgeError: LB-4011 when others may read the key; LB-1101 when it cannot be read.
        """
        path = folder.folder / "keys" / f"{KeyUse.LOG}.key"
        if path.exists():
            return cls(folder, identity, LiveKey(path, alarms=alarms), clock)
        why = refuse(
            Reason.INVALID_CONFIGURATION,
            "this folder has no log key: what is asked and received is not logged here",
            where=str(path),
            next_step="make one: landbridge federation apply, with the same parties as before",
        )
        alarms.raised(_ALARM, why)
        return None

    def signed_together(self, queries: Sequence[envelope_pb2.Envelope], expires_at: int) -> None:
        """Have queries logged in one commit, when the first of them leaves.

        `expires_at` is Unix milliseconds.
        """
        now = self._clock()
        self._batches = {
            name: batch
            for name, batch in self._batches.items()
            if batch.expires_at + _KEPT_MS > now
        }
        batch = _Batch([Asked.read(query) for query in queries], expires_at)
        self._batches.update((asked.digest, batch) for asked in batch.asked)

    async def asked(self, query: envelope_pb2.Envelope) -> Pending:
        """Put down that a query is about to leave; it may when this returns.

        Raises:
            LandbridgeError: LB-5001 when the disk refuses; LB-5002 when the log is damaged; LB-2003
                when too many wait.
        """
        asked = Asked.read(query)
        batch = self._batches.pop(asked.digest, None)
        if batch is None:
            await self._append([asked], _QUERY)
        else:
            await self._append_batch(batch)
        return Pending(asked, self._seen.sizes)

    async def received(self, pending: Pending, profile: envelope_pb2.Envelope) -> None:
        """Put down what came; the profile may be handed on when this returns.

        Of others' logs only what verifies by the trust bundle is put down, so that nobody is
        accused by a forged head. Whatever does not is for the verification of the profile.

        Raises:
            LandbridgeError: as for `asked`; LB-1001 when the gateway says more than an entry holds;
                LB-5003 when a log was put back to an older copy: what it showed is put down.
        """
        heard = Heard.of(profile, self._evidence)
        await self._append([pending.asked], write_receipt(pending.asked, profile, heard))
        put_back = [error for entry in heard.all if (error := self._put_back(pending, entry))]
        for entry in heard.all:
            self._saw(SeenHead(entry.head, entry.checkpoint, self._clock()))
        if put_back:
            raise put_back[0]

    async def close(self) -> None:
        """Commit what waits and close the file."""
        async with self._opening:
            await self._close()

    def _saw(self, seen: SeenHead) -> None:
        origin, size = seen.head.origin, seen.head.size
        if size > self._seen.sizes.get(origin, 0):
            self._seen.saw(origin, size)
            self._heads[origin] = seen

    def _put_back(self, pending: Pending, entry: VerifiedEntry) -> LandbridgeError | None:
        """Return why an entry stands where it cannot, unless a tainted key has signed that."""
        origin = entry.origin
        try:
            check_not_rolled_back(pending.seen, origin, entry.index)
        except LandbridgeError as error:
            if pending.seen[origin] > self._seen.sizes.get(origin, 0):
                return None  # forgotten since
            if self._counts(self._heads[origin]) or self._line is None:
                return error
            self._recall(self._line.store)
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
                self._saw(seen)

    async def _append_batch(self, batch: _Batch) -> None:
        if batch.logging is None:
            batch.logging = asyncio.create_task(self._append(batch.asked, _QUERY))
            batch.logging.add_done_callback(_noted)
        logging = batch.logging
        try:
            # One who gives up takes nothing from the others.
            await asyncio.shield(logging)
        except LandbridgeError:
            if batch.logging is logging:
                batch.logging = None
            raise

    async def _append(self, asked: Sequence[Asked], said: log_pb2.LogEntry) -> None:
        for start in range(0, len(asked), LARGEST_BATCH):
            part = asked[start : start + LARGEST_BATCH]
            line = await self._opened()
            try:
                await line.append(part, said, self._clock())
            except LandbridgeError as error:
                # Another process may have let the next key sign a moment before it is seen here.
                if error.reason is not Reason.LOG_DAMAGED or self._key().key_id == line.key_id:
                    raise
                await (await self._opened()).append(part, said, self._clock())

    async def _opened(self) -> _Line:
        """Return the log under the key that signs now."""
        key_id = self._key().key_id
        line = self._line
        if line is None or line.key_id != key_id:
            async with self._opening:
                line = self._line
                if line is None or line.key_id != key_id:
                    await self._close()
                    store = await asyncio.to_thread(self._open)
                    line = self._line = _Line(key_id, store, Committer(store))
        return line

    def _open(self) -> LogStore:
        store = self._folder.open_log(self._identity)
        self._recall(store)
        return store

    async def _close(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            await line.close()


def _noted(task: asyncio.Task[None]) -> None:
    """Take note of how a task ended, where nobody waits for it any more."""
    if not task.cancelled():
        task.exception()
