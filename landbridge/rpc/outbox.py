"""What waits to be written on a stream: everything that has gathered leaves as one message."""

import asyncio
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Outbox(Generic[Item]):
    """Gathers items for one writer on the same event loop.

    Producers announce each item with `expect` and give it with `put`; after `close` the writer is
    released once everything that was announced has been taken.
    """

    def __init__(self) -> None:
        self._items: list[Item] = []
        self._expected = 0
        self._closed = False
        self._changed = asyncio.Event()

    def expect(self, count: int = 1) -> None:
        """Announce items that will be put."""
        self._expected += count

    def put(self, item: Item) -> None:
        """Give one announced item."""
        self._expected -= 1
        self._items.append(item)
        self._changed.set()

    def close(self) -> None:
        """Say that nothing more will be announced."""
        self._closed = True
        self._changed.set()

    async def take(self) -> list[Item]:
        """Wait for items and take all there are; an empty list means that there will be no more."""
        while not self._items:
            if self._closed and self._expected == 0:
                return []
            self._changed.clear()
            await self._changed.wait()
        items, self._items = self._items, []
        return items


async def finished(reader: asyncio.Task[None]) -> None:
    """Wait for the task that feeds an outbox; that it was told to stop is no failure."""
    await asyncio.wait({reader})
    if not reader.cancelled():
        reader.result()
