"""What waits to be written on a stream: what has gathered leaves as one message of bounded size."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final, Generic, TypeVar

from landbridge.errors import Reason, refuse

Item = TypeVar("Item")

MOST_IN_A_BATCH: Final = 512
"""Items that one message carries at most."""
LARGEST_BATCH: Final = 4 * 1024 * 1024
"""Bytes that one message carries at most; far below gRPC's limit, a larger item goes alone."""
MOST_ACCEPTED: Final = 1024
"""Items that a peer's message may carry."""
MOST_OWED: Final = 4096
"""Items owed to a peer above which nothing more is read from it."""
MOST_BYTES: Final = 4 * LARGEST_BATCH
"""Bytes that wait for a peer above which nothing more is read from it, either."""


class Outbox(Generic[Item]):
    """Gathers items for one writer on the same event loop.

    Producers announce each item with `expect` and give it with `put`; after `close` the writer is
    released once everything that was announced has been taken. `size` tells an item's bytes.
    """

    def __init__(self, size: Callable[[Item], int]) -> None:
        self._size = size
        self._items: deque[tuple[Item, int]] = deque()
        self._bytes = 0
        self._expected = 0
        self._closed = False
        self._changed = asyncio.Event()
        self._taken = asyncio.Event()

    @property
    def owed(self) -> int:
        """How many announced items have not been taken."""
        return self._expected + len(self._items)

    def expect(self, count: int = 1) -> None:
        """Announce items that will be put."""
        self._expected += count

    def put(self, item: Item) -> None:
        """Give one announced item."""
        size = self._size(item)
        self._expected -= 1
        self._items.append((item, size))
        self._bytes += size
        self._changed.set()

    def close(self) -> None:
        """Say that nothing more will be announced."""
        self._closed = True
        self._changed.set()

    async def room(self, limit: int = MOST_OWED) -> None:
        """Wait until no more than `limit` items are owed, so that a reader keeps to that pace.

        No more than `MOST_BYTES` may wait then, however few items they are.
        """
        while self.owed > limit or self._bytes > MOST_BYTES:
            self._taken.clear()
            await self._taken.wait()

    async def take(self) -> list[Item]:
        """Wait for items and take one batch; an empty list means that there will be no more."""
        while not self._items:
            if self._closed and self._expected == 0:
                return []
            self._changed.clear()
            await self._changed.wait()
        batch: list[Item] = []
        free = LARGEST_BATCH
        while self._items and len(batch) < MOST_IN_A_BATCH:
            item, size = self._items[0]
            free -= size
            if batch and free < 0:
                break
            self._items.popleft()
            self._bytes -= size
            batch.append(item)
        self._taken.set()
        return batch


def check_batch(count: int) -> None:
    """Check the number of items in a peer's message, before anything is made of them.

    Raises:
        LandbridgeError: LB-1001 for a message of too many items.
    """
    if count > MOST_ACCEPTED:
        raise refuse(
            Reason.MALFORMED_REQUEST,
            f"a message carries {count} items, more than the {MOST_ACCEPTED} that are accepted",
        )


async def finished(reader: asyncio.Task[None]) -> None:
    """Wait for the task that feeds an outbox; that it was told to stop is no failure."""
    await asyncio.wait({reader})
    if not reader.cancelled():
        reader.result()
