"""Rotation with real processes and real expiry: who was late comes back by the documented way.

docs/certificates.md, "Somebody is late", states these ways.
"""

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from landbridge.agency import Role
from landbridge.commands.sandbox import AUTHORITY
from tests.e2e.shifted_clock import HOUR_S, ShiftedSandbox, forked_under_libfaketime
from tests.market import FOOD, TAX, write_market

pytestmark = [pytest.mark.judge("faketime"), pytest.mark.timeout(400)]
NODE = f"{FOOD}/node"
PATIENCE_S = 90.0


@pytest.fixture(scope="module", autouse=True)
def _forked() -> Iterator[None]:
    with forked_under_libfaketime():
        yield


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[ShiftedSandbox]:
    with ShiftedSandbox(write_market(tmp_path), tmp_path / "home") as running:
        asyncio.run(running.wait_ready())
        yield running


def profile(sandbox: ShiftedSandbox) -> dict[str, Any]:
    done = sandbox.run(
        *("profile", "company-number:417", "--purpose", "stall-permit", "--case", "R-1"),
        *("-o", "json", "--deadline", "20s"),
        exits=(0, 3, 4),
    )
    read: dict[str, Any] = json.loads(done.stdout)
    return read


def codes(sandbox: ShiftedSandbox, *agencies: str) -> set[str]:
    """Return the codes with which the agencies' sources came out."""
    sources = profile(sandbox)["sources"]
    return {str(source["code"]) for source in sources if source["agency"] in agencies}


def code_of_food(sandbox: ShiftedSandbox) -> str:
    """Return the code with which the food inspection's source came out."""
    (code,) = codes(sandbox, FOOD)
    return code


def clock_alarms(sandbox: ShiftedSandbox, node: str) -> list[str]:
    return [alarm for alarm in party(sandbox, node)["alarms"] if "clock" in alarm]


def standing(sandbox: ShiftedSandbox) -> dict[str, Any]:
    done = sandbox.run("cert", "status", "--as", "first", "-o", "json", exits=(0, 3))
    read: dict[str, Any] = json.loads(done.stdout)
    return read


def states(sandbox: ShiftedSandbox) -> dict[str, str]:
    return {each["authority"]: each["state"] for each in standing(sandbox)["authorities"]}


def party(sandbox: ShiftedSandbox, name: str) -> dict[str, Any]:
    (found,) = [
        each
        for agency in standing(sandbox)["agencies"]
        for each in agency["parties"]
        if each["party"] == name
    ]
    return dict(found)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.5)


def rotate_root(sandbox: ShiftedSandbox, *options: str, wait: str = "30s") -> None:
    """Have the administrators run the command in turn, as each is told, until nothing is left."""
    for name in ("first", "second", "first", "second"):
        done = sandbox.run(
            *("cert", "rotate", "root", "--as", name, "--wait", wait, *options),
            *("--passphrase-file", sandbox.home_folder / "root-passphrase"),
            exits=(0, 3),
        )
        if done.returncode == 0:
            return
    pytest.fail(done.stdout + done.stderr)


def test_nodes_whose_clocks_stand_off_are_back_as_soon_as_their_clocks_are_set(
    tmp_path: Path,
) -> None:
    sandbox = ShiftedSandbox(write_market(tmp_path), tmp_path / "home")
    off = {FOOD: (-180, "behind"), TAX: (180, "ahead of")}
    for agency, (seconds, _) in off.items():
        sandbox.set_clock(seconds, agency)
    with sandbox:
        asyncio.run(sandbox.wait_ready())
        for agency, (_, way) in off.items():
            # Certificates are back-dated, so that it is not locked out; the administrators see it.
            until(lambda node=f"{agency}/node": bool(clock_alarms(sandbox, node)))  # type: ignore[misc]
            (alarm,) = clock_alarms(sandbox, f"{agency}/node")
            assert way in alarm
        assert codes(sandbox, *off) == {"LB-4003"}
        processes = [sandbox.processes[agency] for agency in off]
        for agency in off:
            sandbox.set_clock(0, agency)
        until(lambda: codes(sandbox, *off) == {"LB-0001"})
        until(lambda: not any(clock_alarms(sandbox, f"{agency}/node") for agency in off))
        assert all(process.poll() is None for process in processes)


def test_a_node_that_was_off_while_the_root_changed_comes_back_by_itself(
    sandbox: ShiftedSandbox,
) -> None:
    """Two administrators go past it; what was active before retires until its leaf has ended."""
    sandbox.stop(FOOD)
    rotate_root(sandbox, "--to", "active", "--override", wait="1s")
    assert states(sandbox)["root-2"] == "active"
    assert states(sandbox)["issuing-2"] == "active"
    assert states(sandbox)["root-1"] == "retiring"
    sandbox.start(FOOD)
    until(lambda: party(sandbox, NODE)["holds"]["authority"] == "issuing-2")
    until(lambda: code_of_food(sandbox) == "LB-0001")
    rotate_root(sandbox)
    assert states(sandbox)["root-1"] == "removed"
    assert code_of_food(sandbox) == "LB-0001"


def test_a_node_that_expired_while_the_root_changed_comes_back_by_an_invitation(
    sandbox: ShiftedSandbox, tmp_path: Path
) -> None:
    state = sandbox.state(FOOD, Role.NODE)
    sandbox.stop(FOOD)
    before = (state / "keys" / "log.key").read_bytes()
    for hours in (13, 25):
        sandbox.set_clock(hours * HOUR_S)
        # It signs new revocation lists as it starts; else they would come within a minute.
        sandbox.stop(AUTHORITY)
        sandbox.start(AUTHORITY)
        until(lambda: _authority_answers(sandbox))
        until(lambda: _others_have_renewed(sandbox))
    rotate_root(sandbox)
    assert states(sandbox) == {
        "root-1": "removed",
        "issuing-1": "removed",
        "root-2": "active",
        "issuing-2": "active",
    }

    sandbox.start(FOOD)
    assert sandbox.processes.pop(FOOD).wait(30) != 0
    words = (state / "process.log").read_text()
    assert "LB-4019" in words
    assert "enrol" in words

    invitation = tmp_path / "invitation.json"
    sandbox.run("cert", "issue", NODE, "--out", invitation, "--as", "first")
    sandbox.run("cert", "enrol", invitation, "--state", state)
    assert (state / "keys" / "log.key").read_bytes() == before
    sandbox.start(FOOD)
    until(lambda: code_of_food(sandbox) == "LB-0001")
    until(lambda: party(sandbox, NODE)["holds"]["authority"] == "issuing-2")
    # An invitation is good once.
    sandbox.run("cert", "enrol", invitation, "--state", state, exits=4)


def _authority_answers(sandbox: ShiftedSandbox) -> bool:
    done = sandbox.run("cert", "status", "--as", "first", exits=(0, 3, 5))
    return done.returncode != 5


def _others_have_renewed(sandbox: ShiftedSandbox) -> bool:
    """Whether everybody but the one that is off has a certificate for most of a day to come."""
    found = standing(sandbox)
    now = datetime.fromisoformat(found["at"])
    return all(
        datetime.fromisoformat(each["holds"]["until"]) - now > timedelta(hours=20)
        for agency in found["agencies"]
        for each in agency["parties"]
        if each["party"] != NODE
    )
