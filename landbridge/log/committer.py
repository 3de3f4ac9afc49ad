"""Appends to a log from an asyncio program, in batches that form by themselves.

While one batch goes to the disk, what arrives gathers and becomes the next. An entry that comes
alone is not made to wait for company.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from queue import SimpleQueue
from threading import Thread

from landbridge.errors import Reason, refuse
from landbridge.log.evidence import Evidence, check_size, check_sizes
from landbridge.log.store import LogStore
from landbridge.log.subject_keys import About, Pseudonym

MOST_WAITING = 4096
"""Entries that may wait; at a thousand entries a batch that is a few milliseconds of work."""
LARGEST_BATCH = 1024
"""Entries under one head, so that one batch keeps the others waiting for a bounded time."""


@dataclass(slots=True)
class _Waiting:
    """Entries that stay together, or one that is written once its subject has a name."""

    count: int
    done: asyncio.Future[list[Evidence]]
    entries: Sequence[bytes] = ()
    about: About | None = None
    write: Callable[[Pseudonym], bytes] | None = None


class Committer:
    """The one writer of a log within a program; use it from one event loop."""

    def __init__(
        self,
        store: LogStore,
        *,
        most_waiting: int = MOST_WAITING,
    ) -> None:
        self._store = store
        self._most_waiting = most_waiting
        self._waiting: deque[_Waiting] = deque()
        self._entries_waiting = 0
        self._batches: SimpleQueue[tuple[asyncio.AbstractEventLoop, list[_Waiting]] | None]
        self._batches = SimpleQueue()
        self._worker: Thread | None = None
        self._idle: asyncio.Future[None] | None = None
        self._closed = False

    def check_not_halted(self) -> None:
        """Check that the log takes entries, before work is done for one.

        Raises:
            LandbridgeError: why it takes none.
        """
        self._store.check_not_halted()

    async def append(self, entry: bytes) -> Evidence:
        """Add an entry that names nobody; it is on the disk when this returns.

        Raises:
            LandbridgeError: LB-2003 when too many entries wait; LB-5001 when the disk refuses or
                the committer is closed; LB-5002 when the log is damaged.
        """
        return (await self.append_all((entry,)))[0]

    async def append_about(
        self, about: About, write: Callable[[Pseudonym], bytes], *, size: int
    ) -> Evidence:
        """Add an entry on a subject; it is on the disk when this returns.

        `write` is called on another thread, with what the log calls the subject: all that wait
        together are named with one look at the disk. It writes at most `size` bytes.

        Raises:
            LandbridgeError: as for `append`.
        """
        check_size(size)
        waiting = self._waiting_for(1)
        waiting.about, waiting.write = about, write
        return (await self._commit(waiting))[0]

    async def append_all(self, entries: Sequence[bytes]) -> list[Evidence]:
        """Add entries that name nobody, under one head; all are on the disk when this returns.

        Raises:
            LandbridgeError: as for `append`.
        """
        if not entries:
            return []
        check_sizes(entries)
        waiting = self._waiting_for(len(entries))
        waiting.entries = entries
        return await self._commit(waiting)

    async def close(self) -> None:
        """Commit what waits, then stop; the store stays open and is the caller's to close."""
        self._closed = True
        if self._idle is not None:
            await self._idle
        if self._worker is not None:
            self._batches.put(None)
            self._worker.join()
            self._worker = None

    def _waiting_for(self, count: int) -> _Waiting:
        if self._closed:
            raise refuse(Reason.LOG_UNAVAILABLE, "the log is closed: the program is ending")
        if self._entries_waiting + count > self._most_waiting:
            raise refuse(
                Reason.BUSY, f"{self._entries_waiting} entries are waiting to be logged already"
            )
        return _Waiting(count, asyncio.get_running_loop().create_future())

    async def _commit(self, waiting: _Waiting) -> list[Evidence]:
        self._waiting.append(waiting)
        self._entries_waiting += waiting.count
        if self._idle is None:
            loop = asyncio.get_running_loop()
            self._idle = loop.create_future()
            # What else arrives in this turn of the loop goes along.
            loop.call_soon(self._send, loop)
        return await waiting.done

    def _send(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._worker is None:
            self._worker = Thread(target=self._work, name="log", daemon=True)
            self._worker.start()
        self._batches.put((loop, self._next_batch()))

    def _work(self) -> None:
        """Append batch after batch, on a thread of its own."""
        while (given := self._batches.get()) is not None:
            loop, batch = given
            failed: Exception | None = None
            evidence: list[Evidence] = []
            try:
                evidence = self._append(batch)
            except Exception as error:  # noqa: BLE001 - each caller gets it
                failed = error
            try:
                loop.call_soon_threadsafe(self._appended, loop, batch, evidence, failed)
            except RuntimeError:
                return  # the loop is closed: nobody waits any more

    def _appended(
        self,
        loop: asyncio.AbstractEventLoop,
        batch: Sequence[_Waiting],
        evidence: Sequence[Evidence],
        failed: Exception | None,
    ) -> None:
        if failed is None:
            _deal_out(batch, evidence)
        else:
            _fail(batch, failed)
        if self._waiting:
            self._send(loop)
        elif self._idle is not None:
            self._idle.set_result(None)
            self._idle = None

    def _append(self, batch: Sequence[_Waiting]) -> list[Evidence]:
        about = [(each.about,) if each.about else () for each in batch for _ in range(each.count)]
        if any(about):
            return self._store.append_about(about, lambda named: _written(batch, named))
        return self._store.append([entry for each in batch for entry in each.entries])

    def _next_batch(self) -> list[_Waiting]:
        batch: list[_Waiting] = []
        size = 0
        while self._waiting:
            following = self._waiting[0]
            if batch and size + following.count > LARGEST_BATCH:
                break
            batch.append(self._waiting.popleft())
            size += following.count
        self._entries_waiting -= size
        return batch


def _written(batch: Sequence[_Waiting], named: Sequence[list[Pseudonym]]) -> list[bytes]:
    """Return the entries of a batch, of which some are written now that their subject is named."""
    entries: list[bytes] = []
    names = iter(named)
    for each in batch:
        own = list(islice(names, each.count))
        entries += each.entries if each.write is None else (each.write(own[0][0]),)
    return entries


def _deal_out(batch: Sequence[_Waiting], evidence: Sequence[Evidence]) -> None:
    start = 0
    for waiting in batch:
        end = start + waiting.count
        # The caller may have given up meanwhile; its entry stays in the log, which is right.
        if not waiting.done.done():
            waiting.done.set_result(list(evidence[start:end]))
        start = end


def _fail(batch: Sequence[_Waiting], error: Exception) -> None:
    for waiting in batch:
        if not waiting.done.done():
            waiting.done.set_exception(error)
