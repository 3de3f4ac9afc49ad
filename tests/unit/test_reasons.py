"""Reason codes: one registry, the same numbers everywhere."""

import re

import grpc
import pytest

from landbridge.errors import LandbridgeError, refuse
from landbridge.reasons import REASONS, Reason
from landbridge.v1 import reason_pb2

STATUSES = {code.name for code in grpc.StatusCode}


def test_numbers_are_those_of_the_wire_contract() -> None:
    wire = {
        name.removeprefix("REASON_CODE_"): number
        for name, number in reason_pb2.ReasonCode.items()
        if number
    }
    assert wire == {reason.name: reason.value for reason in Reason}


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_is_explained(reason: Reason) -> None:
    explanation = REASONS[reason]
    assert re.fullmatch(r"LB-\d{4}", reason.code)
    assert int(reason.code.removeprefix("LB-")) == reason.value
    assert explanation.status in STATUSES
    for text in (explanation.meaning, explanation.next_step):
        assert text[0].isupper() or text.startswith("chmod")
        assert text.endswith(".")


def test_nothing_is_explained_that_is_not_a_reason() -> None:
    assert set(REASONS) == set(Reason)


def test_only_policy_refuses() -> None:
    refusals = {reason for reason in Reason if reason.is_refusal}
    assert refusals == {
        Reason.NOT_COVERED,
        Reason.REQUESTER_NOT_COVERED,
        Reason.PURPOSE_NOT_COVERED,
        Reason.FIELD_NOT_COVERED,
        Reason.SUBJECT_KIND_NOT_COVERED,
        Reason.NOT_IN_FORCE,
        Reason.STALE_REVOCATION,
        Reason.QUOTA_SPENT,
        Reason.SEALING_REQUIRED,
        Reason.CONSENT_MISSING,
        Reason.CONSENT_REFUSED,
        Reason.CONSENT_REVOKED,
        Reason.BULK_REFUSED,
    }
    # A quota alone passes by itself, as a load does.
    assert {REASONS[reason].status for reason in refusals - {Reason.QUOTA_SPENT}} == {
        "PERMISSION_DENIED"
    }
    assert REASONS[Reason.QUOTA_SPENT].status == "RESOURCE_EXHAUSTED"


def test_only_outcomes_that_are_no_errors_have_the_status_ok() -> None:
    assert {reason for reason in Reason if REASONS[reason].status == "OK"} == {
        Reason.ANSWERED,
        Reason.NO_RECORD,
        Reason.SEALED,
        Reason.EXPIRED,
    }


def test_error_says_code_place_and_message_on_one_line() -> None:
    error = refuse(Reason.MISSING_COLUMN, "no column 'x'", where="node.toml:3:1")
    assert isinstance(error, LandbridgeError)
    assert str(error) == "LB-1103 node.toml:3:1: no column 'x'"
    assert error.next_step == REASONS[Reason.MISSING_COLUMN].next_step


def test_error_may_have_a_next_step_of_its_own() -> None:
    error = refuse(Reason.USAGE, "what?", next_step="say it again")
    assert str(error) == "LB-1106 what?"
    assert error.next_step == "say it again"
