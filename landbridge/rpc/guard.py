"""The guard in front of every server: who calls, and may this role call this rpc?"""

import asyncio
import inspect
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from contextvars import ContextVar
from functools import partial
from typing import Any, TypeAlias, cast

import grpc

from landbridge.agency import Identity, Role
from landbridge.clock import Clock, system_clock
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.rpc.admission import Admission
from landbridge.rpc.open_calls import Check, OpenCalls
from landbridge.rpc.options import ADMITTED
from landbridge.rpc.status import abort
from landbridge.trust.store import Trust, TrustStore

Context = grpc.aio.ServicerContext[Any, Any]
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"  # generic in its stub alone
Inner = Callable[..., Any]

_CALLER: ContextVar[Identity] = ContextVar("caller")
_NOBODY: frozenset[Role] = frozenset()


def caller() -> Identity:
    """Return who makes the present call, as its certificate states it; only within a handler."""
    return _CALLER.get()


class Guard(grpc.aio.ServerInterceptor):
    """Lets a call through if its TLS, certificate, agency and role are all in order.

    `permitted` maps each full method name (`/package.Service/Method`) to the roles that may call
    it: a method that is not listed may be called by nobody. The certificate is held against the
    clock and the present trust at each call, at each message that comes, and again before a single
    answer leaves, since a connection outlives both. An open stream ends at once when the trust no
    longer accepts its caller, also while it is idle. Refusals carry LB-4005, LB-4006 or LB-4018 to
    LB-4020.

    A call that answers with a stream is given its initial metadata as soon as it is let through, so
    that the caller knows that its stream stands; the handler must send none itself.
    """

    def __init__(
        self,
        permitted: Mapping[str, frozenset[Role]],
        store: TrustStore,
        *,
        clock: Clock = system_clock,
    ) -> None:
        self._permitted = permitted
        self._admission = Admission(store, clock=clock)
        self._open = OpenCalls()
        self._guarded: dict[str, tuple[Handler, Handler]] = {}
        store.subscribe(self._trust_changed)

    def _trust_changed(self, _: Trust) -> None:
        self._open.changed()

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
        if not inspect.isasyncgenfunction(inner) and not inspect.iscoroutinefunction(inner):
            raise TypeError(f"{inner!r} is not an async handler, which is all that the guard knows")

        async def guarded(request: object, context: Context) -> object:
            check = await self._admit(context, roles)
            if handler.request_streaming or handler.response_streaming:
                return await self._run_open(handler, inner, request, context, check)
            response = await inner(request, context)
            await _check_again(context, check)
            return response

        guarded_handler: Handler = make(
            guarded, handler.request_deserializer, handler.response_serializer
        )
        return guarded_handler

    async def _admit(self, context: Context, roles: frozenset[Role]) -> Check:
        try:
            check = partial(self._admission.check, _certificate(context), roles)
            _CALLER.set(check())
        except LandbridgeError as error:
            await abort(context, error)
        return check

    async def _run_open(
        self, handler: Handler, inner: Inner, request: object, context: Context, check: Check
    ) -> object:
        """Run a call of streams until it ends of its own, or must.

        It is raced in a task of its own: a handler that is cancelled sends no status, so that the
        caller would wait for its own deadline.
        """
        with self._open.opened(check) as ended:
            if handler.request_streaming:
                request = _watched(cast("AsyncIterable[object]", request), ended, check)
            if handler.response_streaming:
                await context.send_initial_metadata(ADMITTED)
            task = asyncio.create_task(_run(inner, request, context))
            try:
                either: set[asyncio.Future[Any]] = {task, ended}
                await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
                if not task.done():
                    task.cancel()
                    await abort(context, ended.result())
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            response = task.result()
        if not handler.response_streaming:
            await _check_again(context, check)
        return response


async def _run(inner: Inner, request: object, context: Context) -> object:
    if not inspect.isasyncgenfunction(inner):
        return await inner(request, context)
    async with aclosing(inner(request, context)) as responses:
        async for response in responses:
            await context.write(response)
    return None


async def _watched(
    requests: AsyncIterable[object], ended: "asyncio.Future[LandbridgeError]", check: Check
) -> AsyncIterator[object]:
    """Give each message that its sender may still send, and none once the call must end."""
    async for request in requests:
        try:
            check()
        except LandbridgeError as error:
            if not ended.done():
                ended.set_result(error)
        if ended.done():
            # The handler is being stopped, and must not take this for the end of the messages.
            await asyncio.get_running_loop().create_future()
        yield request


async def _check_again(context: Context, check: Check) -> None:
    try:
        check()
    except LandbridgeError as error:
        await abort(context, error)


def _certificate(context: Context) -> bytes:
    """Return the caller's certificate, in PEM.

    Raises:
        LandbridgeError: LB-4006 when TLS is not as it must be, or the caller shows no certificate.
    """
    tls = context.auth_context()
    if tuple(tls.get("ssl_tls_version", ())) != (b"TLSv1.3",):
        raise refuse(Reason.CERTIFICATE_REFUSED, "the connection is not under TLS 1.3")
    pems = tuple(tls.get("x509_pem_cert", ()))
    if len(pems) != 1:
        raise refuse(Reason.CERTIFICATE_REFUSED, "the caller shows no certificate")
    return bytes(pems[0])
