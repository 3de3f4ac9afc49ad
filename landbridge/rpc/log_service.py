"""LogService: heads of a party's log, and its word as a witness of others'; and the calls to it."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import grpc

from landbridge.agency import Role
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.log.note import MAX_NOTE_BYTES
from landbridge.log.own_log import OwnLog
from landbridge.log.store import LogStore
from landbridge.log.witness import LONGEST_PATH, Brought, Witness, Word
from landbridge.rpc.failure import from_failure, to_failure
from landbridge.rpc.guard import caller
from landbridge.rpc.status import abort, from_rpc_error
from landbridge.v1 import log_service_pb2 as pb
from landbridge.v1 import log_service_pb2_grpc as pb_grpc

SERVICE: Final = "landbridge.v1.LogService"
_READERS: Final = frozenset({Role.GATEWAY, Role.NODE, Role.REQUESTER, Role.ADMIN})
_BRINGERS: Final = frozenset({Role.GATEWAY, Role.NODE})
PERMITTED: Final = {
    f"/{SERVICE}/GetCheckpoint": _READERS,
    f"/{SERVICE}/GetConsistencyProof": _READERS,
    f"/{SERVICE}/AddCheckpoint": _BRINGERS,
    f"/{SERVICE}/AddCheckpoints": _BRINGERS,
    f"/{SERVICE}/GetWitnessed": _READERS,
    f"/{SERVICE}/TellWitnessed": _BRINGERS,
}
"""Who may call what, on nodes and on gateways."""
MOST_HEADS: Final = 128
"""Heads that one call may bring to a witness."""
_TIMEOUT_S: Final = 5.0
_MOST_IN_WORK: Final = 64
_MOST_OF_READERS: Final = 16
"""Of these places, what requesters and administrators may take together."""
_Made = TypeVar("_Made")


class LogService(pb_grpc.LogServiceServicer):
    """The rpcs on heads. `failed` is told of each refusal of a head that was brought."""

    def __init__(
        self,
        log: LogStore,
        own: OwnLog,
        witness: Witness,
        *,
        refused: Callable[[LandbridgeError], None] = lambda _: None,
    ) -> None:
        self._log = log
        self._own = own
        self._witness = witness
        self._refused = refused
        # One thread of its own: it waits for the disk, and nobody who is answered waits for it.
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="heads")
        self._in_work = 0
        self._readers = 0

    def close(self) -> None:
        """Take no more; what was taken in hand ends by itself."""
        self._worker.shutdown(wait=True, cancel_futures=True)

    async def GetCheckpoint(  # noqa: N802  the contract's name
        self,
        request: pb.GetCheckpointRequest,
        context: grpc.aio.ServicerContext[pb.GetCheckpointRequest, pb.GetCheckpointResponse],
    ) -> pb.GetCheckpointResponse:
        """Give the newest signed head."""
        del request
        cosigned = await self._work(context, self._own.cosigned)
        return pb.GetCheckpointResponse(checkpoint=self._log.head(), cosigned=cosigned)

    async def GetConsistencyProof(  # noqa: N802  the contract's name
        self,
        request: pb.GetConsistencyProofRequest,
        context: grpc.aio.ServicerContext[
            pb.GetConsistencyProofRequest, pb.GetConsistencyProofResponse
        ],
    ) -> pb.GetConsistencyProofResponse:
        """Prove that the log at one size continues it at another."""
        path = await self._work(
            context,
            lambda: self._log.consistency_proof(request.old_size, request.new_size),
        )
        return pb.GetConsistencyProofResponse(path=path)

    async def AddCheckpoint(  # noqa: N802  the contract's name
        self,
        request: pb.AddCheckpointRequest,
        context: grpc.aio.ServicerContext[pb.AddCheckpointRequest, pb.AddCheckpointResponse],
    ) -> pb.AddCheckpointResponse:
        """Cosign a head of another log."""

        def add() -> Word:
            try:
                return self._witness.add(request.checkpoint, request.old_size, request.path)
            except LandbridgeError as error:
                self._refused(error)
                raise

        return _to_message(await self._work(context, add))

    async def AddCheckpoints(  # noqa: N802  the contract's name
        self,
        request: pb.AddCheckpointsRequest,
        context: grpc.aio.ServicerContext[pb.AddCheckpointsRequest, pb.AddCheckpointsResponse],
    ) -> pb.AddCheckpointsResponse:
        """Cosign heads of other logs."""
        if len(request.heads) > MOST_HEADS:
            message = f"{len(request.heads)} heads are more than {MOST_HEADS}"
            await abort(context, refuse(Reason.MALFORMED_REQUEST, message))
        brought = [Brought(one.checkpoint, one.old_size, one.path) for one in request.heads]
        outcomes = await self._work(context, lambda: self._witness.add_all(brought))
        for outcome in outcomes:
            if isinstance(outcome, LandbridgeError):
                self._refused(outcome)
        return pb.AddCheckpointsResponse(outcomes=map(_to_outcome, outcomes))

    async def GetWitnessed(  # noqa: N802  the contract's name
        self,
        request: pb.GetWitnessedRequest,
        context: grpc.aio.ServicerContext[pb.GetWitnessedRequest, pb.GetWitnessedResponse],
    ) -> pb.GetWitnessedResponse:
        """Tell what this witness has seen of a log."""
        seen = await self._work(context, lambda: self._witness.binding(request.origin))
        return pb.GetWitnessedResponse(checkpoint=seen.cosigned() if seen else b"")

    async def TellWitnessed(  # noqa: N802  the contract's name
        self,
        request: pb.TellWitnessedRequest,
        context: grpc.aio.ServicerContext[pb.TellWitnessedRequest, pb.TellWitnessedResponse],
    ) -> pb.TellWitnessedResponse:
        """Take what others have seen of this party's log."""
        await self._work(context, lambda: self._own.told(request.checkpoint))
        return pb.TellWitnessedResponse()

    async def _work(
        self, context: grpc.aio.ServicerContext[Any, Any], work: Callable[[], _Made]
    ) -> _Made:
        is_reader = _is_reader()
        if self._in_work >= _MOST_IN_WORK or (is_reader and self._readers >= _MOST_OF_READERS):
            await abort(context, refuse(Reason.BUSY, "too many ask about heads at the moment"))
        self._in_work += 1
        self._readers += is_reader
        try:
            return await asyncio.get_running_loop().run_in_executor(self._worker, work)
        except LandbridgeError as error:
            await abort(context, error)
        finally:
            self._in_work -= 1
            self._readers -= is_reader


