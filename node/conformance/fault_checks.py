"""Checks that faults on a connection disturb nobody else."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

import grpc

from landbridge.errors import LandbridgeError
from landbridge.rpc.status import from_rpc_error
from landbridge.v1 import node_service_pb2, node_service_pb2_grpc
from node.conformance.relay import Relay
from node.conformance.told import question
from node.conformance.trial import Trial
from node.conformance.verdict import Check, NonconformityError, demand

STALLED: Final = 20
"""Callers of each kind who stall, or are cut off."""
_LINES: Final = 4
"""Connections on which the callers come who are cut off."""
_CONNECT_S: Final = 5.0


async def _still_answers(trial: Trial, what: str) -> None:
    """Demand an answer on the connection that was there before, and on a new one."""
    dataset = trial.datasets[0].name
    for connection in ("the connection that it had", "a new connection"):
        try:
            told = await trial.collect("all", dataset, trial.subjects[dataset][0])
        except LandbridgeError as error:
            raise NonconformityError(
                f"{what}, it answers on {connection} with {error.code}"
            ) from error
        await trial.demand_answered(told, f"on {connection} {what}")
        await trial.reconnect()


async def _garbage(trial: Trial) -> str:
    for data in (b"GET / HTTP/1.1\r\nHost: node\r\n\r\n", b"\x16\x03\x01\xff\xff" + bytes(512)):
        _, writer = await _connect(trial)
        writer.write(data)
        writer.write_eof()
        await _close(writer)
    await _still_answers(trial, "after bytes that are no TLS")
    return "bytes that are no TLS close their own connection alone"


async def _stalled(trial: Trial) -> str:
    stalled = [await _connect(trial) for _ in range(STALLED)]
    channel = trial.channel(trial.parties.gateway_folder)
    stub: node_service_pb2_grpc.NodeServiceAsyncStub = node_service_pb2_grpc.NodeServiceStub(
        channel
    )
    streams = [stub.StreamAnswers(_ask_once(trial)) for _ in range(STALLED)]
    try:
        # Once answered, they are known to be open.
        await asyncio.gather(*(stream.read() for stream in streams))
        await _still_answers(trial, f"beside {2 * STALLED} callers who say nothing more")
    except grpc.aio.AioRpcError as error:
        told = from_rpc_error(error)
        raise NonconformityError(f"it refuses a stream beside others with {told.code}") from error
    finally:
        await channel.close()
        for _, writer in stalled:
            await _close(writer)
    return f"{2 * STALLED} callers who say nothing more hold up nobody"


async def _ask_once(trial: Trial) -> AsyncIterator[node_service_pb2.StreamAnswersRequest]:
    yield _request(trial)
    await asyncio.Event().wait()


def _request(trial: Trial) -> node_service_pb2.StreamAnswersRequest:
    dataset = trial.datasets[0].name
    query = trial.parties.query("all", trial.subjects[dataset][0])
    request = node_service_pb2.StreamAnswersRequest()
    request.questions.add(correlation_id=1, question=question(query, dataset))
    return request


async def _killed(trial: Trial) -> str:
    async with Relay(trial.address) as relay:
        channels = [
            trial.channel(trial.parties.gateway_folder, relay.address) for _ in range(_LINES)
        ]
        try:
            streams = [
                node_service_pb2_grpc.NodeServiceStub(channel).StreamAnswers()
                for channel in channels
                for _ in range(STALLED // _LINES)
            ]
            for stream in streams:
                await stream.write(_request(trial))
            # Once answered, they are known to be open.
            await asyncio.gather(*(stream.read() for stream in streams))
            saying_more = asyncio.gather(
                relay.next_bytes(_CONNECT_S), *(stream.write(_request(trial)) for stream in streams)
            )
            await saying_more
            let_go = await relay.cut_and_wait(_CONNECT_S)
            demand(let_go, f"it holds connections {_CONNECT_S:g} s after they were cut")
        except grpc.aio.AioRpcError as error:
            told = from_rpc_error(error)
            raise NonconformityError(f"it refuses a stream with {told.code}") from error
        finally:
            for channel in channels:
                await channel.close()
    await _still_answers(trial, f"after {STALLED} callers were cut off")
    return f"{STALLED} callers who were cut off in the midst of asking left nothing behind"


async def _connect(trial: Trial) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, _, port = trial.address.rpartition(":")
    async with asyncio.timeout(_CONNECT_S):
        return await asyncio.open_connection(host, int(port))


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
