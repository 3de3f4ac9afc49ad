"""The floor, and Landbridge itself with all its defaults, as they are in `bench throughput`."""

from contextlib import AsyncExitStack
from dataclasses import dataclass

import psutil

from bench.floor import FloorServers
from bench.peers.ground import Ground, Running
from bench.sample import profile_check
from bench.shapes import floor, stream, unary
from landbridge.client import Client
from landbridge.errors import Reason, refuse
from landbridge.subject import SubjectId
from landbridge.v1 import envelope_pb2, profile_pb2, query_pb2


@dataclass(frozen=True, slots=True)
class Floor:
    """A bare unary fan-out of gRPC; its fixed answers know no subject."""

    name: str = "floor"

    def lacks(self) -> str:
        """Lack nothing."""
        return ""

    async def start(self, ground: Ground, stack: AsyncExitStack) -> Running:
        """Start its nine processes."""
        servers = stack.enter_context(FloorServers(ground.sandbox))
        channel = servers.open_channel(ground.requester)
        stack.push_async_callback(channel.close)
        gateway = [servers.gateway.pid] if servers.gateway else []
        nodes = [node.pid for node in servers.nodes]
        ask = floor(channel, ground.plan.nodes)
        return Running(ask, {"gateway": gateway, "nodes": nodes})


@dataclass(frozen=True, slots=True)
class WholeJob:
    """Landbridge, by one call a query or streamed; both use the same processes."""

    name: str
    streamed: bool = False

    def lacks(self) -> str:
        """Lack nothing."""
        return ""

    async def start(self, ground: Ground, stack: AsyncExitStack) -> Running:
        """Start the federation, unless it runs, and a client of it."""
        sandbox = ground.sandbox
        if not sandbox.processes:
            sandbox.start_all()
            await sandbox.wait_ready()
        client = Client.from_home(sandbox.home_folder)
        stack.push_async_callback(client.close)
        send = stream(client) if self.streamed else unary(client)

        async def ask(subject: SubjectId) -> envelope_pb2.Envelope:
            envelope = await send(subject)
            _check_subject(subject, envelope)
            return envelope

        processes = {
            "gateway": _with_children([sandbox.processes[sandbox.gateway].pid]),
            "nodes": _with_children([sandbox.processes[name].pid for name in sandbox.providers]),
        }
        return Running(ask, processes, profile_check(sandbox).check)


def _check_subject(subject: SubjectId, envelope: envelope_pb2.Envelope) -> None:
    profile = profile_pb2.Profile.FromString(envelope.payload)
    asked = query_pb2.Query.FromString(profile.query.payload).subject
    if asked.value != subject.value:
        raise refuse(Reason.SOURCE_FAILED, f"asked about {subject}, the profile is of {asked}")


def _with_children(pids: list[int]) -> list[int]:
    return [
        *pids,
        *(child.pid for pid in pids for child in psutil.Process(pid).children(recursive=True)),
    ]
