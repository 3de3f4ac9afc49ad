"""Asking several nodes while some of them leave the federation."""

import asyncio

import grpc

from gateway.executor import Executor
from gateway.node_client import NodeClient
from gateway.waves import Waves
from landbridge.assembler import VerifiedAnswer
from landbridge.errors import LandbridgeError, Reason
from landbridge.rpc.channel import RotatingChannel
from landbridge.v1 import answer_pb2, envelope_pb2
from tests.free_address import free_address


def verify(agency: str, data: bytes) -> VerifiedAnswer:
    return VerifiedAnswer.of(
        envelope_pb2.Envelope.FromString(data), answer_pb2.Answer(agency=agency)
    )


async def test_a_node_that_has_left_since_the_plan_fails_alone() -> None:
    down = NodeClient("down", RotatingChannel(grpc.aio.insecure_channel(free_address())))
    lines = {"down": down, "leaving": down}
    executor = Executor(lines)
    del lines["leaving"]
    questions = dict.fromkeys(("down", "leaving"), b"")
    deadline = asyncio.get_running_loop().time() + 5
    place = await Waves().join(deadline)
    answers = await executor.ask(questions, deadline, verify, place)
    place.leave()
    await down.close()
    assert list(answers) == ["down", "leaving"]
    failures = [one for one in answers.values() if isinstance(one, LandbridgeError)]
    assert [failure.reason for failure in failures] == [Reason.UNREACHABLE] * 2
    assert failures[1].message == "leaving has left the federation"
