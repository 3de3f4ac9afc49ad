"""Looks again and again whether something has changed, in a thread of its own.

So nobody on the event loop waits for a disk, and a look that finds nothing costs the loop nothing.
"""

import asyncio
import time
from collections.abc import Callable
from threading import Event, Thread


class Follower:
    """Does one step again and again; `step` must not raise.

    Steps begin `interval_s` seconds after one another ended; where one takes long, the pause is
    `share` times as long as the step.
    """

    def __init__(
        self, step: Callable[[], None], *, name: str, interval_s: float, share: float = 0
    ) -> None:
        self._step = step
        self._interval_s = interval_s
        self._share = share
        self._ending = Event()
        self._thread = Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin with the first step at once."""
        self._thread.start()

    async def stop(self) -> None:
        """Do no more; a step that is under way ends first."""
        self._ending.set()
        if self._thread.is_alive():
            await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        pause = 0.0
        while not self._ending.wait(pause):
            began = time.monotonic()
            self._step()
            pause = max(self._interval_s, self._share * (time.monotonic() - began))
