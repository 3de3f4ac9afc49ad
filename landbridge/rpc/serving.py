"""Runs a gRPC server until a signal asks it to stop, and lets what was accepted finish."""

import asyncio
import contextlib
import gc
import signal
from collections.abc import AsyncIterator, Sequence

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from landbridge.errors import Reason, refuse
from landbridge.rpc.options import GRACE_OF_AGE_S, KEEPALIVE_MS, MAX_AGE_S, SHARED_OPTIONS

GRACE_S = 10.0
HEALTH_METHODS = ("/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch")


def server_options(
    *,
    max_connection_age_s: float = MAX_AGE_S,
    grace_s: float = GRACE_OF_AGE_S,
    shares_port: bool = False,
) -> tuple[tuple[str, int | str], ...]:
    """Return a server's options, in seconds; `grace_s` must outlast the longest stream.

    With `shares_port` other processes may listen on the same port, and the system deals callers out
    among them.
    """
    return (
        *SHARED_OPTIONS,
        ("grpc.http2.min_ping_interval_without_data_ms", KEEPALIVE_MS // 2),
        ("grpc.server_handshake_timeout_ms", 5_000),
        ("grpc.max_connection_age_ms", round(max_connection_age_s * 1000)),
        ("grpc.max_connection_age_grace_ms", round(grace_s * 1000)),
        # Unasked, a second process on the same port must fail, and not take half of the calls.
        ("grpc.so_reuseport", int(shares_port)),
    )


def bind(server: grpc.aio.Server, address: str, credentials: grpc.ServerCredentials) -> int:
    """Listen on an address; return the port.

    Raises:
        LandbridgeError: LB-1101 when the address cannot be bound.
    """
    try:
        port = server.add_secure_port(address, credentials)
    except RuntimeError as error:
        raise refuse(
            Reason.INVALID_CONFIGURATION,
            "the address cannot be bound: is another process listening there?",
            where=address,
            next_step="choose another --listen address",
        ) from error
    return port


@contextlib.asynccontextmanager
async def stop_signal() -> AsyncIterator[asyncio.Event]:
    """Give an event that SIGTERM and SIGINT set."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    try:
        yield stopping
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


def settle() -> None:
    """Take all that was built out of the garbage collector's way: it lives as long as the process.

    A full collection would go through it each time, while nobody is answered.
    """
    gc.collect()
    gc.freeze()


class Health:
    """Health of the server and of each of its services, by grpc.health.v1."""

    def __init__(self, server: grpc.aio.Server, services: Sequence[str]) -> None:
        self._servicer = health.aio.HealthServicer()
        self._services = ("", *services)
        health_pb2_grpc.add_HealthServicer_to_server(self._servicer, server)

    async def serving(self, *, yes: bool) -> None:
        """Say whether the services serve."""
        status = (
            health_pb2.HealthCheckResponse.SERVING
            if yes
            else health_pb2.HealthCheckResponse.NOT_SERVING
        )
        for service in self._services:
            await self._servicer.set(service, status)
