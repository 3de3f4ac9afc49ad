"""A gateway that calls a node without a pause, both following their files, to test rotation."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import grpc
from cryptography.hazmat.primitives.asymmetric import ec

from certs.authority import Issuing
from certs.authority_files import key_pem, to_pem
from certs.federation import FederationPki
from landbridge.clock import system_clock
from landbridge.rpc.channel import RotatingChannel
from landbridge.rpc.live_party import LiveParty
from tests.integration.tls_server import NODE, Guarded, Told, live_party, serve
from tests.pki import GATEWAY, make_federation

AGE_S = 0.3


def renewed(party: LiveParty, issuing: Issuing) -> bytes:
    """Make a new credential for a party, as the authority would."""
    key = ec.generate_private_key(ec.SECP256R1())
    leaf = issuing.issue(party.identity, key.public_key(), system_clock)
    return key_pem(key) + to_pem(leaf) + issuing.chain_pem


@dataclass
class Pair:
    """The two parties and the calls between them."""

    pki: FederationPki
    node: Guarded
    gateway: LiveParty
    channel: RotatingChannel
    told_node: Told
    told_gateway: Told
    calls: int = 0
    failures: list[BaseException] = field(default_factory=list)

    @property
    def parties(self) -> Sequence[LiveParty]:
        return self.gateway, self.node.live

    async def call(self) -> None:
        """Make a call, with no retry."""
        await self.channel.channel.unary_unary("/test.Service/Unary")(b"x", timeout=5)

    async def go_on_calling(self) -> None:
        while True:
            try:
                await self.call()
            except grpc.aio.AioRpcError as error:
                self.failures.append(error)
            self.calls += 1

    async def offer(self, *documents: bytes, to: Sequence[LiveParty] = ()) -> None:
        for party in to or self.parties:
            await asyncio.to_thread(party.store.offer, documents)


@contextlib.asynccontextmanager
async def pair(folder: Path, *, workers: int = 4) -> AsyncIterator[Pair]:
    """Run both; `workers` call without a pause."""
    pki = make_federation(folder)
    told_node, told_gateway = Told(), Told()
    async with serve(pki, max_connection_age_s=AGE_S, told=told_node) as node:
        gateway = live_party(GATEWAY, pki, told_gateway)
        channel = gateway.channel(node.address, NODE.dns_name)
        it = Pair(pki, node, gateway, channel, told_node, told_gateway)
        tasks = [asyncio.create_task(party.follow(0.05)) for party in it.parties]
        tasks += [asyncio.create_task(it.go_on_calling()) for _ in range(workers)]
        try:
            yield it
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await gateway.close()
