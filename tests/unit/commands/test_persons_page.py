"""docs/persons.md: every command on it runs, one after the other, as it stands there."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from certs.federation import create_federation
from landbridge.agency import Role
from landbridge.commands.main import app, run
from landbridge.commands.sandbox_pki import find_desks, plan_parties
from landbridge.federation import Federation
from landbridge.memorandum.document import Memorandum
from landbridge.reasons import Reason
from landbridge.strict_yaml import read_yaml
from tests.example import ROOT

PAGE = (ROOT / "docs/persons.md").read_text(encoding="utf-8")
EXAMPLE = ROOT / "examples/teachers"
CONSOLES = [
    line
    for block in re.findall(r"^```console\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    for line in re.findall(r"^\$ (.+)$", block, re.MULTILINE)
]


def test_every_command_does_what_the_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    federation = Federation.load(EXAMPLE / "federation.toml")
    plans = plan_parties(federation, find_desks(EXAMPLE))
    desk = create_federation(tmp_path / "parties", federation.name, plans).state(
        "citizen-desk", Role.REQUESTER
    )
    monkeypatch.chdir(tmp_path)
    Path("desk.key").symlink_to(desk / "keys/consent.key")
    Path("trust-bundle.json").symlink_to(desk / "trust-bundle.json")
    Path("teachers").symlink_to(EXAMPLE)
    assert len(CONSOLES) == 10
    for line in CONSOLES:
        words = shlex.split(line)
        if words[0] == "landbridge":
            assert run(words[1:]) == 0, (line, capsys.readouterr().err)
        else:
            subprocess.run(words, check=True, capture_output=True)
    # What was revoked is found revoked, by either way of signing.
    trust = ["--bundle", "trust-bundle.json"]
    for record, ended in (
        ("consent.jws.json", "ended.jws.json"),
        ("own.jws.json", "own-ended.jws.json"),
    ):
        assert run(["consent", "verify", record, *trust]) == 0
        assert run(["consent", "verify", record, *trust, "--revocation", ended]) == 4
        assert "LB-3013" in capsys.readouterr().err


def test_commands_in_the_text_can_be_given() -> None:
    inline = [
        command
        for command in re.findall(r"`(landbridge [^`]+)`", PAGE)
        if "..." not in command and len(shlex.split(command)) > 3
    ]
    assert inline
    for command in inline:
        words = shlex.split(command)[1:]
        function, _, _ = app.parse_args(words, exit_on_error=False, print_error=False)
        assert callable(function)


@pytest.mark.parametrize("code", sorted(set(re.findall(r"LB-\d{4}", PAGE))))
def test_every_code_on_the_page_exists(code: str) -> None:
    assert code in {reason.code for reason in Reason}


def test_the_clauses_on_the_page_are_right(tmp_path: Path) -> None:
    (text,) = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    whole = tmp_path / "hiring.yaml"
    head = (EXAMPLE / "memoranda/hiring-2025.yaml").read_text().partition("# Whose word")[0]
    whole.write_text(head + text)
    assert read_yaml(whole.read_text(), "it").data["grants"]
    first, second = Memorandum.from_yaml(whole).grants
    assert first.needs_consent
    assert not second.needs_consent
