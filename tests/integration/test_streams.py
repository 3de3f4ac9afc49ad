"""Streams under peers that send too much, or what is no message: bounded, and clean in the end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from unittest.mock import Mock

import grpc
import pytest

from landbridge.agency import Role
from landbridge.client import Client
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.rpc.channel import RotatingChannel
from landbridge.rpc.outbox import MOST_ACCEPTED, MOST_OWED
from landbridge.rpc.status import from_rpc_error
from landbridge.v1 import (
    catalogue_pb2,
    gateway_service_pb2,
    gateway_service_pb2_grpc,
    node_service_pb2,
    node_service_pb2_grpc,
)
from node.dispatcher import Pending
from node.service import NodeService
from tests.market import TAX, Market, market


@asynccontextmanager
async def gateway_stub(
    running: Market,
) -> AsyncIterator["gateway_service_pb2_grpc.GatewayServiceAsyncStub"]:
    (front,) = running.bundle.endpoints(Role.GATEWAY)
    async with running.channel(front, running.client.agency, Role.REQUESTER) as channel:
        yield gateway_service_pb2_grpc.GatewayServiceStub(channel)


def queries(count: int) -> gateway_service_pb2.StreamProfilesRequest:
    return gateway_service_pb2.StreamProfilesRequest(
        queries=[gateway_service_pb2.StreamedQuery(correlation_id=n + 1) for n in range(count)]
    )


async def test_a_gateway_ends_a_stream_that_carries_too_many_queries(tmp_path: Path) -> None:
    async with market(tmp_path) as running, gateway_stub(running) as stub:
        call = stub.StreamProfiles()
        await call.write(queries(MOST_ACCEPTED + 1))
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call.read()
        assert from_rpc_error(caught.value).reason is Reason.MALFORMED_REQUEST
        assert running.gateway.service.in_work == 0
        await running.profile()


async def test_what_is_no_envelope_fails_alone(tmp_path: Path) -> None:
    async with market(tmp_path) as running:
        good = gateway_service_pb2.StreamedQuery(correlation_id=2, query=running.query())
        garbled = b"\x0a\x05\x08\x01\x12\x01\xff"
        request = gateway_service_pb2.StreamProfilesRequest(queries=[good]).SerializeToString()
        (front,) = running.bundle.endpoints(Role.GATEWAY)
        async with running.channel(front, running.client.agency, Role.REQUESTER) as channel:
            raw: grpc.aio.StreamStreamMultiCallable[bytes, bytes] = channel.stream_stream(
                "/landbridge.v1.GatewayService/StreamProfiles"
            )
            call = raw()
            await call.write(garbled + request)
            await call.done_writing()
            came = {
                item.correlation_id: item
                async for data in call
                for item in gateway_service_pb2.StreamProfilesResponse.FromString(data).profiles
            }
        assert came[1].failure.reason == Reason.MALFORMED_REQUEST
        assert came[2].HasField("profile")


async def test_a_node_ends_a_stream_that_carries_too_many_questions(tmp_path: Path) -> None:
    async with market(tmp_path) as running:
        endpoint = running.bundle.members[TAX].endpoints[0]
        async with running.channel(endpoint, "exchange", Role.GATEWAY) as channel:
            stub: node_service_pb2_grpc.NodeServiceAsyncStub = (
                node_service_pb2_grpc.NodeServiceStub(channel)
            )
            call = stub.StreamAnswers()
            await call.write(
                node_service_pb2.StreamAnswersRequest(
                    questions=[node_service_pb2.StreamedQuestion()] * (MOST_ACCEPTED + 1)
                )
            )
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await call.read()
        assert from_rpc_error(caught.value).reason is Reason.MALFORMED_REQUEST
        await running.profile()


async def test_no_task_is_made_for_a_query_beyond_capacity(tmp_path: Path) -> None:
    async with market(tmp_path) as running, gateway_stub(running) as stub:
        running.gateway.service._capacity = 3
        call = stub.StreamProfiles()
        await call.write(queries(MOST_ACCEPTED))
        await call.done_writing()
        reasons = [item.failure.reason async for part in call for item in part.profiles]
        assert len(reasons) == MOST_ACCEPTED
        assert reasons.count(Reason.BUSY) == MOST_ACCEPTED - 3  # type: ignore[arg-type]
        assert running.gateway.service.in_work == 0


async def test_queries_of_a_stream_that_is_broken_off_are_counted_out(tmp_path: Path) -> None:
    async with market(tmp_path) as running, gateway_stub(running) as stub:
        call = stub.StreamProfiles()
        await call.write(queries(MOST_ACCEPTED))
        call.cancel()
        async with asyncio.timeout(10):
            await asyncio.sleep(0.2)
            while running.gateway.service.in_work:
                await asyncio.sleep(0.02)
        await running.profile()


async def test_everything_owed_comes_on_a_stream_that_runs_ahead(tmp_path: Path) -> None:
    async with market(tmp_path) as running, gateway_stub(running) as stub:
        call = stub.StreamProfiles()

        async def write() -> None:
            for _ in range(8):
                await call.write(queries(MOST_ACCEPTED))
            await call.done_writing()

        writer = asyncio.create_task(write())
        count = 0
        async for part in call:
            count += len(part.profiles)
        await writer
        assert count == 8 * MOST_ACCEPTED


async def test_a_node_reads_no_further_than_it_answers() -> None:
    held: list[Pending] = []
    dispatcher = Mock(submit=held.extend)
    batch = node_service_pb2.StreamAnswersRequest(
        questions=[node_service_pb2.StreamedQuestion()] * MOST_ACCEPTED
    )

    async def endless() -> AsyncIterator[node_service_pb2.StreamAnswersRequest]:
        while True:
            yield batch
            await asyncio.sleep(0)

    service = NodeService(dispatcher, catalogue_pb2.Catalogue())
    answers = service.stream_answers(endless(), Mock())
    first = asyncio.ensure_future(anext(answers))
    async with asyncio.timeout(10):
        while len(held) <= MOST_OWED:
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)
    assert MOST_OWED < len(held) <= MOST_OWED + MOST_ACCEPTED
    for pending in held[:MOST_ACCEPTED]:
        pending.deliver(refuse(Reason.BUSY, "no"))
    await first
    del held[:]
    await anext(answers)
    await asyncio.sleep(0.1)
    assert len(held) == MOST_ACCEPTED
    service.close()
    await asyncio.sleep(0)
    for pending in held:
        pending.deliver(refuse(Reason.BUSY, "no"))
    assert node_service_pb2.StreamAnswersResponse.FromString(await anext(answers)).answers


async def test_a_client_outlives_a_gateway_that_sends_no_message(tmp_path: Path) -> None:
    async def nonsense(requests: AsyncIterator[bytes], _context: object) -> AsyncIterator[bytes]:
        async for _ in requests:
            yield b"\xff\xff\xff"

    async with market(tmp_path) as running:
        server = grpc.aio.server()
        handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.stream_stream_rpc_method_handler(
            nonsense
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
        client = Client(
            federation=running.client.federation,
            key=running.client._key,
            channel=RotatingChannel(grpc.aio.insecure_channel(f"127.0.0.1:{port}")),
        )
        # The second query finds the first one's stream ended, and goes on one of its own.
        for _ in range(2):
            with pytest.raises(LandbridgeError) as caught:
                await client.stream(running.query(), timeout=5)
            assert caught.value.reason is Reason.SOURCE_FAILED
            assert client._streams is not None
            assert client._streams.current.ended.done()
        await client.close()
        await server.stop(0)
