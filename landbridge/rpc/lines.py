"""A party's channels: each is followed by one that shows what the party shows now."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from landbridge.alarm import Alarms
from landbridge.clock import Clock
from landbridge.errors import LandbridgeError
from landbridge.rpc.channel import RotatingChannel
from landbridge.rpc.credentials import Credential, open_channel

_RETRY_S: Final = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """What a party shows and trusts at one time; the roots are a PEM."""

    credential: Credential
    roots: bytes = field(repr=False)


@dataclass(slots=True, eq=False)
class _Line:
    """A channel, how it is opened, and what it shows."""

    address: str
    dns_name: str
    channel: RotatingChannel
    shown: Shown
    refused: Shown | None = None
    """What the peer could not be brought to accept; it is tried again, but not at once."""
    retry_at: float = 0.0
    task: asyncio.Task[None] | None = None

    @property
    def alarm(self) -> str:
        return f"channel to {self.dns_name}"


class Lines:
    """Used on one event loop; `shown` gives what is shown now."""

    def __init__(self, shown: Callable[[], Shown], *, alarms: Alarms, clock: Clock) -> None:
        self._shown = shown
        self._alarms = alarms
        self._clock = clock
        self._lines: list[_Line] = []

    def open(self, address: str, dns_name: str) -> RotatingChannel:
        """Open a channel to `host:port`, where the holder of that DNS name serves."""
        shown = self._shown()
        first = open_channel(address, dns_name, shown.credential, shown.roots)
        channel = RotatingChannel(first)
        self._lines.append(_Line(address, dns_name, channel, shown))
        return channel

    def bring_up(self) -> list[asyncio.Task[None]]:
        """Swap every channel that does not show what is shown now; return what works on it.

        A peer that does not accept it is tried again when this is called two seconds later; its
        channel goes on as it was, and an alarm is raised.
        """
        now, shown = asyncio.get_running_loop().time(), self._shown()
        self._forget_closed()
        for line in self._lines:
            due = line.refused is not shown or now >= line.retry_at
            if line.task is None and line.shown is not shown and due:
                line.task = asyncio.create_task(self._swap(line))
        return [line.task for line in self._lines if line.task is not None]

    async def drained(self) -> None:
        """Wait until no former channel owes anything."""
        await asyncio.gather(*(line.channel.drained() for line in tuple(self._lines)))

    async def close(self) -> None:
        """Close every channel."""
        lines, self._lines = self._lines, []
        for line in lines:
            if line.task is not None:
                line.task.cancel()
            await line.channel.close()

    def _forget_closed(self) -> None:
        for line in self._lines:
            if line.channel.closed:
                self._alarms.cleared(line.alarm)
        self._lines = [line for line in self._lines if not line.channel.closed]

    async def _swap(self, line: _Line) -> None:
        try:
            while line.shown is not (shown := self._shown()) and not line.channel.closed:
                new = open_channel(line.address, line.dns_name, shown.credential, shown.roots)
                try:
                    # Where the former certificate has expired there is nothing to fall back on.
                    if self._clock() >= line.shown.credential.leaf.not_after:
                        await line.channel.replace(new)
                    else:
                        await line.channel.swap(new)
                except LandbridgeError as error:
                    if shown is self._shown():
                        self._alarms.raised(line.alarm, f"it goes on as it was: {error}")
                        line.refused = shown
                        line.retry_at = asyncio.get_running_loop().time() + _RETRY_S
                        return
                else:
                    line.shown = shown
            self._alarms.cleared(line.alarm)
        finally:
            line.task = None
