"""Witnessing: carries the heads of all logs between the nodes, so that nobody rewrites one unseen.

Again and again:

1. Each node shows the newest head of its log; the gateway cosigns it as a witness itself.
2. Each node is brought the heads of all other logs, the gateway's too, that have grown, in one
   call; it cosigns what is proven to continue what it has seen.
3. Each owner is told who has cosigned its log.

A witness that has seen more, or something else, than a log shows is asked for its evidence: a head
that the log signed. The owner is told of it, and stops if its log does not hold it. Nobody has to
trust the gateway for this: what it carries is signed, and what it holds back is missed.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from typing import Final

from gateway.forked_logs import ForkedLogs
from gateway.head_looks import HeadLooks
from gateway.node_client import NodeClient
from gateway.overdue_looks import OVERDUE_S, OverdueLooks
from gateway.seen_heads import SeenHeads
from gateway.witness_visit import WitnessVisit
from gateway.witnessed_heads import WitnessedHeads
from landbridge.alarm import Alarms
from landbridge.clock import Clock, system_clock
from landbridge.errors import LandbridgeError
from landbridge.log.store import LogStore
from landbridge.rpc.live_witness import LiveWitness

INTERVAL_S: Final = 1.0
"""The least pause between two rounds."""
LONGEST_INTERVAL_S: Final = 10.0
"""The longest."""
_SHARE: Final = 50
"""A pause is so many times as long as the round before: rounds take a fiftieth of the time, and
come less often where there is much else to do."""
PATIENCE_S: Final = 1.0
"""How long one that is slow keeps the others waiting, in each of the three steps."""
_WITNESSING: Final = "witnessing"


class Witnessing:
    """Goes round again and again. Used on one event loop.

    A pause between two rounds lasts `interval_s` seconds at least. `failed` is told of errors that
    nobody foresaw.
    """

    def __init__(  # noqa: PLR0913  built once, by name
        self,
        live: LiveWitness,
        log: LogStore,
        nodes: Mapping[str, NodeClient],
        *,
        seen: SeenHeads,
        forked: ForkedLogs,
        alarms: Alarms,
        failed: Callable[[Exception], None],
        interval_s: float = INTERVAL_S,
        patience_s: float = PATIENCE_S,
        overdue_s: float = OVERDUE_S,
        clock: Clock = system_clock,
    ) -> None:
        self._nodes = nodes
        self._seen = seen
        self._alarms = alarms
        self._failed = failed
        self._interval_s = interval_s
        self._patience_s = patience_s
        self._forked = forked
        self._overdue = OverdueLooks(alarms, time.monotonic, overdue_s=overdue_s)
        gathered, sizes = WitnessedHeads(), seen.sizes
        self._looks = HeadLooks(
            live, log, nodes, gathered=gathered, seen=sizes, forked=forked, alarms=alarms
        )
        self._visit = WitnessVisit(
            self._looks, live, log, nodes, gathered=gathered, seen=sizes, alarms=alarms, clock=clock
        )
        self._visits: dict[str, asyncio.Task[None]] = {}
        self._work: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to work, on this event loop."""
        self._work = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Stop working, and write down what was seen."""
        tasks = [*self._visits.values(), *([self._work] if self._work else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        try:
            await asyncio.to_thread(self._seen.keep)
        except LandbridgeError as error:
            self._failed(error)  # the log holds it all the same

    async def go_round(self) -> None:
        """Go round once.

        Raises:
            LandbridgeError: LB-5001, LB-5002 when the gateway's own disk refuses.
        """
        await asyncio.to_thread(self._forked.refresh)
        for agency, node in self._nodes.items():
            if not node.connected:
                self._overdue.away(agency)
        await self._each(self._reached(), self._look)
        shown = self._looks.shown()
        await self._each(self._reached(), lambda agency: self._visit.bring(agency, shown))
        await self._each(self._reached(), self._visit.tell)
        await self._visit.tell_own()
        await asyncio.to_thread(self._seen.keep)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            try:
                await self.go_round()
            except LandbridgeError as error:
                self._alarms.raised(_WITNESSING, error)
            except Exception as error:  # noqa: BLE001  told; the next round may go better
                self._failed(error)
            else:
                self._alarms.cleared(_WITNESSING)
            await asyncio.sleep(pause_after(loop.time() - began, self._interval_s))

    def _reached(self) -> list[str]:
        """Name the nodes that are there and not busy with an earlier step."""
        return [
            agency
            for agency, node in self._nodes.items()
            if node.connected and agency not in self._visits
        ]

    async def _look(self, agency: str) -> None:
        try:
            await self._looks.look(agency)
        except LandbridgeError as error:
            self._overdue.failed(agency, error)
            raise
        self._overdue.succeeded(agency)

    async def _each(self, agencies: Iterable[str], work: Callable[[str], Awaitable[None]]) -> None:
        """Do something for each node at once; one that is slow goes on by itself."""
        begun = {agency: asyncio.create_task(self._guarded(agency, work)) for agency in agencies}
        self._visits |= begun
        for agency, task in begun.items():
            task.add_done_callback(partial(self._ended, agency))
        if begun:
            await asyncio.wait(begun.values(), timeout=self._patience_s)

    def _ended(self, agency: str, task: asyncio.Task[None]) -> None:
        if self._visits.get(agency) is task:
            del self._visits[agency]

    async def _guarded(self, agency: str, work: Callable[[str], Awaitable[None]]) -> None:
        try:
            await work(agency)
        except (LandbridgeError, KeyError):
            return  # it is away, or no member any more: other parts of the gateway tell of that
        except Exception as error:  # noqa: BLE001  one node keeps no other from its witnesses
            self._failed(error)


def pause_after(round_s: float, least_s: float = INTERVAL_S) -> float:
    """Return how long to wait after a round that took so long, all in seconds."""
    return max(least_s, min(_SHARE * round_s, LONGEST_INTERVAL_S))
