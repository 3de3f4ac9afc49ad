"""Wakes an event loop at a moment; the loops' own timers count whole milliseconds only."""

import asyncio
import ctypes
import os
from types import TracebackType
from typing import Final, Self

_CLOCK_MONOTONIC: Final = 1
_NS: Final = 1_000_000_000
_SHORTEST_S: Final = 0.001


class _Moment(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _Setting(ctypes.Structure):
    _fields_ = (("interval", _Moment), ("first", _Moment))


class Timer:
    """One alarm clock of the running event loop, right to some microseconds (Linux's timerfd).

    Elsewhere it is as exact as the loop. Used by one task at a time.
    """

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._loop = asyncio.get_running_loop()
        self._awake: asyncio.Future[None] | None = None
        self._fd = -1

    def __enter__(self) -> Self:
        """Open the clock."""
        if hasattr(self._libc, "timerfd_create"):
            self._fd = self._libc.timerfd_create(_CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)
        if self._fd >= 0:
            self._loop.add_reader(self._fd, self._ring)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        if self._fd >= 0:
            self._loop.remove_reader(self._fd)
            os.close(self._fd)
            self._fd = -1

    async def sleep(self, seconds: float) -> None:
        """Wait for so many seconds."""
        if self._fd < 0:
            await asyncio.sleep(max(seconds, _SHORTEST_S))
            return
        # Nought would stop the clock.
        whole, rest = divmod(max(1, round(seconds * _NS)), _NS)
        self._awake = self._loop.create_future()
        setting = _Setting(first=_Moment(whole, rest))
        self._libc.timerfd_settime(self._fd, 0, ctypes.byref(setting), None)
        await self._awake

    def _ring(self) -> None:
        os.read(self._fd, 8)
        if self._awake is not None and not self._awake.done():
            self._awake.set_result(None)
