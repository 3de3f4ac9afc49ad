"""How large other logs were seen to be: what is new to a log stands behind all that it held before.

Take `sizes` before asking. An answer whose entry stands below the size that its log had by then was
not logged after the question: that log was put back to an older copy, or shows another history.
"""

from collections.abc import Callable, Mapping
from threading import Lock

from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.log.signed_head import PastKeys, is_still_signed


class SeenSizes:
    """The largest size that was seen of each log. Thread-safe; to look is one read.

    `past_keys` tells which keys are not tainted: what a tainted one has signed accuses nobody, and
    `floor` which size and head of a log count then.
    """

    def __init__(
        self,
        sizes: Mapping[str, int] | None = None,
        *,
        past_keys: PastKeys | None = None,
        floor: Callable[[str], tuple[int, bytes]] = lambda _: (0, b""),
    ) -> None:
        # Never changed in place: whoever took it holds what was seen until then.
        self._sizes: dict[str, int] = dict(sizes or {})
        self._heads: dict[str, bytes] = {}
        self._past_keys = past_keys
        self._floor = floor
        self._lock = Lock()

    @property
    def sizes(self) -> Mapping[str, int]:
        """Origin to size, as it is now; what is seen later does not change it."""
        return self._sizes

    @property
    def heads(self) -> Mapping[str, bytes]:
        """Origin to the signed head that showed the size, where it is known; as `sizes`."""
        return self._heads

    def saw(self, origin: str, size: int, checkpoint: bytes = b"") -> None:
        """Note the size in a head whose signature held, and the head."""
        if size <= self._sizes.get(origin, 0):
            return
        with self._lock:
            if size > self._sizes.get(origin, 0):
                self._heads = {**self._heads, origin: checkpoint}
                self._sizes = {**self._sizes, origin: size}

    def forget(self, origin: str) -> None:
        """Forget what was seen of a log that begins anew."""
        with self._lock:
            self._heads = {name: head for name, head in self._heads.items() if name != origin}
            self._sizes = {name: size for name, size in self._sizes.items() if name != origin}

    def check(self, before: Mapping[str, int], origin: str, index: int) -> None:
        """Check that an entry stands behind what its log held before one asked for it.

        `before` are the sizes as they were then. A size that only a tainted key has vouched for is
        forgotten.

        Raises:
            LandbridgeError: LB-5003 when it does not.
        """
        try:
            check_not_rolled_back(before, origin, index)
        except LandbridgeError:
            head = self._heads.get(origin)
            if not head or self._past_keys is None or is_still_signed(head, self._past_keys):
                raise
            self.forget(origin)
            self.saw(origin, *self._floor(origin))
            check_not_rolled_back(self._sizes, origin, index)


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
