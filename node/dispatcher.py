"""Gathers questions into batches for the responder, which works in threads of its own.

Natural batching: what arrives while the responder works is the next batch. There is no timed
window; a question that finds the responder idle starts at once, alone.

A thread costs a lone question as much as its way through gRPC. So where the source is a local file,
a question that comes alone after a quiet moment is answered on the event loop itself: nobody else
waits for it then. One such answer that was slow sends all to the threads for a while.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.v1 import query_pb2
from node.responder import Responder

Outcome = bytes | LandbridgeError
"""An Envelope, or why there is none."""

_QUIET_S: Final = 0.002
"""Nobody has asked for so long: so whoever asks now is likely to wait for nothing else."""
_SLOW_S: Final = 0.05
_AGAIN_S: Final = 60.0
"""After an answer on the event loop that took longer than `_SLOW_S`, there is none for so long."""


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
    errors that nobody foresaw. `at_hand` tells whether the responder would wait for nobody now.
    """

    def __init__(  # noqa: PLR0913  built once, by name
        self,
        responder: Responder,
        *,
        failed: Callable[[Exception], None],
        workers: int,
        at_hand: Callable[[], bool] | None = None,
        capacity: int = 4096,
        batch: int = 32,
    ) -> None:
        self._responder = responder
        self._failed = failed
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="responder")
        self._workers = self._idle = workers
        self._at_rest = asyncio.Event()
        self._at_rest.set()
        self._at_hand = at_hand
        self._in_place_from = 0.0
        self._capacity = capacity
        self._batch = batch
        self._waiting: deque[Pending] = deque()

    def submit(self, pending: Iterable[Pending]) -> None:
        """Take questions; each is delivered its outcome on the event loop."""
        loop = asyncio.get_running_loop()
        for item in pending:
            if len(self._waiting) >= self._capacity:
                item.deliver(refuse(Reason.BUSY, f"{self._capacity} questions wait already"))
            else:
                self._waiting.append(item)
        if self._at_hand is not None and self._idle == self._workers:
            self._start_in_place(loop, self._at_hand)
        else:
            self._start(loop)

    def _start_in_place(self, loop: asyncio.AbstractEventLoop, at_hand: Callable[[], bool]) -> None:
        """Answer a question that came alone after a quiet moment here and now."""
        began = loop.time()
        if len(self._waiting) != 1 or began < self._in_place_from or not at_hand():
            self._start(loop)
        else:
            for item in self._next_batch(began):
                item.deliver(self._answer([item.question])[0])
        ended = loop.time()
        self._quiet_until(ended, slow=ended - began > _SLOW_S)

    def _quiet_until(self, now: float, *, slow: bool = False) -> None:
        pause = _AGAIN_S if slow else _QUIET_S
        self._in_place_from = max(self._in_place_from, now + pause)

    def _start(self, loop: asyncio.AbstractEventLoop) -> None:
        while self._idle and (batch := self._next_batch(loop.time())):
            self._idle -= 1
            self._at_rest.clear()
            self._threads.submit(self._work, loop, batch)

    def _next_batch(self, now: float) -> list[Pending]:
        batch: list[Pending] = []
        while self._waiting and len(batch) < self._batch:
            item = self._waiting.popleft()
            if item.deadline <= now:
                item.deliver(refuse(Reason.LATE, "the deadline passed before it was answered"))
            else:
                batch.append(item)
        return batch

    def _work(self, loop: asyncio.AbstractEventLoop, batch: Sequence[Pending]) -> None:
        outcomes = self._answer([item.question for item in batch])
        loop.call_soon_threadsafe(self._answered, loop, batch, outcomes)

    def _answered(
        self,
        loop: asyncio.AbstractEventLoop,
        batch: Sequence[Pending],
        outcomes: Sequence[Outcome],
    ) -> None:
        self._idle += 1
        self._start(loop)
        for item, outcome in zip(batch, outcomes, strict=True):
            item.deliver(outcome)
        self._quiet_until(loop.time())
        if self._idle == self._workers:
            self._at_rest.set()

    def _answer(self, questions: Sequence[query_pb2.Question]) -> Sequence[Outcome]:
        try:
            return self._responder.answer(questions)
        except Exception as error:  # noqa: BLE001  whoever asked must hear of it all the same
            self._failed(error)
            return [refuse(Reason.SOURCE_FAILED, "the node failed")] * len(questions)

    async def drain(self) -> None:
        """Answer all that waits, then stop the threads."""
        await self._at_rest.wait()
        self._threads.shutdown()
