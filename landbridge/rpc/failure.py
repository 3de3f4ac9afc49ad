"""Errors inside a stream, where one item fails and the stream goes on."""

from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.reasons import REASONS
from landbridge.rpc.status import place_to_tell, printable
from landbridge.v1 import node_service_pb2


def to_failure(error: LandbridgeError) -> node_service_pb2.Failure:
    """Write an error as the failure of one streamed item."""
    where = place_to_tell(error)
    return node_service_pb2.Failure(
        reason=error.reason.value,  # type: ignore[arg-type]
        message=printable(f"{where}: {error.message}" if where else error.message),
    )


def from_failure(failure: node_service_pb2.Failure, *, may_refuse: bool = False) -> LandbridgeError:
    """Read the failure of one streamed item; a reason that cannot be one counts as LB-2004.

    A node's refusal by policy is a signed answer, never a bare failure. A gateway refuses a query
    before it makes a profile: the requester reads with `may_refuse`.
    """
    try:
        reason = Reason(failure.reason)
    except ValueError:
        reason = Reason.SOURCE_FAILED
    if REASONS[reason].status == "OK" or (reason.is_refusal and not may_refuse):
        reason = Reason.SOURCE_FAILED
    return refuse(reason, printable(failure.message))
