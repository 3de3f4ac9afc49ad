"""A requester's log: nothing leaves and nothing is handed on before it is in there."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

import landbridge.trust.bundle
from landbridge.alarm import Alarms
from landbridge.client import Client
from landbridge.clock import system_clock, to_datetime
from landbridge.envelope import PROFILE_TYPE, QUERY_TYPE, digest
from landbridge.errors import LandbridgeError, Reason
from landbridge.keys import KeyUse, SigningKey
from landbridge.log.checkpoint import stated
from landbridge.log.merkle import leaf_hash
from landbridge.log.store import LogStore
from landbridge.party import PartyFolder
from landbridge.requester_log import RequesterLog
from landbridge.rpc.channel import RotatingChannel
from landbridge.trust.bundle import TrustBundle
from landbridge.v1 import envelope_pb2, gateway_service_pb2, log_pb2, profile_pb2
from tests.moving_trust import ACTIVE, TAINTED, MovingTrust
from tests.small_town import SUBJECT, Town

QUERY = log_pb2.ENTRY_KIND_QUERY
RECEIPT = log_pb2.ENTRY_KIND_RECEIPT
NO_ALARMS = Alarms(lambda kind, why: pytest.fail(f"{kind}: {why}"))


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    made = Town(tmp_path)
    yield made
    made.close()


def open_log(town: Town) -> RequesterLog:
    board = town.parties["board"]
    log = RequesterLog.of(PartyFolder.open(board.folder), board.identity, alarms=NO_ALARMS)
    assert log is not None
    return log


@pytest.fixture
async def log(town: Town) -> AsyncIterator[RequesterLog]:
    opened = open_log(town)
    yield opened
    await opened.close()


def store_of(town: Town) -> LogStore:
    board = town.parties["board"]
    return PartyFolder.open(board.folder).open_log(board.identity)


def entries(town: Town) -> list[log_pb2.LogEntry]:
    store = store_of(town)
    try:
        return [log_pb2.LogEntry.FromString(entry) for entry in store.entries()]
    finally:
        store.close()


def kinds(town: Town) -> list[int]:
    return [entry.kind for entry in entries(town)]


def client_of(town: Town, log: RequesterLog | None) -> Client:
    """Make a client whose line fails the test when anything is sent on it."""
    key = town.parties["board"].keys[KeyUse.QUERY]
    nowhere = cast("RotatingChannel", None)
    return Client(federation=town.federation, key=key, channel=nowhere, log=log)


async def test_what_is_asked_and_what_came_are_put_down(town: Town, log: RequesterLog) -> None:
    query = town.query()
    asked = await log.asked(query)
    (first,) = entries(town)
    assert (first.kind, first.query_digest) == (QUERY, digest(QUERY_TYPE, query.payload))
    assert (first.requester, first.purpose) == ("board", "licence-check")
    assert (first.case_reference, first.query_expires_at_unix_ms > 0) == ("C-1", True)
    profile = town.profile_for(query)
    await log.received(asked, profile)
    second = entries(town)[1]
    assert (second.kind, second.query_digest) == (RECEIPT, first.query_digest)
    assert second.payload_digest == digest(PROFILE_TYPE, profile.payload)
    assert second.subject_pseudonym == first.subject_pseudonym
    said = log_pb2.LogEntry.FromString(profile.log.entry)
    assert list(second.accesses) == list(said.accesses)


async def test_a_subjects_entries_are_found_by_its_name(town: Town, log: RequesterLog) -> None:
    query = town.query()
    await log.received(await log.asked(query), town.profile_for(query))
    store = store_of(town)
    assert store.positions(store.subjects.find(SUBJECT.scheme, SUBJECT.value), limit=9) == [1, 0]
    assert store.subjects.find(SUBJECT.scheme, "00000043") == []
    store.close()


async def test_each_log_that_was_heard_of_holds_what_was_heard(
    town: Town, log: RequesterLog
) -> None:
    query = town.query()
    profile = town.profile_for(query)
    await log.received(await log.asked(query), profile)
    heard = list(entries(town)[1].heard)
    agencies = [one.origin.partition(".")[0] for one in heard]
    assert agencies == ["hall", "registry", "permits", "registry"]
    for one, agency in zip(heard, agencies, strict=True):
        store = town.logs[agency]
        assert leaf_hash(store.entry(one.index)) == one.leaf_hash
        head = stated(one.checkpoint)
        assert head is not None
        assert one.index < head.size <= store.size
    newest = {agency: one for one, agency in zip(heard, agencies, strict=True)}
    for agency, one in newest.items():
        assert one.checkpoint == town.logs[agency].head()


def forge_head(town: Town, profile: envelope_pb2.Envelope) -> None:
    """Have somebody else sign the gateway's head."""
    other = SigningKey.generate("hall", KeyUse.LOG)
    store = LogStore.open(town.folder / "forged.sqlite", town.parties["hall"].origin, other)
    (evidence,) = store.append([profile.log.entry])
    profile.log.path[:], profile.log.index = evidence.path, evidence.index
    profile.log.checkpoint = evidence.checkpoint
    store.close()


