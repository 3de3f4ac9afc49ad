"""How long a wave of queries waits for nodes, and for which of them it does not wait at all."""

from collections.abc import Iterable
from typing import Final

_LEAST_S: Final = 0.02
_MOST_S: Final = 1.0
_TIMES_THE_USUAL: Final = 3.0
_FIRST_GUESS_S: Final = 0.1
_NEW: Final = 0.2
"""The weight of the newest wave in the mean."""
_GROWTH: Final = 1.5


class Patience:
    """Learns how long waves take, and which nodes let one wait longer than three times that.

    Such a node is *behind* until it answers in time again.
    """

    def __init__(self) -> None:
        self.behind: set[str] = set()
        """The agencies whose nodes are."""
        self._usual_s = _FIRST_GUESS_S

    @property
    def seconds(self) -> float:
        """How long a wave may hold back the next one."""
        return min(max(_TIMES_THE_USUAL * self._usual_s, _LEAST_S), _MOST_S)

    def awaited(self, agencies: Iterable[str]) -> set[str]:
        """Return those of the agencies whose nodes are not behind."""
        return set(agencies) - self.behind

    def answered(self, agency: str, took: float) -> None:
        """Take note of an outcome, `took` seconds after its wave left."""
        if took <= self.seconds:
            self.behind.discard(agency)

    def returned(self, took: float) -> None:
        """Take note of a wave that came back by itself, after `took` seconds."""
        self._usual_s += _NEW * (took - self._usual_s)

    def lost(self, awaited: Iterable[str]) -> None:
        """Take note of a wave that took too long, for want of these agencies' answers."""
        self.behind.update(awaited)
        # If it is not a node but the machine that has become slow, the next wave has longer.
        self._usual_s = min(self._usual_s * _GROWTH, _MOST_S)
