"""How much of a query's time is kept for what follows its answers: assembly, log, the way back.

Where a node is silent, all queries in work come to the end of their wait together, and each has to
let those before it through. So what is kept grows with how many there are.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Final

_HOP_S: Final = 0.05
_SHARE: Final = 0.05
_MOST: Final = 0.5
"""No more of a query's time is ever kept: waiting for answers is what it is for."""
_BESIDES: Final = 3.0
"""What logging, sending and the turns of others take, by what the assembly alone does."""
_NEW: Final = 0.1
"""The weight of the newest measurement in the mean."""


class AssemblyTime:
    """Measures assemblies, and keeps time for those that may fall together. Of one event loop."""

    def __init__(self) -> None:
        self._in_work = 0
        self._each_s = 0.0

    @contextmanager
    def in_work(self) -> Iterator[None]:
        """Count a query while it is worked on."""
        self._in_work += 1
        try:
            yield
        finally:
            self._in_work -= 1

    @contextmanager
    def assembling(self) -> Iterator[None]:
        """Measure one assembly."""
        began = perf_counter()
        yield
        self._each_s += _NEW * (perf_counter() - began - self._each_s)

    def kept(self, timeout: float) -> float:
        """Return the seconds that are kept of a query's `timeout`."""
        together = self._in_work * self._each_s * _BESIDES
        return min(_HOP_S + timeout * _SHARE + together, timeout * _MOST)
