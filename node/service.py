"""NodeService: questions in, signed answers out."""

import asyncio
from collections.abc import AsyncIterator

import grpc

from landbridge.errors import LandbridgeError
from landbridge.rpc.failure import to_failure
from landbridge.rpc.outbox import Outbox, check_batch, finished
from landbridge.rpc.status import abort
from landbridge.v1 import catalogue_pb2, node_service_pb2, node_service_pb2_grpc
from node.dispatcher import Dispatcher, Outcome, Pending

_DEFAULT_TIMEOUT_S = 10.0


class NodeService(node_service_pb2_grpc.NodeServiceServicer):
    """The rpcs of one agency's node."""

    def __init__(self, dispatcher: Dispatcher, catalogue: catalogue_pb2.Catalogue) -> None:
        self._dispatcher = dispatcher
        self._catalogue = catalogue
        self._readers: set[asyncio.Task[None]] = set()

    def close(self) -> None:
        """Read no more questions; each stream ends when it has given the answers it owes."""
        for reader in self._readers:
            reader.cancel()

    async def GetAnswer(
        self,
        request: node_service_pb2.GetAnswerRequest,
        context: grpc.aio.ServicerContext[
            node_service_pb2.GetAnswerRequest, node_service_pb2.GetAnswerResponse
        ],
    ) -> node_service_pb2.GetAnswerResponse:
        """Answer one question."""
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
        return node_service_pb2.GetAnswerResponse(answer=outcome)

    async def StreamAnswers(
        self,
        request_iterator: AsyncIterator[node_service_pb2.StreamAnswersRequest],
        context: grpc.aio.ServicerContext[
            node_service_pb2.StreamAnswersRequest, node_service_pb2.StreamAnswersResponse
        ],
    ) -> AsyncIterator[node_service_pb2.StreamAnswersResponse]:
        """Answer batches; what is ready together leaves together, in any order."""
        outbox: Outbox[node_service_pb2.StreamedAnswer] = Outbox(
            node_service_pb2.StreamedAnswer.ByteSize
        )
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
                yield node_service_pb2.StreamAnswersResponse(answers=answers)
            await finished(reader)
        except LandbridgeError as error:
            await abort(context, error)
        finally:
            self._readers.discard(reader)
            reader.cancel()

    async def GetCatalogue(
        self,
        request: node_service_pb2.GetCatalogueRequest,
        context: grpc.aio.ServicerContext[
            node_service_pb2.GetCatalogueRequest, node_service_pb2.GetCatalogueResponse
        ],
    ) -> node_service_pb2.GetCatalogueResponse:
        """Describe what the agency publishes."""
        del request, context
        return node_service_pb2.GetCatalogueResponse(catalogue=self._catalogue)


def _streamed(correlation_id: int, outcome: Outcome) -> node_service_pb2.StreamedAnswer:
    if isinstance(outcome, LandbridgeError):
        return node_service_pb2.StreamedAnswer(
            correlation_id=correlation_id, failure=to_failure(outcome)
        )
    return node_service_pb2.StreamedAnswer(correlation_id=correlation_id, answer=outcome)
