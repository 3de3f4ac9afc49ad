"""A guarded server on the loopback, with one method of each call kind, for tests of TLS."""

import asyncio
import contextlib
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass

import grpc
from grpc_reflection.v1alpha import reflection

from certs.federation import FederationPki
from landbridge.agency import Identity, Role
from landbridge.alarm import Alarms
from landbridge.clock import system_clock
from landbridge.party import PartyFolder
from landbridge.rpc.credentials import Credential, open_channel
from landbridge.rpc.guard import Context, Guard, caller
from landbridge.rpc.live_party import LiveParty
from landbridge.rpc.server_certificates import ServerCertificates
from landbridge.rpc.serving import HEALTH_METHODS, Health, server_options
from tests.pki import BOARD, COUNCIL, FEDERATION, GATEWAY, REGISTRY, SCHOOLS, shared_federation

GATEWAYS = frozenset({Role.GATEWAY})
METHODS = ("Unary", "Gather", "Generate", "Write", "Converse")
PERMITTED = {
    **{f"/test.Service/{method}": GATEWAYS for method in METHODS},
    "/test.Service/Slow": GATEWAYS,
    "/test.Service/Idle": GATEWAYS,
    "/test.Service/Flood": GATEWAYS,
    "/test.Service/Nobody": frozenset(),
    "/test.Service/Plain": GATEWAYS,
    **dict.fromkeys(HEALTH_METHODS, GATEWAYS),
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": GATEWAYS,
}
ROLES = {
    GATEWAY: Role.GATEWAY,
    REGISTRY: Role.NODE,
    SCHOOLS: Role.NODE,
    BOARD: Role.REQUESTER,
    COUNCIL: Role.REQUESTER,
}
NODE = Identity(REGISTRY, FEDERATION, Role.NODE, "main")


class Told(list[tuple[str, str]]):
    """What alarms have told: each kind with why, empty when it was over."""

    @property
    def alarms(self) -> Alarms:
        return Alarms(lambda kind, why: self.append((kind, str(why))))


def party_of(agency: str, pki: FederationPki | None = None) -> PartyFolder:
    return PartyFolder.open((pki or shared_federation()).state(agency, ROLES[agency]))


def live_party(
    agency: str, pki: FederationPki | None = None, told: Told | None = None
) -> LiveParty:
    return LiveParty(party_of(agency, pki), alarms=(Told() if told is None else told).alarms)


def credential_of(agency: str, pki: FederationPki | None = None) -> Credential:
    party = party_of(agency, pki)
    return Credential.read(party.credential, party.trust.current)


def roots(pki: FederationPki | None = None) -> bytes:
    return (pki or shared_federation()).issuing.roots_pem


async def _unary(request: bytes, _: Context) -> bytes:
    return caller().uri.encode() + b" " + request


async def _gather(requests: AsyncIterable[bytes], _: Context) -> bytes:
    return b"".join([request async for request in requests])


async def _generate(request: bytes, _: Context) -> AsyncIterator[bytes]:
    for part in (request, caller().agency.encode()):
        yield part


async def _write(request: bytes, context: Context) -> None:
    for _ in range(2):
        await context.write(request)


async def _converse(requests: AsyncIterable[bytes], _: Context) -> AsyncIterator[bytes]:
    async for request in requests:
        yield request


def _plain(request: bytes, _: Context) -> bytes:
    return request


async def _slow(request: bytes, _: Context) -> bytes:
    await asyncio.sleep(0.3)
    return request


async def _idle(_requests: AsyncIterable[bytes], _: Context) -> AsyncIterator[bytes]:
    await asyncio.sleep(60)
    yield b""


class Flood:
    """Sends without end, until it is stopped."""

    def __init__(self) -> None:
        self.sent = 0
        self.goes_on = False

    async def handle(self, _requests: AsyncIterable[bytes], _: Context) -> AsyncIterator[bytes]:
        self.goes_on = True
        try:
            while True:
                yield b"x" * 100_000
                self.sent += 1
        finally:
            self.goes_on = False


