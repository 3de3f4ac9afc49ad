"""Alarms are told once, and stand until they are over."""

from landbridge.alarm import Alarms
from landbridge.errors import LandbridgeError, Reason, refuse


def test_alarm_is_told_once_until_it_is_over() -> None:
    told: list[tuple[str, LandbridgeError | str]] = []
    alarms = Alarms(lambda kind, why: told.append((kind, why)))
    bad = refuse(Reason.BAD_TRUST_BUNDLE, "it is older")
    for _ in range(3):
        alarms.raised("trust", bad)
    alarms.raised("clock", "it stands 90 s off")
    assert told == [("trust", bad), ("clock", "it stands 90 s off")]
    assert alarms.standing() == (f"trust: {bad}", "clock: it stands 90 s off")
    alarms.cleared("trust")
    alarms.cleared("trust")
    assert told[2:] == [("trust", "")]
    assert alarms.standing() == ("clock: it stands 90 s off",)
    alarms.raised("trust", bad)
    assert told[3:] == [("trust", bad)]


def test_alarm_that_stands_shows_its_newest_cause() -> None:
    told: list[str] = []
    alarms = Alarms(lambda kind, _: told.append(kind))
    alarms.raised("renewal", "a third of its life is left")
    alarms.raised("renewal", "a sixth of its life is left")
    assert told == ["renewal"]
    assert alarms.standing() == ("renewal: a sixth of its life is left",)


def test_nothing_stands_at_first() -> None:
    told: list[str] = []
    alarms = Alarms(lambda kind, _: told.append(kind))
    alarms.cleared("trust")
    assert (alarms.standing(), told) == ((), [])
