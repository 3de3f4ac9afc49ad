"""Errors on the wire: LandbridgeError to google.rpc.Status with ErrorInfo, and back."""

from typing import Any, Never

import grpc
from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import ErrorInfo  # type: ignore[import-untyped]
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]

from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.reasons import REASONS

DOMAIN = "landbridge"
_DETAILS_KEY = "grpc-status-details-bin"
_LONGEST_TEXT = 600
# Their place is a path on the agency's own host, which is nobody else's business.
_PLACE_IS_PRIVATE = frozenset({Reason.LOG_UNAVAILABLE, Reason.LOG_DAMAGED, Reason.LOG_ROLLED_BACK})
_CODES = {reason.code: reason for reason in Reason if REASONS[reason].status != "OK"}

_WITHOUT_DETAILS = {
    grpc.StatusCode.UNAVAILABLE: Reason.UNREACHABLE,
    grpc.StatusCode.CANCELLED: Reason.UNREACHABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED: Reason.LATE,
    grpc.StatusCode.RESOURCE_EXHAUSTED: Reason.OVERSIZED_ANSWER,
    grpc.StatusCode.PERMISSION_DENIED: Reason.CALLER_REFUSED,
    grpc.StatusCode.UNAUTHENTICATED: Reason.CALLER_REFUSED,
}
# What gRPC's client says, in place of the true status, of a stream that ends while it writes.
_ENDED_WHILE_WRITING = "Internal error from Core"
_CLOSED = "it closed the connection; it may not accept this party's certificate"
# Marks in gRPC's own texts, the most telling first, and what they come from.
_CAUSES = (
    ("CERTIFICATE_VERIFY_FAILED", "its certificate is expired or not of this federation"),
    ("Hostname Verification", "another party than the expected one answers at that address"),
    ("Connection refused", "nothing listens at that address"),
    ("resol", "the host name of its address is not known"),
    ("ping timeout", "the connection went dead"),
    ("keepalive", "the connection went dead"),
    (_ENDED_WHILE_WRITING, "it ended the stream"),
    ("Socket closed", _CLOSED),
    ("Connection reset", _CLOSED),
    ("Broken pipe", _CLOSED),
    ("andshake", "no TLS connection could be made: is that a server of the federation?"),
    ("unreachable", "there is no network route to that address"),
    ("No route", "there is no network route to that address"),
    ("imed out", "nobody answers at that address"),
    ("imeout", "nobody answers at that address"),
)


async def abort(context: grpc.aio.ServicerContext[Any, Any], error: LandbridgeError) -> Never:
    """End a call with the error's status, reason code and next step."""
    status = to_status(error)
    await context.abort(
        grpc.StatusCode[REASONS[error.reason].status],
        status.message,
        ((_DETAILS_KEY, status.SerializeToString()),),
    )


def to_status(error: LandbridgeError) -> Status:
    """Write an error as google.rpc.Status; the texts are cut so that they fit into a trailer."""
    info = ErrorInfo(reason=error.code, domain=DOMAIN)
    if where := place_to_tell(error):
        info.metadata["where"] = printable(where)
    info.metadata["next_step"] = printable(error.next_step)
    number: int = grpc.StatusCode[REASONS[error.reason].status].value[0]
    status = Status(code=number, message=printable(error.message))
    status.details.add().Pack(info)
    return status


def place_to_tell(error: LandbridgeError) -> str:
    """Return an error's place as far as a peer may know it."""
    return "" if error.reason in _PLACE_IS_PRIVATE else error.where


def from_rpc_error(error: grpc.aio.AioRpcError, *, peer: str = "") -> LandbridgeError:
    """Turn a failed call into the error that the peer stated, or name the cause in plain words.

    The peer's texts are cut and freed of control characters: they may end on a terminal.
    """
    info, message = _stated(error)
    reason = _CODES.get(info.reason) if info else None
    if info and reason:
        return refuse(
            reason,
            printable(message),
            where=printable(info.metadata.get("where", "")) or peer,
            next_step=printable(info.metadata.get("next_step", "")),
        )
    return _without_reason(error, peer)


def _stated(error: grpc.aio.AioRpcError) -> tuple[ErrorInfo | None, str]:
    for key, value in error.trailing_metadata() or ():
        if key == _DETAILS_KEY and isinstance(value, bytes):
            info = ErrorInfo()
            try:
                status = Status.FromString(value)
                found = any(detail.Unpack(info) for detail in status.details)
            except DecodeError:
                return None, ""
            return (info, status.message) if found and info.domain == DOMAIN else (None, "")
    return None, ""


def _without_reason(error: grpc.aio.AioRpcError, peer: str) -> LandbridgeError:
    code, details = error.code(), printable(error.details() or "")
    reason = _WITHOUT_DETAILS.get(code, Reason.SOURCE_FAILED)
    if _ENDED_WHILE_WRITING in details:
        reason = Reason.UNREACHABLE
    who = peer or "the peer"
    if reason is Reason.LATE:
        message = f"{who} did not answer before the deadline"
    elif reason is Reason.UNREACHABLE:
        cause = next((plain for mark, plain in _CAUSES if mark in details), details or code.name)
        message = f"{who} could not be reached: {cause}"
    else:
        message = f"{who} ended the call with {code.name}: {details or 'it gave no cause'}"
    return refuse(reason, message, where=peer)


def printable(text: str) -> str:
    """Cut a text to what fits into a trailer, and free it of control characters."""
    shown = "".join(c if c.isprintable() else " " for c in text[: _LONGEST_TEXT + 1])
    return shown if len(shown) <= _LONGEST_TEXT else shown[: _LONGEST_TEXT - 1] + "…"
