"""The bench verifies one profile in a hundred, and once all of its heaviest windows."""

import asyncio
import itertools
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from bench.federation import PURPOSE, Plan
from bench.load import SAMPLE, drive
from bench.processes import ProcessorTime
from bench.sample import profile_check
from bench.shapes import FLOOR, SHAPES, STREAM, UNARY, AskProfile, stream, unary
from bench.throughput import Rig, Settings
from landbridge.errors import LandbridgeError, Reason
from landbridge.subject import SubjectId
from landbridge.v1 import envelope_pb2, profile_pb2
from tests.batch_relay import BatchRelay
from tests.equal_agencies import Agencies, equal_agencies

PLAN: Final = Plan(nodes=2, subjects=8)


async def test_one_answer_in_a_hundred_is_kept_to_be_verified() -> None:
    assert SAMPLE == 100
    subject = SubjectId("a", "1")
    asked = 0

    async def ask(_: SubjectId) -> int:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0)
        return asked

    measured = await drive(ask, itertools.repeat(subject), in_flight=4, seconds=0.1)
    assert asked > SAMPLE
    assert len(measured.kept) == math.ceil(asked / SAMPLE)


async def test_a_kept_profile_that_is_altered_or_not_whole_fails_the_bench(tmp_path: Path) -> None:
    odd = BatchRelay()
    async with equal_agencies(tmp_path, PLAN, {"register-2": odd}) as agencies:
        check = profile_check(agencies.running.sandbox)
        (good,) = await agencies.stream(agencies.sign(1))
        check.check([good])
        assert check.verified == 1
        for spoil in (altered, altered_within):
            with pytest.raises(LandbridgeError) as caught:
                check.check([good, spoil(good)])
            assert caught.value.code.startswith("LB-4")

        async def withhold(*_: object) -> None:
            """Answer nothing."""

        odd.pass_on = withhold
        gap = await agencies.stream(agencies.sign(1), 2.0)
        with pytest.raises(LandbridgeError) as caught:
            check.check(gap)
        assert caught.value.reason is Reason.SOURCE_FAILED


class Windows:
    """The rig of the bench in one process, and how often it asks in each window."""

    def __init__(
        self,
        agencies: Agencies,
        spoil: Callable[[int], bool] = lambda _: False,
        in_flight: tuple[int, ...] = (1, 2),
    ) -> None:
        self.asked: list[int] = [0]
        sandbox = agencies.running.sandbox
        settings = Settings(PLAN, rounds=1, seconds=0.8, in_flight=in_flight)
        self.rig = Rig(sandbox.folder, sandbox.home_folder, settings, self._point)
        self.rig.check = profile_check(sandbox)
        client = agencies.running.client
        self._spoil = spoil
        self.rig._floor = self._floor
        self.rig._profiles = {
            UNARY: self._counted(unary(client)),
            STREAM: self._counted(stream(client)),
        }
        self.rig._times = dict.fromkeys(SHAPES, ProcessorTime({"client": [os.getpid()]}))

    def _point(self, _: str) -> None:
        self.asked.append(0)

    async def _floor(self, _: SubjectId) -> bytes:
        await asyncio.sleep(0.1)
        return b""

    def _counted(self, ask: AskProfile) -> AskProfile:
        async def counted(subject: SubjectId) -> envelope_pb2.Envelope:
            self.asked[-1] += 1
            number = self.asked[-1]
            # A few queries a window are enough, on any machine.
            await asyncio.sleep(0.1)
            envelope = await ask(subject)
            return altered(envelope) if self._spoil(number) else envelope

        return counted


async def test_all_profiles_of_the_heaviest_windows_are_verified_once(tmp_path: Path) -> None:
    async with equal_agencies(tmp_path, PLAN) as agencies:
        windows = Windows(agencies)
        rig = windows.rig
        points = await rig.run_rounds(agencies.subjects)
        # What the rig says after a round is no window.
        asked = [count for count in windows.asked if count]
        profiles = [point for point in points if point.shape != FLOOR]
        assert len(asked) == len(profiles) == 4
        whole = sampled = 0
        for point, count in zip(profiles, asked, strict=True):
            if (point.round, point.in_flight) == (1, 2):
                whole += count
            else:
                sampled += math.ceil(count / SAMPLE)
        assert rig.whole == whole > 0
        assert rig.check.verified == whole + sampled


async def test_one_spoiled_profile_in_a_window_that_is_verified_whole_fails_the_run(
    tmp_path: Path,
) -> None:
    async with equal_agencies(tmp_path, PLAN) as agencies:
        windows = Windows(agencies, lambda number: number == 3, in_flight=(2,))
        with pytest.raises(LandbridgeError) as caught:
            await windows.rig.run_rounds(agencies.subjects)
        assert caught.value.code.startswith("LB-4")


def altered(profile: envelope_pb2.Envelope) -> envelope_pb2.Envelope:
    """Flip a bit of what the gateway signed."""
    copy = envelope_pb2.Envelope.FromString(profile.SerializeToString())
    place = copy.payload.index(PURPOSE.encode())
    copy.payload = copy.payload[:place] + b"j" + copy.payload[place + 1 :]
    return copy


def altered_within(profile: envelope_pb2.Envelope) -> envelope_pb2.Envelope:
    """Take an answer out of what the gateway signed."""
    inner = profile_pb2.Profile.FromString(profile.payload)
    del inner.answers[0]
    return envelope_pb2.Envelope(
        payload_type=profile.payload_type, payload=inner.SerializeToString(), log=profile.log
    )
