"""Errors keep their reason, text and next step over the wire, and hostile texts are tamed."""

import grpc
import pytest
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status

from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.reasons import REASONS
from landbridge.rpc.status import from_rpc_error, to_status

KEY = "grpc-status-details-bin"


def rpc_error(
    code: grpc.StatusCode, details: str = "", status: bytes | None = None
) -> grpc.aio.AioRpcError:
    trailer = grpc.aio.Metadata(*([(KEY, status)] if status is not None else []))
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), trailer, details)


def over_the_wire(error: LandbridgeError) -> LandbridgeError:
    status = to_status(error)
    code = grpc.StatusCode[REASONS[error.reason].status]
    assert status.code == code.value[0]
    return from_rpc_error(rpc_error(code, status.message, status.SerializeToString()))


@pytest.mark.parametrize(
    "reason", [reason for reason in Reason if REASONS[reason].status != "OK"], ids=lambda r: r.code
)
def test_every_reason_survives_the_wire(reason: Reason) -> None:
    error = over_the_wire(refuse(reason, "what", where="where", next_step="what next"))
    assert (error.reason, error.message) == (reason, "what")
    assert error.next_step == "what next"
    # The place of a failing log is a path on the agency's host.
    private = reason.code.startswith("LB-500")
    assert error.where == ("" if private else "where")


def test_default_next_step_comes_along() -> None:
    error = over_the_wire(refuse(Reason.FIELD_NOT_COVERED, "no"))
    assert error.next_step == REASONS[Reason.FIELD_NOT_COVERED].next_step
    assert error.where == ""


def test_long_texts_are_cut_to_fit_a_trailer() -> None:
    error = refuse(Reason.BUSY, "é" * 10_000, where="w" * 10_000, next_step="n" * 10_000)
    assert len(to_status(error).SerializeToString()) < 4096


def test_text_of_a_peer_cannot_drive_a_terminal() -> None:
    info = ErrorInfo(reason="LB-2003", domain="landbridge")
    info.metadata["where"] = "\x1b[2J\x9b31m"
    status = Status(code=14, message="wait\x1b]0;title\x07\n\u202e" + "x" * 5000)
    status.details.add().Pack(info)
    error = from_rpc_error(
        rpc_error(grpc.StatusCode.UNAVAILABLE, status.message, status.SerializeToString())
    )
    assert error.reason is Reason.BUSY
    assert (error.message + error.where).isprintable()
    assert len(error.message) <= 600


@pytest.mark.parametrize(
    ("reason", "domain"),
    [
        ("LB-0001", "landbridge"),
        ("LB-9999", "landbridge"),
        ("", "landbridge"),
        ("LB-2003", "elsewhere"),
    ],
)
def test_reason_that_no_failure_can_have_is_not_believed(reason: str, domain: str) -> None:
    status = Status(code=13, message="odd")
    status.details.add().Pack(ErrorInfo(reason=reason, domain=domain))
    error = from_rpc_error(
        rpc_error(grpc.StatusCode.INTERNAL, "odd", status.SerializeToString()), peer="va"
    )
    assert error.reason is Reason.SOURCE_FAILED
    assert error.where == "va"


@pytest.mark.parametrize("garbage", [b"", b"\xff\xff\xff", b"\x1a\x05\x0a\x03abc"])
def test_garbage_in_the_trailer_is_passed_over(garbage: bytes) -> None:
    error = from_rpc_error(rpc_error(grpc.StatusCode.INTERNAL, "odd", garbage))
    assert error.reason is Reason.SOURCE_FAILED
    assert "odd" in error.message


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (grpc.StatusCode.UNAVAILABLE, Reason.UNREACHABLE),
        (grpc.StatusCode.DEADLINE_EXCEEDED, Reason.LATE),
        (grpc.StatusCode.CANCELLED, Reason.UNREACHABLE),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, Reason.OVERSIZED_ANSWER),
        (grpc.StatusCode.PERMISSION_DENIED, Reason.CALLER_REFUSED),
        (grpc.StatusCode.UNKNOWN, Reason.SOURCE_FAILED),
        (grpc.StatusCode.UNIMPLEMENTED, Reason.SOURCE_FAILED),
    ],
)
def test_status_without_a_reason_gets_the_nearest_one(
    code: grpc.StatusCode, reason: Reason
) -> None:
    error = from_rpc_error(rpc_error(code, "its own words"), peer="fsa.ed")
    assert error.reason is reason
    assert "fsa.ed" in error.message


@pytest.mark.parametrize(
    ("code", "details", "cause"),
    [
        (grpc.StatusCode.UNAVAILABLE, "ping timeout", "the connection went dead"),
        (grpc.StatusCode.INTERNAL, "Internal error from Core", "it ended the stream"),
    ],
)
def test_cause_is_said_in_plain_words(code: grpc.StatusCode, details: str, cause: str) -> None:
    error = from_rpc_error(rpc_error(code, details), peer="va")
    assert error.reason is Reason.UNREACHABLE
    assert error.message == f"va could not be reached: {cause}"
