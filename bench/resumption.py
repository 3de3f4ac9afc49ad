"""Callers whose every call is a new connection that resumes an earlier TLS session."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
from grpc.experimental import session_cache

from bench.callers import Callers, Tally
from landbridge.client import Client
from landbridge.federation import Federation
from landbridge.home import Home
from landbridge.keys import KeyUse, SigningKey
from landbridge.party import PartyFolder
from landbridge.rpc.channel import RotatingChannel
from landbridge.rpc.credentials import Credential
from landbridge.rpc.options import CHANNEL_OPTIONS

_SESSIONS = 16


class ResumingLine:
    """Opens channels to one server that share their TLS sessions."""

    def __init__(self, state: Path, address: str, dns_name: str) -> None:
        party = PartyFolder.open(state)
        credential = Credential.read(party.credential, party.trust.current)
        self._credentials = grpc.ssl_channel_credentials(
            party.bundle.roots_pem, credential.key, credential.chain
        )
        cache = session_cache.ssl_session_cache_lru(_SESSIONS)  # type: ignore[no-untyped-call]
        self._target = f"dns:///{address}"
        self._options = (
            *CHANNEL_OPTIONS,
            ("grpc.ssl_target_name_override", dns_name),
            ("grpc.ssl_session_cache", cache),
            # Else gRPC would lend the connection of one channel to the next.
            ("grpc.use_local_subchannel_pool", 1),
        )

    def open(self) -> grpc.aio.Channel:
        """Open a channel; with what is kept of the session before, where the server takes it."""
        return grpc.aio.secure_channel(self._target, self._credentials, options=self._options)


@asynccontextmanager
async def resuming(home: Path, callers: Callers, *, agency: str) -> AsyncIterator[Tally]:
    """Keep one caller asking within this block, each call on a connection of its own.

    Raises:
        LandbridgeError: LB-11xx when the home folder is not complete.
    """
    found = Home.read(home)
    _, state = found.state_of(agency)
    line = ResumingLine(state, found.gateway_address, found.gateway_dns_name)
    federation = Federation.load(found.federation)
    key = SigningKey.load(state / "keys" / f"{KeyUse.QUERY}.key")

    async def ask_on() -> None:
        while not callers.stopping:
            client = Client(federation=federation, key=key, channel=RotatingChannel(line.open()))
            await callers.ask_once(client, streamed=False)
            await client.close()

    task = asyncio.create_task(ask_on())
    try:
        yield callers.tally
        callers.stop()
        await task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
