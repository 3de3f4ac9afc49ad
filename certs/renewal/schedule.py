"""When to renew a certificate, when to raise an alarm, how long to wait after a failure."""

import asyncio
from enum import StrEnum
from typing import Final

from landbridge.rpc.certificate import LeafCertificate

_HALF: Final = 0.5
_JITTER: Final = 0.1


class Remaining(StrEnum):
    """How much of a certificate's life is left, where that is little."""

    ENOUGH = "enough"
    THIRD = "less than a third"
    SIXTH = "less than a sixth"
    NONE = "nothing"


def due_at(leaf: LeafCertificate, drawn: float) -> int:
    """Return when to renew, in Unix milliseconds: half of the life, less up to 10 %.

    `drawn` is a random number from 0 to 1, so that a thousand nodes do not come at once.
    """
    life = leaf.not_after - leaf.not_before
    return leaf.not_before + round(life * (_HALF - _JITTER * drawn))


def remaining(leaf: LeafCertificate, now: int) -> Remaining:
    """Say how much life is left at a time in Unix milliseconds."""
    life, left = leaf.not_after - leaf.not_before, leaf.not_after - now
    if left <= 0:
        return Remaining.NONE
    if left * 6 <= life:
        return Remaining.SIXTH
    return Remaining.THIRD if left * 3 <= life else Remaining.ENOUGH


class Backoff:
    """Waits that double from the first to the longest, in seconds."""

    def __init__(self, first_s: float, longest_s: float) -> None:
        self._first = first_s
        self._longest = longest_s
        self._failures = 0

    @property
    def failures(self) -> int:
        """How often it has failed since it last went well."""
        return self._failures

    def failed(self, drawn: float) -> float:
        """Count a failure; return how long to wait, from half of the wait to all of it."""
        wait = min(self._longest, self._first * (1 << min(self._failures, 20)))
        self._failures += 1
        return wait * (1 + drawn) / 2

    def went_well(self) -> None:
        """Begin with the first wait again."""
        self._failures = 0


async def woken(changed: asyncio.Event, longest_s: float) -> bool:
    """Wait for a change, or so long; return whether there was one.

    `asyncio.wait_for` of Python 3.11 can lose a cancellation, and its task would never end.
    """
    try:
        async with asyncio.timeout(longest_s):
            return await changed.wait()
    except TimeoutError:
        return False
