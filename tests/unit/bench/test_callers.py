"""What the drill's callers count: a call that brings less than the whole profile has failed."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, cast

import pytest

import landbridge.client
from bench.callers import Call, Callers, Tally, count_streams
from bench.drill import Conditions
from bench.federation import Plan
from bench.rotation import Drill, check
from landbridge.client import Client
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.rpc.profile_stream import ProfileStream
from landbridge.subject import SubjectId
from landbridge.v1 import envelope_pb2, profile_pb2

SUBJECT = SubjectId("enterprise-number", "10000000")
Send = Callable[[envelope_pb2.Envelope, float], Awaitable[envelope_pb2.Envelope]]


def profile(answered: int) -> envelope_pb2.Envelope:
    whole = profile_pb2.Profile(completeness=profile_pb2.Completeness(answered=answered))
    return envelope_pb2.Envelope(payload=whole.SerializeToString())


class Line:
    """A client of which only the line to the gateway is another."""

    def __init__(self, send: Send) -> None:
        self.send = self.stream = send

    def sign(self, *_: object) -> list[envelope_pb2.Envelope]:
        return [envelope_pb2.Envelope()]


async def ask(send: Send) -> Tally:
    callers = Callers([SUBJECT], sources=4, pause_s=0)
    await callers.ask_once(cast("Client", Line(send)), streamed=False)
    return callers.tally


async def test_a_whole_profile_is_a_success_and_anything_less_a_failure() -> None:
    async def whole(*_: object) -> envelope_pb2.Envelope:
        return profile(4)

    async def less(*_: object) -> envelope_pb2.Envelope:
        return profile(3)

    async def none(*_: object) -> envelope_pb2.Envelope:
        raise refuse(Reason.UNREACHABLE, "the gateway is gone")

    assert (await ask(whole)).failed == 0
    assert (await ask(less)).causes() == {"1 of 4 sources are missing": 1}
    assert (await ask(none)).causes() == {"LB-2001 the gateway is gone": 1}


async def test_a_call_that_its_channel_cancels_has_failed() -> None:
    async def cancelled(*_: object) -> envelope_pb2.Envelope:
        raise asyncio.CancelledError

    assert (await ask(cancelled)).causes() == {"cancelled by its channel": 1}


async def test_a_caller_that_is_cancelled_itself_ends() -> None:
    async def for_ever(*_: object) -> envelope_pb2.Envelope:
        await asyncio.Event().wait()
        raise AssertionError

    task = asyncio.create_task(ask(for_ever))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_callers_ask_until_they_are_stopped() -> None:
    callers = Callers([SUBJECT], sources=1, pause_s=0)

    async def thrice(*_: object) -> envelope_pb2.Envelope:
        if len(callers.tally.calls) == 2:
            callers.stop()
        return profile(1)

    await callers.ask_on(cast("Client", Line(thrice)), streamed=True)
    assert len(callers.tally.calls) == 3


def test_a_quantile_is_that_of_the_calls_under_way_in_the_spans() -> None:
    tally = Tally([Call(0, 1), Call(1.5, 3.5), Call(5, 5.25), Call(9, 10, "failed")])
    assert tally.p99_ms([(2, 3)]) == 2000
    assert tally.p99_ms([(0.5, 0.6), (5.1, 5.2)]) == 1000
    assert tally.p99_ms([(5.1, 5.2)]) == 250
    with pytest.raises(ValueError, match="no such percentile"):
        tally.p99_ms([(6, 7)])


class StreamCall:
    """The call under a stream of profiles: it ends as it is told to."""

    def __init__(self) -> None:
        self.failure: BaseException | None = None
        self.over = asyncio.Event()

    async def __aiter__(self) -> AsyncIterator[Any]:
        await self.over.wait()
        if self.failure:
            raise self.failure
        return
        yield

    async def done_writing(self) -> None: ...

    def cancel(self) -> None: ...


class Channel:
    """A channel on which every stream is the same call."""

    def __init__(self, call: StreamCall) -> None:
        self._call = call

    def unary_unary(self, *_: object, **__: object) -> None: ...

    def stream_stream(self, *_: object, **__: object) -> Callable[[], StreamCall]:
        return lambda: self._call


async def test_a_stream_is_cut_when_it_ends_with_an_error_alone() -> None:
    tally = Tally()
    stop_counting = count_streams(tally)
    try:
        for failure in (None, refuse(Reason.UNREACHABLE, "cut")):
            call = StreamCall()
            call.failure = failure
            stream = landbridge.client.ProfileStream(cast("Any", Channel(call)))
            call.over.set()
            await asyncio.wait({stream.ended})
            await asyncio.sleep(0)
    finally:
        stop_counting()
    assert (tally.streams, tally.cut) == (2, 1)
    assert landbridge.client.ProfileStream is ProfileStream


def test_the_same_seed_gives_the_same_order_of_rotations() -> None:
    one, again, other = (Drill(Plan(), Conditions(seed=seed)).schedule for seed in (1, 1, 2))
    assert one == again != other
    assert [one.count(what) for what in ("leaf", "issuing", "root")] == [20, 3, 1]


@pytest.mark.parametrize(
    "wrong", [{"failed": 1}, {"cut": 1}, {"control_no_overlap_failed": 0}], ids=str
)
def test_a_drill_that_breaks_its_promise_fails(wrong: dict[str, int]) -> None:
    kept = {"failed": 0, "cut": 0, "control_hard_close_failed": 9, "control_no_overlap_failed": 9}
    check(kept)
    with pytest.raises(LandbridgeError, match=next(iter(wrong))):
        check(kept | wrong)
