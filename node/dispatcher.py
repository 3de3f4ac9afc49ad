"""Gathers questions into batches for the responder, which works in threads of its own.

Natural batching: what arrives while the responder works is the next batch. There is no timed
window; a question that finds the responder idle starts at once, alone.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.v1 import envelope_pb2, query_pb2
from node.responder import Responder

Outcome = envelope_pb2.Envelope | LandbridgeError


@dataclass(frozen=True, slots=True)
class Pending:
    """A question that waits. The deadline is in the event loop's own time, in seconds."""

    question: query_pb2.Question
    deadline: float
    deliver: Callable[[Outcome], None]


class Dispatcher:
    """Feeds the responder from one event loop.

    `workers` batches may be in work at once, so that a slow statement holds back its own batch
    alone. `capacity` questions may wait, and more are refused with LB-2003. `failed` is told of
    errors that nobody foresaw.
    """

    def __init__(
        self,
        responder: Responder,
        *,
        failed: Callable[[Exception], None],
        workers: int,
        capacity: int = 4096,
        batch: int = 128,
    ) -> None:
        self._responder = responder
        self._failed = failed
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="responder")
        self._idle = workers
        self._capacity = capacity
        self._batch = batch
        self._waiting: deque[Pending] = deque()
        self._running: set[asyncio.Task[None]] = set()

    def submit(self, pending: Iterable[Pending]) -> None:
        """Take questions; each is delivered its outcome on the event loop."""
        for item in pending:
            if len(self._waiting) >= self._capacity:
                item.deliver(refuse(Reason.BUSY, f"{self._capacity} questions wait already"))
            else:
                self._waiting.append(item)
        loop = asyncio.get_running_loop()
        self._start(loop)

    def _start(self, loop: asyncio.AbstractEventLoop) -> None:
        while self._idle and (batch := self._next_batch(loop.time())):
            self._idle -= 1
            task = loop.create_task(self._work(batch))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    def _next_batch(self, now: float) -> list[Pending]:
        batch: list[Pending] = []
        while self._waiting and len(batch) < self._batch:
            item = self._waiting.popleft()
            if item.deadline <= now:
                item.deliver(refuse(Reason.LATE, "the deadline passed before it was answered"))
            else:
                batch.append(item)
        return batch

    async def _work(self, batch: list[Pending]) -> None:
        loop = asyncio.get_running_loop()
        questions = [item.question for item in batch]
        outcomes = await loop.run_in_executor(self._threads, self._answer, questions)
        self._idle += 1
        self._start(loop)
        _deliver(batch, outcomes)

    def _answer(self, questions: Sequence[query_pb2.Question]) -> Sequence[Outcome]:
        try:
            return self._responder.answer(questions)
        except Exception as error:  # noqa: BLE001  whoever asked must hear of it all the same
            self._failed(error)
            return [refuse(Reason.SOURCE_FAILED, "the node failed")] * len(questions)

    async def drain(self) -> None:
        """Answer all that waits, then stop the threads."""
        while self._running:
            await asyncio.wait(self._running)
        self._threads.shutdown()


def _deliver(batch: Sequence[Pending], outcomes: Sequence[Outcome]) -> None:
    for item, outcome in zip(batch, outcomes, strict=True):
        item.deliver(outcome)
