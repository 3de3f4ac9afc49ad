"""Nothing is answered twice, within bounded memory."""

import pytest

from landbridge.errors import LandbridgeError, Reason
from landbridge.replay import ENTRIES_OF_A_WRONG_CLOCK, ReplayGuard
from landbridge.v1 import log_pb2

DIGEST = b"d" * 32


def reason_of(guard: ReplayGuard, *, at: int = 0, step: int = 1, digest: bytes = DIGEST) -> Reason:
    with pytest.raises(LandbridgeError) as caught:
        guard.admit(digest, step, 1, expires_at=at + 60_000, at=at)
    return caught.value.reason


def test_a_step_of_a_query_is_admitted_once() -> None:
    guard = ReplayGuard()
    guard.admit(DIGEST, 1, 1, expires_at=60_000, at=0)
    assert reason_of(guard) is Reason.REPLAYED_QUERY


def test_other_steps_and_rounds_are_their_own() -> None:
    guard = ReplayGuard()
    for step, round_ in ((1, 1), (1, 2), (2, 1)):
        guard.admit(DIGEST, step, round_, expires_at=60_000, at=0)
    assert reason_of(guard, step=2) is Reason.REPLAYED_QUERY


def test_a_forgotten_step_may_be_asked_again() -> None:
    guard = ReplayGuard()
    guard.admit(DIGEST, 1, 1, expires_at=60_000, at=0)
    guard.forget(DIGEST, 1, 1)
    guard.admit(DIGEST, 1, 1, expires_at=60_000, at=0)


def test_a_full_memory_refuses_until_queries_expire() -> None:
    guard = ReplayGuard(capacity=2)
    guard.admit(b"1", 1, 1, expires_at=1_000, at=0)
    guard.admit(b"2", 1, 1, expires_at=2_000, at=0)
    assert reason_of(guard, digest=b"3") is Reason.BUSY
    later = 61_500
    guard.admit(b"3", 1, 1, expires_at=later + 1_000, at=later)
    assert reason_of(guard, digest=b"2", at=later + 100) is Reason.REPLAYED_QUERY


def entry(digest: bytes, *, logged: int, expires: int) -> bytes:
    return log_pb2.LogEntry(
        query_digest=digest,
        logged_at_unix_ms=logged,
        query_expires_at_unix_ms=expires,
        step=1,
        round=1,
    ).SerializeToString()


def test_a_restart_restores_what_the_log_shows() -> None:
    guard = ReplayGuard()
    at = 1_000_000
    newest_first = [
        entry(b"new", logged=at - 1_000, expires=at + 50_000),
        entry(b"done", logged=at - 2_000, expires=at - 70_000),
        entry(b"late", logged=at - 64_000, expires=at + 1_000),
        entry(b"old", logged=at - 66_000, expires=at + 50_000),
    ]
    restored = guard.restore(newest_first, at=at, max_lifetime_ms=5_000)
    assert restored == 2
    for digest in (b"new", b"late"):
        assert reason_of(guard, digest=digest, at=at) is Reason.REPLAYED_QUERY
    guard.admit(b"old", 1, 1, expires_at=at + 60_000, at=at)


def test_entries_by_a_wrong_clock_hide_no_others() -> None:
    guard = ReplayGuard()
    at = 1_000_000
    newest_first = [
        entry(b"new", logged=at - 1_000, expires=at + 50_000),
        *[entry(b"wrong", logged=1, expires=2)] * (ENTRIES_OF_A_WRONG_CLOCK - 1),
        entry(b"before", logged=at - 2_000, expires=at + 50_000),
        *[entry(b"old", logged=1, expires=2)] * ENTRIES_OF_A_WRONG_CLOCK,
        entry(b"out of reach", logged=at - 3_000, expires=at + 50_000),
    ]
    assert guard.restore(newest_first, at=at, max_lifetime_ms=5_000) == 2
    assert reason_of(guard, digest=b"before", at=at) is Reason.REPLAYED_QUERY


def test_a_clock_that_was_ahead_keeps_nothing_in_memory_for_ever() -> None:
    guard = ReplayGuard(capacity=2)
    ahead = 10_000_000_000
    guard.admit(b"1", 1, 1, expires_at=ahead + 1_000, at=ahead)
    guard.forget(b"1", 1, 1)
    guard.admit(b"2", 1, 1, expires_at=1_000, at=0)
    guard.admit(b"3", 1, 1, expires_at=1_000, at=0)
    guard.admit(b"4", 1, 1, expires_at=63_000, at=62_000)
