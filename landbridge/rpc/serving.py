"""Runs a gRPC server until a signal asks it to stop, and lets what was accepted finish."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Sequence

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from landbridge.errors import Reason, refuse

GRACE_S = 10.0
HEALTH_METHODS = ("/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch")


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
