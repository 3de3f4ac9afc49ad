"""`landbridge memo show`: text for the desk, pages for those who sign."""

import json
from pathlib import Path

import pytest

from landbridge.commands.main import run
from landbridge.commands.memo.app import COMMANDS
from landbridge.memorandum.document import Memorandum
from tests.memoranda import WHOLE, write_text

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    return write_text(tmp_path, WHOLE)


def test_every_command_is_there(capsys: Captured) -> None:
    for name in COMMANDS:
        assert run(["memo", name, "--help"]) == 0
        assert f"landbridge memo {name}" in capsys.readouterr().out


@pytest.mark.parametrize(("form", "start"), [("markdown", "# "), ("html", "<!doctype html>")])
def test_a_page_names_the_text_that_is_signed(
    whole: Path, capsys: Captured, form: str, start: str
) -> None:
    assert run(["memo", "show", str(whole), "--as", form]) == 0
    page = capsys.readouterr().out
    assert page.startswith(start)
    assert Memorandum.from_yaml(whole).digest in page
    assert "A requester may keep what it got for 2 years." in page


def test_for_programs_the_document_is_the_signed_one(whole: Path, capsys: Captured) -> None:
    assert run(["memo", "show", str(whole), "-o", "json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["document"] == json.loads(Memorandum.from_yaml(whole).to_json())
    assert shown["sentences"][-1] == "Everything else is refused."
    assert shown["digest"] == Memorandum.from_yaml(whole).digest


def test_another_form_is_a_mistake_of_use(whole: Path, capsys: Captured) -> None:
    assert run(["memo", "show", str(whole), "--as", "pdf"]) == 2
    assert "LB-1106" in capsys.readouterr().err
