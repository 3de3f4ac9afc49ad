"""The commands as a person runs them: up, demo, check, and what they leave behind."""

import asyncio
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from landbridge.agency import Role
from landbridge.commands.sandbox import Sandbox
from tests.market import REGISTER, write_market

COMMAND = [sys.executable, "-m", "landbridge.commands.main"]


def landbridge(
    cwd: Path, *arguments: str, timeout: float = 110
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


@pytest.fixture
def up(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    write_market(tmp_path)
    process = subprocess.Popen(
        [*COMMAND, "up", "market"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    yield process
    if process.poll() is None:
        process.kill()
    process.communicate()


def wait_for_words(process: subprocess.Popen[str], words: str) -> None:
    assert process.stderr is not None
    deadline = time.monotonic() + 60
    for line in process.stderr:
        if words in line:
            return
        assert time.monotonic() < deadline
    pytest.fail(f"the process ended before it said {words!r}")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_up_serves_until_it_is_stopped_and_leaves_nothing(
    up: subprocess.Popen[str], tmp_path: Path, number: signal.Signals
) -> None:
    wait_for_words(up, "are ready")
    children = psutil.Process(up.pid).children(recursive=True)
    # Three nodes, gateway, authority and keeper; the one that they are forked from, and what counts
    # its resources.
    assert len(children) == 8
    done = landbridge(
        tmp_path,
        *("profile", "company-number:417", "--purpose", "stall-permit", "--case", "U-1"),
        *("-o", "ndjson"),
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["completeness"]["state"] == "complete"
    up.send_signal(number)
    assert up.wait(30) == 0
    _, alive = psutil.wait_procs(children, timeout=10)
    assert not alive
    assert not (tmp_path / ".landbridge").exists()


def test_no_process_outlives_an_up_that_was_killed(up: subprocess.Popen[str]) -> None:
    wait_for_words(up, "are ready")
    children = psutil.Process(up.pid).children(recursive=True)
    up.kill()
    _, alive = psutil.wait_procs(children, timeout=30)
    assert not alive


def test_up_says_which_process_is_not_ready_and_why(tmp_path: Path) -> None:
    folder = write_market(tmp_path)
    config = folder / "agencies" / REGISTER / "node.toml"
    config.write_text(config.read_text().replace('column = "Tax No"', 'column = "Tax Nr"', 1))
    done = landbridge(tmp_path, "up", "market")
    assert done.returncode == 5
    assert REGISTER in done.stderr
    assert "LB-1103" in done.stderr
    assert "Tax No" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / ".landbridge").exists()


def test_up_refuses_a_home_that_holds_other_things(tmp_path: Path) -> None:
    write_market(tmp_path)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("keep me")
    done = landbridge(tmp_path, "up", "market", "--home", "mine")
    assert done.returncode == 1
    assert "LB-1101" in done.stderr
    assert (tmp_path / "mine" / "letter.txt").read_text() == "keep me"


@pytest.mark.parametrize("name", ["home.toml", "parties/city/keys/query.key"])
def test_up_never_removes_what_it_has_not_made(tmp_path: Path, name: str) -> None:
    write_market(tmp_path)
    mine = tmp_path / ".landbridge" / name
    mine.parent.mkdir(parents=True)
    mine.write_text("keep me")
    done = landbridge(tmp_path, "up", "market")
    assert done.returncode == 1
    assert "LB-1101" in done.stderr
    assert mine.read_text() == "keep me"


def test_a_second_sandbox_leaves_the_first_one_alone(tmp_path: Path) -> None:
    folder = write_market(tmp_path)
    first = Sandbox(folder, tmp_path / ".landbridge", preloaded=True)
    first.prepare()
    done = landbridge(tmp_path, "up", "market")
    assert done.returncode == 1
    assert "another sandbox" in done.stderr
    assert (tmp_path / ".landbridge" / "home.toml").is_file()
    first.close()
    assert not (tmp_path / ".landbridge").exists()


@pytest.mark.timeout(300)
def test_the_demo_goes_through_all_its_steps() -> None:
    root = Path(__file__).parents[2]
    done = landbridge(root, "demo", timeout=280)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    assert "steps went as they should" in done.stdout
    assert ", 0 calls failed" in done.stdout
    assert "LB-2001" in done.stdout
    # The amendment: tried, compared, in force in two nodes, and the past under the old clause.
    for shown in (
        r"Was released, and would be refused\n.*va/settlements: settled",
        r"a record with closed_on \S+ \(on \S+\) would no longer be visible",
        r"(?s)(lender-watch-2026 +amended.*lender-watch-2027 +in force.*){2}",
        r"restricted +yes +lender-watch-2027 2\.1",
        r"closed_by +│ allowed +│ lender-watch-2026, clause 3\.1",
        # The rights: who looked, the flag in the very next answer, both recipients, the stale
        # profile, and the auditor.
        r"1 withheld as expired",
        r"board\.ny asked scorecard\.ed at .*, case DEMO-8",
        r"cash_monitoring_2 +no +0 .*\n +! The subject says that this is wrong",
        r"board\.ny +cash_monitoring_2 +2",
        r"first-lender +cash_monitoring_2 +1",
        r"scorecard\.ed +\d+ +superseded .*cash_monitoring_2 corrected",
        r"cash_monitoring_2 +yes +1 ",
        r"\[ok\] log +3 steps stand in the log scorecard\.ed",
        r"\d+ queries, 0 findings: clean",
    ):
        assert re.search(shown, done.stdout), shown
    assert "Traceback" not in done.stdout + done.stderr


def test_a_demo_step_that_goes_wrong_fails_the_demo(tmp_path: Path) -> None:
    folder = write_market(tmp_path)
    (folder / "demo.toml").write_text(
        '[[steps]]\nsay = "nobody asks"\nrun = ["explain", "LB-0000"]\nexits = 0\n'
    )
    done = landbridge(tmp_path, "demo", "market")
    assert done.returncode == 1
    assert "not 0" in done.stderr


def test_gateway_check_tells_what_it_would_serve_with(tmp_path: Path) -> None:
    sandbox = Sandbox(write_market(tmp_path), tmp_path / "home", preloaded=True)
    with contextlib.closing(sandbox):
        sandbox.prepare()
        state = sandbox.state("exchange", Role.GATEWAY)
        arguments = ("gateway", "check", "market/federation.toml", "--state", str(state))
        done = landbridge(tmp_path, *arguments, "-o", "json")
        assert done.returncode == 0, done.stderr
        facts = json.loads(done.stdout)
        assert facts["memoranda"] == ["stalls-2026"]
        assert set(facts["nodes"]) == {"register.gov", "tax.gov", "food.gov"}
        (state / "memoranda" / "stalls-2026.jws.json").write_text("{}")
        assert landbridge(tmp_path, *arguments).returncode == 1
        (state / "keys" / "log.key").chmod(0o644)
        done = landbridge(tmp_path, *arguments)
        assert done.returncode == 4
        assert "LB-4011" in done.stderr


def test_a_tampered_memorandum_grants_nothing(tmp_path: Path) -> None:
    """The node goes on with the others; the requester reads LB-3001 or what came nearest.

    Every copy is tampered with: a node would get the true one again from whoever holds it.
    """
    with Sandbox(write_market(tmp_path), tmp_path / "home", preloaded=True) as sandbox:
        gateway, providers = sandbox.gateway, sandbox.providers
        for name in (*providers, gateway):
            role = Role.GATEWAY if name == gateway else Role.NODE
            document = sandbox.state(name, role) / "memoranda" / "stalls-2026.jws.json"
            sandbox.stop(name)
            text = document.read_text()
            document.write_text(text.replace('"signature": "', '"signature": "A', 1))
        for name in (*providers, gateway):
            sandbox.start(name)
        asyncio.run(sandbox.wait_ready())
        done = subprocess.run(
            [
                *COMMAND,
                *("profile", "company-number:417", "--purpose", "stall-permit", "--case", "T-1"),
                *("--want", REGISTER, "-o", "json"),
            ],
            env={**os.environ, "LANDBRIDGE_HOME": str(sandbox.home_folder)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        told = (sandbox.state(REGISTER, Role.NODE) / "process.log").read_text()
    assert done.returncode == 4, done.stderr
    assert "LB-3001" in done.stdout
    assert "memorandum refused" in told
