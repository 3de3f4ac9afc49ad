"""The time, as an object that is passed in, so that tests can set it."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], int]
"""Returns the present time in Unix milliseconds."""


def system_clock() -> int:
    """Return the system's time in Unix milliseconds."""
    return time.time_ns() // 1_000_000


def to_datetime(unix_ms: int) -> datetime:
    """Turn Unix milliseconds into an aware UTC datetime."""
    return datetime.fromtimestamp(unix_ms / 1000, UTC)


def to_iso(unix_ms: int) -> str:
    """Write Unix milliseconds as ISO 8601 in UTC with milliseconds; a time in no year as it is."""
    try:
        moment = to_datetime(unix_ms)
    except (ValueError, OverflowError, OSError):
        return f"{unix_ms} ms"
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
