"""A node that does what it likes with whole batches of answers; a real node makes them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from typing import Any

from landbridge.rpc.guard import Context
from landbridge.rpc.options import ADMITTED
from landbridge.v1 import node_service_pb2
from tests.relay import Relay, Streamed

Send = Callable[[Sequence[Streamed]], None]
PassOn = Callable[[Sequence[Streamed], Send], Coroutine[Any, Any, None]]
"""Is given what the real node answered in one message, and sends what it likes, when it likes."""


async def honestly(answers: Sequence[Streamed], send: Send) -> None:
    """Pass a message on as it came."""
    send(answers)


class BatchRelay(Relay):
    """Stands between the gateway and a real node; `pass_on` may be set at any time.

    `asked` are the questions that came, in their messages. While `reads` is not set, the gateway's
    messages stay where they are.
    """

    def __init__(self, pass_on: PassOn = honestly) -> None:
        super().__init__(_unchanged)
        self.pass_on = pass_on
        self.asked: list[list[node_service_pb2.StreamedQuestion]] = []
        self.reads = asyncio.Event()
        self.reads.set()

    async def StreamAnswers(  # noqa: N802
        self,
        request_iterator: AsyncIterator[node_service_pb2.StreamAnswersRequest],
        context: Context,
    ) -> AsyncIterator[node_service_pb2.StreamAnswersResponse]:
        await context.send_initial_metadata(ADMITTED)
        ready: asyncio.Queue[Sequence[Streamed] | None] = asyncio.Queue()
        passing: set[asyncio.Task[None]] = set()

        async def read() -> AsyncIterator[node_service_pb2.StreamAnswersRequest]:
            await self.reads.wait()
            async for request in request_iterator:
                self.asked.append(list(request.questions))
                yield request
                await self.reads.wait()

        async def forward() -> None:
            async for response in self._stub.StreamAnswers(read()):
                task = asyncio.create_task(self.pass_on(list(response.answers), ready.put_nowait))
                passing.add(task)
            await asyncio.gather(*passing)
            ready.put_nowait(None)

        forwarding = asyncio.create_task(forward())
        try:
            while (answers := await ready.get()) is not None:
                yield node_service_pb2.StreamAnswersResponse(answers=answers)
        finally:
            for task in (forwarding, *passing):
                task.cancel()
            await asyncio.gather(forwarding, *passing, return_exceptions=True)


async def _unchanged(answer: Streamed) -> Streamed:
    return answer
