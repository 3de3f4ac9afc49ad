"""Queries that are ready together are signed together; none takes anything from another."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from landbridge.alarm import Alarms
from landbridge.client import Client
from landbridge.envelope import PROFILE_TYPE, QUERY_TYPE, BatchVerifier, digest
from landbridge.errors import LandbridgeError, Reason
from landbridge.federation import Federation
from landbridge.keys import KeyUse
from landbridge.log.store import LogStore
from landbridge.party import PartyFolder
from landbridge.profile import SignedProfile
from landbridge.query import Wanted
from landbridge.requester_log import RequesterLog
from landbridge.requester_writer import PutDown
from landbridge.rpc.channel import RotatingChannel
from landbridge.subject import SubjectId
from landbridge.v1 import envelope_pb2, gateway_service_pb2, log_pb2, profile_pb2, query_pb2
from tests.small_town import SUBJECT, Town

Envelope = envelope_pb2.Envelope
PURPOSE = "licence-check"
PERSONS = """
[schemes.person]
title = "Number of a person"
subject_kind = "natural-person"
pattern = '\\d+'
"""


class Line:
    """Takes what a client sends, by either way, and gives each query's own profile back."""

    def __init__(self, town: Town) -> None:
        self._town = town
        self.looks = True
        """Whether it looks into the log for each query that comes."""
        self.left: list[Envelope] = []
        self.unlogged: list[bytes] = []

    async def GetProfile(  # noqa: N802  as the rpc is called
        self, request: gateway_service_pb2.GetProfileRequest, **_: object
    ) -> gateway_service_pb2.GetProfileResponse:
        return gateway_service_pb2.GetProfileResponse(profile=await self.ask(request.query, 0))

    async def ask(self, query: Envelope, _: float) -> Envelope:
        self.left.append(query)
        if self.looks and digest(QUERY_TYPE, query.payload) not in queries_in_log(self._town):
            self.unlogged.append(query.payload)
        await asyncio.sleep(0)
        payload = profile_pb2.Profile(query=query).SerializeToString()
        return Envelope(payload_type=PROFILE_TYPE, payload=payload)

    def signatures(self) -> list[int]:
        """Return how many queries each signature stands for."""
        return sorted({query.batch.signature: query.batch.size for query in self.left}.values())


def queries_in_log(town: Town) -> set[bytes]:
    """Read the log from the disk anew: what is in no commit is not seen."""
    board = town.parties["board"]
    store = PartyFolder.open(board.folder).open_log(board.identity)
    try:
        entries = [log_pb2.LogEntry.FromString(entry) for entry in store.entries()]
        return {each.query_digest for each in entries if each.kind == log_pb2.ENTRY_KIND_QUERY}
    finally:
        store.close()


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    made = Town(tmp_path)
    yield made
    made.close()


@pytest.fixture
def line(town: Town) -> Line:
    return Line(town)


@pytest.fixture
async def make_client(
    town: Town, line: Line, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Callable[..., Client]]:
    path = town.folder / "with-persons.toml"
    path.write_text(town.federation_path.read_text() + PERSONS)
    federation, board = Federation.load(path), town.parties["board"]
    made: list[RequesterLog] = []

    def make(*, is_logged: bool = True) -> Client:
        alarms = Alarms(lambda kind, why: pytest.fail(f"{kind}: {why}"))
        log = RequesterLog.of(PartyFolder.open(board.folder), board.identity, alarms=alarms)
        assert log is not None
        made.append(log)
        client = Client(
            federation=federation,
            key=board.keys[KeyUse.QUERY],
            channel=cast("RotatingChannel", None),
            log=log if is_logged else None,
        )
        monkeypatch.setattr(client, "_stub", lambda: line)
        monkeypatch.setattr(client, "_stream", lambda: line)
        return client

    yield make
    for log in made:
        await log.close()


@pytest.fixture
def client(make_client: Callable[..., Client]) -> Client:
    return make_client()


