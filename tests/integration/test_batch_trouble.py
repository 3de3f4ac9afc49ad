"""Trouble within a batch: each query has its own right outcome, and the others what they should."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from typing import Any, Final

import pytest
import pytest_asyncio

from bench.federation import PURPOSE
from landbridge.envelope import QUERY_TYPE, digest
from landbridge.errors import LandbridgeError, Reason
from landbridge.rpc.outbox import MOST_ACCEPTED
from landbridge.v1 import envelope_pb2, log_pb2
from tests.batch_relay import Send, honestly
from tests.equal_agencies import LONG_S, Town, asked_in, town_with_an_odd_node, what_came
from tests.relay import Streamed

pytestmark = pytest.mark.asyncio(loop_scope="module")

BATCH: Final = 64

Spoil = Callable[[list[Streamed]], Sequence[Sequence[Streamed]]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def built(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    async with town_with_an_odd_node(tmp_path_factory.mktemp("agencies")) as town:
        yield town


@pytest_asyncio.fixture(loop_scope="module")
async def town(built: Town) -> AsyncIterator[Town]:
    """The town, whose odd node is honest again after each test."""
    yield built
    built.odd.pass_on = honestly
    built.odd.asked.clear()
    await built.agencies.running.connected()


def one_by_one_from_the_last(answers: list[Streamed]) -> Sequence[Sequence[Streamed]]:
    return [[answer] for answer in reversed(answers)]


def twice(answers: list[Streamed]) -> Sequence[Sequence[Streamed]]:
    return [[*answers, *answers], answers]


def with_strangers(answers: list[Streamed]) -> Sequence[Sequence[Streamed]]:
    """Answer what nobody has asked, among the rest."""
    stranger = Streamed.FromString(answers[0].SerializeToString())
    stranger.correlation_id = 1 << 60
    return [[stranger, *answers, stranger]]


@pytest.mark.parametrize("spoil", [one_by_one_from_the_last, twice, with_strangers])
async def test_answers_that_come_in_any_order_and_again(town: Town, spoil: Spoil) -> None:
    async def pass_on(answers: Sequence[Streamed], send: Send) -> None:
        for message in spoil(list(answers)):
            send(message)
            await asyncio.sleep(0)

    town.odd.pass_on = pass_on
    queries = town.agencies.sign(BATCH)
    profiles = await town.agencies.stream(queries)
    assert max(map(len, town.odd.asked)) > 1
    for query, envelope in zip(queries, profiles, strict=True):
        assert what_came(envelope) == town.whole
        assert asked_in(envelope) == query.payload
    town.agencies.read(profiles[-1])


async def test_one_tampered_path_among_64_is_one_gap(town: Town) -> None:
    spoiled: list[bytes] = []

    async def pass_on(answers: Sequence[Streamed], send: Send) -> None:
        if not spoiled and len(answers) > 1:
            log = answers[len(answers) // 2].answer.log
            spoiled.append(log.entry)
            log.path[-1] = bytes([log.path[-1][0] ^ 1]) + log.path[-1][1:]
        send(answers)

    town.odd.pass_on = pass_on
    found = [
        town.agencies.read(one) for one in await town.agencies.stream(town.agencies.sign(BATCH))
    ]
    assert len(spoiled) == 1
    assert found.count(town.whole) == BATCH - 1
    assert found.count(town.without(Reason.BAD_LOG_EVIDENCE)) == 1


async def test_answers_under_each_others_numbers_are_gaps_of_these_alone(town: Town) -> None:
    swapped: list[int] = []

    async def pass_on(answers: Sequence[Streamed], send: Send) -> None:
        if not swapped and len(answers) > 1:
            first, last = answers[0], answers[-1]
            swapped.extend((first.correlation_id, last.correlation_id))
            first.correlation_id, last.correlation_id = swapped[1], swapped[0]
        send(answers)

    town.odd.pass_on = pass_on
    found = [what_came(one) for one in await town.agencies.stream(town.agencies.sign(BATCH))]
    assert len(swapped) == 2
    assert found.count(town.whole) == BATCH - 2
    assert found.count(town.without(Reason.MISMATCHED_ANSWER)) == 2


async def test_a_message_of_too_many_answers_breaks_the_line_of_that_node_alone(town: Town) -> None:
    async def pass_on(answers: Sequence[Streamed], send: Send) -> None:
        send([Streamed(correlation_id=answers[0].correlation_id)] * (MOST_ACCEPTED + 1))

    town.odd.pass_on = pass_on
    for envelope in await town.agencies.stream(town.agencies.sign(4)):
        assert what_came(envelope) == town.without(Reason.SOURCE_FAILED)


async def test_a_node_that_keeps_some_answers_back_holds_up_these_alone(town: Town) -> None:
    kept: list[Streamed] = []

    async def pass_on(answers: Sequence[Streamed], send: Send) -> None:
        keep = max(0, 5 - len(kept))
        kept.extend(answers[:keep])
        send(answers[keep:])

    town.odd.pass_on = pass_on
    came: list[dict[str, Reason]] = []
    client = town.agencies.running.client

    async def ask(query: envelope_pb2.Envelope) -> None:
        came.append(what_came(await client.stream(query, 5.0)))

    await asyncio.gather(*map(ask, town.agencies.sign(BATCH)))
    assert came[:-5] == [town.whole] * (BATCH - 5)
    assert came[-5:] == [town.without(Reason.LATE)] * 5
    # What comes at last is nobody's any more, and breaks nothing.
    town.odd.pass_on = honestly
    (envelope,) = await town.agencies.stream(town.agencies.sign(1))
    assert what_came(envelope) == town.whole


Ask = Callable[[envelope_pb2.Envelope, float], Coroutine[Any, Any, envelope_pb2.Envelope]]


@pytest.mark.parametrize("front", ["stream", "send"])
async def test_each_query_of_a_batch_has_its_own_deadline(town: Town, front: str) -> None:
    released = asyncio.Event()

    async def pass_on(answers: Sequence[Streamed], send: Send) -> None:
        await released.wait()
        send(answers)

    town.odd.pass_on = pass_on
    ask: Ask = getattr(town.agencies.running.client, front)
    queries = town.agencies.sign(16)
    short = [asyncio.create_task(ask(query, 3.0)) for query in queries[::2]]
    long = [asyncio.create_task(ask(query, LONG_S)) for query in queries[1::2]]
    for envelope in await asyncio.gather(*short):
        assert what_came(envelope) == town.without(Reason.LATE)
    assert not any(task.done() for task in long)
    released.set()
    for envelope in await asyncio.gather(*long):
        assert what_came(envelope) == town.whole


@pytest.mark.parametrize("front", ["stream", "send"])
async def test_a_query_whose_time_is_over_when_it_comes(town: Town, front: str) -> None:
    ask: Ask = getattr(town.agencies.running.client, front)
    late, *others = town.agencies.sign(8)
    asked = [asyncio.create_task(ask(query, LONG_S)) for query in others]
    with pytest.raises(LandbridgeError) as caught:
        await ask(late, 0.001)
    assert caught.value.reason is Reason.LATE
    for envelope in await asyncio.gather(*asked):
        assert what_came(envelope) == town.whole


@pytest.mark.parametrize("front", ["stream", "send"])
async def test_queries_that_are_given_up_take_no_other_with_them(town: Town, front: str) -> None:
    released = asyncio.Event()

    async def pass_on(answers: Sequence[Streamed], send: Send) -> None:
        await released.wait()
        send(answers)

    town.odd.pass_on = pass_on
    ask: Ask = getattr(town.agencies.running.client, front)
    asked = [asyncio.create_task(ask(query, LONG_S)) for query in town.agencies.sign(24)]
    async with asyncio.timeout(10):
        while sum(map(len, town.odd.asked)) < len(asked):
            await asyncio.sleep(0.01)
    for task in asked[::3]:
        task.cancel()
    await asyncio.wait(asked[::3])
    released.set()
    kept = [task for number, task in enumerate(asked) if number % 3]
    for envelope in await asyncio.gather(*kept):
        assert what_came(envelope) == town.whole
    async with asyncio.timeout(10):
        while town.agencies.running.gateway.service.in_work:
            await asyncio.sleep(0.01)


async def test_requesters_that_ask_at_once_share_messages_and_no_entry(town: Town) -> None:
    agencies = town.agencies
    client, other = agencies.running.client, agencies.another_client()
    subjects = agencies.some(16)
    signed = {
        client: client.sign(subjects, PURPOSE, "first"),
        other: other.sign(subjects, PURPOSE, "second"),
    }
    asked = {
        digest(QUERY_TYPE, query.payload): (line.agency, query.payload)
        for line, queries in signed.items()
        for query in queries
    }
    profiles = await asyncio.gather(
        *(line.stream(query, LONG_S) for line, queries in signed.items() for query in queries)
    )
    assert [asked_in(one) for one in profiles] == [query for _, query in asked.values()]
    assert all(what_came(one) == town.whole for one in profiles)
    cases = {client.agency: "first", other.agency: "second"}
    running = agencies.running
    for log in (running.gateway.log, *(node.log for node in running.nodes.values())):
        entries = map(log_pb2.LogEntry.FromString, log.entries())
        named = {
            entry.query_digest: (entry.requester, entry.case_reference)
            for entry in entries
            if entry.query_digest in asked
        }
        assert named == {key: (agency, cases[agency]) for key, (agency, _) in asked.items()}
    assert len({envelope.log.checkpoint for envelope in profiles}) < len(profiles)
    await other.close()
