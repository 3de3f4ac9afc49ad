"""More is kept of a query's time where more queries may come to their end together."""

from contextlib import ExitStack

import pytest

from gateway import assembly_time
from gateway.assembly_time import AssemblyTime


def test_a_lone_query_keeps_a_little() -> None:
    assert AssemblyTime().kept(10.0) == pytest.approx(0.55)


def test_never_more_than_half_is_kept() -> None:
    assert AssemblyTime().kept(0.01) == pytest.approx(0.005)


def test_what_is_kept_grows_with_those_in_work_and_falls_with_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = iter([0.0, 0.01])
    monkeypatch.setattr(assembly_time, "perf_counter", lambda: next(clock))
    time = AssemblyTime()
    with time.assembling():
        pass
    alone = time.kept(10.0)
    with ExitStack() as stack:
        for _ in range(100):
            stack.enter_context(time.in_work())
        assert time.kept(10.0) == pytest.approx(alone + 100 * 0.001 * 3)
        for _ in range(10_000):
            stack.enter_context(time.in_work())
        assert time.kept(10.0) == pytest.approx(5.0)
    assert time.kept(10.0) == alone


def test_an_assembly_that_fails_counts_no_more() -> None:
    time = AssemblyTime()
    with pytest.raises(ValueError, match="unfit"), time.in_work():
        raise ValueError("unfit")
    assert time.kept(10.0) == pytest.approx(0.55)