def _to_message(word: Word) -> pb.AddCheckpointResponse:
    if word.line:
        return pb.AddCheckpointResponse(cosignature=word.line)
    return pb.AddCheckpointResponse(seen_size=word.seen_size)


def _to_outcome(outcome: Word | LandbridgeError) -> pb.AddedCheckpoint:
    if isinstance(outcome, LandbridgeError):
        return pb.AddedCheckpoint(failure=to_failure(outcome))
    return pb.AddedCheckpoint(word=_to_message(outcome))


def _is_reader() -> bool:
    """Tell whether the caller is nobody whom the witnessing of logs waits for."""
    try:
        return caller().role not in _BRINGERS
    except LookupError:
        return False  # no guard stands before this server


@dataclass(frozen=True, slots=True)
class HeadShown:
    """What a party shows of its log: the newest head, and the newest that others have cosigned.

    Nothing of it is verified.
    """

    checkpoint: bytes
    cosigned: bytes


async def get_checkpoint(channel: grpc.aio.Channel, *, timeout: float = _TIMEOUT_S) -> HeadShown:
    """Fetch a party's newest head.

    Raises:
        LandbridgeError: the party's reason; LB-2001 or LB-2002 when it cannot be reached; so all
            that follow.
    """
    try:
        shown = await _stub(channel).GetCheckpoint(pb.GetCheckpointRequest(), timeout=timeout)
    except grpc.aio.AioRpcError as error:
        raise from_rpc_error(error) from error
    return HeadShown(shown.checkpoint[: MAX_NOTE_BYTES + 1], shown.cosigned[: MAX_NOTE_BYTES + 1])


