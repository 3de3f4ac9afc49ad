"""NodeService: questions in, signed answers out."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

import grpc

from landbridge.errors import LandbridgeError
from landbridge.rpc.failure import to_failure
from landbridge.rpc.outbox import Outbox, check_batch, finished
from landbridge.rpc.status import abort
from landbridge.v1 import catalogue_pb2, node_service_pb2
from landbridge.wire import number_part, part
from node.dispatcher import Dispatcher, Outcome, Pending

SERVICE: Final = "landbridge.v1.NodeService"

_DEFAULT_TIMEOUT_S = 10.0

# Tags of the GetAnswerResponse, the StreamAnswersResponse and the StreamedAnswer.
_ANSWER_ALONE: Final = b"\x0a"
_ANSWERS: Final = b"\x0a"
_CORRELATION_ID: Final = b"\x08"
_ANSWER: Final = b"\x12"
_FAILURE: Final = b"\x1a"


class NodeService:
    """The rpcs of one agency's node. Answers pass through as bytes."""

    def __init__(self, dispatcher: Dispatcher, catalogue: catalogue_pb2.Catalogue) -> None:
        self._dispatcher = dispatcher
        self._catalogue = catalogue
        self._readers: set[asyncio.Task[None]] = set()

    def close(self) -> None:
        """Read no more questions; each stream ends when it has given the answers it owes."""
        for reader in self._readers:
            reader.cancel()

    def handlers(self) -> grpc.GenericRpcHandler:
        """Return what a server needs to call the rpcs."""
        return grpc.method_handlers_generic_handler(
            SERVICE,
            {
                "GetAnswer": grpc.unary_unary_rpc_method_handler(
                    self.get_answer,
                    request_deserializer=node_service_pb2.GetAnswerRequest.FromString,
                ),
                "StreamAnswers": grpc.stream_stream_rpc_method_handler(
                    self.stream_answers,
                    request_deserializer=node_service_pb2.StreamAnswersRequest.FromString,
                ),
                "GetCatalogue": grpc.unary_unary_rpc_method_handler(
                    self.get_catalogue,
                    request_deserializer=node_service_pb2.GetCatalogueRequest.FromString,
                    response_serializer=node_service_pb2.GetCatalogueResponse.SerializeToString,
                ),
            },
        )

    async def get_answer(
        self,
        request: node_service_pb2.GetAnswerRequest,
        context: grpc.aio.ServicerContext[node_service_pb2.GetAnswerRequest, bytes],
    ) -> bytes:
        """Answer one question; the response is a GetAnswerResponse."""
        loop = asyncio.get_running_loop()
        arrived: asyncio.Future[Outcome] = loop.create_future()

        def deliver(outcome: Outcome) -> None:
            if not arrived.done():
                arrived.set_result(outcome)

        timeout = context.time_remaining() or _DEFAULT_TIMEOUT_S
        self._dispatcher.submit([Pending(request.question, loop.time() + timeout, deliver)])
        outcome = await arrived
        if isinstance(outcome, LandbridgeError):
            await abort(context, outcome)
        return part(_ANSWER_ALONE, outcome)

    async def stream_answers(
        self,
        request_iterator: AsyncIterator[node_service_pb2.StreamAnswersRequest],
        context: grpc.aio.ServicerContext[node_service_pb2.StreamAnswersRequest, bytes],
    ) -> AsyncIterator[bytes]:
        """Answer batches; what is ready together leaves together, in any order.

        Each response is a StreamAnswersResponse.
        """
        outbox: Outbox[bytes] = Outbox(len)
        loop = asyncio.get_running_loop()

        def pending(item: node_service_pb2.StreamedQuestion, now: float) -> Pending:
            timeout = item.timeout_ms / 1000 or _DEFAULT_TIMEOUT_S

            def deliver(outcome: Outcome) -> None:
                outbox.put(_streamed(item.correlation_id, outcome))

            return Pending(item.question, now + timeout, deliver)

        async def read() -> None:
            try:
                async for request in request_iterator:
                    check_batch(len(request.questions))
                    now = loop.time()
                    outbox.expect(len(request.questions))
                    self._dispatcher.submit([pending(item, now) for item in request.questions])
                    await outbox.room()
            finally:
                outbox.close()

        reader = asyncio.create_task(read())
        self._readers.add(reader)
        try:
            while answers := await outbox.take():
                yield b"".join(answers)
            await finished(reader)
        except LandbridgeError as error:
            await abort(context, error)
        finally:
            self._readers.discard(reader)
            reader.cancel()

    async def get_catalogue(
        self,
        request: node_service_pb2.GetCatalogueRequest,
        context: grpc.aio.ServicerContext[
            node_service_pb2.GetCatalogueRequest, node_service_pb2.GetCatalogueResponse
        ],
    ) -> node_service_pb2.GetCatalogueResponse:
        """Describe what the agency publishes."""
        del request, context
        return node_service_pb2.GetCatalogueResponse(catalogue=self._catalogue)


def _streamed(correlation_id: int, outcome: Outcome) -> bytes:
    given = (
        part(_FAILURE, to_failure(outcome).SerializeToString())
        if isinstance(outcome, LandbridgeError)
        else part(_ANSWER, outcome)
    )
    return part(_ANSWERS, number_part(_CORRELATION_ID, correlation_id) + given)