HANDLERS = {
    "Slow": grpc.unary_unary_rpc_method_handler(_slow),
    "Idle": grpc.stream_stream_rpc_method_handler(_idle),
    "Unary": grpc.unary_unary_rpc_method_handler(_unary),
    "Gather": grpc.stream_unary_rpc_method_handler(_gather),
    "Generate": grpc.unary_stream_rpc_method_handler(_generate),
    "Write": grpc.unary_stream_rpc_method_handler(_write),
    "Converse": grpc.stream_stream_rpc_method_handler(_converse),
    "Nobody": grpc.unary_unary_rpc_method_handler(_unary),
    "Plain": grpc.unary_unary_rpc_method_handler(_plain),
    "Unlisted": grpc.unary_unary_rpc_method_handler(_unary),
}


@dataclass
class Guarded:
    """A running server, with what a test may change in it."""

    port: int
    insecure_port: int
    pki: FederationPki
    live: LiveParty
    flood: Flood
    now_ms_ahead: int = 0

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def channel(
        self, shown: Credential | None = None, dns_name: str = NODE.dns_name
    ) -> grpc.aio.Channel:
        """Open a channel, as the gateway where no other credential is given."""
        shown = shown or credential_of(GATEWAY, self.pki)
        return open_channel(self.address, dns_name, shown, roots(self.pki))

    def suspend(self, agency: str) -> None:
        self.live.store.offer([self.pki.sign_next(suspended=[agency])])

    def deny(self, shown: Credential) -> None:
        leaf = shown.leaf
        self.live.store.offer([self.pki.sign_next(denied=[(leaf.issuer_key_id, leaf.serial)])])


@contextlib.asynccontextmanager
async def serve(
    pki: FederationPki | None = None,
    *,
    shown: Credential | None = None,
    address: str = "127.0.0.1:0",
    max_connection_age_s: float = 3600,
    told: Told | None = None,
) -> AsyncIterator[Guarded]:
    """Serve as the registry's node; `shown`: with that credential, whatever it is."""
    pki = pki or shared_federation()
    live = live_party(REGISTRY, pki, told)
    flood = Flood()
    handlers = {**HANDLERS, "Flood": grpc.stream_stream_rpc_method_handler(flood.handle)}
    guarded: Guarded

    def now() -> int:
        return system_clock() + guarded.now_ms_ahead

    server = grpc.aio.server(
        interceptors=[Guard(PERMITTED, live.store, clock=now)],
        options=server_options(max_connection_age_s=max_connection_age_s),
    )
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("test.Service", handlers),)
    )
    health = Health(server, ("test.Service",))
    reflection.enable_server_reflection(("test.Service",), server)
    certificates = ServerCertificates(shown, roots(pki)) if shown else None
    credentials = certificates.credentials() if certificates else live.server_credentials()
    port = server.add_secure_port(address, credentials)
    insecure_port = server.add_insecure_port("127.0.0.1:0")
    guarded = Guarded(port, insecure_port, pki, live, flood)
    await server.start()
    await health.serving(yes=True)
    try:
        yield guarded
    finally:
        await server.stop(None)
        await live.close()


async def _messages() -> AsyncIterator[bytes]:
    # A refusal comes before anything is sent: gRPC's client forgets the status of a call that ends
    # while it writes.
    await asyncio.sleep(0.05)
    for _ in range(2):
        yield b"x"


async def call(channel: grpc.aio.Channel, method: str, timeout: float = 5.0) -> bytes:
    """Call a method of any kind with b"x"; return all that comes, joined."""
    name = f"/test.Service/{method}"
    if method in ("Generate", "Write"):
        return b"".join([part async for part in channel.unary_stream(name)(b"x", timeout=timeout)])
    if method == "Gather":
        return await channel.stream_unary(name)(_messages(), timeout=timeout)
    if method == "Converse":
        stream = channel.stream_stream(name)(_messages(), timeout=timeout)
        return b"".join([part async for part in stream])
    return await channel.unary_unary(name)(b"x", timeout=timeout)
