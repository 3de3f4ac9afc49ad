"""A guarded server on the loopback, with one method of each call kind, for tests of TLS."""

import asyncio
import contextlib
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import grpc
from grpc_reflection.v1alpha import reflection

from landbridge.agency import Identity, Role
from landbridge.clock import Clock, system_clock
from landbridge.rpc.credentials import (
    SERVER_OPTIONS,
    ServerCertificates,
    TlsFiles,
    open_channel,
)
from landbridge.rpc.guard import Context, Guard, caller
from landbridge.rpc.serving import HEALTH_METHODS, Health
from landbridge.trust import TrustBundle
from tests.pki import BOARD, COUNCIL, FEDERATION, GATEWAY, REGISTRY, shared_federation

GATEWAYS = frozenset({Role.GATEWAY})
METHODS = ("Unary", "Gather", "Generate", "Write", "Converse")
PERMITTED = {
    **{f"/test.Service/{method}": GATEWAYS for method in METHODS},
    "/test.Service/Nobody": frozenset(),
    "/test.Service/Plain": GATEWAYS,
    **dict.fromkeys(HEALTH_METHODS, GATEWAYS),
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": GATEWAYS,
}
STATES = {
    GATEWAY: (GATEWAY, Role.GATEWAY),
    REGISTRY: (REGISTRY, Role.NODE),
    BOARD: (BOARD, Role.REQUESTER),
    COUNCIL: (COUNCIL, Role.REQUESTER),
}
NODE = Identity(REGISTRY, FEDERATION, Role.NODE, "main")


def tls_folder(agency: str) -> Path:
    return shared_federation().state(*STATES[agency]) / "tls"


def tls_of(agency: str) -> TlsFiles:
    return TlsFiles.read(tls_folder(agency), FEDERATION)


def raw_tls(folder: Path) -> TlsFiles:
    """Read a tls folder without the checks that an honest client makes."""
    return TlsFiles(
        (folder / "chain.pem").read_bytes(),
        (folder / "key.pem").read_bytes(),
        (folder / "roots.pem").read_bytes(),
        tls_of(GATEWAY).leaf,
    )


def shared_bundle() -> TrustBundle:
    pki = shared_federation()
    document = (pki.state(GATEWAY, Role.GATEWAY) / "trust-bundle.json").read_bytes()
    return TrustBundle.parse(document, pki.bundle_key.public)


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


HANDLERS = {
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
    certificates: ServerCertificates
    bundle: TrustBundle
    now_ms_ahead: int = 0

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def channel(
        self, tls: TlsFiles | None = None, dns_name: str = NODE.dns_name
    ) -> grpc.aio.Channel:
        return open_channel(self.address, dns_name, tls or tls_of(GATEWAY))


@contextlib.asynccontextmanager
async def serve(
    tls: TlsFiles | None = None, *, address: str = "127.0.0.1:0", clock: Clock = system_clock
) -> AsyncIterator[Guarded]:
    certificates = ServerCertificates(tls or tls_of(REGISTRY))
    guarded: Guarded

    def now() -> int:
        return clock() + guarded.now_ms_ahead

    server = grpc.aio.server(
        interceptors=[Guard(PERMITTED, lambda: guarded.bundle, clock=now)],
        options=SERVER_OPTIONS,
    )
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("test.Service", HANDLERS),)
    )
    health = Health(server, ("test.Service",))
    reflection.enable_server_reflection(("test.Service",), server)
    port = server.add_secure_port(address, certificates.credentials())
    insecure_port = server.add_insecure_port("127.0.0.1:0")
    guarded = Guarded(port, insecure_port, certificates, shared_bundle())
    await server.start()
    await health.serving(yes=True)
    try:
        yield guarded
    finally:
        await server.stop(None)


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