def spoil_answer(_: Town, profile: envelope_pb2.Envelope) -> None:
    read = profile_pb2.Profile.FromString(profile.payload)
    read.answers[0].log.entry += b"\x00"
    profile.payload = read.SerializeToString()


def spoil_payload(_: Town, profile: envelope_pb2.Envelope) -> None:
    profile.payload = b"\xff"


@pytest.mark.parametrize(
    ("spoil", "left"), [(forge_head, 3), (spoil_answer, 2), (spoil_payload, 0)]
)
async def test_nobody_is_accused_by_what_does_not_verify(
    town: Town,
    log: RequesterLog,
    spoil: Callable[[Town, envelope_pb2.Envelope], None],
    left: int,
) -> None:
    query = town.query()
    profile = town.profile_for(query)
    spoil(town, profile)
    await log.received(await log.asked(query), profile)
    receipt = entries(town)[1]
    assert (receipt.kind, len(receipt.heard)) == (RECEIPT, left)
    assert not receipt.accesses


def put_back(town: Town, agency: str, size: int, key: SigningKey | None = None) -> None:
    """Let a log go on from a copy that it had at a size."""
    store, party = town.logs[agency], town.parties[agency]
    key = key or party.keys[KeyUse.LOG]
    older = LogStore.open(town.folder / "older.sqlite", party.origin, key)
    older.append(list(store.entries())[:size])
    store.close()
    town.logs[agency] = older


@pytest.mark.parametrize("agency", ["hall", "registry"])
@pytest.mark.parametrize("restarted", [False, True])
async def test_a_log_that_was_put_back_is_noticed_and_what_it_showed_kept(
    town: Town, log: RequesterLog, agency: str, *, restarted: bool
) -> None:
    for _ in range(3):
        query = town.query()
        await log.received(await log.asked(query), town.profile_for(query))
    put_back(town, agency, 1)
    query = town.query()
    asking = open_log(town) if restarted else log
    pending = await asking.asked(query)
    profile = town.profile_for(query)
    assert await _refused(asking.received(pending, profile)) is Reason.LOG_ROLLED_BACK
    receipt = entries(town)[-1]
    assert receipt.payload_digest == digest(PROFILE_TYPE, profile.payload)
    if restarted:
        await asking.close()


@pytest.mark.parametrize("restarted", [False, True])
async def test_what_a_tainted_key_showed_stops_nobody_and_what_was_seen_before_counts(
    town: Town, log: RequesterLog, monkeypatch: pytest.MonkeyPatch, *, restarted: bool
) -> None:
    party, trust = town.parties["hall"], MovingTrust(town.pki)
    old, new = party.keys[KeyUse.LOG], SigningKey.generate("hall", KeyUse.LOG)
    honest = town.logs["hall"]
    for _ in range(3):
        query = town.query()
        await log.received(await log.asked(query), town.profile_for(query))
    town.logs["hall"] = LogStore.open(town.folder / "thief.sqlite", party.origin, old)
    town.logs["hall"].append([b"%d" % number for number in range(50)])
    stolen_at = system_clock()
    query = town.query()
    await log.received(await log.asked(query), town.profile_for(query))
    town.logs["hall"].close()
    trust.introduce(old, new)
    ends = to_datetime(system_clock())
    bundle = trust.move({new.key_id: ACTIVE, old.key_id: TAINTED}, ends=ends)
    # The agency says since when: what was seen before that counts.
    past = TrustBundle.past_log_keys

    def past_keys(of: TrustBundle, origin: str, at: int | None = None) -> Sequence[Any]:
        return (old.public, new.public) if at and at < stolen_at else past(of, origin)

    monkeypatch.setattr(TrustBundle, "past_log_keys", past_keys)
    asking = open_log(town) if restarted else log
    for each in (asking, log):
        each.writer._folder.trust.offer([bundle.document])
    honest.sign_with(new)
    town.logs["hall"] = honest
    queries = [town.query() for _ in range(3)]
    waiting = [await asking.asked(query) for query in queries]
    for pending, query in zip(waiting, queries, strict=True):
        await asking.received(pending, town.profile_for(query))
    # A rewritten log is still noticed by what the honest one showed.
    assert asking.writer._seen.sizes[party.origin] == 6
    pending = await asking.asked(query := town.query())
    put_back(town, "hall", 0, new)
    refused = await _refused(asking.received(pending, town.profile_for(query)))
    assert refused is Reason.LOG_ROLLED_BACK
    if restarted:
        await asking.close()


