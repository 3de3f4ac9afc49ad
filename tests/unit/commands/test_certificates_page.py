"""The administrator's book: every command in it is one, with options that there are."""

import re
import shlex
from pathlib import Path
from typing import Final

import pytest

from landbridge.commands.main import app

PAGE: Final = (Path(__file__).parents[3] / "docs" / "certificates.md").read_text()
INLINE: Final = re.compile(r"`(landbridge (?:cert|federation) [^`]+)`")
CONSOLE: Final = re.compile(r"^\$ (landbridge .*?)\s*(?:#.*)?$", re.MULTILINE)
SECTIONS: Final = (
    "First day",
    "Planned rotation",
    "Something was stolen",
    "Something was lost",
    "Somebody is late",
    "Moving the authority",
    "The limits, plainly",
)


def commands() -> list[str]:
    found = [*INLINE.findall(PAGE), *CONSOLE.findall(PAGE)]
    return sorted({command for command in found if "..." not in command and command != "AGENCY"})


@pytest.mark.parametrize("command", commands())
def test_every_command_of_the_book_can_be_given(command: str) -> None:
    words = shlex.split(command)[1:]
    # What the reader fills in stands in capitals, what is left out at the end is not parsed.
    incomplete = {
        ("cert", "serve"): ["DIR", "--listen", "HOST:1"],
        ("cert", "issue"): ["register.gov/node"],
        ("cert", "enrol"): ["invitation.json", "--state", "DIR"],
        ("federation", "apply"): shlex.split("card.json --agency a --title T --party node=D@h:1"),
    }
    if len(words) == 2:
        words += incomplete.get((words[0], words[1]), [])
    function, _, _ = app.parse_args(words, exit_on_error=False, print_error=False)
    assert callable(function)


def test_the_book_has_its_chapters_and_enough_commands() -> None:
    headings = re.findall(r"^## (.+)$", PAGE, re.MULTILINE)
    assert [each for each in SECTIONS if each not in headings] == []
    named = {tuple(shlex.split(command)[1:3]) for command in commands()}
    wanted = {"init", "serve", "enrol", "issue", "renew", "rotate", "status", "revoke", "taint"}
    assert {("cert", name) for name in wanted | {"lint", "bundle"}} <= named
    members = {"apply", "accept", "suspend", "leave", "show"}
    assert {("federation", name) for name in members} <= named
