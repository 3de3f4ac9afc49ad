"""Several processes serve as one gateway: one port, one log, one end."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import psutil
import pytest

from landbridge.agency import Role
from landbridge.client import Client
from landbridge.commands.sandbox import Sandbox
from landbridge.errors import LandbridgeError, Reason
from landbridge.home import Home
from landbridge.party import PartyFolder
from landbridge.profile import read_profile, write_document
from landbridge.trust.bundle import TrustBundle
from landbridge.v1 import envelope_pb2, profile_pb2
from landbridge.verification import verify_profile
from tests.market import BAKERY, PURPOSE, write_market

CLIENTS = 12


@pytest.fixture(scope="module")
def federation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    top = tmp_path_factory.mktemp("workers")
    with Sandbox(write_market(top), top / "home", preloaded=True, workers=2) as running:
        asyncio.run(all_ready(running))
        yield running


async def all_ready(federation: Sandbox) -> None:
    """Wait until every worker, and not only the first that is met, has reached the nodes."""
    await federation.wait_ready()
    async with clients(federation) as asking, asyncio.timeout(20):
        for client in asking:
            while True:
                envelope = await client.ask(BAKERY, PURPOSE, "W-0")
                if not read_profile(envelope).profile.completeness.failed:
                    break
                await asyncio.sleep(0.1)


@asynccontextmanager
async def clients(federation: Sandbox) -> AsyncIterator[list[Client]]:
    """Open several lines to the gateway: the system deals them out among its workers."""
    async with AsyncExitStack() as stack:
        opened = []
        for _ in range(CLIENTS):
            client = Client.from_home(federation.home_folder)
            stack.push_async_callback(client.close)
            opened.append(client)
        yield opened


def workers(federation: Sandbox) -> list[psutil.Process]:
    return psutil.Process(federation.processes[federation.gateway].pid).children()


def callers(federation: Sandbox, worker: psutil.Process) -> int:
    port = int(Home.read(federation.home_folder).gateway_address.rpartition(":")[2])
    return sum(
        line.status == psutil.CONN_ESTABLISHED and line.laddr.port == port
        for line in worker.net_connections()
    )


def check(federation: Sandbox, profile: envelope_pb2.Envelope) -> profile_pb2.Profile:
    bundle = TrustBundle.parse((federation.home_folder / "trust-bundle.json").read_bytes(), None)
    signed = read_profile(profile)
    verify_profile(write_document(signed), bundle, federation=federation.federation)
    return signed.profile


async def test_all_workers_answer_and_their_entries_stand_in_one_log(federation: Sandbox) -> None:
    async with clients(federation) as asking:
        profiles = await asyncio.gather(
            *(client.ask(BAKERY, PURPOSE, "W-1") for client in asking for _ in range(5))
        )
        served = [callers(federation, worker) for worker in workers(federation)]
    assert len(served) == 2
    assert all(served)
    places = [profile.log.index for profile in profiles]
    assert len(set(places)) == len(places)
    for profile in profiles:
        assert check(federation, profile).completeness.failed == 0
    party = PartyFolder.open(federation.state(federation.gateway, Role.GATEWAY))
    log = party.open_log(party.identity(Role.GATEWAY))
    log.check()
    assert log.size > max(places)
    log.close()


async def test_a_query_that_is_brought_to_all_workers_is_read_once(federation: Sandbox) -> None:
    async with clients(federation) as asking:
        (query,) = asking[0].sign([BAKERY], PURPOSE, "W-2")
        outcomes = await asyncio.gather(
            *(client.send(query) for client in asking), return_exceptions=True
        )
    profiles = [one for one in outcomes if isinstance(one, envelope_pb2.Envelope)]
    refused = [one for one in outcomes if isinstance(one, LandbridgeError)]
    assert len(profiles) + len(refused) == CLIENTS
    assert {error.reason for error in refused} == {Reason.REPLAYED_QUERY}
    given: list[str] = []
    for profile in profiles:
        for source in check(federation, profile).sources:
            if source.records:
                given.append(f"{source.agency}/{source.dataset}")
            elif not source.not_asked:
                assert source.outcome in (Reason.REPLAYED_QUERY.value, Reason.NO_RECORD.value)
    assert len(set(given)) == len(given) > 0


async def test_what_is_in_work_is_finished_and_one_end_is_the_end_of_all(tmp_path: Path) -> None:
    with Sandbox(write_market(tmp_path), tmp_path / "home", preloaded=True, workers=2) as running:
        await running.wait_ready()
        parent = running.processes[running.gateway]
        first, second = workers(running)
        os.kill(second.pid, signal.SIGKILL)
        await asyncio.to_thread(parent.wait, 20)
        assert parent.poll() == 5
        assert not first.is_running() or first.status() == psutil.STATUS_ZOMBIE
        log = running.state(running.gateway, Role.GATEWAY) / "process.log"
        assert "process 2 of 2 was ended from outside" in log.read_text()

        running.start(running.gateway)
        await running.wait_ready()
        started = running.processes[running.gateway]
        found = workers(running)
        client = Client.from_home(running.home_folder)
        asking = asyncio.gather(*(client.ask(BAKERY, PURPOSE, "W-3") for _ in range(20)))
        await asyncio.sleep(0)
        profiles = await asking
        await client.close()
        started.terminate()
        await asyncio.to_thread(started.wait, 20)
        assert started.poll() == 0
        assert len(profiles) == 20
        deadline = time.monotonic() + 5
        while any(one.is_running() for one in found) and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
        assert not any(one.is_running() for one in found)
