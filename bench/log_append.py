"""`python -m bench log`: what the durable log costs, beside the same run without one.

Two federations run side by side, one as it is, the other with its logs in memory (`unlogged`). They
are asked in turn, in short rounds, so that whatever else the machine does meets both.
"""

import itertools
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

from bench.federation import Plan, subjects_in_random_order, write_federation
from bench.load import drive
from bench.shapes import stream
from landbridge.agency import Role
from landbridge.client import Client
from landbridge.commands.sandbox import Sandbox
from landbridge.subject import SubjectId
from landbridge.v1 import envelope_pb2

LOGGED: Final = "logged"
UNLOGGED: Final = "unlogged"
LOGGED_AGAIN: Final = "logged again"
_WAYS: Final = (LOGGED, UNLOGGED, LOGGED_AGAIN)
Say = Callable[[str], None]
_Ask = Callable[[SubjectId], Awaitable[envelope_pb2.Envelope]]


@dataclass(frozen=True, slots=True)
class Turns:
    """How many rounds there are, and how long each federation is asked in one."""

    plan: Plan
    rounds: int = 9
    seconds: float = 4.0
    in_flight: int = 64


class UnloggedSandbox(Sandbox):
    """A sandbox whose gateway and nodes keep their logs in memory, and its requester none."""

    def prepare(self) -> None:
        """Make the federation, and take the key of its log from the requester."""
        super().prepare()
        state = self.state(self.requesters[0], Role.REQUESTER)
        (state / "keys" / "log.key").unlink()

    def start(self, name: str) -> None:
        """Start one of the processes."""
        if name not in {*self.providers, self.gateway}:
            super().start(name)
            return
        arguments, folder = self._command(name)
        with (folder / "process.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", "bench.unlogged", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env=self._environment(name),
                cwd=Path(__file__).parents[1],
            )


async def measure_log(turns: Turns, say: Say) -> dict[str, Any]:
    """Measure the throughput of streamed queries with and without logs; return the document.

    Raises:
        LandbridgeError: the first query that failed.
    """
    with tempfile.TemporaryDirectory(prefix="landbridge-bench-") as work:
        folder = Path(work) / "federation"
        write_federation(folder, turns.plan)
        subjects = itertools.cycle(subjects_in_random_order(turns.plan))
        async with AsyncExitStack() as stack:
            logged = await _ask(stack, Sandbox(folder, Path(work) / "logged"))
            unlogged = await _ask(stack, UnloggedSandbox(folder, Path(work) / "unlogged"))
            asks = {LOGGED: logged, UNLOGGED: unlogged, LOGGED_AGAIN: logged}
            for ask in (logged, unlogged):
                await _qps(ask, subjects, turns, turns.seconds)
            found: list[dict[str, float]] = []
            for number in range(turns.rounds):
                turn = number % len(_WAYS)
                order = (*_WAYS[turn:], *_WAYS[:turn])
                found.append(
                    {way: await _qps(asks[way], subjects, turns, turns.seconds) for way in order}
                )
                shown = ", ".join(f"{way} {found[-1][way]:.0f}" for way in _WAYS)
                say(f"round {number + 1}: {shown} profiles a second")
    shares = [(each[LOGGED] + each[LOGGED_AGAIN]) / 2 / each[UNLOGGED] for each in found]
    noise = [abs(each[LOGGED_AGAIN] / each[LOGGED] - 1) for each in found]
    return {
        "share_of_unlogged": round(median(shares), 3),
        "noise": round(median(noise), 3),
        "logged_qps": round(median(each[LOGGED] for each in found)),
        "unlogged_qps": round(median(each[UNLOGGED] for each in found)),
        "nodes": turns.plan.nodes,
        "subjects": turns.plan.subjects,
        "in_flight": turns.in_flight,
        "rounds": turns.rounds,
        "seconds": turns.seconds,
    }


async def _ask(stack: AsyncExitStack, sandbox: Sandbox) -> _Ask:
    stack.enter_context(sandbox)
    await sandbox.wait_ready()
    client = Client.from_home(sandbox.home_folder)
    stack.push_async_callback(client.close)
    return stream(client)


async def _qps(ask: _Ask, subjects: Iterator[SubjectId], turns: Turns, seconds: float) -> float:
    measured = await drive(ask, subjects, in_flight=turns.in_flight, seconds=seconds)
    return measured.qps
