"""The cases of a running node: the folder is followed, and the clocks run."""

from collections.abc import Callable
from typing import Final

from landbridge.alarm import Alarms
from landbridge.errors import LandbridgeError
from landbridge.rpc.follower import Follower
from node.case_clock import CaseClock
from node.cases import Cases

INTERVAL_S: Final = 0.4
"""How often the folder is looked at."""
_SHARE: Final = 4
"""A folder of very many cases is looked at less often: a pause is so many times a look."""
_KIND: Final = "cases"


class LiveCases:
    """Follows a node's cases. Stop it on the process's event loop."""

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
        self._follower = Follower(self._follow, name="cases", interval_s=INTERVAL_S, share=_SHARE)

    def start(self) -> None:
        """Begin to follow."""
        self._follower.start()

    async def stop(self) -> None:
        """Follow no more."""
        await self._follower.stop()

    def look(self) -> None:
        """Take up what changed in the folder, and which times have passed.

        Raises:
            LandbridgeError: LB-5001, LB-5002, LB-5003 when the folder or the log fails.
        """
        self.cases.follow()
        self._clock.tick()

    def _follow(self) -> None:
        try:
            self.look()
        except LandbridgeError as error:
            self._alarms.raised(_KIND, error)
        except Exception as error:  # noqa: BLE001  told; what counts goes on to count
            self._failed(error)
            self._alarms.raised(_KIND, f"they cannot be followed ({type(error).__name__})")
        else:
            self._alarms.cleared(_KIND)
