"""Times as people type them, or copy them from what a command has printed."""

import re
from typing import Final

from landbridge.clock import system_clock, to_datetime
from landbridge.errors import Reason, refuse
from landbridge.memorandum.words import read_instant

_TO_THE_MILLISECOND: Final = re.compile(r"(.+)\.([0-9]{3})Z")


def read_moment(text: str, option: str) -> int:
    """Read a day or a time in UTC as Unix milliseconds; without a text, now.

    Raises:
        LandbridgeError: LB-1106 when it is none.
    """
    if not text:
        return system_clock()
    exact = _TO_THE_MILLISECOND.fullmatch(text)
    try:
        if exact:
            return read_instant(f"{exact[1]}Z") + int(exact[2])
        return read_instant(text if "T" in text else f"{text}T00:00:00Z")
    except ValueError:
        raise refuse(
            Reason.USAGE,
            f"{text!r} is not a time",
            where=option,
            next_step="write it as 2026-05-01 or 2026-05-01T12:00:00Z",
        ) from None


def write_instant(text: str, option: str) -> str:
    """Read a day or a time in UTC, and write it as memoranda do; without a text, now.

    Raises:
        LandbridgeError: LB-1106 when it is none.
    """
    return format_instant(read_moment(text, option))


def format_instant(moment: int) -> str:
    """Write Unix milliseconds as memoranda do, to the second."""
    return to_datetime(moment).strftime("%Y-%m-%dT%H:%M:%SZ")
