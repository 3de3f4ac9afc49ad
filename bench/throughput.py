"""`python -m bench throughput`: the whole job beside the bare fan-out, in interleaved rounds."""

import itertools
import os
import platform
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Final, Self

import grpc

from bench.arrivals import drive_arrivals, poisson
from bench.federation import Plan, subjects_in_random_order, write_federation
from bench.floor import ANSWER_BYTES, FloorServers
from bench.load import SAMPLE, Measured, drive
from bench.log_append import Turns, measure_log
from bench.many_nodes import measure_many_nodes
from bench.memory import measure_memory
from bench.processes import ProcessorTime
from bench.rows import Point, to_rows
from bench.sample import profile_check, sizes
from bench.shapes import FLOOR, SHAPES, STREAM, UNARY, floor, stream, unary
from bench.stages import measure_stages
from bench.targets import targets
from landbridge.client import Client
from landbridge.commands.sandbox import Sandbox
from landbridge.home import Home
from landbridge.subject import SubjectId
from landbridge.v1 import envelope_pb2

_US: Final = 1_000_000
Say = Callable[[str], None]
Ask = Callable[[SubjectId], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Settings:
    """What to measure. `seconds` is the length of one point's window."""

    plan: Plan
    rounds: int = 5
    seconds: float = 3.0
    in_flight: tuple[int, ...] = (1, 16, 64)
    memory_queries: int = 20_000
    rates: tuple[int, ...] = ()
    """Open loops: queries a second that arrive at random."""
    many_nodes: int = 0
    """Nodes of a larger federation to measure beside; 0 for none, nor two stages, nor the log."""


async def measure_throughput(settings: Settings, say: Say) -> dict[str, Any]:
    """Run the rounds, then the memory measurement on fresh processes; return the document.

    Raises:
        LandbridgeError: the first query that failed, or profile that did not verify.
    """
    load_before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="landbridge-bench-") as work:
        folder = Path(work) / "federation"
        write_federation(folder, settings.plan)
        subjects = itertools.cycle(subjects_in_random_order(settings.plan))
        async with Rig(folder, Path(work) / "home", settings, say) as rig:
            points = await rig.run_rounds(subjects)
            verified, weights, whole = rig.check.verified, rig.weights, rig.whole
        memory: dict[str, Any] = {"queries": 0}
        if settings.memory_queries:
            with Sandbox(folder, Path(work) / "fresh") as sandbox:
                await sandbox.wait_ready()
                check = profile_check(sandbox)
                memory = await measure_memory(
                    sandbox, subjects, queries=settings.memory_queries, check=check, say=say
                )
                verified += check.verified
    document: dict[str, Any] = {
        "rows": to_rows(points),
        "memory": memory,
        **await _measure_others(settings, say),
        "rounds": settings.rounds,
        "seconds": settings.seconds,
        "nodes": settings.plan.nodes,
        "subjects": settings.plan.subjects,
        "verified": verified,
        "verified_whole_windows": whole,
        "sizes": {**weights, "floor_answer_bytes": ANSWER_BYTES},
        "machine": {
            "cores": os.cpu_count(),
            "load_before": round(load_before, 2),
            "python": platform.python_version(),
            "grpc": grpc.__version__,
        },
    }
    return document | {"targets": targets(document)}


async def _measure_others(settings: Settings, say: Say) -> dict[str, Any]:
    """Measure what needs federations of its own: two stages, many nodes, and no log."""
    if not settings.many_nodes:
        return {}
    plan, rounds, seconds = settings.plan, settings.rounds, settings.seconds
    return {
        "stages": await measure_stages(plan, rounds=rounds, seconds=seconds, say=say),
        "many_nodes": await measure_many_nodes(
            plan, nodes=settings.many_nodes, rounds=rounds, seconds=seconds, say=say
        ),
        "log": await measure_log(Turns(plan, rounds, seconds), say),
    }


