"""Appends to a log from an asyncio program, in batches that form by themselves.

While one batch goes to the disk, what arrives gathers and becomes the next. An entry that comes
alone is not made to wait for company.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from landbridge.errors import Reason, refuse
from landbridge.log.evidence import Evidence, check_size, check_sizes
from landbridge.log.store import LogStore
from landbridge.log.subject_keys import Pseudonym, SubjectKeys

MOST_WAITING = 4096
"""Entries that may wait; at a thousand entries a batch that is a few milliseconds of work."""
LARGEST_BATCH = 1024
"""Entries under one head, so that one batch keeps the others waiting for a bounded time."""

_Named = Sequence[Sequence[Pseudonym]]
About = tuple[str, str, int]
"""Scheme and value of whom an entry names, and when, in Unix milliseconds."""


@dataclass(slots=True)
class _Waiting:
    """Entries that stay together, or one that is written once its subject has a name."""

    count: int
    done: asyncio.Future[list[Evidence]]
    entries: Sequence[bytes] = ()
    named: _Named = ()
    about: About | None = None
    write: Callable[[Pseudonym], bytes] | None = None


class Committer:
    """The one writer of a log within a program; use it from one event loop."""

    def __init__(
        self,
        store: LogStore,
        *,
        subjects: SubjectKeys | None = None,
        most_waiting: int = MOST_WAITING,
    ) -> None:
        """Make the writer; `subjects` are the log's, where entries come by `append_about`."""
        self._store = store
        self._subjects = subjects
        self._most_waiting = most_waiting
        self._waiting: deque[_Waiting] = deque()
        self._entries_waiting = 0
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="log")
        self._committing: asyncio.Task[None] | None = None
        self._closed = False

    def check_not_halted(self) -> None:
        """Check that the log takes entries, before work is done for one.

        Raises:
            LandbridgeError: why it takes none.
        """
        self._store.check_not_halted()

    async def append(self, entry: bytes, named: Sequence[Pseudonym] = ()) -> Evidence:
        """Add an entry, found under whom it names; it is on the disk when this returns.

        Raises:
            LandbridgeError: LB-2003 when too many entries wait; LB-5001 when the disk refuses or
                the committer is closed; LB-5002 when the log is damaged.
        """
        return (await self.append_all((entry,), (named,)))[0]

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

    async def append_all(self, entries: Sequence[bytes], named: _Named = ()) -> list[Evidence]:
        """Add entries under one head; all of them are on the disk when this returns.

        `named` tells whom each entry names; empty: none names anybody.

        Raises:
            LandbridgeError: as for `append`.
        """
        if not entries:
            return []
        check_sizes(entries)
        waiting = self._waiting_for(len(entries))
        waiting.entries, waiting.named = entries, named or [()] * len(entries)
        return await self._commit(waiting)

    async def close(self) -> None:
        """Commit what waits, then stop; the store stays open and is the caller's to close."""
        self._closed = True
        if self._committing is not None:
            await self._committing
        self._worker.shutdown()

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
        if self._committing is None:
            self._committing = asyncio.create_task(self._commit_waiting())
        return await waiting.done

    async def _commit_waiting(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                batch = self._next_batch()
                try:
                    evidence = await loop.run_in_executor(self._worker, self._append, batch)
                except Exception as error:  # noqa: BLE001 - each caller gets it
                    _fail(batch, error)
                else:
                    _deal_out(batch, evidence)
        finally:
            self._committing = None

    def _append(self, batch: Sequence[_Waiting]) -> list[Evidence]:
        about = [each.about for each in batch if each.about is not None]
        names = iter(self._subjects.names(about) if about and self._subjects else ())
        entries: list[bytes] = []
        named: list[Sequence[Pseudonym]] = []
        for each in batch:
            if each.write is None:
                entries += each.entries
                named += each.named
            else:
                name = next(names)
                entries.append(each.write(name))
                named.append((name,))
        return self._store.append(entries, named)

    def _next_batch(self) -> list[_Waiting]:
        batch: list[_Waiting] = []
        size = 0
        while self._waiting and (not batch or size + self._waiting[0].count <= LARGEST_BATCH):
            batch.append(self._waiting.popleft())
            size += batch[-1].count
        self._entries_waiting -= size
        return batch


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
