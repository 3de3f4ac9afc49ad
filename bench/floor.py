"""The floor: a bare unary gRPC fan-out, with mTLS and nothing else.

    client -> grpc.aio gateway -> grpc.aio nodes

Messages are raw bytes, so that not even a parser runs. Processes, event loop, certificates, TLS
versions, ciphers and channel options are those of the measured gateway and nodes.
"""

import argparse
import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import grpc

from landbridge.agency import Role
from landbridge.commands.loop import run_on_fast_loop
from landbridge.commands.sandbox import Sandbox
from landbridge.errors import Reason, refuse
from landbridge.party import PartyFolder
from landbridge.rpc.credentials import Credential, open_channel
from landbridge.rpc.server_certificates import ServerCertificates
from landbridge.rpc.serving import bind, server_options, stop_signal

ANSWER_BYTES: Final = 1024
METHOD: Final = "/landbridge.bench.Floor/Ask"
_READY_S: Final = 60.0
_STOP_S: Final = 15.0

Handler = Callable[[bytes, grpc.aio.ServicerContext[bytes, bytes]], Awaitable[bytes]]


@dataclass(frozen=True, slots=True)
class Tls:
    """What one party shows, and the anchors that it trusts; the floor takes no renewals."""

    credential: Credential
    roots: bytes

    @classmethod
    def read(cls, state: Path) -> Self:
        """Read a party's folder.

        Raises:
            LandbridgeError: LB-1101, LB-40xx for what is not acceptable.
        """
        party = PartyFolder.open(state)
        credential = Credential.read(party.credential, party.trust.current)
        return cls(credential, party.bundle.roots_pem)

    def open_channel(self, address: str, dns_name: str) -> grpc.aio.Channel:
        """Open a channel to one server."""
        return open_channel(address, dns_name, self.credential, self.roots)


class FloorServers:
    """The bare gateway and nodes, with the certificates of a prepared sandbox."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._stack = ExitStack()
        self.gateway: subprocess.Popen[str] | None = None
        self.nodes: list[subprocess.Popen[str]] = []
        self.address = ""

    def __enter__(self) -> Self:
        """Start the nodes, then the gateway, which serves once it has reached them all."""
        try:
            sandbox, agencies = self._sandbox, self._sandbox.providers
            self.nodes = [self._start(sandbox.state(agency, Role.NODE)) for agency in agencies]
            targets = [
                f"{address_of(node)}={dns_name_of(sandbox, agency, Role.NODE)}"
                for node, agency in zip(self.nodes, agencies, strict=True)
            ]
            state = sandbox.state(sandbox.gateway, Role.GATEWAY)
            self.gateway = self._start(state, *targets)
            self.address = address_of(self.gateway)
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop every process."""
        self._stack.close()

    def open_channel(self, state: Path) -> grpc.aio.Channel:
        """Open the channel of the requester in a folder to the bare gateway."""
        name = dns_name_of(self._sandbox, self._sandbox.gateway, Role.GATEWAY)
        return Tls.read(state).open_channel(self.address, name)

    def _start(self, state: Path, *targets: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "bench.floor", str(state), *targets],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[1],
            text=True,
        )
        self._stack.callback(stop_process, process)
        return process


def address_of(process: subprocess.Popen[str]) -> str:
    """Return the address of a server that prints its port.

    Raises:
        LandbridgeError: LB-2001 when it ended before it served.
    """
    # The line comes when the server serves; it is empty when the process ended instead.
    port = process.stdout.readline().strip() if process.stdout else ""
    if not port:
        raise refuse(Reason.UNREACHABLE, "a measured process ended before it served")
    return f"127.0.0.1:{port}"


def dns_name_of(sandbox: Sandbox, agency: str, role: Role) -> str:
    """Return the DNS name in the certificate of a node, or of the gateway."""
    name = sandbox.federation.gateway.name if role is Role.GATEWAY else "main"
    return f"{name}.{role}.{agency}.{sandbox.federation.name}"


def stop_process(process: subprocess.Popen[str]) -> None:
    """Stop a process, by SIGKILL where SIGTERM does not help."""
    process.terminate()
    try:
        process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout:
        process.stdout.close()


def node_handler() -> Handler:
    """Answer with `ANSWER_BYTES` bytes."""
    answer = bytes(ANSWER_BYTES)

    async def ask(request: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
        del request, context
        return answer

    return ask


def gateway_handler(channels: Sequence[grpc.aio.Channel]) -> Handler:
    """Ask every node at once and join what they answer."""
    asks: list[grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]] = [
        channel.unary_unary(METHOD) for channel in channels
    ]

    async def ask(request: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
        timeout = context.time_remaining()
        # A call is under way as soon as it is made; gathering them would only cost more.
        calls = [ask(request, timeout=timeout) for ask in asks]
        return b"".join([await call for call in calls])

    return ask


async def serve(tls: Tls, targets: Sequence[tuple[str, str]]) -> None:
    """Serve a bare node or, with targets (address and DNS name), a bare gateway."""
    channels = [tls.open_channel(address, dns_name) for address, dns_name in targets]
    for channel in channels:
        await asyncio.wait_for(channel.channel_ready(), _READY_S)
    service, _, name = METHOD[1:].partition("/")
    handler = gateway_handler(channels) if channels else node_handler()
    server = grpc.aio.server(options=server_options())
    server.add_generic_rpc_handlers(
        (
            grpc.method_handlers_generic_handler(
                service, {name: grpc.unary_unary_rpc_method_handler(handler)}
            ),
        )
    )
    port = bind(server, "127.0.0.1:0", ServerCertificates(tls.credential, tls.roots).credentials())
    async with stop_signal() as stopping:
        await server.start()
        print(port, flush=True)
        await stopping.wait()
        await server.stop(0)
    for channel in channels:
        await channel.close()


def _main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.floor")
    parser.add_argument("state", type=Path)
    parser.add_argument("targets", nargs="*", metavar="ADDRESS=DNS_NAME")
    given = parser.parse_args()
    tls = Tls.read(given.state)
    pairs = [target.partition("=") for target in given.targets]
    run_on_fast_loop(lambda: serve(tls, [(address, name) for address, _, name in pairs]))


if __name__ == "__main__":
    _main()
