"""`landbridge explain`: every code, in any writing, and the nearest where there is none."""

import json

import pytest

from landbridge.commands.main import run
from landbridge.reasons import REASONS, Reason


@pytest.mark.parametrize("text", ["LB-3004", "lb-3004", "LB3004", "3004", " 3004 "])
def test_a_code_is_read_as_people_write_it(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", text, "-o", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "code": "LB-3004",
        "name": "field-not-covered",
        "meaning": "The field is not granted.",
        "next_step": REASONS[Reason.FIELD_NOT_COVERED].next_step,
        "grpc_status": "PERMISSION_DENIED",
    }


def test_small_numbers_are_filled_up(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", "2"]) == 0
    assert capsys.readouterr().out.startswith("LB-0002  The source looked")


def test_without_a_code_all_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", "-o", "ndjson"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line)["code"] for line in lines] == [reason.code for reason in Reason]
    assert run(["explain", "-o", "json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["codes"]) == len(Reason)
    assert run(["explain"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(Reason)


@pytest.mark.parametrize(
    ("text", "near"), [("LB-3044", "LB-3014"), ("LB-300x", "LB-300"), ("421", "LB-4201")]
)
def test_an_unknown_code_names_the_nearest(
    text: str, near: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["explain", text]) == 2
    told = capsys.readouterr().err
    assert "is not a reason code; did you mean" in told
    assert near in told


def test_nonsense_has_no_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", "everything"]) == 2
    assert "did you mean" not in capsys.readouterr().err
