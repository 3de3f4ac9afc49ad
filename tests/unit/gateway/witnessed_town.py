"""Nodes that serve heads over plain gRPC, and a gateway that goes round among them."""

import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc

from gateway.forked_logs import ForkedLogs
from gateway.seen_heads import SeenHeads
from gateway.witnessing import Witnessing
from landbridge.agency import Role
from landbridge.alarm import Alarms
from landbridge.errors import LandbridgeError
from landbridge.log.own_log import OwnLog
from landbridge.log.store import LogStore
from landbridge.log.witness import Witness
from landbridge.log.witness_file import WitnessFile
from landbridge.rpc.log_service import LogService
from landbridge.v1 import log_service_pb2_grpc
from tests.witnessing import Town, origin_of

GATEWAY = "exchange"
NODES = ("food", "tax", "water")


class Party:
    """A party of the town: what `LiveWitness` is in a real process, and a node's line."""

    def __init__(self, town: Town, agency: str, copy: str = "") -> None:
        self.town = town
        self.agency = agency
        self.log: LogStore = town.log(agency, copy)
        self.file: WitnessFile = town.file(agency)
        self.told: list[LandbridgeError | None] = []
        self.keys = town.head_keys
        self.witness = Witness(
            self.file,
            self.log.origin,
            town.key(agency),
            town.keys_of,
            town.past_keys,
            clock=town.clock,
        )
        self.own = OwnLog(
            self.log,
            self.file,
            keys=self.keys,
            changed=self.told.append,
            clock=town.clock,
        )
        self.refused: list[LandbridgeError] = []
        self.service = LogService(self.log, self.own, self.witness, refused=self.refused.append)
        self.connected = True
        self.channel: grpc.aio.Channel | None = None

    def is_log_of(self, origin: str, agency: str, _: Role) -> bool:
        return origin == origin_of(agency)

    def close(self) -> None:
        self.service.close()


Serve = Callable[[Party], Any]
"""Makes what stands for a party's LogService on its server."""


@dataclass
class Running:
    """The town as it runs."""

    town: Town
    gateway: Party
    nodes: dict[str, Party]
    witnessing: Witnessing
    seen: SeenHeads
    forked: ForkedLogs = field(init=False)
    alarms: Alarms
    failures: list[Exception]
    calls: list[str]
    patience_s: float
    overdue_s: float = 30.0
    servers: dict[str, list[grpc.aio.Server]] = field(default_factory=dict)
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def rounds(self, count: int) -> None:
        for _ in range(count):
            await self.witnessing.go_round()

    def standing(self) -> dict[str, str]:
        """Return the alarms: kind to code."""
        return {
            kind: why.split()[0]
            for kind, _, why in (line.partition(": ") for line in self.alarms.standing())
        }

    async def replace(
        self, agency: str, copy: str, serve: Serve = lambda party: party.service
    ) -> Party:
        """Stop a node and start it again on another file of its log; its witness file stays."""
        old = self.nodes[agency]
        old.close()
        old.log.close()
        new = Party(self.town, agency, copy)
        self.nodes[agency] = new
        await _serve(self, new, serve)
        return new

    def forget(self) -> None:
        """Let the gateway begin anew, as after a restart."""
        self.seen, self.witnessing = _witnessing(self)


def keep_copy(town: Town, agency: str, name: str) -> None:
    """Copy a log that is in use, as a backup would, under the name of a copy."""
    target = town.folder / f"{agency}{name}.sqlite"
    with (
        closing(sqlite3.connect(town.folder / f"{agency}.sqlite")) as live,
        closing(sqlite3.connect(target)) as copy,
    ):
        live.backup(copy)


@asynccontextmanager
async def witnessed_town(
    folder: Path,
    serve: dict[str, Serve] | None = None,
    *,
    patience_s: float = 60,
    overdue_s: float = 30,
) -> AsyncIterator[Running]:
    """Run the town; `serve` puts something else in the place of some nodes' services."""
    town = Town(folder)
    for agency in (GATEWAY, *NODES):
        town.key(agency)
    gateway = Party(town, GATEWAY)
    told: dict[str, str] = {}
    running = Running(
        town,
        gateway,
        {agency: Party(town, agency) for agency in NODES},
        None,  # type: ignore[arg-type]
        None,  # type: ignore[arg-type]
        Alarms(lambda kind, why: told.update({kind: str(why)})),
        [],
        [],
        patience_s,
        overdue_s,
    )
    running.seen, running.witnessing = _witnessing(running)
    try:
        for agency, party in running.nodes.items():
            await _serve(running, party, (serve or {}).get(agency, lambda it: it.service))
        yield running
    finally:
        await running.witnessing.stop()
        await running.stack.aclose()
        for party in (gateway, *running.nodes.values()):
            party.close()
        town.close()


def _witnessing(running: Running) -> tuple[SeenHeads, Witnessing]:
    gateway: Any = running.gateway
    nodes: Any = running.nodes
    past_keys = running.town.past_keys
    seen = SeenHeads(gateway.log, gateway.file, past_keys)
    running.forked = ForkedLogs(gateway.file, past_keys, gateway.is_log_of)
    return seen, Witnessing(
        gateway,
        gateway.log,
        nodes,
        seen=seen,
        forked=running.forked,
        overdue_s=running.overdue_s,
        alarms=running.alarms,
        failed=running.failures.append,
        patience_s=running.patience_s,
        clock=running.town.clock,
    )


class _Counting(grpc.aio.ServerInterceptor):  # type: ignore[misc]
    def __init__(self, calls: list[str], agency: str) -> None:
        self._calls = calls
        self._agency = agency

    async def intercept_service(self, continuation: Any, details: Any) -> Any:
        self._calls.append(f"{self._agency} {details.method.rpartition('/')[2]}")
        return await continuation(details)


async def _serve(running: Running, party: Party, make: Serve) -> None:
    server = grpc.aio.server(interceptors=[_Counting(running.calls, party.agency)])
    log_service_pb2_grpc.add_LogServiceServicer_to_server(make(party), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    running.servers.setdefault(party.agency, []).append(server)
    party.channel = grpc.aio.insecure_channel(f"127.0.0.1:{port}")
    running.stack.push_async_callback(server.stop, None)
    running.stack.push_async_callback(party.channel.close)
