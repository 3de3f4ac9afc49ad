"""The shapes that are measured: how one query is asked in each."""

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
    """Send each query by one GetProfile call; those ready together get one signature."""

    async def ask(subject: SubjectId) -> envelope_pb2.Envelope:
        return await client.ask(subject, PURPOSE, _CASE, timeout=TIMEOUT_S)

    return ask


def stream(client: Client) -> AskProfile:
    """Send queries on the client's StreamProfiles; those ready together get one signature."""

    async def ask(subject: SubjectId) -> envelope_pb2.Envelope:
        return await client.ask(subject, PURPOSE, _CASE, timeout=TIMEOUT_S, streamed=True)

    return ask
