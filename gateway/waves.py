"""Waves: queries that come while others are under way go on together when those are through.

All that follows is cheaper for many at once: one batch at each node, one commit, one signature.
Single calls come one by one, and batches that formed anew at each step would stay small. So natural
batching begins at the gateway's entry, around all the steps of a profile.
"""

import asyncio
from collections.abc import Callable, Collection
from itertools import islice
from typing import Final

from gateway.patience import Patience

_FULL: Final = 64
"""More at once cost hardly less each, and would leave the nodes idle while the gateway works."""


class Place:
    """A query's place in a wave."""

    __slots__ = ("_awaited", "_left", "_open", "_wave")

    def __init__(self, wave: "_Wave") -> None:
        self._wave = wave
        self._awaited: set[str] = set()
        self._open = 0
        self._left = False

    @property
    def awaited(self) -> frozenset[str]:
        """The agencies for whose answers the wave waits."""
        return frozenset(self._awaited)

    def asked(self, agencies: Collection[str]) -> None:
        """Note who is asked, before any of them can have answered."""
        self._open = len(agencies)
        self._awaited = self._wave.patience.awaited(agencies)
        self._leave_to_those_behind()

    def came(self, agency: str) -> None:
        """Note an outcome of one that was asked."""
        self._open -= 1
        self._awaited.discard(agency)
        if agency in self._wave.patience.behind:
            self._wave.patience.answered(agency, self._wave.took())
        self._leave_to_those_behind()

    def leave(self) -> None:
        """Let the wave go on without this query; more than once does no harm."""
        if not self._left:
            self._left = True
            self._wave.left(self)

    def _leave_to_those_behind(self) -> None:
        if self._open and not self._awaited:
            self.leave()


class Waves:
    """Lets queries go on, wave by wave. Of one event loop.

    A wave leaves when none is under way, or when it is full; a query that comes alone does not wait
    for company. Who needs a node that is behind others holds nobody back, and nobody waits past a
    deadline.
    """

    def __init__(self, *, full: int = _FULL) -> None:
        self._full = full
        self._patience = Patience()
        self._waiting: dict[asyncio.Future[Place], None] = {}
        self._under_way = 0
        self._leaving = False

    async def join(self, deadline: float) -> Place:
        """Wait for the next wave, until the `deadline` in the loop's own time; then go on alone.

        Whoever has a place must leave it.
        """
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[Place] = loop.create_future()
        self._waiting[turn] = None
        if not self._leaving and (not self._under_way or len(self._waiting) >= self._full):
            self._leaving = True
            # What else arrives in this turn of the loop goes along.
            loop.call_soon(self._leave)
        alone = loop.call_at(deadline, self._go_alone, turn)
        try:
            return await turn
        except asyncio.CancelledError:
            self._waiting.pop(turn, None)
            if not turn.cancelled():
                turn.result().leave()
            raise
        finally:
            alone.cancel()

    def _leave(self) -> None:
        self._leaving = False
        while len(self._waiting) >= self._full or (self._waiting and not self._under_way):
            first = list(islice(self._waiting, self._full))
            for turn in first:
                del self._waiting[turn]
            if turns := [turn for turn in first if not turn.done()]:
                self._under_way += 1
                _Wave(turns, self._patience, self._through)

    def _through(self) -> None:
        self._under_way -= 1
        self._leave()

    def _go_alone(self, turn: asyncio.Future[Place]) -> None:
        # One that is given up in this very turn of the loop has not left the queue yet.
        if self._waiting.pop(turn, turn) is None and not turn.done():
            _Wave([turn], self._patience, lambda: None)


class _Wave:
    """Queries that go on together: until the last has left its place, or has waited too long."""

    def __init__(
        self,
        turns: Collection[asyncio.Future[Place]],
        patience: Patience,
        through: Callable[[], None],
    ) -> None:
        self.patience = patience
        self._through = through
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self._timer = self._loop.call_later(patience.seconds, self._give_up)
        self._places = {Place(self) for _ in turns}
        for turn, place in zip(turns, self._places, strict=True):
            turn.set_result(place)

    def took(self) -> float:
        """Return the seconds since it began."""
        return self._loop.time() - self._began

    def left(self, place: Place) -> None:
        """Go on without a query."""
        self._places.discard(place)
        if not self._places and not self._timer.cancelled():
            self._timer.cancel()
            self.patience.returned(self.took())
            self._through()

    def _give_up(self) -> None:
        self._timer.cancel()
        self.patience.lost(agency for place in self._places for agency in place.awaited)
        self._through()
