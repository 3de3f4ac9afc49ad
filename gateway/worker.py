"""One of several processes that serve as one gateway, on one port and with one log.

Only the first carries heads between the logs, documents to the nodes, and enrolments. The others
follow what it writes to the gateway's folder.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import Final

from gateway.forked_logs import ForkedLogs
from gateway.seen_heads import heads_heard
from landbridge.alarm import Alarms
from landbridge.errors import LandbridgeError
from landbridge.log.seen_sizes import SeenSizes
from landbridge.log.store import LogStore
from landbridge.replay import ReplayGuard

_FOLLOW_S: Final = 1.0
_FOLLOWING: Final = "forked logs"


@dataclass(frozen=True, slots=True)
class Worker:
    """Which of how many processes this is, counted from 0."""

    number: int = 0
    of: int = 1

    @property
    def leads(self) -> bool:
        """Whether it does what only one of them may do."""
        return self.number == 0

    @property
    def shares(self) -> bool:
        """Whether there are others."""
        return self.of > 1


ALONE: Final = Worker()


class OtherWorkers:
    """Learns from the log what the other workers have answered. Used on one event loop.

    A query that is brought to two workers at once is read once all the same, as each node lets it
    through once: to the second profile the nodes give nothing but that.
    """

    def __init__(self, log: LogStore, replay: ReplayGuard, seen: SeenSizes) -> None:
        self._log = log
        self._replay = replay
        self._seen = seen
        self._known = log.size

    def known(self) -> int:
        """Return up to which entry the log was read."""
        return self._known

    async def follow(self, index: int, at: int) -> None:
        """Take up what others have logged before an entry of this worker's.

        `index` is the entry's place, and `at` is Unix milliseconds. This worker's own entries come
        in the order of their places.

        Raises:
            LandbridgeError: LB-5001, LB-5002 when the log cannot be read.
        """
        if index <= self._known:
            self._known = max(self._known, index + 1)
            return
        start, self._known = self._known, index + 1
        entries = await asyncio.to_thread(
            lambda: list(islice(self._log.entries(start), index - start))
        )
        self._replay.learn(entries, at=at)
        for data in entries:
            for origin, size, head in heads_heard(data):
                self._seen.saw(origin, size, head)


class ForkFollower:
    """Takes up which logs the first worker has found to show two histories.

    `failed` is told of errors that nobody foresaw.
    """

    def __init__(
        self, forked: ForkedLogs, *, alarms: Alarms, failed: Callable[[Exception], None]
    ) -> None:
        self._forked = forked
        self._alarms = alarms
        self._failed = failed
        self._following: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to follow, on this event loop."""
        self._following = asyncio.create_task(self._follow())

    async def stop(self) -> None:
        """Follow no more."""
        if self._following is not None:
            self._following.cancel()
            await asyncio.gather(self._following, return_exceptions=True)

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(_FOLLOW_S)
            try:
                await asyncio.to_thread(self._forked.refresh)
            except LandbridgeError as error:
                self._alarms.raised(_FOLLOWING, error)
            except Exception as error:  # noqa: BLE001  told; the next look may go better
                self._failed(error)
            else:
                self._alarms.cleared(_FOLLOWING)
