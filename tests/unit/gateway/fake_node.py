"""A node that speaks in raw bytes, so that it can say anything; plain, as TLS has its own tests."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc

from gateway.node_client import NodeClient, Outcome
from landbridge.errors import LandbridgeError, Reason
from landbridge.rpc.channel import RotatingChannel
from landbridge.rpc.options import ADMITTED
from landbridge.v1 import catalogue_pb2, node_service_pb2, query_pb2

Context = grpc.aio.ServicerContext[Any, Any]
Options = tuple[tuple[str, int], ...]
SERVICE = "landbridge.v1.NodeService"
NO_MESSAGE = b"\xff\xff\xff"
Request = node_service_pb2.StreamAnswersRequest
Respond = Callable[[Request], Iterator[bytes]]


def sound() -> catalogue_pb2.Catalogue:
    return catalogue_pb2.Catalogue(
        agency="tax", datasets=[catalogue_pb2.Dataset(name="a"), catalogue_pb2.Dataset(name="b")]
    )


def echo(request: Request) -> Iterator[bytes]:
    response = node_service_pb2.StreamAnswersResponse()
    for question in request.questions:
        response.answers.add(correlation_id=question.correlation_id).answer.payload = b"x"
    yield response.SerializeToString()


class FakeNode:
    """Answers as it is set to; `respond` makes the messages for a request."""

    def __init__(self) -> None:
        self.catalogue = sound()
        self.catalogue_bytes: bytes | None = None
        self.respond: Respond = echo
        self.received: list[Request] = []
        self.streams = 0
        self.admits = True

    async def get_catalogue(self, _request: bytes, _context: object) -> bytes:
        if self.catalogue_bytes is not None:
            return self.catalogue_bytes
        return node_service_pb2.GetCatalogueResponse(catalogue=self.catalogue).SerializeToString()

    async def stream_answers(
        self, requests: AsyncIterator[bytes], context: Context
    ) -> AsyncIterator[bytes]:
        if not self.admits:
            await context.abort(grpc.StatusCode.PERMISSION_DENIED, "not now")
        await context.send_initial_metadata(ADMITTED)
        self.streams += 1
        async for raw in requests:
            request = Request.FromString(raw)
            self.received.append(request)
            for response in self.respond(request):
                yield response


@dataclass
class Line:
    """A client of a fake node, the channel that it uses, and where the node listens."""

    client: NodeClient
    channel: RotatingChannel
    address: str

    async def swap(self) -> None:
        await self.channel.swap(grpc.aio.insecure_channel(self.address))


@asynccontextmanager
async def line(node: FakeNode) -> AsyncIterator[NodeClient]:
    async with opened(node) as it:
        yield it.client


@asynccontextmanager
async def opened(
    node: FakeNode, *, stream_life_s: float = 30, options: Options = ()
) -> AsyncIterator[Line]:
    server = grpc.aio.server(options=options)
    handlers: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {
        "GetCatalogue": grpc.unary_unary_rpc_method_handler(node.get_catalogue),
        "StreamAnswers": grpc.stream_stream_rpc_method_handler(node.stream_answers),
    }
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(SERVICE, handlers)])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    channel = RotatingChannel(grpc.aio.insecure_channel(f"127.0.0.1:{port}"))
    client = NodeClient("tax", channel, stream_life_s=stream_life_s)
    try:
        yield Line(client, channel, f"127.0.0.1:{port}")
    finally:
        await client.close()
        await server.stop(0)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


def ask(client: NodeClient, outcomes: list[Outcome], size: int = 0) -> int:
    deadline = asyncio.get_running_loop().time() + 10
    return client.ask(
        query_pb2.Question(datasets=["x" * size]).SerializeToString(),
        deadline,
        lambda _agency, outcome: outcomes.append(outcome),
    )


def reason_of(outcome: Outcome) -> Reason:
    assert isinstance(outcome, LandbridgeError)
    return outcome.reason
