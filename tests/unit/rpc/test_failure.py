"""The failure of a streamed item says no more than it should, and is believed no further."""

import pytest

from landbridge.errors import Reason, refuse
from landbridge.reasons import REASONS
from landbridge.rpc.failure import from_failure, to_failure
from landbridge.v1 import node_service_pb2

FAILURES = [r for r in Reason if REASONS[r].status != "OK" and not r.is_refusal]
REFUSALS = [r for r in Reason if r.is_refusal]


def failure(number: int, message: str = "what") -> node_service_pb2.Failure:
    read = node_service_pb2.Failure(message=message)
    read.reason = number  # type: ignore[assignment]
    return read


@pytest.mark.parametrize("reason", FAILURES, ids=lambda r: r.code)
def test_every_failure_survives_the_wire(reason: Reason) -> None:
    error = from_failure(to_failure(refuse(reason, "what")))
    assert (error.reason, error.message) == (reason, "what")


@pytest.mark.parametrize("number", [0, 7777, -1, Reason.ANSWERED, Reason.NO_RECORD, *REFUSALS])
def test_a_reason_that_is_no_failure_is_not_believed(number: int) -> None:
    assert from_failure(failure(number)).reason is Reason.SOURCE_FAILED


@pytest.mark.parametrize("reason", REFUSALS, ids=lambda r: r.code)
def test_a_gateway_may_refuse(reason: Reason) -> None:
    assert from_failure(failure(reason), may_refuse=True).reason is reason


@pytest.mark.parametrize("number", [0, Reason.ANSWERED, Reason.NO_RECORD])
def test_not_even_a_gateway_fails_with_success(number: int) -> None:
    assert from_failure(failure(number), may_refuse=True).reason is Reason.SOURCE_FAILED


def test_text_of_a_peer_is_cut_and_tamed() -> None:
    error = from_failure(failure(Reason.BUSY, "wait\x1b]0;title\x07\n" + "x" * 5000))
    assert error.message.isprintable()
    assert len(error.message) == 600


def test_the_place_comes_along() -> None:
    assert to_failure(refuse(Reason.UNKNOWN_FIELD, "no", where="tax")).message == "tax: no"


@pytest.mark.parametrize("reason", [Reason.LOG_UNAVAILABLE, Reason.LOG_DAMAGED])
def test_a_path_on_the_agency_s_host_stays_there(reason: Reason) -> None:
    assert to_failure(refuse(reason, "no", where="/var/lib/log.sqlite")).message == "no"
