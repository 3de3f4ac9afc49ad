"""`python -m bench crash`: `kill -9` at random moments under load, and not one entry is lost.

Gateway and nodes run as processes, each started again at once when it ends, as a supervisor does.
Clients ask all the while and verify what comes. When all is over, every profile that a client holds
must stand in its own log, in the gateway's and in that of each node that contributed.
"""

import asyncio
import itertools
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from time import perf_counter
from typing import Any, Final

from bench.crash_report import look_into_logs
from bench.federation import PURPOSE, Plan, subjects_in_random_order, write_federation
from bench.holdings import Holdings
from landbridge.agency import Identity, Role
from landbridge.alarm import Alarms
from landbridge.client import Client
from landbridge.commands.sandbox import Sandbox
from landbridge.errors import LandbridgeError
from landbridge.party import PartyFolder
from landbridge.subject import SubjectId

TIMEOUT_S: Final = 5.0
_CASE: Final = "BENCH-CRASH"
_POLL_S: Final = 0.05
_RECOVERED_S: Final = 60.0
_MOST_RESTARTS: Final = 5
"""Ends in a row that nobody caused, after which a supervisor gives up and calls a person."""
_SETTLED_S: Final = 1.0
_REFUSED_S: Final = 0.1
"""Whoever is refused waits, so that what starts again has the processor to itself."""
_SAID_EVERY: Final = 10
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Ordeal:
    """How often something is killed, how far apart in seconds, and how many ask meanwhile."""

    plan: Plan
    kills: int = 200
    least_s: float = 0.2
    most_s: float = 3.0
    callers: int = 6
    streams: int = 2
    pause_s: float = 0.01


@dataclass(slots=True)
class _Count:
    """What happened."""

    killed: Counter[str] = field(default_factory=Counter)
    unanswered: Counter[str] = field(default_factory=Counter)
    restarts: int = 0
    restarts_failed: int = 0
    given_up: set[str] = field(default_factory=set)
    answered_at: float = 0.0
    longest_gap_s: float = 0.0


async def measure_crash(ordeal: Ordeal, say: Say) -> dict[str, Any]:
    """Run the ordeal and compare all logs; return the document.

    Raises:
        LandbridgeError: LB-2001 when the federation does not come up in the first place.
    """
    with tempfile.TemporaryDirectory(prefix="landbridge-bench-") as work:
        folder = Path(work) / "federation"
        write_federation(folder, ordeal.plan)
        with Sandbox(folder, Path(work) / "home", preloaded=True) as sandbox:
            return await _Run(sandbox, ordeal, say).run()


