"""A node that is there and shows no log is named after a while, whatever it does meanwhile."""

import pytest

from gateway.overdue_looks import OverdueLooks
from landbridge.alarm import Alarms
from landbridge.errors import Reason, refuse

BUSY = refuse(Reason.BUSY, "not now")


@pytest.mark.parametrize(
    ("steps", "standing"),
    [
        ([(0, "failed"), (29, "failed")], False),
        ([(0, "failed"), (30, "failed")], True),
        ([(0, "failed"), (20, "succeeded"), (30, "failed"), (59, "failed")], False),
        ([(0, "failed"), (30, "failed"), (31, "succeeded")], False),
        # To go away for a moment does not help; who was away for long begins anew.
        ([(0, "failed"), (10, "away"), (20, "failed"), (25, "away"), (31, "failed")], True),
        ([(0, "failed"), (5, "away"), (35, "away"), (40, "failed")], False),
        ([(0, "failed"), (30, "failed"), (31, "away"), (61, "away")], False),
    ],
)
def test_it_counts_from_the_first_look_that_failed(
    *, steps: list[tuple[int, str]], standing: bool
) -> None:
    alarms = Alarms(lambda _kind, _why: None)
    at = [0.0]
    looks = OverdueLooks(alarms, lambda: at[0])
    for second, what in steps:
        at[0] = 1000.0 + second
        if what == "failed":
            looks.failed("tax", BUSY)
        elif what == "away":
            looks.away("tax")
        else:
            looks.succeeded("tax")
    found = alarms.standing()
    assert bool(found) is standing
    assert all("LB-4008" in one and "LB-2003" in one for one in found)
