"""RightsService at the gateway: passes each call on to the node of the agency that it names.

Nothing is kept, and nothing is judged: documents prove themselves to the node, and answers to
whoever asked. Calls are bounded in size, in number at once, and in time.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeVar

import grpc

from gateway.node_client import NodeClient
from landbridge.agency import Role
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.rpc.status import abort, from_rpc_error
from landbridge.statement.signed import MAX_DOCUMENT
from landbridge.v1 import rights_service_pb2 as pb
from landbridge.v1 import rights_service_pb2_grpc as pb_grpc

SERVICE: Final = "landbridge.v1.RightsService"
METHODS: Final = ("SubmitStep", "ListAccesses", "GetCase", "GetStatusList")
PERMITTED: Final = {
    f"/{SERVICE}/{name}": frozenset({Role.REQUESTER, Role.ADMIN}) for name in METHODS
}
_TIMEOUT_S: Final = 15.0
_MOST_AT_ONCE: Final = 128
_LARGEST: Final = MAX_DOCUMENT + 1024
_Request = TypeVar(
    "_Request",
    pb.SubmitStepRequest,
    pb.ListAccessesRequest,
    pb.GetCaseRequest,
    pb.GetStatusListRequest,
)
_Response = TypeVar("_Response")
_Context = grpc.aio.ServicerContext[Any, Any]
_Call = Callable[..., Awaitable[_Response]]


class RightsRelay(pb_grpc.RightsServiceServicer):
    """The rpcs of the subjects' rights at a gateway. Used on one event loop."""

    def __init__(self, nodes: Mapping[str, NodeClient]) -> None:
        self._nodes = nodes
        self._in_work = 0

    async def SubmitStep(  # noqa: N802  the contract's name
        self, request: pb.SubmitStepRequest, context: _Context
    ) -> pb.SubmitStepResponse:
        """Pass a step on."""
        return await self._pass_on(lambda stub: stub.SubmitStep, request, context)

    async def ListAccesses(  # noqa: N802
        self, request: pb.ListAccessesRequest, context: _Context
    ) -> pb.ListAccessesResponse:
        """Pass the question on who looked."""
        return await self._pass_on(lambda stub: stub.ListAccesses, request, context)

    async def GetCase(  # noqa: N802
        self, request: pb.GetCaseRequest, context: _Context
    ) -> pb.GetCaseResponse:
        """Pass a request for a case on."""
        return await self._pass_on(lambda stub: stub.GetCase, request, context)

    async def GetStatusList(  # noqa: N802
        self, request: pb.GetStatusListRequest, context: _Context
    ) -> pb.GetStatusListResponse:
        """Pass the question for a status list on."""
        return await self._pass_on(lambda stub: stub.GetStatusList, request, context)

    async def _pass_on(
        self,
        call: "Callable[[pb_grpc.RightsServiceAsyncStub], _Call[_Response]]",
        request: _Request,
        context: _Context,
    ) -> _Response:
        try:
            return await self._ask(call, request, context)
        except LandbridgeError as error:
            await abort(context, error)

    async def _ask(
        self,
        call: "Callable[[pb_grpc.RightsServiceAsyncStub], _Call[_Response]]",
        request: _Request,
        context: _Context,
    ) -> _Response:
        if request.ByteSize() > _LARGEST:
            raise refuse(Reason.MALFORMED_CASE, f"the document is larger than {MAX_DOCUMENT} bytes")
        node = self._nodes.get(request.agency)
        if node is None:
            raise refuse(
                Reason.UNREACHABLE, f"{request.agency[:100]!r} is no agency with a node here"
            )
        if self._in_work >= _MOST_AT_ONCE:
            raise refuse(Reason.BUSY, f"{_MOST_AT_ONCE} calls on rights are under way")
        timeout = min(context.time_remaining() or _TIMEOUT_S, _TIMEOUT_S)
        stub: pb_grpc.RightsServiceAsyncStub = pb_grpc.RightsServiceStub(node.channel)
        self._in_work += 1
        try:
            return await call(stub)(request, timeout=timeout)
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error, peer=node.agency) from error
        finally:
            self._in_work -= 1
