"""A real node, killed while it answers: its quota lets through not one query more, or fewer."""

import asyncio
import signal
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

import grpc

from landbridge.agency import Role
from landbridge.client import Client
from landbridge.commands.sandbox import Sandbox
from landbridge.log.store import LogStore
from landbridge.party import PartyFolder
from landbridge.reasons import Reason
from landbridge.v1 import (
    answer_pb2,
    envelope_pb2,
    log_pb2,
    node_service_pb2,
    node_service_pb2_grpc,
)
from tests.integration.test_node_terms import write_terms
from tests.market import BAKERY, FOOD, PURPOSE, channel_of
from tests.node_questions import question

QUOTA: Final = 30
_READY_S: Final = 30.0


class KilledNode:
    """The food inspection's node as a process of its own."""

    def __init__(self, top: Path) -> None:
        terms = {"quota": {"queries": QUOTA, "per": "year"}}
        self.sandbox = Sandbox(
            write_terms(top, companies={}, findings=terms), top / "home", preloaded=True
        )
        self.sandbox.prepare()
        self.state = self.sandbox.state(FOOD, Role.NODE)
        self.client = Client.from_home(self.sandbox.home_folder)
        (endpoint,) = PartyFolder.open(self.state).bundle.members[FOOD].endpoints
        self._channel = channel_of(
            self.sandbox.state("exchange", Role.GATEWAY), endpoint.address, endpoint.dns_name
        )
        self._stub: node_service_pb2_grpc.NodeServiceAsyncStub = (
            node_service_pb2_grpc.NodeServiceStub(self._channel)
        )

    async def start(self) -> None:
        self.sandbox.start(FOOD)
        await self._stub.GetCatalogue(
            node_service_pb2.GetCatalogueRequest(), wait_for_ready=True, timeout=_READY_S
        )

    def kill(self) -> None:
        process = self.sandbox.processes.pop(FOOD)
        process.send_signal(signal.SIGKILL)
        process.wait()

    async def close(self) -> None:
        for process in self.sandbox.processes.values():
            process.kill()
            process.wait()
        await self._channel.close()
        await self.client.close()
        self.sandbox.reserved.close()

    async def ask(self, query: envelope_pb2.Envelope) -> Reason:
        request = node_service_pb2.GetAnswerRequest(question=question(query, "findings"))
        response = await self._stub.GetAnswer(request, timeout=10)
        answer = answer_pb2.Answer.FromString(response.answer.payload)
        return Reason(answer.datasets[0].outcome)

    def logged(self) -> Counter[Reason]:
        """Count the outcomes in the log of a node that is down."""
        party = PartyFolder.open(self.state)
        log: LogStore = party.open_log(party.identity(Role.NODE))
        entries: Iterable[log_pb2.LogEntry] = map(log_pb2.LogEntry.FromString, log.entries())
        found = Counter(Reason(each.outcome) for entry in entries for each in entry.accesses)
        log.close()
        return found


async def test_a_node_that_is_killed_while_it_answers_keeps_its_counts(tmp_path: Path) -> None:
    node = KilledNode(tmp_path)
    try:
        await node.start()
        told: list[Reason] = []

        async def ask(query: envelope_pb2.Envelope) -> None:
            with suppress(grpc.aio.AioRpcError):
                told.append(await node.ask(query))
                if len(told) == QUOTA // 3:
                    node.kill()

        queries = node.client.sign([BAKERY] * QUOTA * 2, PURPOSE, "M-1")
        await asyncio.gather(*map(ask, queries[:QUOTA]))
        before = node.logged()[Reason.ANSWERED]
        assert QUOTA // 3 <= len(told) <= before <= QUOTA

        await node.start()
        after = [await node.ask(query) for query in queries[QUOTA : QUOTA * 2]]
        left = QUOTA - before
        assert after == [Reason.ANSWERED] * left + [Reason.QUOTA_SPENT] * (QUOTA - left)
        node.kill()
        assert node.logged()[Reason.ANSWERED] == QUOTA
    finally:
        await node.close()