async def test_a_taint_is_no_licence_to_rewrite(
    town: Town, log: RequesterLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The town is minutes old: what was seen a minute before the taint counts here.
    monkeypatch.setattr(landbridge.trust.bundle, "_STOLEN_UNSEEN_MS", 0)
    for _ in range(3):
        query = town.query()
        await log.received(await log.asked(query), town.profile_for(query))
    origin = town.parties["hall"].origin
    log.writer._heads[origin] = replace(log.writer._heads[origin], at=system_clock() - 60_000)
    old, new = town.parties["hall"].keys[KeyUse.LOG], SigningKey.generate("hall", KeyUse.LOG)
    trust = MovingTrust(town.pki)
    trust.introduce(old, new)
    ends = to_datetime(system_clock())
    bundle = trust.move({new.key_id: ACTIVE, old.key_id: TAINTED}, ends=ends)
    log.writer._folder.trust.offer([bundle.document])
    put_back(town, "hall", 0, new)
    pending = await log.asked(query := town.query())
    refused = await _refused(log.received(pending, town.profile_for(query)))
    assert refused is Reason.LOG_ROLLED_BACK


async def test_answers_out_of_order_are_no_alarm(town: Town, log: RequesterLog) -> None:
    queries = [town.query() for _ in range(20)]
    pending = [await log.asked(query) for query in queries]
    profiles = [town.profile_for(query) for query in queries]
    for place in (7, 3, 19, 0, 11):
        await log.received(pending[place], profiles[place])


async def test_a_profile_of_another_query_brings_no_accesses(town: Town, log: RequesterLog) -> None:
    await log.received(await log.asked(town.query()), town.profile_for(town.query()))
    receipt = entries(town)[1]
    assert (len(receipt.accesses), len(receipt.heard)) == (0, 4)


async def test_queries_signed_together_are_put_down_together(town: Town, log: RequesterLog) -> None:
    client = client_of(town, log)
    queries = client.sign([SUBJECT] * 5, "licence-check", "C-1")
    await asyncio.gather(*(log.asked(query) for query in queries[1:3]))
    assert [entry.query_digest for entry in entries(town)] == [
        digest(QUERY_TYPE, query.payload) for query in queries
    ]
    for query in (queries[0], *queries[3:]):
        await log.asked(query)
    assert kinds(town) == [QUERY] * 5
    await log.asked(queries[0])  # sent once more
    assert kinds(town) == [QUERY] * 6


async def test_more_queries_than_one_commit_holds_are_all_put_down(
    town: Town, log: RequesterLog
) -> None:
    queries = client_of(town, log).sign([SUBJECT] * 1500, "licence-check", "C-1")
    await asyncio.gather(*(log.asked(query) for query in queries))
    assert len({entry.query_digest for entry in entries(town)}) == 1500


async def test_nothing_leaves_while_the_disk_refuses(town: Town, log: RequesterLog) -> None:
    client = client_of(town, log)
    await log.asked(town.query())
    path = town.parties["board"].folder / "log.sqlite"
    away = path.rename(path.with_name("away.sqlite"))
    pair = client.sign([SUBJECT] * 2, "licence-check", "C-1")
    asked = await _refused(log.asked(pair[0]))
    sent = await _refused(client.send(town.query()))
    streamed = await _refused(client.stream(town.query()))
    assert {asked, sent, streamed} == {Reason.LOG_UNAVAILABLE}
    away.rename(path)
    await log.asked(pair[1])
    assert kinds(town) == [QUERY] * 3


class Gateway:
    """Answers as the town's gateway, and looks what its caller has put down by then."""

    def __init__(self, town: Town) -> None:
        self._town = town
        self.found: list[list[int]] = []
        self.spoil: Callable[[], object] = lambda: None

    async def GetProfile(  # noqa: N802  as the rpc is called
        self, request: gateway_service_pb2.GetProfileRequest, **_: object
    ) -> gateway_service_pb2.GetProfileResponse:
        self.found.append(kinds(self._town))
        self.spoil()
        profile = self._town.profile_for(request.query)
        return gateway_service_pb2.GetProfileResponse(profile=profile)


def asking(town: Town, log: RequesterLog, patch: pytest.MonkeyPatch) -> tuple[Client, Gateway]:
    client, gateway = client_of(town, log), Gateway(town)
    patch.setattr(client, "_stub", lambda: gateway)
    return client, gateway


async def test_a_query_is_put_down_before_it_leaves_and_a_profile_before_it_is_handed_on(
    town: Town, log: RequesterLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, gateway = asking(town, log, monkeypatch)
    for times in range(3):
        await client.ask(SUBJECT, "licence-check", "C-1")
        assert kinds(town) == [QUERY, RECEIPT] * (times + 1)
    assert gateway.found == [[QUERY, RECEIPT] * times + [QUERY] for times in range(3)]


async def test_what_cannot_be_put_down_is_not_handed_on(
    town: Town, log: RequesterLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, gateway = asking(town, log, monkeypatch)
    path = town.parties["board"].folder / "log.sqlite"
    gateway.spoil = lambda: path.rename(path.with_name("away.sqlite"))
    assert await _refused(client.send(town.query())) is Reason.LOG_UNAVAILABLE
    path.with_name("away.sqlite").rename(path)
    gateway.spoil = lambda: None
    await client.send(town.query())
    assert kinds(town) == [QUERY, QUERY, RECEIPT]


async def _refused(work: Awaitable[object]) -> Reason:
    with pytest.raises(LandbridgeError) as caught:
        await work
    return caught.value.reason


async def test_two_processes_append_in_turn(town: Town, log: RequesterLog) -> None:
    other = open_log(town)
    for _ in range(3):
        await asyncio.gather(log.asked(town.query()), other.asked(town.query()))
    await other.close()
    assert kinds(town) == [QUERY] * 6


@pytest.mark.parametrize("is_seen_late", [False, True])
async def test_the_next_key_signs_once_it_is_in_place(
    town: Town, log: RequesterLog, *, is_seen_late: bool
) -> None:
    other = open_log(town)
    await log.asked(town.query())
    await other.asked(town.query())
    keys = town.parties["board"].folder / "keys"
    before, after = SigningKey.load(keys / "log.key"), SigningKey.generate("board", KeyUse.LOG)
    after.save(keys / "log.next.key")
    # The renewal agent does so when the trust bundle says that the key is active.
    (keys / "log.next.key").replace(keys / "log.key")
    await log.asked(town.query())
    if is_seen_late:
        seen = itertools.chain([before], itertools.repeat(after))
        other.writer._key = seen.__next__  # type: ignore[assignment]
    await other.asked(town.query())
    await other.close()
    store = store_of(town)
    assert (store.size, len(store.handovers())) == (4, 1)
    assert store.signer.public_bytes_raw() == after.public.public_bytes_raw()
    store.close()


def test_a_folder_without_a_log_key_says_so_once(town: Town) -> None:
    board = town.parties["board"]
    (board.folder / "keys" / "log.key").unlink()
    told: list[str] = []
    alarms = Alarms(lambda kind, why: told.append(f"{kind}: {why}"))
    for _ in range(2):
        found = RequesterLog.of(PartyFolder.open(board.folder), board.identity, alarms=alarms)
        assert found is None
    (once,) = told
    assert "no log key" in once


async def test_an_entry_is_written_as_its_message_is(town: Town, log: RequesterLog) -> None:
    query = town.query()
    await log.received(await log.asked(query), town.profile_for(query))
    store = store_of(town)
    for entry in store.entries():
        assert log_pb2.LogEntry.FromString(entry).SerializeToString() == entry
    store.close()