class Rig:
    """Everything that the rounds need, running: the federation, the floor, and their clients."""

    def __init__(self, folder: Path, home: Path, settings: Settings, say: Say) -> None:
        self._settings = settings
        self._say = say
        self._stack = AsyncExitStack()
        self._sandbox = Sandbox(folder, home)
        self.weights: dict[str, int] = {}
        self.whole = 0
        """Profiles of windows that are verified one and all."""

    async def __aenter__(self) -> Self:
        """Start all processes and wait until they answer."""
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop them all."""
        await self._stack.aclose()

    async def _start(self) -> None:
        sandbox, enter = self._sandbox, self._stack.enter_context
        enter(sandbox)
        servers = enter(FloorServers(sandbox))
        await sandbox.wait_ready()
        self.check = profile_check(sandbox)
        _, state = Home.read(sandbox.home_folder).state_of()
        channel = servers.open_channel(state)
        self._stack.push_async_callback(channel.close)
        client = Client.from_home(sandbox.home_folder)
        self._stack.push_async_callback(client.close)
        nodes = self._settings.plan.nodes
        self._floor = floor(channel, nodes)
        self._profiles = {UNARY: unary(client), STREAM: stream(client)}
        gateway = servers.gateway
        ours = {
            "client": [os.getpid()],
            "gateway": [sandbox.processes[sandbox.gateway].pid],
            "nodes": [sandbox.processes[agency].pid for agency in sandbox.providers],
        }
        bare = {
            "client": [os.getpid()],
            "gateway": [gateway.pid] if gateway else [],
            "nodes": [node.pid for node in servers.nodes],
        }
        self._times = {FLOOR: ProcessorTime(bare), UNARY: ProcessorTime(ours)}
        self._times[STREAM] = self._times[UNARY]

    async def run_rounds(self, subjects: Iterator[SubjectId]) -> list[Point]:
        """Measure every shape at every number in flight, once a round."""
        points: list[Point] = []
        for round_ in range(1, self._settings.rounds + 1):
            kept: list[envelope_pb2.Envelope] = []
            closed = [(in_flight, 0) for in_flight in self._settings.in_flight]
            for load in [*closed, *((0, rate) for rate in self._settings.rates)]:
                for place in range(len(SHAPES)):
                    shape = SHAPES[(round_ + place) % len(SHAPES)]
                    points.append(await self._measure(round_, shape, load, subjects, kept))
                    self._say(str(points[-1]))
            self.check.check(kept)
            self.weights = sizes(kept[0])
            self._say(f"round {round_}: {len(kept)} profiles verify and are whole")
        return points

    async def _measure(
        self,
        round_: int,
        shape: str,
        load: tuple[int, int],
        subjects: Iterator[SubjectId],
        kept: list[envelope_pb2.Envelope],
    ) -> Point:
        in_flight, rate = load
        seconds = self._settings.seconds
        ask: Ask = self._floor if shape == FLOOR else self._profiles[shape]
        self._times[shape].since_last()
        measured: Measured[Any]
        if rate:
            # The same arrivals for every shape of the round.
            gaps = poisson(rate, Random(f"{self._settings.plan.seed}/{round_}/{rate}"))
            measured = await drive_arrivals(ask, subjects, gaps=gaps, seconds=seconds)
        else:
            # Once, in the heaviest window of each shape, whatever comes is verified.
            whole = round_ == 1 and in_flight == max(self._settings.in_flight) and shape != FLOOR
            one_in = 1 if whole else SAMPLE
            measured = await drive(
                ask, subjects, in_flight=in_flight, seconds=seconds, one_in=one_in
            )
            self.whole += len(measured.kept) if whole else 0
        if shape != FLOOR:
            kept.extend(measured.kept)
        used = self._times[shape].since_last()
        return Point(
            round_,
            shape,
            in_flight,
            qps=measured.qps,
            p50_ms=measured.p50,
            p99_ms=measured.p99,
            cpu_us={name: spent / measured.asked * _US for name, spent in used.items()},
            rate=rate,
            kept_up=measured.kept_up,
        )
