"""Which nodes' logs have not been looked at for too long, although the nodes are there."""

from collections.abc import Callable
from typing import Final

from landbridge.alarm import Alarms
from landbridge.errors import LandbridgeError, Reason, refuse

OVERDUE_S: Final = 30.0
"""How long a node that is there may fail to show and to prove its log before an alarm."""


class OverdueLooks:
    """Counts from the first look that failed; used on one event loop. Times are in seconds.

    A node that goes away for a moment gains nothing by it.
    """

    def __init__(
        self, alarms: Alarms, now: Callable[[], float], *, overdue_s: float = OVERDUE_S
    ) -> None:
        self._alarms = alarms
        self._now = now
        self._overdue_s = overdue_s
        self._failing: dict[str, float] = {}
        self._away: dict[str, float] = {}

    def succeeded(self, agency: str) -> None:
        """Note that a node's log was looked at."""
        self._failing.pop(agency, None)
        self._away.pop(agency, None)
        self._alarms.cleared(_kind(agency))

    def failed(self, agency: str, why: LandbridgeError) -> None:
        """Note that it was not, though the node is there."""
        now = self._now()
        self._away.pop(agency, None)
        if now - self._failing.setdefault(agency, now) >= self._overdue_s:
            self._alarms.raised(
                _kind(agency),
                refuse(
                    Reason.BAD_LOG_EVIDENCE,
                    f"{agency} has not shown or not proven its log for {self._overdue_s:.0f} s, so"
                    f" that nobody witnesses it ({why.code} {why.message})",
                ),
            )

    def away(self, agency: str) -> None:
        """Note that the node is not there: whoever stays away so long begins anew."""
        now = self._now()
        if now - self._away.setdefault(agency, now) >= self._overdue_s:
            self._failing.pop(agency, None)
            self._alarms.cleared(_kind(agency))


def _kind(agency: str) -> str:
    return f"unwitnessed log of {agency}"
