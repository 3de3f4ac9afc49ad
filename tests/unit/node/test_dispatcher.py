"""Which questions are answered together, and where: on the event loop or in a thread."""

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest

from landbridge.errors import LandbridgeError, Reason
from landbridge.v1 import envelope_pb2, query_pb2
from node import dispatcher as module
from node.dispatcher import Dispatcher, Outcome, Pending

LOOP = "MainThread"


class Answering:
    """A responder that keeps where it answered how many questions; it can be held up."""

    def __init__(self) -> None:
        self.batches: list[tuple[str, int]] = []
        self.go = threading.Event()
        self.go.set()
        self.fails = False

    def answer(self, questions: Sequence[query_pb2.Question]) -> list[Outcome]:
        self.go.wait()
        where = "MainThread" if threading.current_thread() is threading.main_thread() else "thread"
        self.batches.append((where, len(questions)))
        if self.fails:
            raise RuntimeError
        return [envelope_pb2.Envelope(payload=bytes(one.datasets[0], "ascii")) for one in questions]


@asynccontextmanager
async def dispatching(responder: Answering, **options: Any) -> AsyncIterator[Dispatcher]:
    made: Any = responder
    dispatcher = Dispatcher(made, failed=lambda _: None, workers=1, **options)
    try:
        yield dispatcher
    finally:
        responder.go.set()
        await dispatcher.drain()


def ask(dispatcher: Dispatcher, *names: str, timeout: float = 60) -> list[asyncio.Future[Outcome]]:
    """Submit questions together; each future gets its own outcome."""
    loop = asyncio.get_running_loop()
    futures: list[asyncio.Future[Outcome]] = [loop.create_future() for _ in names]
    dispatcher.submit(
        Pending(query_pb2.Question(datasets=[name]), loop.time() + timeout, future.set_result)
        for name, future in zip(names, futures, strict=True)
    )
    return futures


async def payload(future: asyncio.Future[Outcome]) -> bytes:
    outcome = await future
    assert not isinstance(outcome, LandbridgeError)
    return outcome.payload


@pytest.fixture
def never_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_QUIET_S", 3600.0)


@pytest.fixture
def always_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_QUIET_S", -3600.0)
    monkeypatch.setattr(module, "_SLOW_S", 3600.0)


@pytest.mark.usefixtures("always_quiet")
async def test_a_lone_question_is_answered_on_the_event_loop_if_the_source_is_at_hand() -> None:
    for at_hand, where in ((True, LOOP), (False, "thread")):
        responder = Answering()
        async with dispatching(responder, at_hand=partial(bool, at_hand)) as dispatcher:
            for _ in range(2):
                (future,) = ask(dispatcher, "a")
                assert future.done() is at_hand
                assert await payload(future) == b"a"
        assert responder.batches == [(where, 1)] * 2


@pytest.mark.usefixtures("always_quiet")
async def test_questions_that_come_together_are_one_batch_of_a_thread() -> None:
    responder = Answering()
    async with dispatching(responder, at_hand=lambda: True) as dispatcher:
        futures = ask(dispatcher, "a", "b", "c")
        assert [await payload(future) for future in futures] == [b"a", b"b", b"c"]
    assert responder.batches == [("thread", 3)]


@pytest.mark.usefixtures("never_quiet")
async def test_a_question_soon_after_another_gathers_with_those_that_follow() -> None:
    responder = Answering()
    async with dispatching(responder, at_hand=lambda: True) as dispatcher:
        await ask(dispatcher, "first")[0]
        responder.go.clear()
        futures = ask(dispatcher, "a") + ask(dispatcher, "b") + ask(dispatcher, "c")
        responder.go.set()
        assert [await payload(future) for future in futures] == [b"a", b"b", b"c"]
    assert responder.batches == [(LOOP, 1), ("thread", 1), ("thread", 2)]


@pytest.mark.usefixtures("always_quiet")
async def test_an_answer_that_was_slow_sends_what_follows_to_the_threads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_SLOW_S", -1.0)
    responder = Answering()
    async with dispatching(responder, at_hand=lambda: True) as dispatcher:
        for _ in range(3):
            await ask(dispatcher, "a")[0]
    assert responder.batches == [(LOOP, 1), ("thread", 1), ("thread", 1)]


@pytest.mark.usefixtures("always_quiet")
@pytest.mark.parametrize("at_hand", [True, False])
async def test_late_unforeseen_and_too_many_each_get_their_own_outcome(at_hand: bool) -> None:  # noqa: FBT001
    responder = Answering()
    async with dispatching(responder, at_hand=lambda: at_hand, capacity=2) as dispatcher:
        (late,) = ask(dispatcher, "late", timeout=-1)
        responder.fails = True
        (failed,) = ask(dispatcher, "failed")
        await failed
        responder.fails = False
        a, b, refused = ask(dispatcher, "a", "b", "c")
        assert [await payload(a), await payload(b)] == [b"a", b"b"]
        reasons = [
            outcome.reason
            for outcome in (await late, await failed, await refused)
            if isinstance(outcome, LandbridgeError)
        ]
    assert reasons == [Reason.LATE, Reason.SOURCE_FAILED, Reason.BUSY]
    assert [count for _, count in responder.batches] == [1, 2]


async def test_what_waits_is_answered_before_the_threads_stop() -> None:
    responder = Answering()
    responder.go.clear()
    async with dispatching(responder, batch=2) as dispatcher:
        futures = ask(dispatcher, *"abcde")
        responder.go.set()
        await dispatcher.drain()
        assert [await payload(future) for future in futures] == [b"a", b"b", b"c", b"d", b"e"]
    assert [count for _, count in responder.batches] == [2, 2, 1]