class _Run:
    def __init__(self, sandbox: Sandbox, ordeal: Ordeal, say: Say) -> None:
        self._sandbox = sandbox
        self._ordeal = ordeal
        self._say = say
        self._random = Random(ordeal.plan.seed)
        self._subjects: Iterator[SubjectId] = itertools.cycle(subjects_in_random_order(ordeal.plan))
        self._count = _Count()
        self._serving = (sandbox.gateway, *sandbox.providers)
        self._holdings: Holdings
        self._asking = True

    async def run(self) -> dict[str, Any]:
        sandbox = self._sandbox
        await sandbox.wait_ready()
        party = PartyFolder.open(sandbox.state(sandbox.requesters[0], Role.REQUESTER))
        self._holdings = Holdings(party.bundle, sandbox.federation)
        async with AsyncExitStack() as stack:
            callers = [asyncio.create_task(work) for work in self._callers(stack)]
            supervisor = asyncio.create_task(self._supervise())
            seconds = await self._kill_on()
            recovered = await self._recovered()
            self._asking = False
            await asyncio.gather(*callers)
            supervisor.cancel()
            await asyncio.gather(supervisor, return_exceptions=True)
        for name in list(sandbox.processes):
            sandbox.stop(name)
        self._say("all processes have ended; the logs are compared")
        return self._document(seconds, recovered=recovered)

    def _callers(self, stack: AsyncExitStack) -> Iterator[Any]:
        for streamed, times in ((False, self._ordeal.callers), (True, self._ordeal.streams)):
            # What alarms a client while its gateway is down is no finding.
            client = Client.from_home(self._sandbox.home_folder, alarms=Alarms(lambda *_: None))
            stack.push_async_callback(client.close)
            for _ in range(times):
                yield self._ask_on(client, streamed=streamed)

    async def _ask_on(self, client: Client, *, streamed: bool) -> None:
        send = client.stream if streamed else client.send
        while self._asking:
            (query,) = client.sign([next(self._subjects)], PURPOSE, _CASE)
            try:
                self._holdings.take(await send(query, TIMEOUT_S), query)
            except LandbridgeError as error:
                self._count.unanswered[error.code] += 1
                await asyncio.sleep(_REFUSED_S)
            except asyncio.CancelledError:
                # gRPC cancels what is under way when a line breaks.
                task = asyncio.current_task()
                if task is not None and task.cancelling():
                    raise
                self._count.unanswered["cancelled"] += 1
            else:
                self._answered()
            await asyncio.sleep(self._ordeal.pause_s)

    def _answered(self) -> None:
        count, now = self._count, perf_counter()
        if count.answered_at:
            count.longest_gap_s = max(count.longest_gap_s, now - count.answered_at)
        count.answered_at = now

    async def _kill_on(self) -> float:
        begin = perf_counter()
        while self._count.killed.total() < self._ordeal.kills and not self._count.given_up:
            await asyncio.sleep(self._random.uniform(self._ordeal.least_s, self._ordeal.most_s))
            name = self._random.choice(self._serving)
            process = self._sandbox.processes.get(name)
            if process is None or process.poll() is not None:
                continue
            self._count.killed[name] += 1
            self._sandbox.stop(name, kill=True)
            self._start(name)
            if self._count.killed.total() % _SAID_EVERY == 0:
                self._say(
                    f"{self._count.killed.total()} of {self._ordeal.kills} killed;"
                    f" {len(self._holdings.held)} profiles, {self._count.unanswered.total()} calls"
                    " without one"
                )
        return perf_counter() - begin

    def _start(self, name: str) -> None:
        self._count.restarts += 1
        self._sandbox.start(name)

    async def _supervise(self) -> None:
        """Start again what ended by itself, and give up where it does so again and again."""
        in_a_row: Counter[str] = Counter()
        while True:
            await asyncio.sleep(_POLL_S)
            for name in self._serving:
                process = self._sandbox.processes.get(name)
                if process is None or process.poll() is None:
                    continue
                self._sandbox.stop(name)
                self._count.restarts_failed += 1
                in_a_row[name] += 1
                self._say(f"{name} has ended by itself")
                if in_a_row[name] >= _MOST_RESTARTS:
                    self._count.given_up.add(name)
                else:
                    self._start(name)

    async def _recovered(self) -> bool:
        """Wait until whole profiles come again with nobody's help."""
        await asyncio.sleep(_SETTLED_S)
        before = self._holdings.whole
        deadline = perf_counter() + _RECOVERED_S
        while self._holdings.whole == before:
            if perf_counter() > deadline:
                return False
            await asyncio.sleep(_POLL_S)
        return True

    def _document(self, seconds: float, *, recovered: bool) -> dict[str, Any]:
        count, gateway = self._count, self._sandbox.gateway
        found = look_into_logs(self._holdings, list(self._logs()), self._say)
        # Where a log is damaged, or nothing comes any more, somebody has to look after it.
        by_hand = len(count.given_up) + found["damaged_logs"]
        return {
            "kills": count.killed.total(),
            "killed": {"gateway": count.killed[gateway]}
            | {name: count.killed[name] for name in self._sandbox.providers},
            "answered": len(self._holdings.held),
            "whole": self._holdings.whole,
            "unanswered": dict(count.unanswered.most_common()),
            **found,
            "manual_recoveries": by_hand or int(not recovered),
            "restarts": count.restarts,
            "restarts_failed": count.restarts_failed,
            "longest_gap_s": round(count.longest_gap_s, 2),
            "seconds": round(seconds, 1),
            "cores": os.cpu_count(),
        }

    def _logs(self) -> Iterator[tuple[Identity, Path]]:
        sandbox, federation = self._sandbox, self._sandbox.federation
        roles = {sandbox.gateway: Role.GATEWAY, sandbox.requesters[0]: Role.REQUESTER}
        for agency in (*self._serving, sandbox.requesters[0]):
            role = roles.get(agency, Role.NODE)
            name = federation.gateway.name if role is Role.GATEWAY else "main"
            yield Identity(agency, federation.name, role, name), sandbox.state(agency, role)
