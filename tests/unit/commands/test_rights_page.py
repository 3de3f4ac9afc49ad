"""docs/rights.md: its commands can be given as they stand there, and its codes exist."""

import re
import shlex

import pytest

from landbridge.commands.main import app
from landbridge.reasons import Reason
from tests.example import ROOT

PAGE = (ROOT / "docs/rights.md").read_text(encoding="utf-8")
COMMANDS = [
    line
    for block in re.findall(r"^```console\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    for line in re.findall(r"^\$ (landbridge .+)$", block, re.MULTILINE)
]


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_can_be_given(line: str) -> None:
    words = shlex.split(line)[1:]
    function, _, _ = app.parse_args(words, exit_on_error=False, print_error=False)
    assert callable(function)


@pytest.mark.parametrize("code", sorted(set(re.findall(r"LB-\d{4}", PAGE))))
def test_every_code_exists(code: str) -> None:
    assert code in {reason.code for reason in Reason}
