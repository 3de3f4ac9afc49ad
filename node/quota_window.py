"""The windows in which a quota counts: hours to years of the calendar, in UTC."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

from landbridge.clock import to_datetime
from landbridge.memorandum.grant import Window

_HOUR_MS: Final = 3_600_000

Bounds = tuple[int, int]
"""First Unix millisecond of a window, and the first after it."""


def window_at(window: Window, at: int) -> Bounds:
    """Return the window in which a time lies, in Unix milliseconds; weeks begin on Monday."""
    # Every window is made of whole hours.
    return _window(window, at // _HOUR_MS)


@lru_cache(256)
def _window(window: Window, hour: int) -> Bounds:
    moment = to_datetime(hour * _HOUR_MS)
    day = moment.replace(hour=0)
    match window:
        case Window.HOUR:
            start, end = moment, moment + timedelta(hours=1)
        case Window.DAY:
            start, end = day, day + timedelta(days=1)
        case Window.WEEK:
            start = day - timedelta(days=day.weekday())
            end = start + timedelta(weeks=1)
        case Window.MONTH:
            start = day.replace(day=1)
            end = (start + timedelta(days=31)).replace(day=1)
        case Window.YEAR:
            start = datetime(moment.year, 1, 1, tzinfo=UTC)
            end = datetime(moment.year + 1, 1, 1, tzinfo=UTC)
    return int(start.timestamp() * 1000), int(end.timestamp() * 1000)
