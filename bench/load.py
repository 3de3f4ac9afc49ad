"""Drives a number of queries in flight, and measures what came back.

Closed loop: whoever gets an answer asks the next query at once. What is counted is what came back
within the window; the load goes on from before its start until after its end.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Final, Generic, TypeVar

from landbridge.errors import Reason, refuse
from landbridge.subject import SubjectId

Answer = TypeVar("Answer")
SAMPLE: Final = 100
"""One answer in so many is kept for verification."""
_WARM_UP_SHARE: Final = 0.25
_LONGEST_WARM_UP_S: Final = 1.0


@dataclass(slots=True)
class Measured(Generic[Answer]):
    """What came back in the window. Latencies are in milliseconds, in ascending order."""

    seconds: float
    latencies: list[float]
    asked: int
    kept: list[Answer] = field(repr=False)
    kept_up: bool = True
    """False where queries arrived faster than they were answered."""

    @property
    def qps(self) -> float:
        """Queries answered in a second."""
        return len(self.latencies) / self.seconds

    @property
    def p50(self) -> float:
        """The median latency in milliseconds."""
        return percentile(self.latencies, 50)

    @property
    def p99(self) -> float:
        """The latency in milliseconds that 99 of 100 queries stay within."""
        return percentile(self.latencies, 99)


def percentile(ascending: Sequence[float], percent: float) -> float:
    """Return the smallest value that `percent` of all values do not exceed (nearest rank).

    Raises:
        ValueError: when there are no values, or percent is not above 0 and up to 100.
    """
    if not ascending or not 0 < percent <= 100:  # noqa: PLR2004  a percentage
        raise ValueError("there is no such percentile")
    return ascending[math.ceil(percent * len(ascending) / 100) - 1]


def warm_up_s(seconds: float) -> float:
    """Return for how many seconds a window of `seconds` is warmed up for."""
    return min(seconds * _WARM_UP_SHARE, _LONGEST_WARM_UP_S)


async def drive(
    ask: Callable[[SubjectId], Awaitable[Answer]],
    subjects: Iterator[SubjectId],
    *,
    in_flight: int,
    seconds: float,
    one_in: int = SAMPLE,
) -> Measured[Answer]:
    """Keep `in_flight` queries under way for `seconds`, after a warm-up that is not counted.

    One answer in `one_in` is kept for verification, those of the warm-up too.

    Raises:
        LandbridgeError: the first failure of any query; LB-2002 when nothing came back in time.
    """
    # The loop's own time stands still within a turn, and uvloop's counts whole milliseconds.
    begin = perf_counter() + warm_up_s(seconds)
    end = begin + seconds
    measured: Measured[Answer] = Measured(seconds, [], 0, [])

    async def ask_on() -> None:
        now = perf_counter()
        while now < end:
            started = now
            number = measured.asked
            measured.asked += 1
            answer = await ask(next(subjects))
            now = perf_counter()
            if begin <= now < end:
                measured.latencies.append((now - started) * 1000)
            if number % one_in == 0:
                measured.kept.append(answer)

    await side_by_side(ask_on, in_flight)
    if not measured.latencies:
        raise refuse(
            Reason.LATE, "no query came back within the window", next_step="give more --seconds"
        )
    measured.latencies.sort()
    return measured


async def drive_count(
    ask: Callable[[SubjectId], Awaitable[Answer]],
    subjects: Iterator[SubjectId],
    *,
    in_flight: int,
    queries: int,
) -> list[Answer]:
    """Ask so many queries, `in_flight` at a time; return the sample kept for verification.

    Raises:
        LandbridgeError: the first failure of any query.
    """
    numbers = iter(range(queries))
    kept: list[Answer] = []

    async def ask_on() -> None:
        for number in numbers:
            answer = await ask(next(subjects))
            if number % SAMPLE == 0:
                kept.append(answer)

    await side_by_side(ask_on, in_flight)
    return kept


async def side_by_side(work: Callable[[], Coroutine[Any, Any, None]], times: int) -> None:
    """Do the work so many times at once.

    Raises:
        Exception: what the first one failed for; the others are cancelled.
    """
    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(times):
                group.create_task(work())
    except ExceptionGroup as failures:
        first: Exception = failures
        while isinstance(first, ExceptionGroup):
            first = first.exceptions[0]
        raise first from failures
