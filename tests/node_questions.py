"""Asking a node directly, as the gateway does that holds the gateway's keys."""

import grpc
import pytest

from landbridge.agency import Role
from landbridge.errors import LandbridgeError, Reason
from landbridge.rpc.status import from_rpc_error
from landbridge.subject import SubjectId
from landbridge.v1 import (
    answer_pb2,
    envelope_pb2,
    node_service_pb2,
    node_service_pb2_grpc,
    query_pb2,
    subject_pb2,
)
from tests.market import Market


def question(
    query: envelope_pb2.Envelope,
    dataset: str,
    *,
    step: query_pb2.Step.ValueType = query_pb2.STEP_COLLECT,
    alias: SubjectId | None = None,
    links: tuple[envelope_pb2.Envelope, ...] = (),
) -> query_pb2.Question:
    asked = query_pb2.Question(query=query, step=step, round=1, datasets=[dataset], links=links)
    if alias:
        asked.aliases.append(subject_pb2.SubjectId(scheme=alias.scheme, value=alias.value))
    return asked


async def ask(running: Market, agency: str, asked: query_pb2.Question) -> envelope_pb2.Envelope:
    """Ask a node directly, as the gateway that holds the gateway's keys."""
    endpoint = running.bundle.members[agency].endpoints[0]
    async with running.channel(endpoint, "exchange", Role.GATEWAY) as channel:
        stub: node_service_pb2_grpc.NodeServiceAsyncStub = node_service_pb2_grpc.NodeServiceStub(
            channel
        )
        try:
            response = await stub.GetAnswer(
                node_service_pb2.GetAnswerRequest(question=asked), timeout=5
            )
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error) from error
    return response.answer


async def answer_of(
    running: Market, agency: str, asked: query_pb2.Question
) -> answer_pb2.DatasetAnswer:
    envelope = await ask(running, agency, asked)
    return answer_pb2.Answer.FromString(envelope.payload).datasets[0]


async def refused(running: Market, agency: str, asked: query_pb2.Question) -> Reason:
    with pytest.raises(LandbridgeError) as caught:
        await ask(running, agency, asked)
    return caught.value.reason
