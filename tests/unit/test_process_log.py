"""The process log is JSON, one line an event, and tells nothing of a subject."""

import json

import pytest

from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.process_log import ProcessLog

LOG = ProcessLog({"agency": "a", "role": "node"}, lambda: 1_800_000_000_000)


def told(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    (line,) = capsys.readouterr().err.splitlines()
    found: dict[str, object] = json.loads(line)
    return found


def test_a_line_carries_the_facts_of_its_process(capsys: pytest.CaptureFixture[str]) -> None:
    LOG.info("node is built", port=7101)
    assert told(capsys) == {
        "at": "2027-01-15T08:00:00.000Z",
        "level": "info",
        "event": "node is built",
        "agency": "a",
        "role": "node",
        "port": 7101,
    }


def test_what_could_name_a_subject_is_redacted(capsys: pytest.CaptureFixture[str]) -> None:
    LOG.error("odd", subject="us-ein:362061311", case_reference="C-1")
    assert "362061311" not in json.dumps(line := told(capsys))
    assert (line["subject"], line["case_reference"]) == ("[redacted]", "[redacted]")


def failed() -> LandbridgeError:
    try:
        return {}["362061311"]  # type: ignore[no-any-return]
    except KeyError as error:
        refused = refuse(Reason.SOURCE_FAILED, "the statement failed")
        refused.__cause__ = error
        return refused


def test_a_failure_tells_its_cause_and_place_and_not_the_values(
    capsys: pytest.CaptureFixture[str],
) -> None:
    LOG.failure(failed())
    line = told(capsys)
    assert (line["code"], line["error"]) == ("LB-2004", "KeyError")
    assert "failed" in str(line["place"])
    assert "362061311" not in json.dumps(line)