def asked_in(profile: Envelope) -> query_pb2.Query:
    query = profile_pb2.Profile.FromString(profile.payload).query
    return query_pb2.Query.FromString(query.payload)


def company(number: int) -> SubjectId:
    return SubjectId("company", f"{number:08d}")


async def refused(work: Coroutine[Any, Any, object]) -> Reason:
    with pytest.raises(LandbridgeError) as caught:
        await work
    return caught.value.reason


@pytest.mark.parametrize("is_logged", [True, False])
async def test_each_of_many_asks_gets_its_own_profile(
    make_client: Callable[..., Client], town: Town, line: Line, *, is_logged: bool
) -> None:
    two = [make_client(is_logged=is_logged), make_client(is_logged=is_logged)]

    async def ask(number: int) -> None:
        asking, is_person = two[number % 2], number % 5 == 0
        subject = SubjectId("person", str(number)) if is_person else company(number)
        wanted = [Wanted("registry", "companies", (f"field-{number}",))] if number % 3 == 0 else []
        sealed, case = number % 7 == 0, f"C-{number}"
        profile = await asking.ask(
            subject, PURPOSE, case, wanted, sealed=sealed, streamed=number % 4 == 0
        )
        query = asked_in(profile)
        assert (query.subject.scheme, query.subject.value) == (subject.scheme, subject.value)
        assert query.case_reference == case
        assert [list(one.fields) for one in query.wanted] == [list(one.fields) for one in wanted]
        assert bool(query.seal_to) is sealed
        envelope = profile_pb2.Profile.FromString(profile.payload).query
        assert not is_person or envelope.batch.size == 1
        if sealed:
            read = profile_pb2.Profile.FromString(profile.payload)
            asking.open(SignedProfile(profile, read, query, ()))

    line.looks = False
    await asyncio.gather(*map(ask, range(100)))
    assert len({query.payload for query in line.left}) == 100
    keys = [query_pb2.Query.FromString(query.payload).seal_to for query in line.left]
    assert len(set(filter(None, keys))) == len(list(filter(None, keys))) == 15
    together = [size for size in line.signatures() if size > 1]
    assert sum(together) == 80
    assert len(together) == 2
    key = town.parties["board"].keys[KeyUse.QUERY]
    verifier = BatchVerifier(lambda _: ("board", key.public))
    assert {verifier.verify(query, QUERY_TYPE) for query in line.left} == {"board"}
    logged = queries_in_log(town) if is_logged else set()
    assert logged == {digest(QUERY_TYPE, query.payload) for query in line.left if is_logged}


@pytest.mark.parametrize("streamed", [True, False])
async def test_every_query_is_in_the_log_before_it_leaves(
    client: Client, line: Line, *, streamed: bool
) -> None:
    asks = (client.ask(company(each), PURPOSE, "C", streamed=streamed) for each in range(12))
    await asyncio.gather(*asks)
    assert (len(line.left), line.unlogged) == (12, [])


async def test_a_query_alone_is_a_batch_of_one(client: Client, line: Line) -> None:
    for _ in range(3):
        await client.ask(SUBJECT, PURPOSE, "C-1")
    assert line.signatures() == [1, 1, 1]


async def test_what_is_wrong_with_one_query_fails_that_one_alone(
    client: Client, line: Line
) -> None:
    wrong = [
        refused(client.ask(SubjectId("nowhere", "1"), PURPOSE, "C-1")),
        refused(client.ask(SUBJECT, "no-purpose", "C-1")),
        refused(client.ask(SUBJECT, PURPOSE, "C" * 70_000)),
    ]
    right = (client.ask(company(each), PURPOSE, "C-1") for each in range(4))
    _, *reasons = await asyncio.gather(asyncio.gather(*right), *wrong)
    assert reasons == [Reason.UNKNOWN_SCHEME, Reason.UNKNOWN_PURPOSE, Reason.MALFORMED_REQUEST]
    assert len(line.left) == 4
    assert line.signatures() == [5]


