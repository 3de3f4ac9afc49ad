"""Times as people read them beside a clock: `in 23 h`, `4 min ago`."""

from typing import Final

from landbridge.clock import to_datetime

_STEPS: Final = (
    (86_400_000 * 730, 86_400_000 * 365, "years"),
    (86_400_000 * 3, 86_400_000, "days"),
    (3_600_000 * 3, 3_600_000, "h"),
    (60_000 * 3, 60_000, "min"),
    (0, 1000, "s"),
)


def lasting(milliseconds: int) -> str:
    """Write a span in its fitting unit, cut down: a promise of time is never rounded up."""
    size = abs(milliseconds)
    _, unit, name = next(step for step in _STEPS if size >= step[0])
    return f"{size // unit} {name}"


def beside(moment: int, now: int) -> str:
    """Say how far a moment lies from now; `never` for the moment 0. Both in Unix milliseconds."""
    if not moment:
        return "never"
    return f"in {lasting(moment - now)}" if moment >= now else f"{lasting(now - moment)} ago"


def to_minute(moment: int) -> str:
    """Write a moment to the minute, in UTC."""
    return to_datetime(moment).strftime("%Y-%m-%d %H:%M UTC")
