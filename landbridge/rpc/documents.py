"""DocumentService: hands signed documents on, to whom they concern; and the calls to it.

A gateway gets and may bring all, an agency what it is a party of. What is brought counts by its
signatures alone, whoever brings it.
"""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

import grpc

from landbridge.agency import Identity, Role
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.library.intake import Intake
from landbridge.library.kinds import Kind
from landbridge.library.shelf import Found, Shelf
from landbridge.library.store import Library
from landbridge.rpc.document_log import BY_NUMBER, KINDS
from landbridge.rpc.failure import from_failure, to_failure
from landbridge.rpc.guard import caller
from landbridge.rpc.status import abort, from_rpc_error
from landbridge.v1 import document_service_pb2 as pb
from landbridge.v1 import document_service_pb2_grpc as pb_grpc

SERVICE: Final = "landbridge.v1.DocumentService"
_READERS: Final = frozenset({Role.GATEWAY, Role.NODE, Role.REQUESTER, Role.ADMIN})
PERMITTED: Final = {
    f"/{SERVICE}/ListDocuments": _READERS,
    f"/{SERVICE}/GetDocuments": _READERS,
    f"/{SERVICE}/OfferDocuments": frozenset({Role.GATEWAY, Role.REQUESTER, Role.ADMIN}),
}
"""Who may call what, on nodes and on gateways."""
MOST_AT_ONCE: Final = 100
MOST_BYTES: Final = 3_000_000
"""Bytes of documents in one message; a single document may always be sent."""
_TIMEOUT_S: Final = 10.0
_MOST_IN_WORK: Final = 32
LONGEST_WAIT_S: Final = 10.0
"""How long a gateway waits for another list, at most."""
_MOST_WAITING: Final = 32


class DocumentService(pb_grpc.DocumentServiceServicer):
    """The rpcs that hand documents on."""

    def __init__(self, library: Library, intake: Intake) -> None:
        self._library = library
        self._intake = intake
        # One thread of its own: whoever brings much takes no other's time than that of bringers.
        self._taker = ThreadPoolExecutor(1, thread_name_prefix="documents")
        self._in_work = 0
        self._waiting: set[asyncio.Future[None]] = set()
        self._retired = False
        library.subscribe(self._changed)

    async def ListDocuments(  # noqa: N802  the contract's name
        self,
        request: pb.ListDocumentsRequest,
        context: grpc.aio.ServicerContext[pb.ListDocumentsRequest, pb.ListDocumentsResponse],
    ) -> pb.ListDocumentsResponse:
        """List the documents that the caller may have."""
        del context
        who = caller()
        shown = await self._other_than(request, who)
        if _name([found.opened.digest for found in shown]) == request.known:
            return pb.ListDocumentsResponse(same=True)
        return pb.ListDocumentsResponse(
            documents=[
                pb.ListedDocument(
                    kind=KINDS[found.opened.kind],
                    subject=found.opened.subject,
                    digest=bytes.fromhex(found.opened.digest),
                )
                for found in shown
            ]
        )

    async def GetDocuments(  # noqa: N802  the contract's name
        self,
        request: pb.GetDocumentsRequest,
        context: grpc.aio.ServicerContext[pb.GetDocumentsRequest, pb.GetDocumentsResponse],
    ) -> pb.GetDocumentsResponse:
        """Give documents by their digests, as many as fit into one message."""
        if len(request.digests) > MOST_AT_ONCE:
            await abort(context, _too_many(len(request.digests)))
        wanted = {digest.hex() for digest in request.digests}
        found = [each for each in self._shown(caller()) if each.opened.digest in wanted]
        return pb.GetDocumentsResponse(
            documents=next(portions([each.opened.document for each in found]), [])
        )

    async def OfferDocuments(  # noqa: N802  the contract's name
        self,
        request: pb.OfferDocumentsRequest,
        context: grpc.aio.ServicerContext[pb.OfferDocumentsRequest, pb.OfferDocumentsResponse],
    ) -> pb.OfferDocumentsResponse:
        """Take documents; each is verified, and none changes what becomes of the others."""
        if len(request.documents) > MOST_AT_ONCE:
            await abort(context, _too_many(len(request.documents)))
        if self._in_work >= _MOST_IN_WORK:
            await abort(context, refuse(Reason.BUSY, "too many bring documents at the moment"))
        self._in_work += 1
        try:
            loop = asyncio.get_running_loop()
            outcomes = await loop.run_in_executor(self._taker, self._take_all, request.documents)
        finally:
            self._in_work -= 1
        return pb.OfferDocumentsResponse(outcomes=outcomes)

    def retire(self) -> None:
        """Let nobody wait any more for what may change."""
        self._retired = True
        self._wake()

    def close(self) -> None:
        """Take no more; what was taken in hand ends by itself."""
        self._taker.shutdown(wait=False, cancel_futures=True)

    async def _other_than(self, request: pb.ListDocumentsRequest, who: Identity) -> list[Found]:
        """Return what is listed, for a gateway that waits once it is not what it has."""
        loop = asyncio.get_running_loop()
        until = loop.time() + min(request.wait_ms / 1000, LONGEST_WAIT_S)
        may_wait = who.role is Role.GATEWAY and len(self._waiting) < _MOST_WAITING
        while True:
            # Before the look, so that no change falls between the two.
            changed: asyncio.Future[None] = loop.create_future()
            self._waiting.add(changed)
            try:
                shown = self._shown(who)
                is_other = _name([found.opened.digest for found in shown]) != request.known
                left = until - loop.time()
                if is_other or not may_wait or self._retired or left <= 0:
                    return shown
                await asyncio.wait((changed,), timeout=left)
            finally:
                self._waiting.discard(changed)

    def _changed(self, _: Shelf) -> None:
        # It comes on whatever thread has brought the document.
        for loop in {changed.get_loop() for changed in tuple(self._waiting)}:
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        for changed in self._waiting:
            if not changed.done():
                changed.set_result(None)

    def _take_all(self, documents: Iterable[bytes]) -> list[pb.DocumentOutcome]:
        return [self._take(document) for document in documents]

    def _take(self, document: bytes) -> pb.DocumentOutcome:
        try:
            return pb.DocumentOutcome(taken=self._intake.take(document))
        except LandbridgeError as error:
            return pb.DocumentOutcome(failure=to_failure(error))

    def _shown(self, who: Identity) -> list[Found]:
        shelf = self._library.shelf
        return [
            found
            for found in shelf.shown.values()
            if who.role is Role.GATEWAY or who.agency in shelf.concerned(found)
        ]


