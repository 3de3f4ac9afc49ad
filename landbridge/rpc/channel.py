"""A channel that gives way to a new one while calls go on: no call fails, no stream is cut.

gRPC takes a new certificate on a new channel alone. So the new channel is proven first, by a real
handshake and a call that the peer's guard lets through; then it takes all new calls, and the old
one ends when it has given what it owes.
"""

import asyncio
from collections.abc import Callable
from typing import Final

import grpc
from grpc_health.v1 import health_pb2

from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.rpc.options import DRAIN_S
from landbridge.rpc.status import from_rpc_error

_Check = grpc.aio.UnaryUnaryMultiCallable[
    health_pb2.HealthCheckRequest, health_pb2.HealthCheckResponse
]

_PROOF_S: Final = 5.0
_CAUSE_S: Final = 0.5
# What a guard refuses a certificate for; whatever else it says, it has accepted the certificate.
_REFUSALS = frozenset(
    {
        Reason.CERTIFICATE_REFUSED,
        Reason.CERTIFICATE_REVOKED,
        Reason.CERTIFICATE_EXPIRED,
        Reason.ISSUER_REFUSED,
        Reason.UNREACHABLE,
        Reason.LATE,
    }
)


class RotatingChannel:
    """The channel to one peer, whichever one that is at the moment. Used on one event loop.

    Read `channel` for each call anew and start the call with no await in between. Who keeps a
    stream open learns by `on_swap` that it must go on with a new stream on the new channel: the
    old one is closed, with what is still open on it, after `drain_s` seconds.
    """

    def __init__(self, channel: grpc.aio.Channel, *, drain_s: float = DRAIN_S) -> None:
        self._channel = channel
        self._drain_s = drain_s
        self._generation = 0
        self._closed = False
        self._told: dict[Callable[[], None], None] = {}
        self._draining: dict[asyncio.Task[None], grpc.aio.Channel] = {}
        self._swapping = asyncio.Lock()

    @property
    def channel(self) -> grpc.aio.Channel:
        """The channel to start the next call on."""
        return self._channel

    @property
    def generation(self) -> int:
        """How many channels this one has followed."""
        return self._generation

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    @property
    def draining(self) -> int:
        """How many former channels still owe something."""
        return len(self._draining)

    def on_swap(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Have a callback told of every swap; call what is returned to end that."""
        self._told[callback] = None
        return lambda: self._told.pop(callback, None)

    async def swap(self, new: grpc.aio.Channel) -> None:
        """Prove a new channel and go on with it; the old one drains. On failure the old one stays.

        Raises:
            LandbridgeError: LB-2001 and LB-2002 when no connection comes about, LB-4006 and
                LB-4018 to LB-4020 when the peer does not accept the certificate; the new channel
                is closed then.
        """
        try:
            async with self._swapping:
                await prove(new)
                await self.replace(new)
        except BaseException:
            await new.close()
            raise

    async def replace(self, new: grpc.aio.Channel) -> None:
        """Go on with a new channel that is not proven, where the old one is of no use any more."""
        if self._closed:
            await new.close()
            return
        old, self._channel = self._channel, new
        self._generation += 1
        task = asyncio.create_task(old.close(self._drain_s))
        self._draining[task] = old
        task.add_done_callback(self._draining.pop)
        # The task above starts after these, so that streams may still be opened here on either.
        for callback in tuple(self._told):
            callback()

    async def drained(self) -> None:
        """Wait until no former channel owes anything."""
        while self._draining:
            await asyncio.wait(self._draining)

    async def close(self) -> None:
        """Close everything at once, the calls that are open on it too."""
        self._closed = True
        draining = dict(self._draining)
        for task in draining:
            task.cancel()
        await asyncio.gather(*draining, return_exceptions=True)
        for channel in (*draining.values(), self._channel):
            await channel.close()


async def prove(channel: grpc.aio.Channel, *, patient: bool = True) -> None:
    """Have the peer accept this side's certificate, at its guard, and this side the peer's.

    Unless it is patient, the first attempt to connect that fails is the answer.

    Raises:
        LandbridgeError: LB-2001 or LB-2002 when no connection comes about within 5 seconds; LB-4006
            or LB-4018 to LB-4020 when the peer refuses the certificate.
    """
    check: _Check = channel.unary_unary(
        "/grpc.health.v1.Health/Check",
        request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
        response_deserializer=health_pb2.HealthCheckResponse.FromString,
    )
    try:
        await check(health_pb2.HealthCheckRequest(), timeout=_PROOF_S, wait_for_ready=patient)
    except grpc.aio.AioRpcError as error:
        failure = from_rpc_error(error, peer="the peer")
        if failure.reason is Reason.LATE and patient:
            failure = await _cause(check)
        if failure.reason in _REFUSALS:
            raise failure from error


async def _cause(check: _Check) -> LandbridgeError:
    """Ask once more without waiting: gRPC tells the cause of a connection that fails only then."""
    try:
        await check(health_pb2.HealthCheckRequest(), timeout=_CAUSE_S)
    except grpc.aio.AioRpcError as error:
        return from_rpc_error(error, peer="the peer")
    return refuse(Reason.UNREACHABLE, "the peer could be reached only just now")