async def get_consistency_proof(
    channel: grpc.aio.Channel, old_size: int, new_size: int, *, timeout: float = _TIMEOUT_S
) -> list[bytes]:
    """Have a party prove that its log at one size continues it at another; none is needed from 0.

    Raises:
        LandbridgeError: as for `get_checkpoint`.
    """
    if old_size in (0, new_size):
        return []
    request = pb.GetConsistencyProofRequest(old_size=old_size, new_size=new_size)
    try:
        response = await _stub(channel).GetConsistencyProof(request, timeout=timeout)
    except grpc.aio.AioRpcError as error:
        raise from_rpc_error(error) from error
    return list(response.path[: LONGEST_PATH + 1])


async def add_checkpoint(
    channel: grpc.aio.Channel,
    checkpoint: bytes,
    old_size: int,
    path: Sequence[bytes],
    *,
    timeout: float = _TIMEOUT_S,
) -> Word:
    """Bring a head of another log to a witness; its word is not verified here.

    Raises:
        LandbridgeError: as for `get_checkpoint`; LB-4302 where the witness has seen another head.
    """
    request = pb.AddCheckpointRequest(checkpoint=checkpoint, old_size=old_size, path=path)
    try:
        response = await _stub(channel).AddCheckpoint(request, timeout=timeout)
    except grpc.aio.AioRpcError as error:
        raise from_rpc_error(error) from error
    return Word(response.cosignature, response.seen_size)


async def add_checkpoints(
    channel: grpc.aio.Channel, brought: Sequence[Brought], *, timeout: float = _TIMEOUT_S
) -> list[Word | LandbridgeError]:
    """Bring heads of other logs to a witness, at most `MOST_HEADS`.

    Returns its word on each, which is not verified here, or why it says none.

    Raises:
        LandbridgeError: as for `get_checkpoint`; LB-2004 where it does not answer for each.
    """
    request = pb.AddCheckpointsRequest(
        heads=[
            pb.AddCheckpointRequest(checkpoint=one.checkpoint, old_size=one.old_size, path=one.path)
            for one in brought
        ]
    )
    try:
        response = await _stub(channel).AddCheckpoints(request, timeout=timeout)
    except grpc.aio.AioRpcError as error:
        raise from_rpc_error(error) from error
    if len(response.outcomes) != len(brought):
        raise refuse(Reason.SOURCE_FAILED, "the witness does not answer for each head")
    return [
        from_failure(one.failure, may_refuse=True)
        if one.HasField("failure")
        else Word(one.word.cosignature, one.word.seen_size)
        for one in response.outcomes
    ]


async def get_witnessed(
    channel: grpc.aio.Channel, origin: str, *, timeout: float = _TIMEOUT_S
) -> bytes:
    """Ask a witness for the newest head of a log that it has cosigned; empty where there is none.

    Raises:
        LandbridgeError: as for `get_checkpoint`.
    """
    try:
        response = await _stub(channel).GetWitnessed(
            pb.GetWitnessedRequest(origin=origin), timeout=timeout
        )
    except grpc.aio.AioRpcError as error:
        raise from_rpc_error(error) from error
    return response.checkpoint[: MAX_NOTE_BYTES + 1]


async def tell_witnessed(
    channel: grpc.aio.Channel, checkpoint: bytes, *, timeout: float = _TIMEOUT_S
) -> None:
    """Tell a party what others have seen of its log, or who has cosigned it.

    Raises:
        LandbridgeError: as for `get_checkpoint`.
    """
    try:
        await _stub(channel).TellWitnessed(
            pb.TellWitnessedRequest(checkpoint=checkpoint), timeout=timeout
        )
    except grpc.aio.AioRpcError as error:
        raise from_rpc_error(error) from error


def _stub(channel: grpc.aio.Channel) -> "pb_grpc.LogServiceAsyncStub":
    stub: pb_grpc.LogServiceAsyncStub = pb_grpc.LogServiceStub(channel)
    return stub