@dataclass(frozen=True, slots=True)
class Listed:
    """A document that a peer has."""

    kind: Kind
    subject: str
    digest: str
    """SHA-256 of its bytes, in hex."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a document that was brought."""

    taken: bool
    error: LandbridgeError | None


async def list_documents(
    channel: grpc.aio.Channel,
    *,
    known: Sequence[Listed] | None = None,
    wait_s: float = 0.0,
    timeout: float = _TIMEOUT_S,
) -> list[Listed]:
    """List the documents that a peer gives to this party.

    With what is known of it already, a gateway's call waits until it is another list, `wait_s`
    seconds at most; `timeout` comes on top of that.

    Raises:
        LandbridgeError: LB-2001 or LB-2002 when it cannot be reached, LB-2004 when what comes is
            no list.
    """
    request = pb.ListDocumentsRequest(wait_ms=int(wait_s * 1000))
    if known is not None:
        request.known = _name([one.digest for one in known])
    try:
        response = await _stub(channel).ListDocuments(request, timeout=wait_s + timeout)
    except grpc.aio.AioRpcError as error:
        raise from_rpc_error(error) from error
    if known is not None and response.same:
        return list(known)
    return [
        Listed(BY_NUMBER[one.kind], one.subject, one.digest.hex())
        for one in response.documents
        if one.kind in BY_NUMBER
    ]


async def get_documents(
    channel: grpc.aio.Channel, digests: Sequence[str], *, timeout: float = _TIMEOUT_S
) -> list[bytes]:
    """Fetch documents; some may be left out where there are too many for one message.

    Raises:
        LandbridgeError: as for `list_documents`.
    """
    wanted = [bytes.fromhex(digest) for digest in digests[:MOST_AT_ONCE]]
    try:
        response = await _stub(channel).GetDocuments(
            pb.GetDocumentsRequest(digests=wanted), timeout=timeout
        )
    except grpc.aio.AioRpcError as error:
        raise from_rpc_error(error) from error
    return list(response.documents)


async def offer_documents(
    channel: grpc.aio.Channel, documents: Sequence[bytes], *, timeout: float = _TIMEOUT_S
) -> list[Outcome]:
    """Bring documents, in their order, in as many messages as they need.

    Raises:
        LandbridgeError: as for `list_documents`.
    """
    outcomes: list[Outcome] = []
    for portion in portions(documents):
        try:
            response = await _stub(channel).OfferDocuments(
                pb.OfferDocumentsRequest(documents=portion), timeout=timeout
            )
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error) from error
        if len(response.outcomes) != len(portion):
            raise refuse(Reason.SOURCE_FAILED, "it does not say what became of each document")
        outcomes += [
            Outcome(
                one.taken,
                from_failure(one.failure, may_refuse=True) if one.HasField("failure") else None,
            )
            for one in response.outcomes
        ]
    return outcomes


def portions(documents: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Part documents into messages."""
    portion: list[bytes] = []
    size = 0
    for document in documents:
        if portion and (size + len(document) > MOST_BYTES or len(portion) >= MOST_AT_ONCE):
            yield portion
            portion, size = [], 0
        portion.append(document)
        size += len(document)
    if portion:
        yield portion


def _name(digests: Iterable[str]) -> bytes:
    """Name a list by what is in it."""
    return sha256(b"".join(map(bytes.fromhex, sorted(digests)))).digest()


def _stub(channel: grpc.aio.Channel) -> "pb_grpc.DocumentServiceAsyncStub":
    stub: pb_grpc.DocumentServiceAsyncStub = pb_grpc.DocumentServiceStub(channel)
    return stub


def _too_many(count: int) -> LandbridgeError:
    return refuse(Reason.MALFORMED_REQUEST, f"{count} documents are more than {MOST_AT_ONCE}")
