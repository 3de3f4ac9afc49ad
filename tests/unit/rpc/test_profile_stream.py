"""A requester's streams give way to one another, and no query on them is lost."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest

from landbridge.errors import LandbridgeError, Reason
from landbridge.rpc.channel import RotatingChannel
from landbridge.rpc.options import ADMITTED
from landbridge.rpc.profile_stream import ProfileStream
from landbridge.rpc.succession import Succession
from landbridge.v1 import envelope_pb2, gateway_service_pb2

Context = grpc.aio.ServicerContext[Any, Any]
Request = gateway_service_pb2.StreamProfilesRequest
Response = gateway_service_pb2.StreamProfilesResponse
AGE = (("grpc.max_connection_age_ms", 100), ("grpc.max_connection_age_grace_ms", 2000))


class FakeGateway:
    """Gives each query back as its profile, after a while."""

    def __init__(self) -> None:
        self.streams = 0
        self.open = 0
        self.takes_s = 0.005
        self.breaks = False

    async def stream_profiles(
        self, requests: AsyncIterator[bytes], context: Context
    ) -> AsyncIterator[bytes]:
        await context.send_initial_metadata(ADMITTED)
        self.streams += 1
        self.open += 1
        try:
            async for raw in requests:
                await asyncio.sleep(self.takes_s)
                if self.breaks:
                    await context.abort(grpc.StatusCode.UNAVAILABLE, "no more")
                response = Response()
                for item in Request.FromString(raw).queries:
                    response.profiles.add(correlation_id=item.correlation_id, profile=item.query)
                yield response.SerializeToString()
        finally:
            self.open -= 1


@asynccontextmanager
async def streams(
    gateway: FakeGateway, *, life_s: float
) -> AsyncIterator[tuple[Succession[ProfileStream], RotatingChannel, str]]:
    server = grpc.aio.server(options=AGE)
    handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.stream_stream_rpc_method_handler(
        gateway.stream_profiles
    )
    server.add_generic_rpc_handlers(
        [
            grpc.method_handlers_generic_handler(
                "landbridge.v1.GatewayService", {"StreamProfiles": handler}
            )
        ]
    )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    address = f"127.0.0.1:{port}"
    channel = RotatingChannel(grpc.aio.insecure_channel(address))
    held = Succession(channel, ProfileStream, life_s=life_s)
    keeper = asyncio.create_task(held.run())
    try:
        yield held, channel, address
    finally:
        keeper.cancel()
        await asyncio.gather(keeper, return_exceptions=True)
        await channel.close()
        await server.stop(0)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


async def ask(held: Succession[ProfileStream], text: bytes = b"q") -> bytes:
    profile = await held.current.ask(envelope_pb2.Envelope(payload=text), timeout=5)
    return profile.payload


async def test_no_query_is_lost_while_streams_give_way() -> None:
    gateway = FakeGateway()
    async with streams(gateway, life_s=0.05) as (held, channel, address):
        asked = 0

        async def go_on() -> None:
            nonlocal asked
            while gateway.streams < 20:
                text = str(asked).encode()
                asked += 1
                assert await ask(held, text) == text

        workers = [asyncio.create_task(go_on()) for _ in range(4)]
        for _ in range(4):
            await asyncio.sleep(0.1)
            await channel.swap(grpc.aio.insecure_channel(address))
        await asyncio.gather(*workers)
        assert channel.generation == 4
        await asyncio.wait_for(channel.drained(), 5)
        await until(lambda: gateway.open <= 2)


async def test_a_stream_that_gave_way_still_gives_what_it_owes() -> None:
    gateway = FakeGateway()
    gateway.takes_s = 0.5
    async with streams(gateway, life_s=60) as (held, channel, address):
        owed = asyncio.create_task(ask(held, b"owed"))
        await until(lambda: gateway.open == 1)
        former = held.current
        await channel.swap(grpc.aio.insecure_channel(address))
        await until(lambda: held.current is not former)
        assert not owed.done()
        assert await owed == b"owed"
        await until(former.ended.done)
        assert former.ended.exception() is None
        assert not held.current.ended.done()


async def test_queries_on_a_stream_that_breaks_hear_why() -> None:
    gateway = FakeGateway()
    gateway.breaks = True
    async with streams(gateway, life_s=60) as (held, _, _):
        with pytest.raises(LandbridgeError) as caught:
            await ask(held)
        assert caught.value.reason is Reason.UNREACHABLE
        await until(held.current.ended.done)


async def test_queries_that_are_open_fail_when_the_line_is_closed() -> None:
    gateway = FakeGateway()
    gateway.takes_s = 60
    async with streams(gateway, life_s=60) as (held, _, _):
        open_one = asyncio.create_task(ask(held))
        await until(lambda: gateway.open == 1)
    with pytest.raises(LandbridgeError) as caught:
        await open_one
    assert caught.value.reason is Reason.UNREACHABLE
