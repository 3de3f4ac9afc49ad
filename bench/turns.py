"""Federations that run side by side and are asked in turn, so that what the machine does meets all.

Each is asked by streamed queries, 64 in flight by default, for a short while, then the next one.
"""

import itertools
import os
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.federation import Plan, subjects_in_random_order, write_federation
from bench.load import drive
from bench.processes import ProcessorTime
from bench.sample import ProfileCheck, profile_check
from bench.shapes import stream
from landbridge.client import Client
from landbridge.commands.sandbox import Sandbox
from landbridge.subject import SubjectId
from landbridge.v1 import envelope_pb2

IN_FLIGHT: Final = 64
_US: Final = 1_000_000
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Turn:
    """What one federation gave in one turn. `cpu_us` is of all its processes, a query."""

    qps: float
    p50_ms: float
    cpu_us: float


@dataclass(frozen=True, slots=True)
class Side:
    """A federation that runs, and whoever asks it."""

    name: str
    sandbox: Sandbox
    ask: Callable[[SubjectId], Awaitable[envelope_pb2.Envelope]]
    subjects: Iterator[SubjectId]
    spent: ProcessorTime
    check: ProfileCheck

    async def take_turn(self, seconds: float) -> Turn:
        """Ask for some seconds, then verify the sample of what came.

        Raises:
            LandbridgeError: the first query that failed, or profile that did not verify.
        """
        self.spent.since_last()
        measured = await drive(self.ask, self.subjects, in_flight=IN_FLIGHT, seconds=seconds)
        spent = sum(self.spent.since_last().values())
        self.check.check(measured.kept)
        return Turn(measured.qps, measured.p50, spent / measured.asked * _US)


async def start_side(
    stack: AsyncExitStack, work: Path, name: str, plan: Plan, *, resolving: int = 0
) -> Side:
    """Start a federation under a folder of its own; it ends with the stack.

    `resolving` says how many answers of a profile only tell other identifiers.
    """
    folder = work / name / "federation"
    folder.parent.mkdir()
    write_federation(folder, plan)
    # Dozens of nodes on two cores would take minutes to start one by one.
    sandbox = stack.enter_context(Sandbox(folder, work / name / "home", preloaded=True))
    await sandbox.wait_ready()
    client = Client.from_home(sandbox.home_folder)
    stack.push_async_callback(client.close)
    answering = [sandbox.processes[one].pid for one in (sandbox.gateway, *sandbox.providers)]
    check = profile_check(sandbox)
    check.resolving = resolving
    return Side(
        name,
        sandbox,
        stream(client),
        itertools.cycle(subjects_in_random_order(plan)),
        ProcessorTime({"all": [os.getpid(), *answering]}),
        check,
    )


async def take_turns(
    sides: Mapping[str, Side], *, rounds: int, seconds: float, say: Say
) -> list[dict[str, Turn]]:
    """Ask each side once a round, in an order that turns with the rounds; warm all up before.

    Raises:
        LandbridgeError: the first query that failed, or profile that did not verify.
    """
    for side in sides.values():
        await side.take_turn(seconds)
    found: list[dict[str, Turn]] = []
    for number in range(rounds):
        first = number % len(sides)
        order = [*sides][first:] + [*sides][:first]
        found.append({name: await sides[name].take_turn(seconds) for name in order})
        shown = ", ".join(
            f"{name} {turn.qps:.0f} qps, {turn.cpu_us:.0f} us" for name, turn in found[-1].items()
        )
        say(f"round {number + 1}: {shown}")
    return found
