"""Calls to RightsService: at a gateway, which passes them on, or at a node."""

from collections.abc import Awaitable
from typing import Final, TypeVar

import grpc

from landbridge.rpc.status import from_rpc_error
from landbridge.v1 import rights_service_pb2 as pb
from landbridge.v1 import rights_service_pb2_grpc as pb_grpc

TIMEOUT_S: Final = 10.0
_PEER: Final = "the gateway"
_Response = TypeVar("_Response")


async def submit_step(
    channel: grpc.aio.Channel, agency: str, document: bytes, timeout: float = TIMEOUT_S
) -> pb.SubmitStepResponse:
    """Hand a signed step of a dispute or a repair in; `timeout` in seconds, here and below.

    Raises:
        LandbridgeError: the agency's reason; LB-2001 or LB-2002 when it cannot be reached.
    """
    request = pb.SubmitStepRequest(agency=agency, document=document)
    return await _called(_stub(channel).SubmitStep(request, timeout=timeout))


async def list_accesses(
    channel: grpc.aio.Channel, agency: str, signed: bytes, timeout: float = TIMEOUT_S
) -> pb.ListAccessesResponse:
    """Ask who looked, by a signed request; what comes is not verified yet.

    Raises:
        LandbridgeError: as for `submit_step`.
    """
    request = pb.ListAccessesRequest(agency=agency, request=signed)
    return await _called(_stub(channel).ListAccesses(request, timeout=timeout))


async def get_case(
    channel: grpc.aio.Channel, agency: str, signed: bytes, timeout: float = TIMEOUT_S
) -> pb.GetCaseResponse:
    """Fetch a case, by a signed request; what comes is not verified yet.

    Raises:
        LandbridgeError: as for `submit_step`.
    """
    request = pb.GetCaseRequest(agency=agency, request=signed)
    return await _called(_stub(channel).GetCase(request, timeout=timeout))


async def get_status_list(
    channel: grpc.aio.Channel, agency: str, timeout: float = TIMEOUT_S
) -> bytes:
    """Fetch an agency's status list; it is not verified yet.

    Raises:
        LandbridgeError: as for `submit_step`.
    """
    request = pb.GetStatusListRequest(agency=agency)
    return (await _called(_stub(channel).GetStatusList(request, timeout=timeout))).list


def _stub(channel: grpc.aio.Channel) -> "pb_grpc.RightsServiceAsyncStub":
    stub: pb_grpc.RightsServiceAsyncStub = pb_grpc.RightsServiceStub(channel)
    return stub


async def _called(call: Awaitable[_Response]) -> _Response:
    try:
        return await call
    except grpc.aio.AioRpcError as error:
        raise from_rpc_error(error, peer=_PEER) from error
