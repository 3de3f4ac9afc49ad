"""The shapes that are measured: how one query is asked in each."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import grpc

from bench.federation import PURPOSE
from bench.floor import ANSWER_BYTES, METHOD
from landbridge.client import Client
from landbridge.errors import Reason, refuse
from landbridge.subject import SubjectId
from landbridge.v1 import envelope_pb2

FLOOR: Final = "floor"
UNARY: Final = "unary"
STREAM: Final = "stream"
SHAPES: Final = (FLOOR, UNARY, STREAM)
"""In this order in the table; the order of measuring turns with every round."""

TIMEOUT_S: Final = 30.0
_CASE: Final = "BENCH-1"

AskBytes = Callable[[SubjectId], Awaitable[bytes]]
AskProfile = Callable[[SubjectId], Awaitable[envelope_pb2.Envelope]]


def floor(channel: grpc.aio.Channel, nodes: int) -> AskBytes:
    """Ask the bare gateway: one unary call a query."""
    call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(METHOD)

    async def ask(subject: SubjectId) -> bytes:
        answer = await call(subject.value.encode(), timeout=TIMEOUT_S)
        if len(answer) != nodes * ANSWER_BYTES:
            raise refuse(Reason.SOURCE_FAILED, f"the floor answered {len(answer)} bytes")
        return answer

    return ask


def unary(client: Client) -> AskProfile:
    """Sign one query and send it by one GetProfile call."""

    async def ask(subject: SubjectId) -> envelope_pb2.Envelope:
        return await client.ask(subject, PURPOSE, _CASE, timeout=TIMEOUT_S)

    return ask


def stream(client: Client) -> AskProfile:
    """Send queries on the client's StreamProfiles; those ready together get one signature."""
    signer = BatchSigner(client)

    async def ask(subject: SubjectId) -> envelope_pb2.Envelope:
        return await client.stream(await signer.sign(subject), TIMEOUT_S)

    return ask


class BatchSigner:
    """Signs with one signature all queries that are ready in the same turn of the event loop.

    No query waits for company: the signature is made as soon as the loop has run what was ready.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._ready: list[tuple[SubjectId, asyncio.Future[envelope_pb2.Envelope]]] = []

    async def sign(self, subject: SubjectId) -> envelope_pb2.Envelope:
        """Return a new signed query about the subject."""
        loop = asyncio.get_running_loop()
        signed: asyncio.Future[envelope_pb2.Envelope] = loop.create_future()
        if not self._ready:
            loop.call_soon(self._sign_ready)
        self._ready.append((subject, signed))
        return await signed

    def _sign_ready(self) -> None:
        ready, self._ready = self._ready, []
        queries = self._client.sign([subject for subject, _ in ready], PURPOSE, _CASE)
        for (_, signed), query in zip(ready, queries, strict=True):
            if not signed.done():
                signed.set_result(query)
