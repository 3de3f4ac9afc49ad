"""Callers who go on asking while certificates rotate, and what became of every call.

No call is repeated. A call fails when no profile comes, or one in which any source is missing.
"""

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Final

import grpc

import landbridge.client
from bench.federation import PURPOSE
from bench.load import percentile
from landbridge.alarm import Alarms
from landbridge.client import Client
from landbridge.errors import LandbridgeError
from landbridge.rpc.profile_stream import ProfileStream
from landbridge.subject import SubjectId
from landbridge.v1 import envelope_pb2, profile_pb2

TIMEOUT_S: Final = 5.0
_CASE: Final = "BENCH-ROTATION"


@dataclass(frozen=True, slots=True)
class Call:
    """One call: when it began and ended, in seconds of `perf_counter`, and why it failed."""

    began: float
    ended: float
    failure: str = ""


@dataclass(slots=True)
class Tally:
    """Every call of some callers, what became of their streams, and what alarmed them."""

    calls: list[Call] = field(default_factory=list, repr=False)
    streams: int = 0
    cut: int = 0
    alarms: list[str] = field(default_factory=list)

    @property
    def failed(self) -> int:
        """How many calls failed."""
        return sum(bool(call.failure) for call in self.calls)

    def causes(self) -> dict[str, int]:
        """Return why calls failed, and how often, most frequent first."""
        return dict(Counter(call.failure for call in self.calls if call.failure).most_common())

    def p99_ms(self, spans: Sequence[tuple[float, float]]) -> float:
        """Return p99 in milliseconds of the calls that were under way in any of these spans.

        Raises:
            ValueError: when there was none.
        """
        latencies = sorted(
            (call.ended - call.began) * 1000
            for call in self.calls
            if any(call.ended >= begin and call.began <= end for begin, end in spans)
        )
        return percentile(latencies, 99)


class Callers:
    """Asks on, one call after the other for each caller, with a pause between."""

    def __init__(self, subjects: Sequence[SubjectId], *, sources: int, pause_s: float) -> None:
        self.tally = Tally()
        self._subjects: Iterator[SubjectId] = itertools.cycle(subjects)
        self._sources = sources
        self._pause_s = pause_s
        self.stopping = False

    async def ask_on(self, client: Client, *, streamed: bool) -> None:
        """Ask until `stop`."""
        while not self.stopping:
            await self.ask_once(client, streamed=streamed)

    async def ask_once(self, client: Client, *, streamed: bool) -> None:
        """Ask, write down what came of it, and pause."""
        began = perf_counter()
        failure = await self._ask(client, streamed=streamed)
        self.tally.calls.append(Call(began, perf_counter(), failure))
        await asyncio.sleep(self._pause_s)

    def stop(self) -> None:
        """Ask nothing more; what was asked is still waited for."""
        self.stopping = True

    async def _ask(self, client: Client, *, streamed: bool) -> str:
        send = client.stream if streamed else client.send
        (query,) = client.sign([next(self._subjects)], PURPOSE, _CASE)
        try:
            return self._problem_of(await send(query, TIMEOUT_S))
        except LandbridgeError as error:
            return f"{error.code} {error.message}"
        except asyncio.CancelledError:
            # A channel that is closed hard cancels what is under way on it.
            if self._is_cancelled():
                raise
            return "cancelled by its channel"

    def _problem_of(self, envelope: envelope_pb2.Envelope) -> str:
        whole = profile_pb2.Profile.FromString(envelope.payload).completeness
        if whole.answered == self._sources:
            return ""
        return f"{self._sources - whole.answered} of {self._sources} sources are missing"

    @staticmethod
    def _is_cancelled() -> bool:
        task = asyncio.current_task()
        return task is not None and task.cancelling() > 0


def count_streams(tally: Tally) -> Callable[[], None]:
    """Count every stream that a client opens from now on; return what ends the counting.

    A stream is cut when it ends with an error, and not when it gives way to the next one.
    """

    class CountedStream(ProfileStream):
        def __init__(self, channel: grpc.aio.Channel) -> None:
            super().__init__(channel)
            tally.streams += 1
            self.ended.add_done_callback(_count)

    def _count(ended: asyncio.Future[None]) -> None:
        if not ended.cancelled() and ended.exception() is not None:
            tally.cut += 1

    setattr(landbridge.client, "ProfileStream", CountedStream)  # noqa: B010  no knob for this
    return lambda: setattr(landbridge.client, "ProfileStream", ProfileStream)


@asynccontextmanager
async def calling(
    home: Path, callers: Callers, *, unary: int, streams: int, agency: str | None = None
) -> AsyncIterator[Tally]:
    """Keep so many callers asking within this block: all unary ones on one line, each stream alone.

    Raises:
        LandbridgeError: LB-11xx when the home folder is not complete.
    """
    stop_counting = count_streams(callers.tally)
    told = callers.tally.alarms

    def tell(kind: str, why: LandbridgeError | str) -> None:
        if why:
            told.append(f"{kind}: {why}")

    lines = [Client.from_home(home, agency, alarms=Alarms(tell)) for _ in range(1 + streams)]
    tasks = [
        *(asyncio.create_task(callers.ask_on(lines[0], streamed=False)) for _ in range(unary)),
        *(asyncio.create_task(callers.ask_on(line, streamed=True)) for line in lines[1:]),
    ]
    try:
        yield callers.tally
        callers.stop()
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        stop_counting()
        for line in lines:
            await line.close()
