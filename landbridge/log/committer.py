"""Appends to a log from an asyncio program, in batches that form by themselves.

While one batch goes to the disk, what arrives gathers and becomes the next. An entry that comes
alone is not made to wait for company.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from landbridge.errors import Reason, refuse
from landbridge.log.evidence import Evidence, check_sizes
from landbridge.log.store import LogStore
from landbridge.log.subject_keys import Pseudonym

MOST_WAITING = 4096
"""Entries that may wait; at a thousand entries a batch that is a few milliseconds of work."""
LARGEST_BATCH = 1024
"""Entries under one head, so that one batch keeps the others waiting for a bounded time."""

_Named = Sequence[Sequence[Pseudonym]]
_Waiting = tuple[Sequence[bytes], _Named, asyncio.Future[list[Evidence]]]


class Committer:
    """The one writer of a log within a program; use it from one event loop."""

    def __init__(self, store: LogStore, *, most_waiting: int = MOST_WAITING) -> None:
        self._store = store
        self._most_waiting = most_waiting
        self._waiting: deque[_Waiting] = deque()
        self._entries_waiting = 0
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="log")
        self._committing: asyncio.Task[None] | None = None
        self._closed = False

    async def append(self, entry: bytes, named: Sequence[Pseudonym] = ()) -> Evidence:
        """Add an entry, found under whom it names; it is on the disk when this returns.

        Raises:
            LandbridgeError: LB-2003 when too many entries wait; LB-5001 when the disk refuses or
                the committer is closed; LB-5002 when the log is damaged.
        """
        return (await self.append_all((entry,), (named,)))[0]

    async def append_all(self, entries: Sequence[bytes], named: _Named = ()) -> list[Evidence]:
        """Add entries under one head; all of them are on the disk when this returns.

        `named` tells whom each entry names; empty: none names anybody.

        Raises:
            LandbridgeError: as for `append`.
        """
        if not entries:
            return []
        check_sizes(entries)
        if self._closed:
            raise refuse(Reason.LOG_UNAVAILABLE, "the log is closed: the program is ending")
        if self._entries_waiting + len(entries) > self._most_waiting:
            raise refuse(
                Reason.BUSY, f"{self._entries_waiting} entries are waiting to be logged already"
            )
        done: asyncio.Future[list[Evidence]] = asyncio.get_running_loop().create_future()
        self._waiting.append((entries, named or [()] * len(entries), done))
        self._entries_waiting += len(entries)
        if self._committing is None:
            self._committing = asyncio.create_task(self._commit_waiting())
        return await done

    async def close(self) -> None:
        """Commit what waits, then stop; the store stays open and is the caller's to close."""
        self._closed = True
        if self._committing is not None:
            await self._committing
        self._worker.shutdown()

    async def _commit_waiting(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                batch = self._next_batch()
                entries = [entry for group, _, _ in batch for entry in group]
                named = [names for _, group, _ in batch for names in group]
                try:
                    evidence = await loop.run_in_executor(
                        self._worker, self._store.append, entries, named
                    )
                except Exception as error:  # noqa: BLE001 - each caller gets it
                    _fail(batch, error)
                else:
                    _deal_out(batch, evidence)
        finally:
            self._committing = None

    def _next_batch(self) -> list[_Waiting]:
        batch: list[_Waiting] = []
        size = 0
        while self._waiting and (not batch or size + len(self._waiting[0][0]) <= LARGEST_BATCH):
            group = self._waiting.popleft()
            size += len(group[0])
            batch.append(group)
        self._entries_waiting -= size
        return batch


def _deal_out(batch: Sequence[_Waiting], evidence: Sequence[Evidence]) -> None:
    start = 0
    for entries, _, done in batch:
        end = start + len(entries)
        # The caller may have given up meanwhile; its entry stays in the log, which is right.
        if not done.done():
            done.set_result(list(evidence[start:end]))
        start = end


def _fail(batch: Sequence[_Waiting], error: Exception) -> None:
    for _, _, done in batch:
        if not done.done():
            done.set_exception(error)
