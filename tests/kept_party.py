"""A party with its renewal agent in this process, and what its alarms have told."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from certs.renewal.agent import RenewalAgent
from certs.renewal.office import Office
from landbridge.alarm import Alarms
from landbridge.clock import Clock, system_clock
from landbridge.errors import LandbridgeError
from landbridge.party import PartyFolder
from landbridge.rpc.live_party import LiveParty


class Kept:
    """A party with its agent; `told` holds each alarm as it was told, `over` those that ended."""

    def __init__(self, folder: Path, *, drawn: float = 0.0, clock: Clock = system_clock) -> None:
        self.folder = folder
        self.told: list[str] = []
        self.over: list[str] = []
        self.alarms = Alarms(self._tell)
        self.live = LiveParty(
            PartyFolder.open(folder, clock=clock), alarms=self.alarms, clock=clock
        )
        self.agent = RenewalAgent(
            self.live,
            Office(self.live, clock=clock),
            alarms=self.alarms,
            spread_s=0.0,
            clock=clock,
            random=lambda: drawn,
        )

    @property
    def serial(self) -> int:
        return self.live.credential.leaf.serial

    def _tell(self, kind: str, why: LandbridgeError | str) -> None:
        (self.told if why else self.over).append(kind)


async def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.02)
