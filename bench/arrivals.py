"""Drives queries that arrive at random, whether or not earlier ones are answered (open loop).

Gaps between arrivals are drawn from an exponential distribution, which makes a Poisson process. A
latency runs from the moment when a query was due, so that whatever holds the client up counts.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from random import Random
from time import perf_counter
from typing import Final

from bench.load import SAMPLE, Answer, Measured, side_by_side, warm_up_s
from bench.timer import Timer
from landbridge.errors import Reason, refuse
from landbridge.subject import SubjectId

MOST_WAITING: Final = 512
"""With so many queries unanswered, what is measured does not keep up, and arrivals end."""


def poisson(rate: float, random: Random) -> Iterator[float]:
    """Draw the seconds between two arrivals, again and again; `rate` is arrivals a second."""
    while True:
        yield random.expovariate(rate)


async def drive_arrivals(
    ask: Callable[[SubjectId], Awaitable[Answer]],
    subjects: Iterator[SubjectId],
    *,
    gaps: Iterator[float],
    seconds: float,
) -> Measured[Answer]:
    """Ask whenever a query is due, for `seconds` after a warm-up; wait for all answers.

    What arrived in the warm-up is not counted, except where `kept_up` becomes false: then all
    answers count, and the rate is what was answered a second until the last one came.

    Raises:
        LandbridgeError: the first failure of any query; LB-2002 when no query was due in time.
    """
    started = perf_counter()
    begin = started + warm_up_s(seconds)
    end = begin + seconds
    latencies: list[tuple[float, float]] = []
    measured: Measured[Answer] = Measured(seconds, [], 0, [])
    waiting = 0

    async def ask_one(due: float, number: int) -> None:
        nonlocal waiting
        answer = await ask(next(subjects))
        latencies.append((due, (perf_counter() - due) * 1000))
        waiting -= 1
        if number % SAMPLE == 0:
            measured.kept.append(answer)

    async def arrive() -> None:
        nonlocal waiting
        due = started
        with Timer() as timer:
            async with asyncio.TaskGroup() as group:
                while (due := due + next(gaps)) < end:
                    wait = due - perf_counter()
                    if wait > 0:
                        await timer.sleep(wait)
                    if waiting >= MOST_WAITING:
                        measured.kept_up = False
                        break
                    group.create_task(ask_one(due, measured.asked))
                    measured.asked += 1
                    waiting += 1

    await side_by_side(arrive, 1)
    if not measured.kept_up:
        begin = started
        measured.seconds = perf_counter() - started
    measured.latencies = sorted(latency for due, latency in latencies if due >= begin)
    if not measured.latencies:
        raise refuse(
            Reason.LATE, "no query was due within the window", next_step="give more --seconds"
        )
    return measured
