"""Asking several nodes while some of them leave the federation."""

import asyncio
import socket

import grpc

from gateway.executor import Executor
from gateway.node_client import NodeClient
from landbridge.assembler import VerifiedAnswer
from landbridge.errors import LandbridgeError, Reason
from landbridge.rpc.channel import RotatingChannel
from landbridge.v1 import answer_pb2, envelope_pb2, query_pb2


def verify(agency: str, envelope: envelope_pb2.Envelope) -> VerifiedAnswer:
    return VerifiedAnswer(envelope, answer_pb2.Answer(agency=agency))


async def test_a_node_that_has_left_since_the_plan_fails_alone() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens there
        channel = grpc.aio.insecure_channel(f"127.0.0.1:{taken.getsockname()[1]}")
        down = NodeClient("down", RotatingChannel(channel))
        lines = {"down": down, "leaving": down}
        executor = Executor(lines)
        del lines["leaving"]
        questions = dict.fromkeys(("down", "leaving"), query_pb2.Question())
        deadline = asyncio.get_running_loop().time() + 5
        answers = await executor.ask(questions, deadline, verify)
        await down.close()
    assert list(answers) == ["down", "leaving"]
    failures = [one for one in answers.values() if isinstance(one, LandbridgeError)]
    assert [failure.reason for failure in failures] == [Reason.UNREACHABLE] * 2
    assert failures[1].message == "leaving has left the federation"
