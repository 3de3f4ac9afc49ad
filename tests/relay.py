"""A node that misbehaves: it holds the node's TLS keys and alters what the real node answers."""

from collections.abc import AsyncIterator, Awaitable, Callable

import grpc

from landbridge.rpc.guard import Context
from landbridge.rpc.options import ADMITTED
from landbridge.rpc.serving import server_options
from landbridge.v1 import node_service_pb2, node_service_pb2_grpc

Streamed = node_service_pb2.StreamedAnswer
Alter = Callable[[Streamed], Awaitable[Streamed | None]]
"""Returns what to send in place of an answer, or None for nothing."""


class Relay(node_service_pb2_grpc.NodeServiceServicer):
    """Stands between the gateway and a real node; `alter` may be set at any time."""

    def __init__(self, alter: Alter) -> None:
        self.alter = alter

    async def start(
        self, credentials: grpc.ServerCredentials, address: str, channel: grpc.aio.Channel
    ) -> None:
        self._channel = channel
        self._stub: node_service_pb2_grpc.NodeServiceAsyncStub = (
            node_service_pb2_grpc.NodeServiceStub(channel)
        )
        # It sends messages of any size.
        options = [one for one in server_options() if one[0] != "grpc.max_send_message_length"]
        self._server = grpc.aio.server(options=[*options, ("grpc.max_send_message_length", -1)])
        node_service_pb2_grpc.add_NodeServiceServicer_to_server(self, self._server)
        self._server.add_secure_port(address, credentials)
        await self._server.start()

    async def stop(self) -> None:
        await self._server.stop(0)
        await self._channel.close()

    async def GetCatalogue(  # noqa: N802
        self, request: node_service_pb2.GetCatalogueRequest, context: object
    ) -> node_service_pb2.GetCatalogueResponse:
        del context
        return await self._stub.GetCatalogue(request)

    async def StreamAnswers(  # noqa: N802
        self,
        request_iterator: AsyncIterator[node_service_pb2.StreamAnswersRequest],
        context: Context,
    ) -> AsyncIterator[node_service_pb2.StreamAnswersResponse]:
        await context.send_initial_metadata(ADMITTED)
        stream = self._stub.StreamAnswers(request_iterator)
        async for response in stream:
            altered = [await self.alter(answer) for answer in response.answers]
            yield node_service_pb2.StreamAnswersResponse(
                answers=[answer for answer in altered if answer is not None]
            )
