"""Calls that stay open: each ends as soon as its caller may make it no more, also when idle."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from landbridge.errors import LandbridgeError

_LOOK_AGAIN_S: Final = 0.5

Check = Callable[[], object]
"""Raises when the call must end."""


class OpenCalls:
    """Holds every open call against its check: at once when told of a change, else now and then.

    Used on one event loop, `changed` apart.
    """

    def __init__(self) -> None:
        self._open: dict[asyncio.Future[LandbridgeError], Check] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None

    @contextmanager
    def opened(self, check: Check) -> "Iterator[asyncio.Future[LandbridgeError]]":
        """Watch over a call; what is given is done, with the cause, when the call must end."""
        self._loop = asyncio.get_running_loop()
        ended: asyncio.Future[LandbridgeError] = self._loop.create_future()
        self._open[ended] = check
        if self._timer is None:
            self._timer = self._loop.call_later(_LOOK_AGAIN_S, self._look_again)
        try:
            yield ended
        finally:
            del self._open[ended]

    def changed(self) -> None:
        """Look at all calls at once; may be called on any thread."""
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._look)

    def _look_again(self) -> None:
        # A certificate ends, and a tainted issuer, while nothing is told.
        self._look()
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(_LOOK_AGAIN_S, self._look_again) if self._open else None

    def _look(self) -> None:
        for ended, check in self._open.items():
            if not ended.done():
                try:
                    check()
                except LandbridgeError as error:
                    ended.set_result(error)
