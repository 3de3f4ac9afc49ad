"""Passes calls for the authority on, unchanged, so that members need to know the gateway alone.

Each request proves itself to the authority, and each answer to whoever asked, so nothing here is
trusted and nothing is read: bytes go in and out. On a second port, where callers show no
certificate, it takes enrolments and applications, within bounds of size, rate and concurrency.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

import grpc

from certs.registrar.authority_rpcs import AUTHORITY_SERVICE, ENROLMENT_SERVICE
from landbridge.agency import Role
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.rpc.channel import RotatingChannel
from landbridge.rpc.live_party import LiveParty
from landbridge.rpc.status import abort, from_rpc_error

UNARY: Final = ("Renew", "Acknowledge", "ReplaceKey", "GetTrust", "Submit", "GetStanding")
WATCH: Final = "WatchTrust"
LARGEST_REQUEST: Final = 256 * 1024
LARGEST_OF_A_NEWCOMER: Final = 48 * 1024
_TIMEOUT_S: Final = 15.0
_MOST_AT_ONCE: Final = 512
_MOST_NEWCOMERS_AT_ONCE: Final = 64
_ENROLMENTS_A_SECOND: Final = 200.0
_APPLICATIONS_A_SECOND: Final = 1.0
_BURST_S: Final = 20.0
_Context = grpc.aio.ServicerContext[Any, Any]


class Pace:
    """Lets so many through in a second, and saves up a few seconds' worth for a burst."""

    def __init__(self, per_second: float, now: Callable[[], float], *, burst_s: float) -> None:
        self._per_second = per_second
        self._most = per_second * burst_s
        self._left = self._most
        self._now = now
        self._at = now()

    def take(self) -> bool:
        """Take one; tell whether there was one to take."""
        now = self._now()
        self._left = min(self._most, self._left + (now - self._at) * self._per_second)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Relay:
    """The gateway's line to the authority. Used on one event loop; close it with `close`."""

    def __init__(self, live: LiveParty) -> None:
        self._live = live
        self._channels: dict[tuple[str, str], RotatingChannel] = {}
        self._in_work = 0
        self._retired = False
        self._watches: set[Any] = set()

    def handlers(self) -> grpc.GenericRpcHandler:
        """Return the handlers of AuthorityService, for the gateway's own port and its guard."""
        handlers: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {
            name: grpc.unary_unary_rpc_method_handler(self._unary(AUTHORITY_SERVICE, name))
            for name in UNARY
        }
        handlers[WATCH] = grpc.unary_stream_rpc_method_handler(self._watch)
        return grpc.method_handlers_generic_handler(AUTHORITY_SERVICE, handlers)

    def enrolment_handlers(self) -> grpc.GenericRpcHandler:
        """Return the handlers of EnrolmentService, for a port that asks for no certificate."""
        now = asyncio.get_running_loop().time
        paces = {
            "Enrol": Pace(_ENROLMENTS_A_SECOND, now, burst_s=_BURST_S),
            "Apply": Pace(_APPLICATIONS_A_SECOND, now, burst_s=_BURST_S),
        }
        handlers: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {
            name: grpc.unary_unary_rpc_method_handler(self._bounded(name, pace))
            for name, pace in paces.items()
        }
        return grpc.method_handlers_generic_handler(ENROLMENT_SERVICE, handlers)

    def retire(self) -> None:
        """Take nothing new and end every watch; what else was taken goes on to its end."""
        self._retired = True
        for watch in tuple(self._watches):
            watch.cancel()

    async def close(self) -> None:
        """Close the line, once the servers that it serves have stopped."""
        self.retire()
        channels, self._channels = self._channels, {}
        for channel in channels.values():
            await channel.close()

    def _unary(self, service: str, name: str) -> Callable[..., Any]:
        path = f"/{service}/{name}"

        async def relay(request: bytes, context: _Context) -> bytes:
            try:
                if len(request) > LARGEST_REQUEST:
                    raise _too_large(len(request), LARGEST_REQUEST)
                return await self._pass_on(path, request, context)
            except LandbridgeError as error:
                await abort(context, error)

        return relay

    def _bounded(self, name: str, pace: Pace) -> Callable[..., Any]:
        path = f"/{ENROLMENT_SERVICE}/{name}"
        at_once = 0

        async def relay(request: bytes, context: _Context) -> bytes:
            nonlocal at_once
            try:
                _check_tls(context)
                if len(request) > LARGEST_OF_A_NEWCOMER:
                    raise _too_large(len(request), LARGEST_OF_A_NEWCOMER)
                if at_once >= _MOST_NEWCOMERS_AT_ONCE or not pace.take():
                    raise refuse(Reason.BUSY, "too many ask for this at the moment")
                at_once += 1
                try:
                    return await self._pass_on(path, request, context)
                finally:
                    at_once -= 1
            except LandbridgeError as error:
                await abort(context, error)

        return relay

    async def _pass_on(self, path: str, request: bytes, context: _Context) -> bytes:
        if self._in_work >= _MOST_AT_ONCE:
            raise refuse(Reason.BUSY, f"{self._in_work} calls for the authority are under way")
        timeout = min(context.time_remaining() or _TIMEOUT_S, _TIMEOUT_S)
        call: Any = self._channel().channel.unary_unary(path)
        self._in_work += 1
        try:
            response: bytes = await call(request, timeout=timeout)
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error, peer="the authority") from error
        finally:
            self._in_work -= 1
        return response

    async def _watch(self, request: bytes, context: _Context) -> AsyncIterator[bytes]:
        """Pass news on until the line to the authority is swapped: then the caller asks anew."""
        try:
            if len(request) > LARGEST_REQUEST:
                raise _too_large(len(request), LARGEST_REQUEST)
            line = self._channel()
        except LandbridgeError as error:
            await abort(context, error)
        watch: Any = line.channel.unary_stream(f"/{AUTHORITY_SERVICE}/{WATCH}")
        call = watch(request)
        forget = line.on_swap(call.cancel)
        self._watches.add(call)
        try:
            async for response in call:
                yield response
        except grpc.aio.AioRpcError as error:
            if not call.cancelled():
                await abort(context, from_rpc_error(error, peer="the authority"))
        except asyncio.CancelledError:
            # A call that the swap has ended, as opposed to this task itself.
            if not call.cancelled():
                raise
        finally:
            forget()
            self._watches.discard(call)
            call.cancel()

    def _channel(self) -> RotatingChannel:
        """Return the channel to the authority, as the trust bundle lists it now."""
        if self._retired:
            raise refuse(Reason.UNREACHABLE, "the gateway is stopping")
        endpoints = self._live.trust.bundle.endpoints(Role.AUTHORITY)
        if not endpoints:
            raise refuse(Reason.UNREACHABLE, "the trust bundle lists no authority")
        key = (endpoints[0].address, endpoints[0].dns_name)
        if key not in self._channels:
            self._channels[key] = self._live.channel(*key)
        return self._channels[key]


def _check_tls(context: _Context) -> None:
    if tuple(context.auth_context().get("ssl_tls_version", ())) != (b"TLSv1.3",):
        raise refuse(Reason.CERTIFICATE_REFUSED, "the connection is not under TLS 1.3")


def _too_large(size: int, limit: int) -> LandbridgeError:
    return refuse(
        Reason.MALFORMED_REQUEST, f"a request of {size} bytes is larger than the {limit} allowed"
    )
