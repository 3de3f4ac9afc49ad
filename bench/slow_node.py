"""`python -m bench slow`: what those who do not need a slow node notice of it.

Between the gateway and one of the nodes stands a line that can be made slow (`slow_line`). In turn
the node is as quick as the others, two seconds slow, trickling, and quick once more, which shows
the noise. All the while some queries need it, as many a second whether it is slow or not; what is
measured are the others, whose `wanted` names all agencies but that one.
"""

import asyncio
import itertools
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from time import perf_counter
from types import TracebackType
from typing import Any, Final, Self

from bench.federation import DATASET, PURPOSE, Plan, subjects_in_random_order, write_federation
from bench.floor import stop_process
from bench.load import Measured, drive
from bench.sample import profile_check
from landbridge.client import Client
from landbridge.commands.sandbox import Sandbox
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.query import Wanted
from landbridge.subject import SubjectId
from landbridge.v1 import envelope_pb2, profile_pb2

QUICK: Final = "quick"
SLOW: Final = "slow"
TRICKLING: Final = "trickling"
QUICK_AGAIN: Final = "quick again"
_WAYS: Final = (QUICK, SLOW, TRICKLING, QUICK_AGAIN)
_SETTLED_S: Final = 0.5
_TRICKLE: Final = 2_000
"""Bytes a second: less than one answer with its proof."""
_CASE: Final = "BENCH-SLOW"
_FREE_S: Final = 30.0
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Slowness:
    """How slow the node is, who asks, and how long one turn takes. Times are in seconds."""

    plan: Plan
    rounds: int = 5
    seconds: float = 4.0
    in_flight: int = 16
    delay_s: float = 2.0
    needing: int = 8
    """Queries a second that need the slow node."""
    deadline_s: float = 1.0
    """How long each of these waits."""

    def on_the_line(self, way: str) -> tuple[float, int]:
        """Return the delay and the bytes a second of a way."""
        return {SLOW: (self.delay_s, 0), TRICKLING: (0.0, _TRICKLE)}.get(way, (0.0, 0))


@dataclass(slots=True)
class Needing:
    """What became of the queries that need the node: how long each took, in seconds."""

    whole: list[float] = field(default_factory=list)
    gap: list[float] = field(default_factory=list)
    """Those whose profile came in time, without that one node."""
    missed: list[str] = field(default_factory=list)
    """Codes of those that got no profile at all."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What one turn gave: milliseconds of those who do not need the node, and the others."""

    p50_ms: float
    p99_ms: float
    qps: float
    needing: Needing


class SlowSandbox(Sandbox):
    """A sandbox whose last node listens behind a line; its published address is the line's."""

    def __init__(self, folder: Path, home: Path) -> None:
        super().__init__(folder, home, preloaded=True)
        self._behind = ""
        self._line: subprocess.Popen[str] | None = None

    @property
    def slow(self) -> str:
        """The agency whose node it is."""
        return self.providers[-1]

    def prepare(self) -> None:
        """Make the federation, and one more address."""
        super().prepare()
        self._behind = self.reserved.take()

    def start(self, name: str) -> None:
        """Start one of the processes; the line starts before its node."""
        if name == self.slow:
            published = super()._command(name)[0][-1]
            self._line = subprocess.Popen(
                [sys.executable, "-m", "bench.slow_line", published, self._behind],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                cwd=Path(__file__).parents[1],
                text=True,
            )
            if self._line.stdout is None or not self._line.stdout.readline():
                raise refuse(Reason.UNREACHABLE, "the line ended before it served")
        super().start(name)

    def set_line(self, delay_s: float, rate: int) -> None:
        """Make the line as slow as that; see `slow_line`."""
        if self._line is not None and self._line.stdin is not None:
            self._line.stdin.write(f"{delay_s} {rate}\n")
            self._line.stdin.flush()

    def close(self) -> None:
        """Stop everything."""
        super().close()
        line, self._line = self._line, None
        if line is not None:
            if line.stdin is not None:
                line.stdin.close()
            stop_process(line)

    def _command(self, name: str) -> tuple[list[str], Path]:
        arguments, folder = super()._command(name)
        if name == self.slow:
            arguments[-1] = self._behind
        return arguments, folder


async def measure_slow_node(slowness: Slowness, say: Say) -> dict[str, Any]:
    """Measure the queries that do not need a slow node; return the document.

    Raises:
        LandbridgeError: the first of these that failed, or profile that did not verify.
    """
    with tempfile.TemporaryDirectory(prefix="landbridge-bench-") as work:
        folder = Path(work) / "federation"
        write_federation(folder, slowness.plan)
        async with Ground(folder, Path(work) / "home", slowness) as ground:
            await ground.take_turn(QUICK)
            found: list[dict[str, Turn]] = []
            for number in range(slowness.rounds):
                first = number % len(_WAYS)
                order = (*_WAYS[first:], *_WAYS[:first])
                found.append({way: await ground.take_turn(way) for way in order})
                shown = ", ".join(f"{way} {found[-1][way].p50_ms:.1f} ms" for way in _WAYS)
                say(f"round {number + 1}: p50 of those who do not need it: {shown}")
            verified = ground.check.verified
    return {
        **_ratios(found),
        "ways": {way: _summary([each[way] for each in found]) for way in _WAYS},
        "delay_s": slowness.delay_s,
        "deadline_s": slowness.deadline_s,
        "nodes": slowness.plan.nodes,
        "in_flight": slowness.in_flight,
        "needing_a_second": slowness.needing,
        "rounds": slowness.rounds,
        "seconds": slowness.seconds,
        "verified": verified,
    }


