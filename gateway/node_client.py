"""The gateway's line to one node: one long-lived stream that carries batches of questions."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import grpc

from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.rpc.failure import from_failure
from landbridge.rpc.outbox import LARGEST_BATCH, MOST_IN_A_BATCH
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
_LAST_WORD_S = 1.0
_MAX_DATASETS = 200
_MAX_FIELDS = 500
_MAX_KEYS = 20
_MAX_NAME = 200

_Stream = grpc.aio.StreamStreamCall[
    node_service_pb2.StreamAnswersRequest, node_service_pb2.StreamAnswersResponse
]


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
        self._waiting: dict[int, _Asked] = {}
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
            self._waiting[number] = asked
            self._work.set()
        return number

    def give_up(self, number: int) -> None:
        """Forget a question; an answer that still comes is dropped."""
        self._asked.pop(number, None)
        self._waiting.pop(number, None)

    async def close(self) -> None:
        """End the stream and the channel."""
        self._keeper.cancel()
        await asyncio.gather(self._keeper, return_exceptions=True)
        await self._channel.close()

    async def _keep_open(self) -> None:
        """Open the stream, and open it again whenever it breaks."""
        while True:
            error = refuse(Reason.UNREACHABLE, "the gateway ended the stream")
            try:
                self.catalogue = await self._fetch_catalogue()
                await self._run_stream()
                error = refuse(Reason.UNREACHABLE, f"{self.agency} closed the stream")
            except LandbridgeError as unsound:
                error = unsound
            except grpc.aio.AioRpcError as broken:
                # Of a line that stood, gRPC tells no cause worth repeating.
                error = (
                    refuse(Reason.UNREACHABLE, "the connection broke")
                    if self._connected
                    else from_rpc_error(broken, peer="its node")
                )
            except Exception as unforeseen:  # noqa: BLE001  gRPC yields None for what is no message
                error = refuse(
                    Reason.SOURCE_FAILED,
                    f"its node sent what cannot be read ({type(unforeseen).__name__})",
                )
            finally:
                self._connected = False
                self.failure = refuse(error.reason, f"{self.agency}: {error.message}")
                self._fail_all()
            await asyncio.sleep(_RETRY_S)

    async def _fetch_catalogue(self) -> catalogue_pb2.Catalogue:
        response = await self._stub.GetCatalogue(
            node_service_pb2.GetCatalogueRequest(), timeout=_CATALOGUE_TIMEOUT_S
        )
        _check_catalogue(response.catalogue, self.agency)
        return response.catalogue

    def _fail_all(self) -> None:
        asked, self._asked = self._asked, {}
        self._waiting.clear()
        self._work.clear()
        for item in asked.values():
            self._hand_over(item, self.failure)

    async def _run_stream(self) -> None:
        stream = self._stub.StreamAnswers()
        await stream.wait_for_connection()
        self._connected = True
        self._returned.set()
        receiver = asyncio.create_task(self._receive(stream))
        sender = asyncio.create_task(self._send(stream))
        try:
            await asyncio.wait({receiver, sender}, return_when=asyncio.FIRST_COMPLETED)
            # When the stream ends, the receiver has the true cause and the sender a consequence.
            await asyncio.wait({receiver}, timeout=_LAST_WORD_S)
            await (receiver if receiver.done() else sender)
        finally:
            sender.cancel()
            receiver.cancel()
            stream.cancel()
            await asyncio.gather(sender, receiver, return_exceptions=True)

    async def _receive(self, stream: _Stream) -> None:
        async for response in stream:
            self._returned.set()
            self._deliver(response.answers)

    async def _send(self, stream: _Stream) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._work.wait()
            if not self._returned.is_set():
                stall = loop.call_later(_STALL_S, self._returned.set)
                await self._returned.wait()
                stall.cancel()
            if questions := self._next_batch(loop.time()):
                self._returned.clear()
                await stream.write(node_service_pb2.StreamAnswersRequest(questions=questions))

    def _next_batch(self, now: float) -> list[node_service_pb2.StreamedQuestion]:
        """Take what fits into one message; the rest waits for the next turn."""
        batch: list[node_service_pb2.StreamedQuestion] = []
        free = LARGEST_BATCH
        for number, asked in self._waiting.items():
            question = node_service_pb2.StreamedQuestion(
                correlation_id=number,
                question=asked.question,
                timeout_ms=max(1, int((asked.deadline - now) * 1000)),
            )
            free -= question.ByteSize()
            # A question larger than a batch goes alone.
            if batch and (free < 0 or len(batch) == MOST_IN_A_BATCH):
                break
            batch.append(question)
        for question in batch:
            del self._waiting[question.correlation_id]
        if not self._waiting:
            self._work.clear()
        return batch

    def _deliver(self, answers: Sequence[node_service_pb2.StreamedAnswer]) -> None:
        for answer in answers:
            asked = self._asked.pop(answer.correlation_id, None)
            if asked is None:
                continue
            # An answer to what was not sent yet is a guess, and settles the question all the same.
            self._waiting.pop(answer.correlation_id, None)
            self._hand_over(
                asked,
                answer.answer if answer.HasField("answer") else from_failure(answer.failure),
            )

    def _hand_over(self, asked: _Asked, outcome: Outcome) -> None:
        """Deliver an outcome; one that cannot be taken must not keep the others from theirs."""
        try:
            asked.deliver(self.agency, outcome)
        except Exception as error:  # noqa: BLE001  it comes from bytes that the node chose
            failure = refuse(
                Reason.SOURCE_FAILED,
                f"the answer of {self.agency} cannot be read ({type(error).__name__})",
            )
            with contextlib.suppress(Exception):
                asked.deliver(self.agency, failure)


def _check_catalogue(catalogue: catalogue_pb2.Catalogue, agency: str) -> None:
    """Check what a node says of itself before a query is planned by it."""
    names = [dataset.name for dataset in catalogue.datasets]
    if catalogue.agency != agency:
        problem = "it is of another agency"
    elif len(names) > _MAX_DATASETS:
        problem = f"it has more than {_MAX_DATASETS} datasets"
    elif len(set(names)) < len(names):
        problem = "two datasets have the same name"
    else:
        problem = next(filter(None, map(_problem_of, catalogue.datasets)), "")
    if problem:
        raise refuse(Reason.SOURCE_FAILED, f"its catalogue is not sound: {problem}")


def _problem_of(dataset: catalogue_pb2.Dataset) -> str:
    if len(dataset.fields) > _MAX_FIELDS:
        return f"a dataset has more than {_MAX_FIELDS} fields"
    if len(dataset.keys) > _MAX_KEYS:
        return f"a dataset has more than {_MAX_KEYS} keys"
    names = [dataset.name, *(key.scheme for key in dataset.keys)]
    for field in dataset.fields:
        names += field.name, field.scheme
    if any(len(name) > _MAX_NAME for name in names):
        return f"a name has more than {_MAX_NAME} characters"
    return ""
