"""Things that one query uses at a time: who waits longest gets the next one that is free."""

import asyncio
from collections import deque
from typing import Generic, TypeVar

Thing = TypeVar("Thing")


class Pool(Generic[Thing]):
    """Hands things out, the one given back last first, as its caches are the warmest.

    asyncio's queues let whoever has just given a thing back take it again before those who wait,
    which makes a few queries fast and lets the others starve.
    """

    def __init__(self, things: list[Thing]) -> None:
        self._free = list(things)
        self._waiting: deque[asyncio.Future[Thing]] = deque()

    async def take(self) -> Thing:
        """Take a thing; wait until it is one's turn."""
        if self._free:
            return self._free.pop()
        turn: asyncio.Future[Thing] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.give_back(turn.result())
            raise

    def give_back(self, thing: Thing) -> None:
        """Give a thing back, to whoever waits longest."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(thing)
                return
        self._free.append(thing)
