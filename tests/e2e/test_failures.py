"""Real processes, really killed, stalled and out of disk: no answer is lost, none is untraced."""

import asyncio
import os
import resource
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from landbridge.agency import Role
from landbridge.client import Client
from landbridge.commands.preloaded import PreloadedProcess
from landbridge.commands.sandbox import Sandbox
from landbridge.errors import LandbridgeError, Reason
from landbridge.log.checkpoint import verify_checkpoint
from landbridge.log.note import NoteVerifier
from landbridge.profile import profile_document
from landbridge.trust.bundle import TrustBundle
from landbridge.v1 import profile_pb2
from landbridge.verification import verify_profile
from tests.market import BAKERY, FOOD, PURPOSE, REGISTER, TAX, outcomes, write_market


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    top = tmp_path_factory.mktemp("market")
    with Sandbox(write_market(top), top / "home", preloaded=True) as running:
        asyncio.run(running.wait_ready())
        yield running


async def ask(sandbox: Sandbox, *, timeout: float = 3.0) -> profile_pb2.Profile:
    client = Client.from_home(sandbox.home_folder)
    try:
        envelope = await client.ask(BAKERY, PURPOSE, "F-1", timeout=timeout)
    finally:
        await client.close()
    bundle = TrustBundle.parse((sandbox.home_folder / "trust-bundle.json").read_bytes(), None)
    verify_profile(profile_document(envelope), bundle, federation=sandbox.federation)
    return profile_pb2.Profile.FromString(envelope.payload)


def process(sandbox: Sandbox, agency: str) -> subprocess.Popen[bytes] | PreloadedProcess:
    return sandbox.processes[agency]


async def restart(sandbox: Sandbox, agency: str) -> None:
    sandbox.start(agency)
    await sandbox.wait_ready()
    async with asyncio.timeout(20):
        while outcomes(await ask(sandbox))[agency] == Reason.UNREACHABLE:
            await asyncio.sleep(0.1)


def log_size(path: Path) -> int:
    """Count the entries, as another process sees them on the disk."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        (table,) = database.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE '%entr%'"
        ).fetchone()
        size: int = database.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0]
    return size


@pytest.mark.parametrize("agency", [REGISTER, TAX, FOOD])
async def test_any_node_may_be_killed(sandbox: Sandbox, agency: str) -> None:
    sandbox.stop(agency, kill=True)
    started = time.monotonic()
    profile = await ask(sandbox)
    assert time.monotonic() - started < 3.0
    assert outcomes(profile)[agency] == Reason.UNREACHABLE
    assert profile.completeness.answered >= (1 if agency == REGISTER else 2)
    await restart(sandbox, agency)
    assert set(outcomes(await ask(sandbox)).values()) == {Reason.ANSWERED}


@pytest.mark.parametrize("agency", [REGISTER, TAX, FOOD])
async def test_any_node_may_stall(sandbox: Sandbox, agency: str) -> None:
    stalled = process(sandbox, agency)
    os.kill(stalled.pid, signal.SIGSTOP)
    try:
        started = time.monotonic()
        profile = await ask(sandbox, timeout=5.0)
        assert time.monotonic() - started < 5.5
        assert outcomes(profile)[agency] == Reason.LATE
    finally:
        os.kill(stalled.pid, signal.SIGCONT)
    assert set(outcomes(await ask(sandbox)).values()) == {Reason.ANSWERED}


async def test_the_entry_is_there_after_a_kill_right_behind_the_answer(sandbox: Sandbox) -> None:
    profile = await ask(sandbox)
    sandbox.stop(FOOD, kill=True)
    (envelope,) = [
        answer for answer in profile.answers if f"{FOOD}.market".encode() in answer.log.checkpoint
    ]
    state = sandbox.state(FOOD, Role.NODE)
    bundle = TrustBundle.parse((sandbox.home_folder / "trust-bundle.json").read_bytes(), None)
    origin = f"{FOOD}.market.example/node/main"
    _, _, (public,) = bundle.log_keys(origin, int(time.time() * 1000))
    head = verify_checkpoint(envelope.log.checkpoint, lambda _: NoteVerifier(origin, public))
    assert head.size > envelope.log.index
    assert log_size(state / "log.sqlite") >= head.size
    await restart(sandbox, FOOD)
    assert outcomes(await ask(sandbox))[FOOD] == Reason.ANSWERED


@contextmanager
def no_room(sandbox: Sandbox, agency: str) -> Iterator[None]:
    """Let the kernel refuse what a process writes, as a full disk does."""
    full = process(sandbox, agency).pid
    unlimited = resource.prlimit(full, resource.RLIMIT_FSIZE)
    resource.prlimit(full, resource.RLIMIT_FSIZE, (0, unlimited[1]))
    try:
        yield
    finally:
        resource.prlimit(full, resource.RLIMIT_FSIZE, unlimited)


async def test_a_full_disk_stops_one_nodes_answers_until_there_is_room(sandbox: Sandbox) -> None:
    with no_room(sandbox, FOOD):
        profile = await ask(sandbox)
        assert outcomes(profile)[FOOD] == Reason.LOG_UNAVAILABLE
        assert outcomes(profile)[TAX] == Reason.ANSWERED
    assert outcomes(await ask(sandbox))[FOOD] == Reason.ANSWERED
    assert process(sandbox, FOOD).poll() is None


async def test_a_full_disk_at_the_gateway_stops_every_profile_until_there_is_room(
    sandbox: Sandbox,
) -> None:
    with no_room(sandbox, sandbox.gateway):
        for _ in range(3):
            with pytest.raises(LandbridgeError) as caught:
                await ask(sandbox)
            assert caught.value.reason is Reason.LOG_UNAVAILABLE
    assert set(outcomes(await ask(sandbox)).values()) == {Reason.ANSWERED}
    assert process(sandbox, sandbox.gateway).poll() is None


async def test_a_gateway_that_is_stopped_finishes_what_it_took(sandbox: Sandbox) -> None:
    # It waits for a node that does not answer, and so has taken the query when it is stopped.
    process(sandbox, TAX).send_signal(signal.SIGSTOP)
    asking = asyncio.create_task(ask(sandbox, timeout=4.0))
    await asyncio.sleep(2.0)
    assert not asking.done()
    sandbox.processes[sandbox.gateway].send_signal(signal.SIGTERM)
    profile = await asking
    process(sandbox, TAX).send_signal(signal.SIGCONT)
    assert profile.completeness.sources == 3
    assert outcomes(profile)[TAX] == Reason.LATE
    assert sandbox.processes[sandbox.gateway].wait(20) == 0
    await asyncio.to_thread(sandbox.start, sandbox.gateway)
    await sandbox.wait_ready()
