"""The cases of a running node: the folder is followed, and the clocks run."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from landbridge.alarm import Alarms
from landbridge.errors import LandbridgeError
from node.case_clock import CaseClock
from node.cases import Cases

INTERVAL_S: Final = 0.4
"""How often the folder is looked at."""
_SHARE: Final = 4
_KIND: Final = "cases"


class LiveCases:
    """Follows a node's cases. Start and stop it on the process's event loop."""

    def __init__(
        self,
        cases: Cases,
        clock: CaseClock,
        *,
        alarms: Alarms,
        failed: Callable[[Exception], None],
    ) -> None:
        self.cases = cases
        self._clock = clock
        self._alarms = alarms
        self._failed = failed
        self._follower = ThreadPoolExecutor(1, thread_name_prefix="cases")
        self._following: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to follow, on this event loop."""
        self._following = asyncio.create_task(self._follow())

    async def stop(self) -> None:
        """Follow no more."""
        if self._following is not None:
            self._following.cancel()
            await asyncio.gather(self._following, return_exceptions=True)
        # On a thread, as a step may be under way on another.
        await asyncio.to_thread(self._follower.shutdown)

    def look(self) -> None:
        """Take up what changed in the folder, and which times have passed.

        Raises:
            LandbridgeError: LB-5001, LB-5002, LB-5003 when the folder or the log fails.
        """
        self.cases.follow()
        self._clock.tick()

    async def _follow(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            try:
                await loop.run_in_executor(self._follower, self.look)
            except LandbridgeError as error:
                self._alarms.raised(_KIND, error)
            except Exception as error:  # noqa: BLE001  told; what counts goes on to count
                self._failed(error)
                self._alarms.raised(_KIND, f"they cannot be followed ({type(error).__name__})")
            else:
                self._alarms.cleared(_KIND)
            # A folder of very many cases is looked at less often.
            await asyncio.sleep(max(INTERVAL_S, _SHARE * (loop.time() - began)))
