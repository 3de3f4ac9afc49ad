"""An outbox gives messages of bounded size, and holds back a reader that runs ahead."""

import asyncio

import pytest

from landbridge.errors import LandbridgeError, Reason
from landbridge.rpc.outbox import (
    LARGEST_BATCH,
    MOST_ACCEPTED,
    MOST_BYTES,
    MOST_IN_A_BATCH,
    Outbox,
    check_batch,
    finished,
)


def filled(*sizes: int) -> Outbox[int]:
    """Return an outbox whose items are their own sizes, closed."""
    outbox: Outbox[int] = Outbox(lambda size: size)
    outbox.expect(len(sizes))
    for size in sizes:
        outbox.put(size)
    outbox.close()
    return outbox


async def batches(outbox: Outbox[int]) -> list[list[int]]:
    taken = []
    while batch := await outbox.take():
        taken.append(batch)
    return taken


async def test_what_is_ready_together_leaves_together() -> None:
    assert await batches(filled(1, 2, 3)) == [[1, 2, 3]]


async def test_a_batch_has_bounded_items() -> None:
    taken = await batches(filled(*[1] * (2 * MOST_IN_A_BATCH + 1)))
    assert [len(batch) for batch in taken] == [MOST_IN_A_BATCH, MOST_IN_A_BATCH, 1]


async def test_a_batch_has_bounded_bytes_and_a_larger_item_goes_alone() -> None:
    half = LARGEST_BATCH // 2
    large = LARGEST_BATCH + 1
    taken = await batches(filled(half, half, 1, large, large, 2, 3))
    assert taken == [[half, half], [1], [large], [large], [2, 3]]


async def test_the_writer_is_released_when_all_that_was_announced_is_taken() -> None:
    outbox: Outbox[int] = Outbox(lambda size: size)
    outbox.expect(2)
    outbox.put(1)
    outbox.close()
    assert await outbox.take() == [1]
    last = asyncio.create_task(outbox.take())
    await asyncio.sleep(0)
    assert not last.done()
    outbox.put(2)
    assert await last == [2]
    assert await outbox.take() == []


async def test_a_reader_waits_until_there_is_room() -> None:
    outbox: Outbox[int] = Outbox(lambda size: size)
    outbox.expect(3)
    await outbox.room(3)
    outbox.expect(1)
    waits = asyncio.create_task(outbox.room(3))
    outbox.put(1)
    await asyncio.sleep(0.01)
    assert not waits.done()
    assert await outbox.take() == [1]
    await asyncio.wait_for(waits, 1)
    assert outbox.owed == 3


def test_a_message_of_too_many_items() -> None:
    check_batch(MOST_ACCEPTED)
    with pytest.raises(LandbridgeError) as caught:
        check_batch(MOST_ACCEPTED + 1)
    assert caught.value.reason is Reason.MALFORMED_REQUEST


async def test_a_reader_that_failed_is_heard_and_one_that_was_stopped_is_not() -> None:
    async def fails() -> None:
        check_batch(MOST_ACCEPTED + 1)

    with pytest.raises(LandbridgeError):
        await finished(asyncio.create_task(fails()))
    stopped = asyncio.create_task(asyncio.sleep(60))
    stopped.cancel()
    await finished(stopped)


async def test_a_reader_is_held_back_while_too_many_bytes_wait_however_few_the_items() -> None:
    outbox = filled(*[LARGEST_BATCH] * 4, 1)
    held = asyncio.create_task(outbox.room())
    await asyncio.sleep(0)
    assert not held.done()
    taken = await outbox.take()
    await held
    assert taken == [LARGEST_BATCH]
    assert 4 * LARGEST_BATCH + 1 > MOST_BYTES
