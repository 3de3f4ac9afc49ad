"""The line to a node while streams and channels give way: no question is lost."""

import asyncio
from collections.abc import AsyncIterator

import grpc
import pytest

from gateway.node_client import NodeClient, Outcome
from landbridge.errors import LandbridgeError, Reason
from landbridge.rpc.options import ADMITTED
from tests.unit.gateway.fake_node import Context, FakeNode, Request, ask, echo, opened, until


class Traffic:
    """Asks without a pause, a few questions at a time, and notes every outcome."""

    def __init__(self, client: NodeClient) -> None:
        self.outcomes: list[Outcome] = []
        self._client = client
        self._tasks = [asyncio.create_task(self._ask()) for _ in range(8)]

    async def _ask(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            came: asyncio.Future[None] = loop.create_future()

            def deliver(_: str, outcome: Outcome, came: "asyncio.Future[None]" = came) -> None:
                if not came.done():
                    self.outcomes.append(outcome)
                    came.set_result(None)

            self._client.ask(b"", loop.time() + 10, deliver)
            await came

    async def stop(self) -> list[LandbridgeError]:
        """Stop asking; return what failed."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        return [outcome for outcome in self.outcomes if isinstance(outcome, LandbridgeError)]


async def test_no_question_is_lost_while_streams_give_way_and_connections_come_of_age() -> None:
    node = FakeNode()
    options = (("grpc.max_connection_age_ms", 100), ("grpc.max_connection_age_grace_ms", 2000))
    async with opened(node, stream_life_s=0.05, options=options) as it:
        await until(lambda: it.client.connected)
        traffic = Traffic(it.client)
        for _ in range(5):
            await asyncio.sleep(0.1)
            await it.swap()
        await until(lambda: node.streams > 15)
        assert not await traffic.stop()
        assert len(traffic.outcomes) > 100
        assert it.channel.generation == 5


async def test_the_old_stream_gives_what_it_owes_after_a_swap() -> None:
    node = FakeNode()
    go_on = asyncio.Event()
    outcomes: list[Outcome] = []

    async def held(requests: AsyncIterator[bytes], context: Context) -> AsyncIterator[bytes]:
        await context.send_initial_metadata(ADMITTED)
        node.streams += 1
        first = node.streams == 1
        async for raw in requests:
            if first:
                await go_on.wait()
            for response in echo(Request.FromString(raw)):
                yield response

    node.stream_answers = held  # type: ignore[method-assign]
    async with opened(node) as it:
        await until(lambda: it.client.connected)
        ask(it.client, outcomes)
        await asyncio.sleep(0.05)
        await it.swap()
        await until(lambda: node.streams == 2)
        await asyncio.sleep(0.05)
        ask(it.client, outcomes)
        await until(lambda: len(outcomes) == 1)
        assert it.channel.draining == 1
        go_on.set()
        await until(lambda: len(outcomes) == 2)
        await asyncio.wait_for(it.channel.drained(), 5)
    assert not any(isinstance(outcome, LandbridgeError) for outcome in outcomes)


async def test_a_stream_that_is_not_let_through_never_takes_the_place_of_one_that_stands() -> None:
    node = FakeNode()
    async with opened(node, stream_life_s=0.05) as it:
        await until(lambda: it.client.connected)
        traffic = Traffic(it.client)
        node.admits = False
        await asyncio.sleep(0.5)
        before = node.streams
        assert it.client.connected
        assert not await traffic.stop()
        node.admits = True
        await until(lambda: node.streams > before)


async def test_a_swap_that_cannot_be_proven_leaves_everything_as_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("landbridge.rpc.channel._PROOF_S", 0.5)
    node = FakeNode()
    outcomes: list[Outcome] = []
    async with opened(node) as it:
        await until(lambda: it.client.connected)
        with pytest.raises(LandbridgeError) as caught:
            await it.channel.swap(grpc.aio.insecure_channel("127.0.0.1:1"))
        assert caught.value.reason is Reason.UNREACHABLE
        assert it.channel.generation == 0
        ask(it.client, outcomes)
        await until(lambda: bool(outcomes))
        assert not isinstance(outcomes.pop(), LandbridgeError)
