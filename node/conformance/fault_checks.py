"""Checks that faults on a connection disturb nobody else.

Beside each fault another caller holds a stream open, and must be answered on it before and after;
then others must be answered, who come on a connection of their own.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

import grpc

from landbridge.errors import LandbridgeError
from landbridge.rpc.failure import from_failure
from landbridge.rpc.status import from_rpc_error
from landbridge.v1 import node_service_pb2, node_service_pb2_grpc
from node.conformance.relay import Relay
from node.conformance.told import demand_answered, question
from node.conformance.trial import Trial
from node.conformance.verdict import Check, NonconformityError, demand

STALLED: Final = 20
"""Callers of each kind who stall, or are cut off."""
_LINES: Final = 4
"""Connections on which the callers come who are cut off."""
_CHUNK: Final = 4096
_CONNECT_S: Final = 20.0
_TIMEOUT_S: Final = 20.0

_Stream = grpc.aio.StreamStreamCall[
    node_service_pb2.StreamAnswersRequest, node_service_pb2.StreamAnswersResponse
]


async def _garbage(trial: Trial) -> str:
    async with _nobody_disturbed(trial, "after bytes that are no TLS"):
        for data in (b"GET / HTTP/1.1\r\nHost: node\r\n\r\n", b"\x16\x03\x01\xff\xff" + bytes(512)):
            reader, writer = await _connect(trial)
            writer.write(data)
            writer.write_eof()
            await _until_closed(reader)
            await _close(writer)
    return "bytes that are no TLS close their own connection alone"


async def _stalled(trial: Trial) -> str:
    stalled = [await _connect(trial) for _ in range(STALLED)]
    channel = trial.channel(trial.parties.gateway_folder)
    try:
        async with _nobody_disturbed(trial, f"beside {2 * STALLED} callers who say nothing more"):
            await asyncio.gather(*(_ask(trial, _open(channel)) for _ in range(STALLED)))
    finally:
        await channel.close()
        for _, writer in stalled:
            await _close(writer)
    return f"{2 * STALLED} callers who say nothing more hold up nobody"


async def _killed(trial: Trial) -> str:
    async with (
        _nobody_disturbed(trial, f"after {STALLED} callers were cut off"),
        Relay(trial.address) as relay,
    ):
        folder = trial.parties.gateway_folder
        channels = [trial.channel(folder, relay.address) for _ in range(_LINES)]
        streams = [_open(channel) for channel in channels for _ in range(STALLED // _LINES)]
        try:
            # Once answered, they are known to be open.
            await asyncio.gather(*(_ask(trial, stream) for stream in streams))
            await asyncio.gather(
                relay.next_bytes(_CONNECT_S), *(stream.write(_request(trial)) for stream in streams)
            )
            let_go = await relay.cut_and_wait(_CONNECT_S)
            demand(let_go, f"it holds connections {_CONNECT_S:g} s after they were cut")
        finally:
            for channel in channels:
                await channel.close()
    return f"{STALLED} callers who were cut off in the midst of asking left nothing behind"


@asynccontextmanager
async def _nobody_disturbed(trial: Trial, what: str) -> AsyncIterator[None]:
    """Demand that others are answered after what is done, as they were before it.

    What is done may go on until then.
    """
    channel = trial.channel(trial.parties.gateway_folder)
    beside = _open(channel)
    try:
        await _ask(trial, beside)
        yield
        await _ask(trial, beside)
        await beside.done_writing()
        demand(await beside.read() is grpc.aio.EOF, f"{what}, it answers what nobody asked")
    except grpc.aio.AioRpcError as error:
        told = from_rpc_error(error)
        raise NonconformityError(f"{what}, a stream fails with {told.code}") from error
    except LandbridgeError as error:
        raise NonconformityError(f"{what}, it answers a stream with {error.code}") from error
    finally:
        await channel.close()
    await _still_answers(trial, what)


async def _still_answers(trial: Trial, what: str) -> None:
    """Demand an answer on a new connection."""
    dataset = trial.datasets[0].name
    await trial.reconnect()
    try:
        told = await trial.collect("all", dataset, trial.subjects[dataset][0])
    except LandbridgeError as error:
        raise NonconformityError(f"{what}, it answers others with {error.code}") from error
    demand_answered(told, await trial.everything(dataset), what)


def _open(channel: grpc.aio.Channel) -> _Stream:
    stub: node_service_pb2_grpc.NodeServiceAsyncStub = node_service_pb2_grpc.NodeServiceStub(
        channel
    )
    return stub.StreamAnswers(timeout=_TIMEOUT_S)


async def _ask(trial: Trial, stream: _Stream) -> None:
    """Ask one question on a stream, and take its answer.

    Raises:
        LandbridgeError: what the node refused it for.
        AioRpcError: when the stream fails.
    """
    response: object = None
    with suppress(asyncio.InvalidStateError):  # of a stream that has ended
        await stream.write(_request(trial))
        response = await stream.read()
    if not isinstance(response, node_service_pb2.StreamAnswersResponse):
        raise NonconformityError("a stream ends before its question is answered")
    for answer in response.answers:
        if answer.HasField("failure"):
            raise from_failure(answer.failure)


def _request(trial: Trial) -> node_service_pb2.StreamAnswersRequest:
    dataset = trial.datasets[0].name
    query = trial.parties.query("all", trial.subjects[dataset][0])
    request = node_service_pb2.StreamAnswersRequest()
    request.questions.add(correlation_id=1, question=question(query, dataset))
    return request


async def _connect(trial: Trial) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, _, port = trial.address.rpartition(":")
    try:
        async with asyncio.timeout(_CONNECT_S):
            return await asyncio.open_connection(host, int(port))
    except OSError as error:  # a time-out, too
        raise NonconformityError("it takes no further connection") from error


async def _until_closed(reader: asyncio.StreamReader) -> None:
    """Wait until the node has taken notice of what it was sent, and closes."""
    try:
        async with asyncio.timeout(_CONNECT_S):
            while await reader.read(_CHUNK):
                pass
    except TimeoutError as error:
        raise NonconformityError(f"it keeps noise for longer than {_CONNECT_S:g} s") from error
    except OSError:
        return


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    try:
        await writer.wait_closed()
    except OSError:
        return  # the node was quicker


CHECKS: Final = (
    Check("noise", "Noise on the wire disturbs nobody.", _garbage),
    Check("stalled-callers", "Callers who stall disturb nobody.", _stalled),
    Check("lost-callers", "Callers who are cut off disturb nobody.", _killed),
)
