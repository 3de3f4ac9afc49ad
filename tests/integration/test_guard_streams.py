"""Open streams under the guard: they end when their caller may go on no more, also when idle."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from landbridge.agency import Identity, Role
from landbridge.errors import Reason
from landbridge.rpc.options import ADMITTED
from landbridge.rpc.status import from_rpc_error
from tests.hostile import Recipe
from tests.integration.tls_server import credential_of, serve
from tests.pki import FEDERATION, GATEWAY, make_federation

CALLER = Identity(GATEWAY, FEDERATION, Role.GATEWAY, "main")
DAY_MS = 24 * 60 * 60 * 1000


@pytest.mark.parametrize("method", ["Gather", "Idle", "Watch"])
@pytest.mark.parametrize("cause", ["denied", "suspended", "expired"])
async def test_idle_stream_ends_within_a_second(tmp_path: Path, method: str, cause: str) -> None:
    """Nothing is sent on it, and its handler sleeps."""
    pki = make_federation(tmp_path)
    async with serve(pki) as node, node.channel() as channel:
        stream = open_stream(channel, method)
        await asyncio.sleep(0.2)
        if cause == "denied":
            node.deny(credential_of(GATEWAY, pki))
        elif cause == "suspended":
            node.suspend(GATEWAY)
        else:
            node.now_ms_ahead = DAY_MS + 1000
        async with asyncio.timeout(1):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await stream
    assert (
        from_rpc_error(caught.value).reason
        is {
            "denied": Reason.CERTIFICATE_REVOKED,
            "suspended": Reason.CALLER_REFUSED,
            "expired": Reason.CERTIFICATE_EXPIRED,
        }[cause]
    )


def open_stream(channel: grpc.aio.Channel, method: str) -> asyncio.Task[object]:
    """Open an idle stream; return what ends with it."""
    silent = asyncio.Event()

    async def messages() -> AsyncIterator[bytes]:
        await silent.wait()
        yield b""

    async def read() -> object:
        if method == "Gather":
            return await channel.stream_unary("/test.Service/Gather")(messages(), timeout=10)
        if method == "Watch":
            request = health_pb2.HealthCheckRequest()
            watch = health_pb2_grpc.HealthStub(channel).Watch(request, timeout=10)
            return [part async for part in watch]
        stream = channel.stream_stream("/test.Service/Idle")(messages(), timeout=10)
        return [part async for part in stream]

    return asyncio.create_task(read())


async def test_revocation_ends_the_streams_of_one_caller_alone(tmp_path: Path) -> None:
    pki = make_federation(tmp_path)
    again = Recipe.true_to(CALLER).shown(pki.issuing)
    async with serve(pki) as node, node.channel() as channel, node.channel(again) as other:
        name = "/test.Service/Converse"
        ends = channel.stream_stream(name)(timeout=10)
        goes_on = other.stream_stream(name)(timeout=10)
        for stream in (ends, goes_on):
            await stream.write(b"x")
            assert await stream.read() == b"x"
        await asyncio.to_thread(node.deny, credential_of(GATEWAY, pki))
        assert await ends.code() is grpc.StatusCode.PERMISSION_DENIED
        await goes_on.write(b"y")
        assert await goes_on.read() == b"y"
        await goes_on.done_writing()
        assert await goes_on.code() is grpc.StatusCode.OK


async def test_handler_is_stopped_with_its_stream(tmp_path: Path) -> None:
    async with serve(make_federation(tmp_path)) as node, node.channel() as channel:
        stream = channel.stream_stream("/test.Service/Idle")(timeout=10)
        assert ADMITTED[0] in tuple(await stream.initial_metadata())
        async with asyncio.timeout(5):
            while not idle_handlers():
                await asyncio.sleep(0.01)
        node.suspend(GATEWAY)
        await stream.code()
        await asyncio.sleep(0)
        assert not idle_handlers()


async def test_handler_is_stopped_when_its_caller_goes_away() -> None:
    async with serve() as node, node.channel() as channel:
        stream = channel.stream_stream("/test.Service/Idle")(timeout=10)
        await stream.initial_metadata()
        stream.cancel()
        async with asyncio.timeout(5):
            while idle_handlers():
                await asyncio.sleep(0.01)


def idle_handlers() -> list[object]:
    """Return the handlers that sleep, by the name of the guard's function that runs them."""
    return [
        task
        for task in asyncio.all_tasks()
        if getattr(task.get_coro(), "__qualname__", "") == "_run"
    ]


async def test_a_caller_that_does_not_read_gets_no_more_than_was_on_its_way(
    tmp_path: Path,
) -> None:
    async with serve(make_federation(tmp_path)) as node, node.channel() as channel:
        stream = channel.stream_stream("/test.Service/Flood")(timeout=20)
        await stream.initial_metadata()
        await asyncio.sleep(0.3)
        assert node.flood.goes_on
        node.suspend(GATEWAY)
        async with asyncio.timeout(1):
            while node.flood.goes_on:
                await asyncio.sleep(0.01)
        sent = node.flood.sent + 1
        came: list[int] = []

        async def read() -> None:
            async for part in stream:
                came.append(len(part))  # noqa: PERF401  what came before the end counts too

        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await read()
        assert len(came) <= sent
    assert from_rpc_error(caught.value).reason is Reason.CALLER_REFUSED
