"""A channel gives way to one that is proven, and to none that is not."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc
import pytest
from grpc_health.v1 import health_pb2

from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.rpc.channel import RotatingChannel, prove
from landbridge.rpc.guard import Context
from landbridge.rpc.status import abort


class Peer:
    """A server whose guard lets a caller in or not, and that answers slowly."""

    def __init__(self) -> None:
        self.refuses: Reason | None = None
        self.address = ""

    async def check(self, _: bytes, context: Context) -> bytes:
        if self.refuses:
            await abort(context, refuse(self.refuses, "no"))
        return health_pb2.HealthCheckResponse().SerializeToString()

    async def slow(self, request: bytes, _: Context) -> bytes:
        await asyncio.sleep(0.3)
        return request


@asynccontextmanager
async def peer(*, health: bool = True) -> AsyncIterator[Peer]:
    it = Peer()
    server = grpc.aio.server()
    services = {"test.Service": {"Slow": grpc.unary_unary_rpc_method_handler(it.slow)}}
    if health:
        services["grpc.health.v1.Health"] = {"Check": grpc.unary_unary_rpc_method_handler(it.check)}
    server.add_generic_rpc_handlers(
        [grpc.method_handlers_generic_handler(name, found) for name, found in services.items()]
    )
    it.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    try:
        yield it
    finally:
        await server.stop(0)


async def slow(channel: grpc.aio.Channel) -> bytes:
    return await channel.unary_unary("/test.Service/Slow")(b"x", timeout=5)


def dial(it: Peer) -> grpc.aio.Channel:
    return grpc.aio.insecure_channel(it.address)


async def test_calls_in_flight_come_to_their_end_on_the_old_channel() -> None:
    async with peer() as it:
        channel = RotatingChannel(dial(it))
        before = channel.channel
        calls = [asyncio.create_task(slow(before)) for _ in range(20)]
        await asyncio.sleep(0)
        told: list[int] = []
        channel.on_swap(lambda: told.append(channel.generation))
        await channel.swap(dial(it))
        assert channel.channel is not before
        assert (channel.generation, told, channel.draining) == (1, [1], 1)
        assert await asyncio.gather(*calls) == [b"x"] * 20
        assert await slow(channel.channel) == b"x"
        await asyncio.wait_for(channel.drained(), 2)
        with pytest.raises(grpc.aio.UsageError):
            await slow(before)
        await channel.close()


async def test_a_call_that_is_begun_in_the_moment_of_the_swap_is_not_lost() -> None:
    async with peer() as it:
        channel = RotatingChannel(dial(it))
        begun: list[grpc.aio.UnaryUnaryCall[bytes, bytes]] = []

        async def begin() -> None:
            while channel.generation < 5:
                begun.append(channel.channel.unary_unary("/test.Service/Slow")(b"x", timeout=5))
                await asyncio.sleep(0.001)

        beginner = asyncio.create_task(begin())
        for _ in range(5):
            await channel.swap(dial(it))
        await beginner
        assert set(await asyncio.gather(*begun)) == {b"x"}
        await channel.close()


@pytest.mark.parametrize(
    "reason",
    [
        Reason.CERTIFICATE_REFUSED,
        Reason.CERTIFICATE_REVOKED,
        Reason.CERTIFICATE_EXPIRED,
        Reason.ISSUER_REFUSED,
    ],
)
async def test_a_certificate_that_the_guard_refuses_takes_no_place(reason: Reason) -> None:
    async with peer() as it:
        channel = RotatingChannel(dial(it))
        it.refuses = reason
        with pytest.raises(LandbridgeError) as caught:
            await channel.swap(dial(it))
        assert caught.value.reason is reason
        assert channel.generation == 0
        assert await slow(channel.channel) == b"x"
        await channel.close()


@pytest.mark.parametrize("health", [True, False])
async def test_a_peer_that_does_not_tell_its_health_has_taken_the_certificate(
    health: bool,  # noqa: FBT001  a case of the test
) -> None:
    async with peer(health=health) as it:
        it.refuses = Reason.CALLER_REFUSED
        async with dial(it) as new:
            await prove(new)


async def test_nothing_is_opened_once_it_is_closed() -> None:
    async with peer() as it:
        channel = RotatingChannel(dial(it))
        await channel.close()
        new = dial(it)
        await channel.swap(new)
        assert channel.generation == 0
        with pytest.raises(grpc.aio.UsageError):
            await slow(new)


async def test_who_does_not_listen_any_more_is_told_nothing() -> None:
    async with peer() as it:
        channel = RotatingChannel(dial(it))
        told: list[str] = []
        end = channel.on_swap(lambda: told.append("one"))
        channel.on_swap(lambda: told.append("other"))
        end()
        await channel.swap(dial(it))
        assert told == ["other"]
        await channel.close()
