"""One stream to a node: batches of questions out, answers in."""

import asyncio

import grpc

from gateway.questions import Questions
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.rpc.failure import from_failure
from landbridge.rpc.outbox import MOST_ACCEPTED
from landbridge.rpc.status import from_rpc_error
from landbridge.rpc.succession import wait_for_admission
from landbridge.v1 import carried_pb2

_METHOD = "/landbridge.v1.NodeService/StreamAnswers"
_STALL_S = 0.005
_LAST_WORD_S = 1.0


class NodeStream:
    """Sends what is asked of one node, and settles what comes back.

    Natural batching: a batch leaves when the one before has begun to come back, so that what
    gathers meanwhile is the next batch. A node that is slow to begin holds the next batch for
    `_STALL_S` at most.
    """

    def __init__(self, channel: grpc.aio.Channel, questions: Questions) -> None:
        self._questions = questions
        self._owed: set[int] = set()
        self._stands = asyncio.Event()
        self._retired = False
        self._writing = False
        self._returned = asyncio.Event()
        self._returned.set()
        self._failure = refuse(Reason.UNREACHABLE, "the stream was ended")
        # Questions are written, and answers go on, as bytes.
        stream: grpc.aio.StreamStreamMultiCallable[bytes, carried_pb2.CarriedAnswers] = (
            channel.stream_stream(
                _METHOD, response_deserializer=carried_pb2.CarriedAnswers.FromString
            )
        )
        self._call = stream()
        self._receiver = asyncio.create_task(self._receive())
        self._sender = asyncio.create_task(self._send())
        self._ended = asyncio.create_task(self._run())
        # Here, as a task that is cancelled before its first step runs nothing of its own.
        self._ended.add_done_callback(self._settle_all)

    @property
    def ended(self) -> asyncio.Future[None]:
        """Done when the stream is over; raises why, as a LandbridgeError, when it broke."""
        return self._ended

    async def opened(self) -> None:
        """Wait until the node has let the stream through; nothing is sent before.

        Raises:
            LandbridgeError: why it has not.
        """
        try:
            await wait_for_admission(self._call)
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error, peer="its node") from error
        self._stands.set()

    def retire(self) -> None:
        """Send no more questions, and end when every answer that is owed has come."""
        self._retired = True
        # A write that is cancelled would break the stream; it is waited for.
        if not self._writing:
            self._sender.cancel()

    def cancel(self) -> None:
        """End at once; questions that are open fail."""
        self._ended.cancel()

    async def _run(self) -> None:
        try:
            await asyncio.wait({self._receiver, self._sender}, return_when=asyncio.FIRST_COMPLETED)
            if self._retired and not self._receiver.done():
                await self._call.done_writing()
            else:
                # When the stream ends, the receiver has the true cause, the sender a consequence.
                await asyncio.wait({self._receiver}, timeout=_LAST_WORD_S)
            await (self._receiver if self._retired or self._receiver.done() else self._sender)
        except grpc.aio.AioRpcError as broken:
            self._failure = self._broken(broken)
            raise self._failure from broken
        except LandbridgeError as stated:
            self._failure = stated
            raise
        except Exception as unforeseen:  # gRPC yields None for what is no message
            self._failure = refuse(
                Reason.SOURCE_FAILED,
                f"its node sent what cannot be read ({type(unforeseen).__name__})",
            )
            raise self._failure from unforeseen
        self._failure = refuse(Reason.UNREACHABLE, "it closed the stream")
        if not self._retired:
            raise self._failure

    def _broken(self, broken: grpc.aio.AioRpcError) -> LandbridgeError:
        failure = from_rpc_error(broken, peer="its node")
        if failure.reason is Reason.UNREACHABLE and self._stands.is_set():
            # Of a line that stood, gRPC tells no cause worth repeating.
            return refuse(Reason.UNREACHABLE, "the connection broke")
        return failure

    def _settle_all(self, ended: asyncio.Task[None]) -> None:
        _heard(ended)
        for task in (self._receiver, self._sender):
            task.cancel()
            task.add_done_callback(_heard)
        self._call.cancel()
        self._questions.fail(self._owed, self._failure)

    async def _receive(self) -> None:
        async for response in self._call:
            if len(response.answers) > MOST_ACCEPTED:
                count = len(response.answers)
                raise refuse(Reason.SOURCE_FAILED, f"its node sent {count} answers in one message")
            self._returned.set()
            # Nothing is awaited in between, so that all of a message are settled before any of
            # their queries goes on.
            for answer in response.answers:
                number = answer.correlation_id
                self._owed.discard(number)
                self._questions.settle(number, answer.answer or from_failure(answer.failure))

    async def _send(self) -> None:
        loop = asyncio.get_running_loop()
        await self._stands.wait()
        while not self._retired:
            await self._questions.gathered.wait()
            if not self._returned.is_set():
                stall = loop.call_later(_STALL_S, self._returned.set)
                await self._returned.wait()
                stall.cancel()
            numbers, request = self._questions.take(loop.time())
            if numbers:
                self._returned.clear()
                self._owed.update(numbers)
                self._writing = True
                await self._call.write(request)
                self._writing = False


def _heard(task: asyncio.Task[None]) -> None:
    """Take note of how a task ended, which somebody else has told already."""
    if not task.cancelled():
        task.exception()
