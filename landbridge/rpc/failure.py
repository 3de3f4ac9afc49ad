"""Errors inside a stream, where one item fails and the stream goes on."""

from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.v1 import node_service_pb2


def to_failure(error: LandbridgeError) -> node_service_pb2.Failure:
    """Write an error as the failure of one streamed item."""
    return node_service_pb2.Failure(
        reason=error.reason.value,  # type: ignore[arg-type]
        message=f"{error.where}: {error.message}" if error.where else error.message,
    )


def from_failure(failure: node_service_pb2.Failure) -> LandbridgeError:
    """Read the failure of one streamed item; a code that is not known counts as LB-2004."""
    try:
        reason = Reason(failure.reason)
    except ValueError:
        reason = Reason.SOURCE_FAILED
    return refuse(reason, failure.message)