async def test_who_gives_up_takes_nothing_from_the_others(client: Client, line: Line) -> None:
    tasks = [asyncio.create_task(client.ask(company(each), PURPOSE, "C-1")) for each in range(5)]
    tasks[0].cancel()
    await asyncio.sleep(0)
    tasks[1].cancel()  # it waits for its signature already
    done = await asyncio.gather(*tasks, return_exceptions=True)
    assert [isinstance(each, asyncio.CancelledError) for each in done] == [True] * 2 + [False] * 3
    assert (len(line.left), line.signatures()) == (3, [3])


class Held:
    """Holds the log's thread at the first batch that it is to write."""

    def __init__(self, patch: pytest.MonkeyPatch, client: Client) -> None:
        self.began, self.go_on = threading.Event(), threading.Event()
        assert client._log is not None
        writer = client._log.writer
        write = writer.put_down

        def put_down(*batch: Any) -> PutDown:
            self.began.set()
            assert self.go_on.wait(10)
            return write(*batch)

        patch.setattr(writer, "put_down", put_down)

    async def until_writing(self) -> None:
        while not self.began.is_set():
            await asyncio.sleep(0.001)


async def test_what_comes_while_a_batch_is_written_is_the_next_batch(
    client: Client, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = Held(monkeypatch, client)
    first = asyncio.create_task(client.ask(SUBJECT, PURPOSE, "C-1"))
    await held.until_writing()
    others = []
    for each in range(6):
        others.append(asyncio.create_task(client.ask(company(each), PURPOSE, "C-1")))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    others[5].cancel()
    held.go_on.set()
    await asyncio.gather(first, *others[:5])
    assert line.signatures() == [1, 5]
    assert len(line.left) == 6


async def test_who_gives_up_during_a_commit_is_logged_and_sends_nothing(
    client: Client, town: Town, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = Held(monkeypatch, client)
    tasks = [asyncio.create_task(client.ask(company(each), PURPOSE, "C-1")) for each in range(3)]
    await held.until_writing()
    tasks[1].cancel()
    held.go_on.set()
    await asyncio.gather(tasks[0], tasks[2])
    assert (len(line.left), len(queries_in_log(town))) == (2, 3)


async def test_a_line_that_is_closed_during_a_batch_sends_nothing_more(
    client: Client, town: Town, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, held = client._log, Held(monkeypatch, client)
    assert log is not None
    during = [asyncio.create_task(client.ask(company(each), PURPOSE, "C-1")) for each in range(2)]
    await held.until_writing()
    waiting = asyncio.create_task(client.ask(company(2), PURPOSE, "C-1"))
    await asyncio.sleep(0)
    monkeypatch.setattr(client, "_channel", RotatingChannel(cast("Any", Closing())))
    closing = asyncio.create_task(client.close())
    await asyncio.sleep(0)
    held.go_on.set()
    reasons = [await refused(cast("Any", each)) for each in (*during, waiting)]
    await closing
    assert reasons == [Reason.UNREACHABLE] * 3
    assert line.left == []
    assert len(queries_in_log(town)) == 3
    late = await refused(client.ask(SUBJECT, PURPOSE, "C-1"))
    assert late is Reason.LOG_UNAVAILABLE


class Closing:
    """A channel on which nothing was ever sent."""

    async def close(self, _grace: float | None = None) -> None: ...


async def test_a_batch_that_the_disk_refuses_fails_for_all_in_it_and_for_nobody_after(
    client: Client, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    await client.ask(SUBJECT, PURPOSE, "C-1")

    def refuse_all(*_: object) -> list[object]:
        raise LandbridgeError(Reason.LOG_UNAVAILABLE, "no room")

    with monkeypatch.context() as full:
        full.setattr(LogStore, "append_about", refuse_all)
        asks = (refused(client.ask(company(each), PURPOSE, "C-1")) for each in range(4))
        assert set(await asyncio.gather(*asks)) == {Reason.LOG_UNAVAILABLE}
    await client.ask(SUBJECT, PURPOSE, "C-1")
    assert line.signatures() == [1, 1]
