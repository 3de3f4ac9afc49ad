"""Streams that stay open for ever, one after the other: none is cut, and nothing on them is lost.

A server ends what stays on a connection for too long, a party's certificate changes, and the trust
in it: so each stream gives way to a new one in time. The new one stands, let through by the peer's
guard, before the old one takes no more; the old one then ends when it has got what it is owed.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, Generic, Protocol, TypeVar

import grpc

from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.rpc.channel import RotatingChannel
from landbridge.rpc.options import ADMITTED, DRAIN_S, STREAM_LIFE_S

_OPENING_S: Final = 5.0
_RETRY_S: Final = 0.25


class Stream(Protocol):
    """One stream of a succession."""

    @property
    def ended(self) -> asyncio.Future[None]:
        """Done when the stream is over; raises why, when it broke."""

    async def opened(self) -> None:
        """Wait until the peer has let the stream through.

        Raises:
            LandbridgeError: why it has not.
        """

    def retire(self) -> None:
        """Take nothing more, and end when all that is owed has come."""

    def cancel(self) -> None:
        """End at once."""


Each = TypeVar("Each", bound=Stream)


class Succession(Generic[Each]):
    """Keeps one stream in use, from `run` on until one breaks with no other in its place.

    `start` starts a stream on a channel, with no await. A stream gives way after `life_s` seconds,
    or when its channel does.
    """

    def __init__(
        self,
        channel: RotatingChannel,
        start: Callable[[grpc.aio.Channel], Each],
        *,
        life_s: float = STREAM_LIFE_S,
    ) -> None:
        self._channel = channel
        self._start = start
        self._life_s = life_s
        self._due = asyncio.Event()
        self._unsubscribe = channel.on_swap(self._due.set)
        self._retired: set[Each] = set()
        self.current = start(channel.channel)

    async def opened(self) -> None:
        """Wait until the first stream is let through; else there will be none.

        Raises:
            LandbridgeError: why it is not; LB-2002 when that takes too long.
        """
        try:
            await _opened(self.current)
        except BaseException:
            self.cancel()
            raise

    async def run(self) -> None:
        """Hand over from stream to stream, until one ends of itself; former ones may still drain.

        Raises:
            LandbridgeError: why the last one broke.
        """
        try:
            while await self._wait():
                await self._hand_over()
            await self.current.ended
        except LandbridgeError:
            raise
        except BaseException:
            self.cancel()
            raise
        finally:
            self._unsubscribe()

    def cancel(self) -> None:
        """End all streams at once."""
        self._unsubscribe()
        for stream in (self.current, *self._retired):
            stream.cancel()

    async def _wait(self) -> bool:
        """Wait until the present stream must give way, or is over; return whether it goes on."""
        due = asyncio.create_task(self._due.wait())
        either: set[asyncio.Future[Any]] = {due, self.current.ended}
        try:
            await asyncio.wait(either, timeout=self._life_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            due.cancel()
        return not self.current.ended.done()

    async def _hand_over(self) -> None:
        """Open the next stream; where that fails, the present one stays and it is tried again."""
        self._due.clear()
        following = self._start(self._channel.channel)
        try:
            await _opened(following)
        except LandbridgeError:
            following.cancel()
            self._due.set()
            await asyncio.wait({self.current.ended}, timeout=_RETRY_S)
            return
        except BaseException:
            following.cancel()
            raise
        former, self.current = self.current, following
        self._retire(former)

    def _retire(self, former: Each) -> None:
        former.retire()
        self._retired.add(former)
        late = asyncio.get_running_loop().call_later(DRAIN_S, former.cancel)

        def over(ended: asyncio.Future[None]) -> None:
            late.cancel()
            self._retired.discard(former)
            with suppress(BaseException):  # its own questions have been told already
                ended.result()

        former.ended.add_done_callback(over)


async def wait_for_admission(call: grpc.aio.StreamStreamCall[Any, Any]) -> None:
    """Wait until a server says that it has let a stream through.

    Raises:
        grpc.aio.AioRpcError: when it has not.
        LandbridgeError: LB-2001 when it ended the stream, and named no failure.
    """
    metadata = await call.initial_metadata()
    if not all(dict(metadata).get(key) == value for key, value in ADMITTED):
        code = await call.code()
        if code is grpc.StatusCode.OK:
            raise refuse(Reason.UNREACHABLE, "the peer closed the stream")
        raise grpc.aio.AioRpcError(
            code,
            await call.initial_metadata(),
            await call.trailing_metadata(),
            details=await call.details(),
        )


async def _opened(stream: Stream) -> None:
    try:
        async with asyncio.timeout(_OPENING_S):
            await stream.opened()
    except TimeoutError as error:
        raise refuse(Reason.LATE, "the peer did not open the stream in time") from error
