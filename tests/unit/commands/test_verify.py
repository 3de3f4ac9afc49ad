"""`landbridge verify`: what held, line by line, and the first thing that did not."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from landbridge.commands.main import run
from landbridge.opened_profile import open_profile
from landbridge.profile import profile_document, read_profile, write_document
from landbridge.sealing import SealingKey
from tests.small_town import Town


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    town = Town(tmp_path_factory.mktemp("town"))
    yield town
    town.close()


@pytest.fixture(scope="module")
def document(town: Town) -> dict[str, Any]:
    return profile_document(town.profile())


@pytest.fixture
def file(document: dict[str, Any], tmp_path: Path) -> Path:
    path = tmp_path / "profile.json"
    path.write_text(json.dumps(document))
    return path


def test_each_check_is_a_line(town: Town, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--bundle", str(town.bundle_path), "--federation", str(town.federation_path)]
    assert run(["verify", str(file), *arguments]) == 0
    shown = capsys.readouterr()
    assert [line[:15].split()[-1] for line in shown.out.splitlines()] == [
        "evidence",
        "gateway",
        "query",
        "answers",
        "assembly",
        "document",
    ]
    assert all(line.startswith("[ok] ") for line in shown.out.splitlines())
    assert shown.err == ""


def test_what_was_not_checked_is_said(
    town: Town, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["verify", str(file), "--bundle", str(town.bundle_path)]) == 0
    assert "[--] assembly   not recomputed" in capsys.readouterr().out


def test_the_first_wrong_thing_is_refused_with_its_place(
    town: Town, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(file.read_text().replace("revoked", "renewed"))
    assert run(["verify", str(file), "--bundle", str(town.bundle_path)]) == 4
    shown = capsys.readouterr()
    assert shown.out.splitlines()[-1].startswith("[--] assembly")
    assert shown.err.startswith("LB-4201  ")
    assert "at: comparisons[0].values[0].value\n" in shown.err


def test_opened_answers_are_a_check_of_their_own(
    town: Town, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = SealingKey.generate()
    signed = read_profile(town.profile_for(town.query(seal_to=key.public)))
    path = tmp_path / "sealed.json"
    path.write_text(json.dumps(write_document(open_profile(signed, key, town.federation).signed)))
    arguments = ["verify", str(path), "--bundle", str(town.bundle_path)]
    assert run([*arguments, "--federation", str(town.federation_path)]) == 0
    assert "[ok] opened     2 of 2 sealed answers" in capsys.readouterr().out
    assert run(arguments) == 2
    told = capsys.readouterr().err
    assert told.startswith("LB-1106  a profile with opened answers")
    assert "next: give it with --federation" in told


def test_json_says_the_same(town: Town, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--bundle", str(town.bundle_path), "-o", "json"]
    assert run(["verify", str(file), *arguments]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["verified"] is True
    assert result["checks"][4] == {
        "check": "assembly",
        "made": False,
        "result": "not recomputed: that takes the federation.toml",
    }
    file.write_text(file.read_text().replace("revoked", "renewed"))
    assert run(["verify", str(file), *arguments]) == 4
    result = json.loads(capsys.readouterr().out)
    assert (result["verified"], result["code"]) == (False, "LB-4201")
    assert len(result["checks"]) == 5


def test_a_home_folder_stands_in_for_the_bundle(
    town: Town,
    file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    town.write_home(tmp_path / ".landbridge", "127.0.0.1:1")
    monkeypatch.delenv("LANDBRIDGE_HOME", raising=False)
    monkeypatch.chdir(tmp_path)
    assert run(["verify", str(file)]) == 0
    assert "[ok] assembly" in capsys.readouterr().out


def test_stdin_is_read_for_a_hyphen(
    town: Town, file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stdin = SimpleNamespace(buffer=io.BytesIO(file.read_bytes()))
    monkeypatch.setattr("sys.stdin", stdin)
    assert run(["verify", "-", "--bundle", str(town.bundle_path)]) == 0
    assert "[ok] document" in capsys.readouterr().out


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b'{"a":1,"a":2}'])
def test_what_is_no_document_is_a_usage_error(
    content: bytes, town: Town, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "junk"
    path.write_bytes(content)
    assert run(["verify", str(path), "--bundle", str(town.bundle_path)]) == 2
    assert capsys.readouterr().err.startswith("LB-1106  the file is not a JSON")


def test_a_document_of_something_else_is_refused(
    town: Town, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "other.json"
    path.write_text('{"hello": "world"}')
    assert run(["verify", str(path), "--bundle", str(town.bundle_path)]) == 4
    assert "at: format" in capsys.readouterr().err


def test_missing_files_are_named(
    town: Town, file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = str(tmp_path / "missing")
    assert run(["verify", missing, "--bundle", str(town.bundle_path)]) == 2
    assert f"at: {missing}" in capsys.readouterr().err
    assert run(["verify", str(file), "--bundle", missing]) == 2
    assert "the trust bundle cannot be read" in capsys.readouterr().err


def test_a_bundle_that_is_none_is_refused(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bundle.json"
    path.write_text("{}")
    assert run(["verify", str(file), "--bundle", str(path)]) == 4
    assert capsys.readouterr().err.startswith("LB-4010  ")
