"""Windows follow the calendar in UTC, and never the hour at which somebody began to ask."""

import pytest

from landbridge.clock import to_iso
from landbridge.memorandum.grant import Window
from landbridge.memorandum.words import read_instant
from node.quota_window import window_at


@pytest.mark.parametrize(
    ("window", "at", "start", "end"),
    [
        (Window.HOUR, "2026-06-15T12:59:59", "2026-06-15T12:00:00", "2026-06-15T13:00:00"),
        (Window.DAY, "2026-06-15T00:00:00", "2026-06-15T00:00:00", "2026-06-16T00:00:00"),
        (Window.WEEK, "2026-06-21T23:00:00", "2026-06-15T00:00:00", "2026-06-22T00:00:00"),
        (Window.WEEK, "2027-01-01T08:00:00", "2026-12-28T00:00:00", "2027-01-04T00:00:00"),
        (Window.MONTH, "2028-02-29T08:00:00", "2028-02-01T00:00:00", "2028-03-01T00:00:00"),
        (Window.MONTH, "2026-12-31T08:00:00", "2026-12-01T00:00:00", "2027-01-01T00:00:00"),
        (Window.YEAR, "2026-06-15T08:00:00", "2026-01-01T00:00:00", "2027-01-01T00:00:00"),
    ],
)
def test_a_time_lies_in_its_window(window: Window, at: str, start: str, end: str) -> None:
    found = window_at(window, read_instant(f"{at}Z"))
    assert [to_iso(each) for each in found] == [f"{start}.000Z", f"{end}.000Z"]


@pytest.mark.parametrize("window", Window)
def test_windows_follow_one_another_without_gap(window: Window) -> None:
    start = read_instant("2026-01-01T00:00:00Z")
    for _ in range(60):
        _, end = window_at(window, start)
        assert window_at(window, end - 1) == window_at(window, start)
        assert window_at(window, end)[0] == end
        start = end