class Ground:
    """The running federation, and both kinds of askers."""

    def __init__(self, folder: Path, home: Path, slowness: Slowness) -> None:
        self._slowness = slowness
        self._stack = AsyncExitStack()
        self._sandbox = SlowSandbox(folder, home)
        self._subjects: Iterator[SubjectId] = itertools.cycle(
            subjects_in_random_order(slowness.plan)
        )

    async def __aenter__(self) -> Self:
        """Start all processes and wait until they answer."""
        try:
            self._stack.enter_context(self._sandbox)
            await self._sandbox.wait_ready()
            self.check = profile_check(self._sandbox)
            # The profiles that are counted have one source less.
            self.check.nodes -= 1
            self._client = Client.from_home(self._sandbox.home_folder)
            self._stack.push_async_callback(self._client.close)
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop them all."""
        await self._stack.aclose()

    async def take_turn(self, way: str) -> Turn:
        """Ask for a while with the node as quick or slow as that; verify a sample of what came.

        Raises:
            LandbridgeError: the first query that failed though it does not need the node.
        """
        self._sandbox.set_line(*self._slowness.on_the_line(way))
        needing = Needing()
        asking = asyncio.create_task(self._ask_needing(needing))
        try:
            await asyncio.sleep(_SETTLED_S)
            measured: Measured[envelope_pb2.Envelope] = await drive(
                self._free(),
                self._subjects,
                in_flight=self._slowness.in_flight,
                seconds=self._slowness.seconds,
            )
        finally:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
            self._sandbox.set_line(0.0, 0)
        # What is still held back belongs to this turn.
        await asyncio.sleep(self._slowness.on_the_line(way)[0] + _SETTLED_S)
        self.check.check(measured.kept)
        return Turn(measured.p50, measured.p99, measured.qps, needing)

    def _free(self) -> Callable[[SubjectId], Awaitable[envelope_pb2.Envelope]]:
        others = [Wanted(one, DATASET) for one in self._sandbox.providers[:-1]]

        async def ask(subject: SubjectId) -> envelope_pb2.Envelope:
            return await self._client.ask(
                subject, PURPOSE, _CASE, others, timeout=_FREE_S, streamed=True
            )

        return ask

    async def _ask_needing(self, needing: Needing) -> None:
        """Ask at an even pace for what needs the node, whatever becomes of it."""
        asked: set[asyncio.Task[None]] = set()
        try:
            while True:
                task = asyncio.create_task(self._need(needing))
                asked.add(task)
                task.add_done_callback(asked.discard)
                await asyncio.sleep(1 / self._slowness.needing)
        finally:
            await asyncio.gather(*asked, return_exceptions=True)

    async def _need(self, needing: Needing) -> None:
        began, wait = perf_counter(), self._slowness.deadline_s
        try:
            envelope = await self._client.ask(
                next(self._subjects), PURPOSE, _CASE, timeout=wait, streamed=True
            )
        except LandbridgeError as error:
            needing.missed.append(error.code)
            return
        profile = profile_pb2.Profile.FromString(envelope.payload)
        took = perf_counter() - began
        (needing.gap if profile.completeness.failed else needing.whole).append(took)


def _ratios(found: list[dict[str, Turn]]) -> dict[str, float]:
    """Return medians over the rounds of what the node's trouble does to those who need it not."""

    def ratio(way: str, figure: Callable[[Turn], float]) -> float:
        return round(median(figure(each[way]) / figure(each[QUICK]) for each in found), 3)

    return {
        "p50_ratio": ratio(SLOW, lambda turn: turn.p50_ms),
        "p50_noise": ratio(QUICK_AGAIN, lambda turn: turn.p50_ms),
        "p99_ratio": ratio(SLOW, lambda turn: turn.p99_ms),
        "p99_noise": ratio(QUICK_AGAIN, lambda turn: turn.p99_ms),
        "trickling_p50_ratio": ratio(TRICKLING, lambda turn: turn.p50_ms),
        "trickling_p99_ratio": ratio(TRICKLING, lambda turn: turn.p99_ms),
    }


def _summary(turns: list[Turn]) -> dict[str, Any]:
    gaps = [took for turn in turns for took in turn.needing.gap]
    return {
        "p50_ms": round(median(turn.p50_ms for turn in turns), 1),
        "p99_ms": round(median(turn.p99_ms for turn in turns), 1),
        "qps": round(median(turn.qps for turn in turns)),
        "needing_whole": sum(len(turn.needing.whole) for turn in turns),
        "needing_gap": len(gaps),
        "needing_missed": dict(Counter(code for turn in turns for code in turn.needing.missed)),
        "longest_gap_ms": round(max(gaps, default=0.0) * 1000),
    }
