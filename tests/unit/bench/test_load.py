"""What the bench counts, and what it makes of it."""

import asyncio
import itertools

import pytest

from bench.load import drive, drive_count, percentile
from bench.memory import summary
from bench.rows import Point, to_rows
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.subject import SubjectId

SUBJECT = SubjectId("enterprise-number", "10000000")


def test_percentiles_are_nearest_ranks() -> None:
    hundred = [float(number) for number in range(1, 101)]
    assert [percentile(hundred, p) for p in (0.1, 1, 50, 99, 99.1, 100)] == [1, 1, 50, 99, 100, 100]
    assert percentile([3.0, 9.0], 50) == 3
    assert percentile([3.0, 9.0], 50.1) == 9
    assert percentile([4.0], 99) == 4


@pytest.mark.parametrize(("values", "percent"), [([], 50), ([1.0], 0), ([1.0], 101)])
def test_there_is_no_percentile_of_nothing(values: list[float], percent: float) -> None:
    with pytest.raises(ValueError, match="no such percentile"):
        percentile(values, percent)


async def test_drive_keeps_that_many_in_flight_and_counts_the_window() -> None:
    most = now = 0

    async def ask(subject: SubjectId) -> str:
        nonlocal most, now
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.01)
        now -= 1
        return subject.value

    measured = await drive(ask, itertools.repeat(SUBJECT), in_flight=4, seconds=0.4)
    assert most == 4
    assert 0 < measured.qps <= 400
    assert measured.qps == len(measured.latencies) / 0.4
    assert len(measured.latencies) < measured.asked
    assert 9 < measured.p50 <= measured.p99 <= measured.latencies[-1]
    assert measured.kept == ["10000000"] * (1 + (measured.asked - 1) // 100)


async def test_one_failure_fails_the_drive() -> None:
    async def ask(subject: SubjectId) -> str:
        await asyncio.sleep(0)
        raise refuse(Reason.BUSY, f"too much about {subject}")

    with pytest.raises(LandbridgeError, match="too much"):
        await drive(ask, itertools.repeat(SUBJECT), in_flight=2, seconds=0.05)


async def test_drive_says_when_nothing_came_back() -> None:
    async def ask(subject: SubjectId) -> str:
        await asyncio.sleep(0.05)
        return subject.value

    with pytest.raises(LandbridgeError, match="within the window"):
        await drive(ask, itertools.repeat(SUBJECT), in_flight=1, seconds=0.01)


async def test_drive_count_asks_exactly_so_many() -> None:
    asked: list[SubjectId] = []

    async def ask(subject: SubjectId) -> int:
        asked.append(subject)
        await asyncio.sleep(0)
        return len(asked)

    kept = await drive_count(ask, itertools.repeat(SUBJECT), in_flight=16, queries=250)
    assert len(asked) == 250
    assert len(kept) == 3


def test_a_ratio_is_taken_within_its_round() -> None:
    cpu = {"client": 1.0, "gateway": 2.0, "nodes": 3.0}
    qps = {1: (100, 400, 600), 2: (10, 30, 90), 3: (200, 200, 2000)}
    points = [
        Point(round_, shape, 16, rate, p50_ms=1000 / rate, p99_ms=2.0, cpu_us=cpu)
        for round_, rates in qps.items()
        for shape, rate in zip(("floor", "unary", "stream"), rates, strict=True)
    ]
    floor, unary, stream = to_rows(points)
    assert floor["ratio_to_floor"] == 1
    assert (unary["qps"], unary["qps_spread"]) == (200, [30, 400])
    assert (unary["ratio_to_floor"], unary["ratio_spread"]) == (3, [1, 4])
    assert stream["ratio_to_floor"] == 9
    assert unary["p50_ratio_to_floor"] == 0.33
    assert stream["cpu_us"] == {"client": 1, "gateway": 2, "nodes": 3}


def test_memory_names_the_largest_node_at_each_reading() -> None:
    readings = [{"g": 50.0, "a": 40.0, "b": 41.0}, {"g": 52.26, "a": 47.0, "b": 44.0}]
    found = summary(readings, gateway="g", queries=10)
    assert found["gateway"] == {"idle_mib": 50, "after_mib": [52.3], "growth_mib": 2.3}
    assert found["nodes"] == {"idle_mib": 41, "after_mib": [47], "growth_mib": 6}
    assert found["processes"]["b"]["growth_mib"] == 3
