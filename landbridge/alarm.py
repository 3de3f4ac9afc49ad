"""Alarms: each trouble is told once when it begins, and stands until it is over."""

from collections.abc import Callable
from threading import Lock

from landbridge.errors import LandbridgeError

Tell = Callable[[str, LandbridgeError | str], None]
"""Told of the kind of alarm and why; an empty text says that it is over."""


class Alarms:
    """The alarms of one process; safe to use from several threads."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._standing: dict[str, str] = {}
        self._lock = Lock()

    def raised(self, kind: str, why: LandbridgeError | str) -> None:
        """Tell of a trouble, unless one of this kind stands already."""
        with self._lock:
            is_new = kind not in self._standing
            self._standing[kind] = str(why)
        if is_new:
            self._tell(kind, why)

    def cleared(self, kind: str) -> None:
        """Note that the trouble is over, and tell so if it stood."""
        with self._lock:
            stood = self._standing.pop(kind, None)
        if stood is not None:
            self._tell(kind, "")

    def standing(self) -> tuple[str, ...]:
        """Return the alarms that stand now, each with why, in plain words."""
        with self._lock:
            return tuple(f"{kind}: {why}" for kind, why in self._standing.items())
