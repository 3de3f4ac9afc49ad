"""AuthorityService and EnrolmentService: the rpcs of the federation's authority."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

import grpc

from certs.registrar.job import Registrar
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.rpc.status import abort
from landbridge.v1 import authority_service_pb2 as messages
from landbridge.v1 import authority_service_pb2_grpc

_Context = grpc.aio.ServicerContext[Any, Any]
_P = ParamSpec("_P")
_T = TypeVar("_T")


class RegistrarDesk:
    """Runs the registrar's work on a thread of its own, one piece after the other.

    At most `capacity` pieces wait; more are refused (LB-2003). `failed` is told of errors that
    nobody foresaw.
    """

    def __init__(
        self, registrar: Registrar, *, failed: Callable[[Exception], None], capacity: int = 256
    ) -> None:
        self.registrar = registrar
        self._failed = failed
        self._capacity = capacity
        self._waiting = 0
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="registrar")
        self._news = asyncio.Event()
        self._closed = False
        self._loop = asyncio.get_running_loop()
        registrar.journal.subscribe(self._changed)

    async def run(self, work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Have a piece of work done.

        Raises:
            LandbridgeError: what the work raises; LB-2003 when too much waits; LB-2004 for errors
                that nobody foresaw.
        """
        if self._waiting >= self._capacity:
            raise refuse(Reason.BUSY, f"{self._waiting} requests wait for the authority already")
        self._waiting += 1
        try:
            return await self._loop.run_in_executor(self._worker, lambda: work(*args, **kwargs))
        except LandbridgeError:
            raise
        except Exception as error:
            self._failed(error)
            raise refuse(Reason.SOURCE_FAILED, "the authority failed") from error
        finally:
            self._waiting -= 1

    async def answer(
        self, context: _Context, work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs
    ) -> _T:
        """Have a piece of work done for a call; its error ends the call."""
        try:
            return await self.run(work, *args, **kwargs)
        except LandbridgeError as error:
            await abort(context, error)

    @property
    def closed(self) -> bool:
        """Whether the program is ending."""
        return self._closed

    def news(self) -> asyncio.Event:
        """Return what is set as soon as bundle or lists change after this."""
        return self._news

    def close(self) -> None:
        """End the streams that wait for news."""
        self._closed = True
        self._tell()

    async def finish(self) -> None:
        """Finish what was begun; nothing more can be done after that."""
        await asyncio.to_thread(self._worker.shutdown)

    def _changed(self) -> None:
        """Tell of news; on the thread that made them."""
        self._loop.call_soon_threadsafe(self._tell)

    def _tell(self) -> None:
        told, self._news = self._news, asyncio.Event()
        told.set()


class AuthorityService(authority_service_pb2_grpc.AuthorityServiceServicer):
    """The rpcs for those who have a certificate. Each request proves itself."""

    def __init__(self, desk: RegistrarDesk) -> None:
        self._desk = desk
        self._registrar = desk.registrar

    async def Renew(
        self, request: messages.RenewRequest, context: _Context
    ) -> messages.RenewResponse:
        """Certify a party's new key."""
        chain = await self._desk.answer(context, self._registrar.renew, request)
        return messages.RenewResponse(chain=chain)

    async def Acknowledge(
        self, request: messages.AcknowledgeRequest, context: _Context
    ) -> messages.AcknowledgeResponse:
        """Take down what a party tells."""
        now = await self._desk.answer(context, self._registrar.acknowledge, request)
        return messages.AcknowledgeResponse(now_unix_ms=now)

    async def ReplaceKey(
        self, request: messages.ReplaceKeyRequest, context: _Context
    ) -> messages.ReplaceKeyResponse:
        """List an agency's next signing key."""
        number = await self._desk.answer(context, self._registrar.replace_key, request)
        return messages.ReplaceKeyResponse(bundle_number=number)

    async def GetTrust(
        self, request: messages.GetTrustRequest, context: _Context
    ) -> messages.GetTrustResponse:
        """Give bundles and lists."""
        response, _ = await self._trust(request.since, context)
        return response

    async def WatchTrust(
        self, request: messages.WatchTrustRequest, context: _Context
    ) -> AsyncIterator[messages.WatchTrustResponse]:
        """Give bundles and lists, and again whenever something has changed."""
        since, lists = request.since, None
        while not self._desk.closed:
            news = self._desk.news()
            trust, last = await self._trust(since, context)
            if lists is None or trust.bundles or list(trust.revocation_lists) != lists:
                yield messages.WatchTrustResponse(trust=trust)
            since, lists = max(since, last), list(trust.revocation_lists)
            if last == self._registrar.journal.bundle.number:
                await news.wait()

    async def _trust(self, since: int, context: _Context) -> tuple[messages.GetTrustResponse, int]:
        """Answer from memory where that will do: at a change all who watch come at once."""
        at_hand = self._registrar.trust_at_hand(since)
        if at_hand is not None:
            return at_hand
        return await self._desk.answer(context, self._registrar.trust, since)

    async def Submit(
        self, request: messages.SubmitRequest, context: _Context
    ) -> messages.SubmitResponse:
        """Take an administrator's act."""
        return await self._desk.answer(context, self._registrar.submit, request)

    async def GetStanding(
        self, request: messages.GetStandingRequest, context: _Context
    ) -> messages.GetStandingResponse:
        """Show who holds what, and who lags."""
        del request
        return await self._desk.answer(context, self._registrar.standing)


class EnrolmentService(authority_service_pb2_grpc.EnrolmentServiceServicer):
    """The rpcs for those who have no certificate yet; a gateway passes them on."""

    def __init__(self, desk: RegistrarDesk) -> None:
        self._desk = desk
        self._registrar = desk.registrar

    async def Enrol(
        self, request: messages.EnrolRequest, context: _Context
    ) -> messages.EnrolResponse:
        """Certify an invited party's first key."""
        return await self._desk.answer(context, self._registrar.enrol, request)

    async def Apply(
        self, request: messages.ApplyRequest, context: _Context
    ) -> messages.ApplyResponse:
        """Keep an agency's application."""
        fingerprint = await self._desk.answer(context, self._registrar.apply, request)
        return messages.ApplyResponse(fingerprint=fingerprint)
