"""What `log witnesses` prints: a row for each log, or one for each of its witnesses."""

import json

import pytest

from landbridge.commands.log.witnesses import _print
from landbridge.commands.output import Output
from landbridge.errors import Reason, refuse
from landbridge.rpc.witness_survey import Sight, Stands, SurveyedLog

LOGS = [
    SurveyedLog(
        "gateway.example",
        away=refuse(Reason.UNREACHABLE, "away"),
        sights=[
            Sight("a.example", Stands.FITS, 41, 1_000_000_060),
            Sight("b.example", Stands.FITS, 40, 1_000_000_000),
            Sight("c.example", Stands.UNSEEN),
            Sight("d.example", Stands.ROLLED_BACK, 50, 1_000_000_120, "seen: more"),
            Sight("e.example", Stands.UNSEEN),
        ],
    ),
    SurveyedLog("a.example", sights=[Sight("b.example", Stands.FITS, 7, 1_000_000_000)]),
]


def printed(
    capsys: pytest.CaptureFixture[str],
    patch: pytest.MonkeyPatch,
    output: Output = Output.TABLE,
    *,
    pairs: bool = False,
) -> str:
    patch.setenv("COLUMNS", "200")
    _print(LOGS, 0, output, pairs=pairs)
    return capsys.readouterr().out


def test_each_log_has_one_row(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, first, second = printed(capsys, monkeypatch).splitlines()
    assert first.split() == [
        *("gateway.example", "away", "2", "of", "5", "2001-09-09T01:46:40.000Z"),
        *("1", "rolled", "back,", "2", "unseen"),
    ]
    assert second.split()[2:] == ["1", "of", "1", "2001-09-09T01:46:40.000Z"]


def test_each_pair_has_one_where_that_is_asked_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = printed(capsys, monkeypatch, pairs=True).splitlines()
    assert len(shown) == 1 + 6
    assert shown[2].split()[2:4] == ["b.example", "40"]


def test_programs_get_every_pair_in_any_case(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for pairs in (False, True):
        logs = json.loads(printed(capsys, monkeypatch, Output.JSON, pairs=pairs))["logs"]
        assert [len(log["witnesses"]) for log in logs] == [5, 1]
