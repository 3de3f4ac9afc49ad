"""One slow node of eight: who does not need it does not wait, who does gets a gap in time."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest

from bench.federation import Plan
from landbridge.reasons import Reason
from landbridge.v1 import envelope_pb2
from tests.batch_relay import BatchRelay, Send
from tests.equal_agencies import LONG_S, equal_agencies, what_came
from tests.relay import Streamed

SLOW: Final = "register-8"
PLAN: Final = Plan(nodes=8, subjects=100)
DEADLINE_S: Final = 6.0


async def test_only_those_who_need_a_slow_node_wait_for_it_and_no_longer_than_their_deadline(
    tmp_path: Path,
) -> None:
    """The node answers nothing before all is over, which is slower than any number of seconds."""
    over = asyncio.Event()

    async def pass_on(answers: Sequence[Streamed], send: Send) -> None:
        await over.wait()
        send(answers)

    slow = BatchRelay(pass_on)
    async with equal_agencies(tmp_path, PLAN, {SLOW: slow}) as agencies:
        client = agencies.running.client
        others = [agency for agency in PLAN.agencies if agency != SLOW]
        came: list[str] = []

        async def ask(query: envelope_pb2.Envelope, who: str, timeout: float) -> dict[str, Reason]:
            envelope = await client.stream(query, timeout)
            came.append(who)
            return dict(what_came(envelope))

        # In turn, so that they share messages, batches and commits on every hop.
        needing, free = agencies.sign(4), agencies.sign(20, of=others)
        patient = asyncio.create_task(ask(agencies.sign(1)[0], "patient", LONG_S))
        waiting = [asyncio.create_task(ask(query, "needing", DEADLINE_S)) for query in needing]
        served = [asyncio.create_task(ask(query, "free", LONG_S)) for query in free]
        assert await asyncio.gather(*served) == [dict.fromkeys(others, Reason.ANSWERED)] * 20
        # More come and go while the others still wait.
        for query in agencies.sign(5, of=others):
            await ask(query, "free", LONG_S)
        assert came == ["free"] * 25
        late = {**dict.fromkeys(others, Reason.ANSWERED), SLOW: Reason.LATE}
        assert await asyncio.gather(*waiting) == [late] * 4
        assert not patient.done()
        # The slow node was never asked for those who do not need it.
        asked = {item.question.query.payload for message in slow.asked for item in message}
        assert asked.isdisjoint(query.payload for query in free)
        over.set()
        assert await patient == dict.fromkeys(PLAN.agencies, Reason.ANSWERED)


@pytest.mark.parametrize("front", ["stream", "send"])
async def test_a_node_that_trickles_delays_nobody_else(tmp_path: Path, front: str) -> None:
    """It lets one answer go for every profile that came which does not need it."""
    came: asyncio.Semaphore = asyncio.Semaphore(0)

    async def pass_on(answers: Sequence[Streamed], send: Send) -> None:
        for answer in answers:
            await came.acquire()
            send([answer])

    plan = Plan(nodes=2, subjects=60)
    async with equal_agencies(tmp_path, plan, {"register-2": BatchRelay(pass_on)}) as agencies:
        ask = getattr(agencies.running.client, front)
        needing = [asyncio.create_task(ask(query, LONG_S)) for query in agencies.sign(10)]
        for number, query in enumerate(agencies.sign(10, of=["register-1"])):
            assert what_came(await ask(query, LONG_S)) == {"register-1": Reason.ANSWERED}
            assert sum(task.done() for task in needing) <= number
            came.release()
        for envelope in await asyncio.gather(*needing):
            assert what_came(envelope) == agencies.whole()
