"""Checks that faults on a connection disturb nobody else."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

import grpc

from landbridge.errors import LandbridgeError, Reason
from landbridge.rpc.status import from_rpc_error
from landbridge.v1 import node_service_pb2, node_service_pb2_grpc
from node.conformance.told import question
from node.conformance.trial import Trial
from node.conformance.verdict import Check, NonconformityError, demand

STALLED: Final = 20
"""Callers of each kind who stall, or are cut off."""
_ANSWERED: Final = (Reason.ANSWERED, Reason.NO_RECORD)
_CONNECT_S: Final = 5.0


async def _still_answers(trial: Trial, what: str) -> None:
    dataset = trial.datasets[0].name
    try:
        told = await trial.collect("all", dataset, trial.subjects[dataset][0])
    except LandbridgeError as error:
        raise NonconformityError(f"{what}, it answers others with {error.code}") from error
    demand(told.outcome in _ANSWERED, f"{what}, it answers others with {told.outcome.code}")


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
    dataset = trial.datasets[0].name
    query = trial.parties.query("all", trial.subjects[dataset][0])
    request = node_service_pb2.StreamAnswersRequest()
    request.questions.add(correlation_id=1, question=question(query, dataset))
    yield request
    await asyncio.Event().wait()


async def _killed(trial: Trial) -> str:
    dataset = trial.datasets[0].name
    subject = trial.subjects[dataset][0]
    for _ in range(STALLED):
        channel = trial.channel(trial.parties.gateway_folder)
        stub: node_service_pb2_grpc.NodeServiceAsyncStub = node_service_pb2_grpc.NodeServiceStub(
            channel
        )
        asked = question(trial.parties.query("all", subject), dataset)
        call = stub.GetAnswer(node_service_pb2.GetAnswerRequest(question=asked))
        await asyncio.sleep(0)
        call.cancel()
        await channel.close()
    await _still_answers(trial, f"after {STALLED} callers who went away")
    return f"{STALLED} callers who went away left nothing behind"


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
