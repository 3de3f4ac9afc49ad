"""When certificates are renewed, and when their end is an alarm."""

import pytest

from certs.renewal.schedule import Backoff, Remaining, due_at, remaining
from landbridge.agency import Identity, Role
from landbridge.rpc.certificate import LeafCertificate

HOUR = 3_600_000
LEAF = LeafCertificate(
    Identity("registry.one", "federation.example", Role.NODE, "main"),
    "00" * 20,
    17,
    100 * HOUR,
    124 * HOUR,
)


@pytest.mark.parametrize(("drawn", "hours"), [(0.0, 12.0), (0.5, 10.8), (1.0, 9.6)])
def test_renewal_is_due_at_half_of_life_less_a_tenth(drawn: float, hours: float) -> None:
    assert due_at(LEAF, drawn) == (100 + hours) * HOUR


@pytest.mark.parametrize(
    ("age_hours", "stage"),
    [
        (0, Remaining.ENOUGH),
        (15.99, Remaining.ENOUGH),
        (16, Remaining.THIRD),
        (19.99, Remaining.THIRD),
        (20, Remaining.SIXTH),
        (23.99, Remaining.SIXTH),
        (24, Remaining.NONE),
        (400, Remaining.NONE),
    ],
)
def test_alarms_come_at_a_third_and_a_sixth(age_hours: float, stage: Remaining) -> None:
    assert remaining(LEAF, round((100 + age_hours) * HOUR)) is stage


def test_waits_double_up_to_the_longest_and_begin_anew() -> None:
    backoff = Backoff(1.0, 10.0)
    assert [backoff.failed(1.0) for _ in range(5)] == [1.0, 2.0, 4.0, 8.0, 10.0]
    assert backoff.failures == 5
    assert backoff.failed(0.0) == 5.0
    backoff.went_well()
    assert backoff.failures == 0
    assert backoff.failed(0.0) == 0.5
