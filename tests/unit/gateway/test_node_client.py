"""The line to a node that sends what it should not: questions fail, and the line comes back."""

import asyncio
from collections.abc import Callable

import pytest

from gateway.node_client import Outcome
from landbridge.errors import LandbridgeError, Reason
from landbridge.rpc.outbox import LARGEST_BATCH, MOST_IN_A_BATCH
from landbridge.v1 import catalogue_pb2
from tests.unit.gateway.fake_node import (
    NO_MESSAGE,
    FakeNode,
    ask,
    echo,
    line,
    reason_of,
    sound,
    until,
)


async def test_bytes_that_are_no_message_fail_the_question_and_the_line_comes_back() -> None:
    node = FakeNode()
    node.respond = lambda _request: iter([NO_MESSAGE])
    outcomes: list[Outcome] = []
    async with line(node) as client:
        await until(lambda: client.connected)
        ask(client, outcomes)
        await until(lambda: bool(outcomes))
        assert reason_of(outcomes.pop()) is Reason.SOURCE_FAILED
        node.respond = echo
        await until(lambda: client.connected and node.streams == 2)
        ask(client, outcomes)
        await until(lambda: bool(outcomes))
        assert not isinstance(outcomes.pop(), LandbridgeError)


async def test_a_catalogue_that_is_no_message() -> None:
    node = FakeNode()
    node.catalogue_bytes = NO_MESSAGE
    async with line(node) as client:
        await until(lambda: client.failure.reason is Reason.SOURCE_FAILED)
        assert client.catalogue is None
        node.catalogue_bytes = None
        await until(lambda: client.connected)


def named(count: int) -> list[catalogue_pb2.Dataset]:
    return [catalogue_pb2.Dataset(name=f"d{number}") for number in range(count)]


Unsound = Callable[[catalogue_pb2.Catalogue], object]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda it: setattr(it, "agency", "food"),
        lambda it: it.datasets.add(name="a"),
        lambda it: it.datasets.extend(named(201)),
        lambda it: it.datasets[0].fields.extend([catalogue_pb2.Field(name="f")] * 501),
        lambda it: it.datasets[0].keys.extend([catalogue_pb2.Key(scheme="s")] * 21),
        lambda it: setattr(it.datasets[0], "name", "x" * 201),
        lambda it: it.datasets[0].fields.add(name="x" * 201),
        lambda it: it.datasets[0].fields.add(name="f", scheme="x" * 201),
        lambda it: it.datasets[0].keys.add(scheme="x" * 201),
    ],
)
async def test_an_unsound_catalogue_is_not_used(spoil: Unsound) -> None:
    node = FakeNode()
    spoil(node.catalogue)
    async with line(node) as client:
        await until(lambda: "its catalogue is not sound" in client.failure.message)
        assert client.failure.reason is Reason.SOURCE_FAILED
        assert client.catalogue is None
        assert not client.connected
        outcomes: list[Outcome] = []
        ask(client, outcomes)
        assert reason_of(outcomes.pop()) is Reason.SOURCE_FAILED
        node.catalogue = sound()
        await until(lambda: client.connected)
        assert client.catalogue == sound()


async def test_messages_have_bounded_items_and_bytes() -> None:
    node = FakeNode()
    outcomes: list[Outcome] = []
    async with line(node) as client:
        await until(lambda: client.connected)
        for _ in range(2 * MOST_IN_A_BATCH + 1):
            ask(client, outcomes)
        await until(lambda: len(outcomes) == 2 * MOST_IN_A_BATCH + 1)
        assert max(len(request.questions) for request in node.received) == MOST_IN_A_BATCH
        node.received.clear()
        outcomes.clear()
        sizes = [1_000_000] * 9
        for size in sizes:
            ask(client, outcomes, size)
        await until(lambda: len(outcomes) == len(sizes))
        # The fake node's own limit is gRPC's default, 4 MiB with framing.
        assert all(request.ByteSize() <= LARGEST_BATCH + 4096 for request in node.received)
        assert not any(isinstance(outcome, LandbridgeError) for outcome in outcomes)


async def test_a_question_given_up_leaves_nothing_behind() -> None:
    node = FakeNode()
    outcomes: list[Outcome] = []
    async with line(node) as client:
        await until(lambda: client.connected)
        for _ in range(20_000):
            client.give_up(ask(client, outcomes))
        assert not client._questions._waiting
        assert not len(client._questions)
        await asyncio.sleep(0.05)
        assert not node.received
        ask(client, outcomes)
        await until(lambda: len(outcomes) == 1)


async def test_an_outcome_that_cannot_be_taken_does_not_stop_the_others() -> None:
    taken: list[str] = []
    failed: list[Outcome] = []

    def chokes(_agency: str, outcome: Outcome) -> None:
        if not isinstance(outcome, LandbridgeError):
            raise RecursionError
        failed.append(outcome)

    def always_chokes(_agency: str, _outcome: Outcome) -> None:
        raise ValueError

    async with line(FakeNode()) as client:
        await until(lambda: client.connected)
        deadline = asyncio.get_running_loop().time() + 10
        client.ask(b"", deadline, chokes)
        client.ask(b"", deadline, always_chokes)
        client.ask(b"", deadline, lambda agency, _: taken.append(agency))
        await until(lambda: taken == ["tax"])
        assert [reason_of(outcome) for outcome in failed] == [Reason.SOURCE_FAILED]
        assert client.connected


async def test_open_questions_fail_when_the_line_is_closed() -> None:
    node = FakeNode()
    node.respond = lambda _request: iter(())
    outcomes: list[Outcome] = []
    async with line(node) as client:
        await until(lambda: client.connected)
        ask(client, outcomes)
        await until(lambda: bool(node.received))
    assert [reason_of(outcome) for outcome in outcomes] == [Reason.UNREACHABLE]
