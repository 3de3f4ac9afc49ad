"""The guard in front of every server: who calls, and may this role call this rpc?"""

import inspect
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Mapping
from contextvars import ContextVar
from typing import Any, TypeAlias, cast

import grpc

from landbridge.agency import Identity, Role
from landbridge.clock import Clock, system_clock, to_iso
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.rpc.certificate import LeafCertificate, read_leaf
from landbridge.rpc.status import abort
from landbridge.trust import TrustBundle

Context = grpc.aio.ServicerContext[Any, Any]
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"  # generic in its stub alone

_CALLER: ContextVar[Identity] = ContextVar("caller")
_NOBODY: frozenset[Role] = frozenset()


def caller() -> Identity:
    """Return who makes the present call, as its certificate states it; only within a handler."""
    return _CALLER.get()


class Guard(grpc.aio.ServerInterceptor):
    """Lets a call through if its TLS, certificate, agency and role are all in order.

    `permitted` maps each full method name (`/package.Service/Method`) to the roles that may call
    it: a method that is not listed may be called by nobody. The certificate is held against the
    clock and the present trust bundle at each call and at each message of a stream, since a
    connection outlives both. Refusals carry LB-4005 or LB-4006.
    """

    def __init__(
        self,
        permitted: Mapping[str, frozenset[Role]],
        bundle: Callable[[], TrustBundle],
        *,
        clock: Clock = system_clock,
    ) -> None:
        self._permitted = permitted
        self._bundle = bundle
        self._clock = clock
        self._guarded: dict[str, tuple[Handler, Handler]] = {}

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable["Handler | None"]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> "Handler | None":
        """Put the checks in front of the method's own handler."""
        handler = await continuation(handler_call_details)
        if handler is None:
            return None
        method = handler_call_details.method
        known = self._guarded.get(method)
        if known is None or known[0] is not handler:
            known = (handler, self._guard(handler, self._permitted.get(method, _NOBODY)))
            self._guarded[method] = known
        return known[1]

    def _guard(self, handler: Handler, roles: frozenset[Role]) -> Handler:
        make: Any
        inner: Any
        if handler.request_streaming and handler.response_streaming:
            make, inner = grpc.stream_stream_rpc_method_handler, handler.stream_stream
        elif handler.request_streaming:
            make, inner = grpc.stream_unary_rpc_method_handler, handler.stream_unary
        elif handler.response_streaming:
            make, inner = grpc.unary_stream_rpc_method_handler, handler.unary_stream
        else:
            make, inner = grpc.unary_unary_rpc_method_handler, handler.unary_unary
        generates = inspect.isasyncgenfunction(inner)
        if not generates and not inspect.iscoroutinefunction(inner):
            raise TypeError(f"{inner!r} is not an async handler, which is all that the guard knows")

        async def guarded(request: object, context: Context) -> object:
            leaf = await self._admit(context, roles)
            if handler.request_streaming:
                messages = cast("AsyncIterable[object]", request)
                request = self._watch(messages, context, leaf, roles)
            if not generates:
                return await inner(request, context)
            async for response in inner(request, context):
                await context.write(response)
            return None

        guarded_handler: Handler = make(
            guarded, handler.request_deserializer, handler.response_serializer
        )
        return guarded_handler

    async def _admit(self, context: Context, roles: frozenset[Role]) -> LeafCertificate:
        try:
            leaf = _certificate(context, self._bundle().federation)
            self._check(leaf, roles)
        except LandbridgeError as error:
            await abort(context, error)
        _CALLER.set(leaf.identity)
        return leaf

    async def _watch(
        self,
        requests: AsyncIterable[object],
        context: Context,
        leaf: LeafCertificate,
        roles: frozenset[Role],
    ) -> AsyncIterator[object]:
        async for request in requests:
            try:
                self._check(leaf, roles)
            except LandbridgeError as error:
                await abort(context, error)
            yield request

    def _check(self, leaf: LeafCertificate, roles: frozenset[Role]) -> None:
        """Hold a certificate against the clock, the trust bundle and the roles.

        Raises:
            LandbridgeError: LB-4006 when the certificate is expired or denied; LB-4005 when the
                agency or its role may not call this.
        """
        now = self._clock()
        bundle = self._bundle()
        identity = leaf.identity
        if not leaf.not_before <= now < leaf.not_after:
            raise refuse(
                Reason.CERTIFICATE_REFUSED,
                f"the certificate is valid from {to_iso(leaf.not_before)}"
                f" until {to_iso(leaf.not_after)}, and now it is {to_iso(now)}",
            )
        if (leaf.issuer_key_id, leaf.serial) in bundle.denied:
            raise refuse(Reason.CERTIFICATE_REFUSED, "the certificate is on the deny list")
        member = bundle.members.get(identity.agency)
        if member is None or identity.role not in member.roles:
            raise refuse(
                Reason.CALLER_REFUSED,
                f"{identity.uri} is not in trust bundle {bundle.number} of {bundle.federation}",
            )
        if member.suspended:
            raise refuse(Reason.CALLER_REFUSED, f"the agency {identity.agency} is suspended")
        if identity.role not in roles:
            raise refuse(
                Reason.CALLER_REFUSED,
                f"this rpc may be called by {' or '.join(sorted(roles)) or 'nobody'},"
                f" and {identity.uri} is a {identity.role}",
            )


def _certificate(context: Context, federation: str) -> LeafCertificate:
    """Return the caller's certificate, checked for its form.

    Raises:
        LandbridgeError: LB-4006 when TLS or the certificate is not as it must be; LB-4005 when the
            certificate carries no identity.
    """
    tls = context.auth_context()
    if tuple(tls.get("ssl_tls_version", ())) != (b"TLSv1.3",):
        raise refuse(Reason.CERTIFICATE_REFUSED, "the connection is not under TLS 1.3")
    pems = tuple(tls.get("x509_pem_cert", ()))
    if len(pems) != 1:
        raise refuse(Reason.CERTIFICATE_REFUSED, "the caller shows no certificate")
    return read_leaf(pems[0], federation)
