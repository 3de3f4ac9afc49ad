"""Arrivals at random: when they are due, what they wait for, and what becomes of too many."""

import asyncio
import itertools
import time
from random import Random
from statistics import fmean, pstdev

import pytest

from bench.arrivals import MOST_WAITING, drive_arrivals, poisson
from bench.timer import Timer
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.subject import SubjectId

SUBJECT = SubjectId("enterprise-number", "10000000")


def test_gaps_are_drawn_from_an_exponential_distribution() -> None:
    gaps = list(itertools.islice(poisson(50, Random(7)), 20_000))
    assert gaps == list(itertools.islice(poisson(50, Random(7)), 20_000))
    assert fmean(gaps) == pytest.approx(1 / 50, rel=0.03)
    # Mean and deviation are the same, and e ** -1 of all gaps is longer than the mean.
    assert pstdev(gaps) == pytest.approx(1 / 50, rel=0.05)
    assert sum(gap > 1 / 50 for gap in gaps) / len(gaps) == pytest.approx(0.368, abs=0.02)


async def test_a_query_does_not_wait_for_earlier_answers() -> None:
    sixth = asyncio.Event()
    asked = 0

    async def ask(subject: SubjectId) -> str:
        nonlocal asked
        asked += 1
        if asked == 6:
            sixth.set()
        # A closed loop would hang here for ever.
        await sixth.wait()
        return subject.value

    measured = await drive_arrivals(
        ask, itertools.repeat(SUBJECT), gaps=itertools.repeat(0.01), seconds=0.15
    )
    assert measured.kept_up
    assert asked == measured.asked == 18
    # A fifth of the time is warm-up, and what arrived then does not count. No query is due at the
    # very end of either, where rounding would decide.
    assert len(measured.latencies) == 15
    assert measured.latencies == sorted(measured.latencies)
    assert measured.kept == ["10000000"]


async def test_a_latency_runs_from_the_moment_a_query_was_due() -> None:
    async def ask(subject: SubjectId) -> str:
        # The whole client stands still, and later queries come to their turn late.
        time.sleep(0.03)  # noqa: ASYNC251
        return subject.value

    measured = await drive_arrivals(
        ask, itertools.repeat(SUBJECT), gaps=itertools.repeat(0.01), seconds=0.075
    )
    assert len(measured.latencies) == 8
    assert measured.p50 > 60


async def test_arrivals_end_when_too_many_wait() -> None:
    async def ask(subject: SubjectId) -> str:
        while not slow.is_set():
            await asyncio.sleep(0.01)
        return subject.value

    slow = asyncio.Event()
    asyncio.get_running_loop().call_later(0.3, slow.set)
    measured = await drive_arrivals(
        ask, itertools.repeat(SUBJECT), gaps=itertools.repeat(0.0001), seconds=5
    )
    assert not measured.kept_up
    assert measured.asked == len(measured.latencies) == MOST_WAITING
    assert measured.qps == MOST_WAITING / measured.seconds


async def test_the_first_failure_fails_the_drive() -> None:
    async def ask(subject: SubjectId) -> str:
        raise refuse(Reason.BUSY, f"too much about {subject}")

    with pytest.raises(LandbridgeError, match="too much"):
        await drive_arrivals(
            ask, itertools.repeat(SUBJECT), gaps=itertools.repeat(0.001), seconds=0.1
        )


async def test_a_window_without_arrivals_is_refused() -> None:
    async def ask(subject: SubjectId) -> str:
        return subject.value

    with pytest.raises(LandbridgeError, match="no query was due"):
        await drive_arrivals(ask, itertools.repeat(SUBJECT), gaps=itertools.repeat(9), seconds=0.01)


async def test_the_timer_never_rings_too_early() -> None:
    loop = asyncio.get_running_loop()
    with Timer() as timer:
        for seconds in (0.0, 0.0004, 0.003):
            before = loop.time()
            await timer.sleep(seconds)
            assert loop.time() - before >= seconds
