"""How large other logs were seen to be: what is new to a log stands behind all that it held before.

Take `sizes` before asking. An answer whose entry stands below the size that its log had by then was
not logged after the question: that log was put back to an older copy, or shows another history.
"""

from collections.abc import Mapping
from threading import Lock

from landbridge.errors import Reason, refuse


class SeenSizes:
    """The largest size that was seen of each log. Thread-safe; to look is one read."""

    def __init__(self, sizes: Mapping[str, int] | None = None) -> None:
        # Never changed in place: whoever took it holds what was seen until then.
        self._sizes: dict[str, int] = dict(sizes or {})
        self._lock = Lock()

    @property
    def sizes(self) -> Mapping[str, int]:
        """Origin to size, as it is now; what is seen later does not change it."""
        return self._sizes

    def saw(self, origin: str, size: int) -> None:
        """Note the size in a head whose signature held."""
        if size <= self._sizes.get(origin, 0):
            return
        with self._lock:
            if size > self._sizes.get(origin, 0):
                self._sizes = {**self._sizes, origin: size}


def check_not_rolled_back(before: Mapping[str, int], origin: str, index: int) -> None:
    """Check that an entry stands behind what its log held before one asked for it.

    `before` are the sizes as they were then.

    Raises:
        LandbridgeError: LB-5003 when it does not.
    """
    size = before.get(origin, 0)
    if index < size:
        raise refuse(
            Reason.LOG_ROLLED_BACK,
            f"the log {origin} gives a new entry the number {index}, and held {size} before",
        )
