"""One node of the measured federation in this process, asked over the wire as its gateway asks.

No gateway runs: whoever tests holds its keys, and chooses what stands in one message.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.federation import DATASET, PURPOSE
from landbridge.agency import Role
from landbridge.clock import Clock, system_clock
from landbridge.commands.sandbox import Sandbox
from landbridge.envelope import QUERY_TYPE, sign_batch
from landbridge.keys import KeyUse, SigningKey
from landbridge.query import Wanted, write_query
from landbridge.subject import SubjectId
from landbridge.trust.bundle import TrustBundle
from landbridge.v1 import envelope_pb2, node_service_pb2, node_service_pb2_grpc, query_pb2
from node.server import build_node
from tests.market import channel_of

PROVIDER: Final = "register-1"
CHEAP: Final = (Wanted(PROVIDER, DATASET, ("status",)),)
LONG_MS: Final = 60_000
Streamed = node_service_pb2.StreamedAnswer


@dataclass(frozen=True, slots=True)
class Asked:
    """A question in a message, and how long whoever asks it waits."""

    query: envelope_pb2.Envelope
    dataset: str = DATASET
    timeout_ms: int = LONG_MS


class Line:
    """The gateway's line to the node, in whose hands it is."""

    def __init__(self, stub: "node_service_pb2_grpc.NodeServiceAsyncStub") -> None:
        self._stub = stub

    async def answers(self, *messages: Sequence[Asked]) -> list[Streamed]:
        """Send messages on one stream; return one outcome a question, in their order."""
        found: dict[int, Streamed] = {}
        async for item in self.as_they_come(*messages):
            assert item.correlation_id not in found
            found[item.correlation_id] = item
        return [found[number] for number in sorted(found)]

    async def as_they_come(self, *messages: Sequence[Asked]) -> AsyncIterator[Streamed]:
        """Send messages on one stream; give each outcome when it comes, numbered from 0."""
        call = self._stub.StreamAnswers()

        async def send() -> None:
            number = 0
            for message in messages:
                request = node_service_pb2.StreamAnswersRequest()
                for asked in message:
                    request.questions.add(
                        correlation_id=number,
                        question=query_pb2.Question(
                            query=asked.query,
                            step=query_pb2.STEP_COLLECT,
                            round=1,
                            datasets=[asked.dataset],
                        ),
                        timeout_ms=asked.timeout_ms,
                    )
                    number += 1
                await call.write(request)
            await call.done_writing()

        sending = asyncio.create_task(send())
        async for response in call:
            for item in response.answers:
                yield item
        await sending


def prepared(federation: Path, home: Path) -> Sandbox:
    """Make the keys, certificates and folders of a federation, of which nothing runs."""
    sandbox = Sandbox(federation, home)
    sandbox.prepare()
    return sandbox


@asynccontextmanager
async def asked_node(
    sandbox: Sandbox, *, state: Path | None = None, clock: Clock = system_clock
) -> AsyncIterator[Line]:
    """Run the node of a prepared sandbox, with the state in a folder or with its own."""
    own = state or sandbox.state(PROVIDER, Role.NODE)
    bundle = TrustBundle.parse((own / "trust-bundle.json").read_bytes(), None)
    (endpoint,) = bundle.members[PROVIDER].endpoints
    node = build_node(
        sandbox.folder / "agencies" / PROVIDER / "node.toml",
        sandbox.folder / "federation.toml",
        state=own,
        listen=endpoint.address,
        clock=clock,
    )
    await node.start()
    front = sandbox.state(sandbox.gateway, Role.GATEWAY)
    try:
        async with channel_of(front, endpoint.address, endpoint.dns_name) as channel:
            yield Line(node_service_pb2_grpc.NodeServiceStub(channel))
    finally:
        await node.stop()


def signed(  # noqa: PLR0913  what a query is made of
    sandbox: Sandbox,
    subjects: Sequence[SubjectId],
    *,
    requester: str | None = None,
    purpose: str = PURPOSE,
    case: str = "T-1",
    wanted: Sequence[Wanted] = (),
    clock: Clock = system_clock,
) -> list[envelope_pb2.Envelope]:
    """Sign one query a subject as a requester does, all of them with one signature."""
    asking = requester or sandbox.requesters[0]
    key = SigningKey.load(sandbox.state(asking, Role.REQUESTER) / "keys" / f"{KeyUse.QUERY}.key")
    payloads = [
        write_query(
            federation=sandbox.federation,
            requester=asking,
            subject=subject,
            purpose=purpose,
            case_reference=case,
            wanted=wanted,
            at=clock(),
        )
        for subject in subjects
    ]
    return sign_batch(QUERY_TYPE, payloads, key)


@contextmanager
def held_log(state: Path) -> Iterator[None]:
    """Keep a party's log from being written: what is answered meanwhile waits to be logged.

    For less than the five seconds after which the log gives up.
    """
    with closing(sqlite3.connect(state / "log.sqlite", isolation_level=None)) as database:
        database.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            database.execute("ROLLBACK")
