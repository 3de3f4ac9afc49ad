"""`python -m bench peers`: Landbridge and its peers side by side, in interleaved rounds."""

import asyncio
import itertools
import os
import platform
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Final

from bench.arrivals import drive_arrivals, poisson
from bench.federation import Plan, subjects_in_random_order, write_federation
from bench.load import Measured, drive, drive_count
from bench.peers.catalogue import FLOOR
from bench.peers.ground import Ground, Peer, Running
from bench.processes import ProcessorTime
from bench.rows import Point, to_rows
from bench.throughput import Say
from landbridge.commands.sandbox import Sandbox
from landbridge.subject import SubjectId

_US: Final = 1_000_000
_WARM_IN_FLIGHT: Final = 64
_WARM_QUERIES: Final = 256
_LONGEST_REST_S: Final = 120.0
"""What is still under way at a window's end comes within that time, or the bench fails."""


@dataclass(frozen=True, slots=True)
class Match:
    """What to measure. `seconds` is the length of one point's window, `rates` are open loops."""

    plan: Plan
    peers: Sequence[Peer]
    rounds: int = 5
    seconds: float = 5.0
    in_flight: tuple[int, ...] = (1, 16, 64)
    rates: tuple[int, ...] = (100,)


async def measure_peers(match: Match, say: Say) -> dict[str, Any]:
    """Start every peer that can run here, run the rounds, and return the document.

    Raises:
        LandbridgeError: the first query that failed, or profile that did not verify.
    """
    load_before = os.getloadavg()[0]
    left_out: dict[str, str] = {}
    subjects = itertools.cycle(subjects_in_random_order(match.plan))
    with tempfile.TemporaryDirectory(prefix="landbridge-bench-") as work:
        folder = Path(work) / "federation"
        write_federation(folder, match.plan)
        async with AsyncExitStack() as stack:
            sandbox = Sandbox(folder, Path(work) / "home")
            stack.callback(sandbox.close)
            sandbox.prepare()
            ground = Ground(match.plan, sandbox, Path(work))
            fields: dict[str, Field] = {}
            for peer in (FLOOR, *match.peers):
                if why := peer.lacks():
                    left_out[peer.name] = why
                    say(f"{peer.name} is left out: {why}")
                    continue
                running = await peer.start(ground, stack)
                await drive_count(
                    running.ask, subjects, in_flight=_WARM_IN_FLIGHT, queries=_WARM_QUERIES
                )
                fields[peer.name] = Field(peer.name, running)
                say(f"{peer.name} runs")
            points = await _run_rounds(match, fields, subjects, say)
    return {
        "rows": to_rows(points, shapes=tuple(fields)),
        "left_out": left_out,
        "rounds": match.rounds,
        "seconds": match.seconds,
        "nodes": match.plan.nodes,
        "subjects": match.plan.subjects,
        "checked": sum(field.checked for field in fields.values()),
        "answer_bytes": {name: field.answer_bytes for name, field in fields.items()},
        "machine": {
            "cores": os.cpu_count(),
            "load_before": round(load_before, 2),
            "python": platform.python_version(),
        },
    }


class Field:
    """A running peer with what was counted of it."""

    def __init__(self, name: str, running: Running) -> None:
        self.name = name
        self.running = running
        self.spent = ProcessorTime({"client": [os.getpid()], **running.processes})
        self.checked = 0
        self.answer_bytes = 0

    async def measure(
        self, match: Match, round_: int, load: tuple[int, int], subjects: Iterator[SubjectId]
    ) -> Point:
        """Measure one point: so many in flight or, with a rate, arrivals at random."""
        in_flight, rate = load
        self.spent.since_last()
        measured: Measured[Any]
        async with asyncio.timeout(match.seconds + _LONGEST_REST_S):
            if rate:
                # The same arrivals for every peer of the round.
                gaps = poisson(rate, Random(f"{match.plan.seed}/{round_}/{rate}"))
                measured = await drive_arrivals(
                    self.running.ask, subjects, gaps=gaps, seconds=match.seconds
                )
            else:
                measured = await drive(
                    self.running.ask, subjects, in_flight=in_flight, seconds=match.seconds
                )
        used = self.spent.since_last()
        self.running.kept(measured.kept)
        self.checked += measured.asked
        self.answer_bytes = _size(measured.kept[0])
        return Point(
            round_,
            self.name,
            in_flight,
            qps=measured.qps,
            p50_ms=measured.p50,
            p99_ms=measured.p99,
            cpu_us={name: spent / measured.asked * _US for name, spent in used.items()},
            rate=rate,
            kept_up=measured.kept_up,
        )


async def _run_rounds(
    match: Match, fields: dict[str, Field], subjects: Iterator[SubjectId], say: Say
) -> list[Point]:
    points = []
    order = list(fields.values())
    loads = [*((n, 0) for n in match.in_flight), *((0, rate) for rate in match.rates)]
    for round_ in range(1, match.rounds + 1):
        for load in loads:
            for place in range(len(order)):
                field = order[(round_ + place) % len(order)]
                points.append(await field.measure(match, round_, load, subjects))
                say(str(points[-1]))
    return points


def _size(answer: Any) -> int:  # noqa: ANN401  each peer has answers of its own kind
    if isinstance(answer, bytes):
        return len(answer)
    if isinstance(answer, list):
        return sum(len(str(value)) for row in answer for value in row)
    return int(answer.ByteSize())
