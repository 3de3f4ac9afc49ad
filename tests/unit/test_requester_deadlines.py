"""A caller's time covers the requester's own log: where it ends, nothing leaves any more."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from landbridge.alarm import Alarms
from landbridge.client import Client
from landbridge.clock import system_clock
from landbridge.envelope import QUERY_TYPE, sign_batch
from landbridge.errors import LandbridgeError, Reason
from landbridge.keys import KeyUse
from landbridge.party import PartyFolder
from landbridge.requester_log import RequesterLog
from landbridge.requester_writer import PutDown
from landbridge.rpc.channel import RotatingChannel
from landbridge.v1 import envelope_pb2, log_pb2
from tests.small_town import SUBJECT, Town

PURPOSE = "licence-check"
SOON = 0.01


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    made = Town(tmp_path)
    yield made
    made.close()


class Disk:
    """Lets the log's thread write, or holds it up."""

    def __init__(self, log: RequesterLog, patch: pytest.MonkeyPatch) -> None:
        self.free = threading.Event()
        self.free.set()
        write = log.writer.put_down

        def put_down(*batch: Any) -> PutDown:
            assert self.free.wait(10)
            return write(*batch)

        patch.setattr(log.writer, "put_down", put_down)


@pytest.fixture
async def log(town: Town) -> AsyncIterator[RequesterLog]:
    board = town.parties["board"]
    alarms = Alarms(lambda kind, why: pytest.fail(f"{kind}: {why}"))
    opened = RequesterLog.of(PartyFolder.open(board.folder), board.identity, alarms=alarms)
    assert opened is not None
    yield opened
    await opened.close()


@pytest.fixture
def disk(log: RequesterLog, monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(log, monkeypatch)


class Line:
    """Gives each query its profile; `before` is done before it does."""

    def __init__(self, town: Town) -> None:
        self._town = town
        self.left: list[envelope_pb2.Envelope] = []
        self.before: Callable[[], None] = lambda: None

    async def ask(self, query: envelope_pb2.Envelope, _: float) -> envelope_pb2.Envelope:
        self.left.append(query)
        self.before()
        return self._town.profile_for(query)


@pytest.fixture
def line(town: Town) -> Line:
    return Line(town)


@pytest.fixture
def client(town: Town, log: RequesterLog, line: Line, monkeypatch: pytest.MonkeyPatch) -> Client:
    made = Client(
        federation=town.federation,
        key=town.parties["board"].keys[KeyUse.QUERY],
        channel=cast("RotatingChannel", None),
        log=log,
    )
    monkeypatch.setattr(made, "_stream", lambda: line)
    return made


def kinds(town: Town) -> list[int]:
    board = town.parties["board"]
    store = PartyFolder.open(board.folder).open_log(board.identity)
    try:
        return [log_pb2.LogEntry.FromString(entry).kind for entry in store.entries()]
    finally:
        store.close()


async def refusal(client: Client, timeout: float) -> LandbridgeError:
    with pytest.raises(LandbridgeError) as caught:
        await client.ask(SUBJECT, PURPOSE, "C-1", timeout=timeout, streamed=True)
    return caught.value


async def test_a_query_that_the_log_has_not_written_in_time_does_not_leave(
    client: Client, town: Town, line: Line, disk: Disk
) -> None:
    disk.free.clear()
    error = await refusal(client, SOON)
    disk.free.set()
    assert (error.reason, "own log" in error.message) == (Reason.LATE, True)
    await client.ask(SUBJECT, PURPOSE, "C-1", streamed=True)
    assert len(line.left) == 1
    assert kinds(town).count(log_pb2.ENTRY_KIND_RECEIPT) == 1


async def test_a_query_whose_time_ended_while_it_waited_is_not_even_signed(
    client: Client, town: Town, disk: Disk
) -> None:
    disk.free.clear()
    first = asyncio.create_task(client.ask(SUBJECT, PURPOSE, "C-1", streamed=True))
    while client._log is None or not client._log._is_writing:
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert (await refusal(client, SOON)).reason is Reason.LATE
    disk.free.set()
    await first
    assert kinds(town).count(log_pb2.ENTRY_KIND_QUERY) == 1


async def test_a_profile_that_came_is_put_down_though_its_caller_waits_no_more(
    client: Client, town: Town, line: Line, log: RequesterLog, disk: Disk
) -> None:
    line.before = disk.free.clear
    error = await refusal(client, 0.5)
    disk.free.set()
    assert (error.reason, len(line.left)) == (Reason.LATE, 1)
    await log.close()
    assert kinds(town) == [log_pb2.ENTRY_KIND_QUERY, log_pb2.ENTRY_KIND_RECEIPT]


async def test_one_of_a_signed_batch_whose_time_ends_takes_nothing_from_the_others(
    client: Client, town: Town, line: Line, log: RequesterLog, disk: Disk
) -> None:
    payloads = [town.query().payload for _ in range(3)]
    key = town.parties["board"].keys[KeyUse.QUERY]
    queries = sign_batch(QUERY_TYPE, payloads, key)
    log.signed_together(queries, system_clock() + 60_000)
    disk.free.clear()
    patient = asyncio.create_task(client.stream(queries[1]))
    with pytest.raises(LandbridgeError) as caught:
        await client.stream(queries[0], timeout=SOON)
    disk.free.set()
    await patient
    assert caught.value.reason is Reason.LATE
    assert line.left == [queries[1]]
    assert kinds(town).count(log_pb2.ENTRY_KIND_QUERY) == 3
