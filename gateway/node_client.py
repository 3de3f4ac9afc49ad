"""The gateway's line to one node: one long-lived stream that carries batches of questions."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import grpc

from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.rpc.failure import from_failure
from landbridge.rpc.status import from_rpc_error
from landbridge.v1 import (
    catalogue_pb2,
    envelope_pb2,
    node_service_pb2,
    node_service_pb2_grpc,
    query_pb2,
)

Outcome = envelope_pb2.Envelope | LandbridgeError
Deliver = Callable[[str, Outcome], None]

_STALL_S = 0.005
_CATALOGUE_TIMEOUT_S = 5.0
_RETRY_S = 0.25
_MAX_WAITING = 8192


@dataclass(frozen=True, slots=True)
class _Asked:
    question: query_pb2.Question
    deadline: float
    deliver: Deliver


class NodeClient:
    """Asks one node, and keeps the stream to it open.

    Natural batching: a batch leaves when the one before has begun to come back, so that what
    gathers meanwhile is the next batch. A node that is slow to begin holds the next batch for
    `_STALL_S` at most.
    """

    def __init__(self, agency: str, channel: grpc.aio.Channel) -> None:
        self.agency = agency
        self.catalogue: catalogue_pb2.Catalogue | None = None
        self.failure: LandbridgeError = refuse(Reason.UNREACHABLE, f"{agency} was not reached yet")
        self._stub: node_service_pb2_grpc.NodeServiceAsyncStub = (
            node_service_pb2_grpc.NodeServiceStub(channel)
        )
        self._channel = channel
        self._waiting: list[tuple[int, _Asked]] = []
        self._asked: dict[int, _Asked] = {}
        self._next_id = 0
        self._work = asyncio.Event()
        self._returned = asyncio.Event()
        self._connected = False
        self._keeper = asyncio.create_task(self._keep_open())

    @property
    def connected(self) -> bool:
        """Whether the stream is open."""
        return self._connected

    def ask(self, question: query_pb2.Question, deadline: float, deliver: Deliver) -> int:
        """Ask a question; its outcome is delivered once, unless it is given up before.

        `deadline` is in the event loop's own time, in seconds. Returns the number under which the
        question can be given up.
        """
        self._next_id += 1
        number = self._next_id
        if not self._connected:
            deliver(self.agency, self.failure)
        elif len(self._asked) >= _MAX_WAITING:
            deliver(
                self.agency, refuse(Reason.BUSY, f"{_MAX_WAITING} questions wait for {self.agency}")
            )
        else:
            asked = _Asked(question, deadline, deliver)
            self._asked[number] = asked
            self._waiting.append((number, asked))
            self._work.set()
        return number

    def give_up(self, number: int) -> None:
        """Forget a question; an answer that still comes is dropped."""
        self._asked.pop(number, None)

    async def close(self) -> None:
        """End the stream and the channel."""
        self._keeper.cancel()
        await asyncio.gather(self._keeper, return_exceptions=True)
        await self._channel.close()

    async def _keep_open(self) -> None:
        """Open the stream, and open it again whenever it breaks."""
        while True:
            try:
                self.catalogue = (
                    await self._stub.GetCatalogue(
                        node_service_pb2.GetCatalogueRequest(), timeout=_CATALOGUE_TIMEOUT_S
                    )
                ).catalogue
                await self._run_stream()
                error = refuse(Reason.UNREACHABLE, f"{self.agency} closed the stream")
            except grpc.aio.AioRpcError as broken:
                # Of a line that stood, gRPC tells no cause worth repeating.
                error = (
                    refuse(Reason.UNREACHABLE, "the connection broke")
                    if self._connected
                    else from_rpc_error(broken, peer="its node")
                )
            finally:
                self._connected = False
            self.failure = refuse(error.reason, f"{self.agency}: {error.message}")
            self._fail_all()
            await asyncio.sleep(_RETRY_S)

    def _fail_all(self) -> None:
        asked, self._asked = self._asked, {}
        self._waiting.clear()
        for item in asked.values():
            item.deliver(self.agency, self.failure)

    async def _run_stream(self) -> None:
        stream = self._stub.StreamAnswers()
        await stream.wait_for_connection()
        self._connected = True
        self._returned.set()
        sender = asyncio.create_task(self._send(stream))
        try:
            async for response in stream:
                self._returned.set()
                self._deliver(response)
        finally:
            sender.cancel()
            stream.cancel()
            await asyncio.gather(sender, return_exceptions=True)

    async def _send(
        self,
        stream: grpc.aio.StreamStreamCall[
            node_service_pb2.StreamAnswersRequest, node_service_pb2.StreamAnswersResponse
        ],
    ) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._work.wait()
            if not self._returned.is_set():
                stall = loop.call_later(_STALL_S, self._returned.set)
                await self._returned.wait()
                stall.cancel()
            batch, self._waiting = self._waiting, []
            self._work.clear()
            now = loop.time()
            questions = [
                node_service_pb2.StreamedQuestion(
                    correlation_id=number,
                    question=asked.question,
                    timeout_ms=max(1, int((asked.deadline - now) * 1000)),
                )
                for number, asked in batch
                if number in self._asked
            ]
            if questions:
                self._returned.clear()
                await stream.write(node_service_pb2.StreamAnswersRequest(questions=questions))

    def _deliver(self, response: node_service_pb2.StreamAnswersResponse) -> None:
        for answer in response.answers:
            asked = self._asked.pop(answer.correlation_id, None)
            if asked is None:
                continue
            if answer.HasField("answer"):
                asked.deliver(self.agency, answer.answer)
            else:
                asked.deliver(self.agency, from_failure(answer.failure))
