"""docs/federation.md, followed word by word: from three CSV files to an answered query."""

import asyncio
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from landbridge.commands.sandbox import Sandbox
from tests.market import write_market
from tests.preloaded import run_preloaded


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    top = tmp_path_factory.mktemp("doc")
    write_market(top)
    return top


@pytest.fixture(scope="module")
def running(folder: Path) -> Iterator[Path]:
    with Sandbox(folder / "market", folder / ".landbridge", preloaded=True) as sandbox:
        asyncio.run(sandbox.wait_ready())
        yield folder


def landbridge(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run_preloaded(*arguments, cwd=folder)


def test_the_checks_of_the_page_pass(folder: Path) -> None:
    for arguments in (
        ["node", "check", "market/agencies/tax.gov/node.toml"],
        ["memo", "lint", "market/memoranda/stalls.yaml"],
    ):
        done = landbridge(folder, *arguments)
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_query_of_the_page_is_answered(running: Path) -> None:
    done = landbridge(
        running,
        *("profile", "company-number:417", "--purpose", "stall-permit", "--case", "M-7"),
        *("--save", "profile.json", "-o", "json"),
    )
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    values = {
        (section["agency"], value["field"]): value["value"]
        for section in document["sections"]
        for record in section["records"]
        for value in record["values"]
    }
    assert values["register.gov", "state"] == "active"
    assert values["tax.gov", "arrears"] == "1250.00 EUR"
    assert values["food.gov", "finding"] == "Cold store too warm"
    assert ("tax.gov", "since") not in values
    (name,) = [item for item in document["comparisons"] if item["term"] == "company-name"]
    assert name["status"] == "agreement"
    assert landbridge(running, "verify", "profile.json").returncode == 0
