"""Counts after a kill, a restart, and whatever befalls the file: always those of the log."""

import json
import stat
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from landbridge.errors import Reason
from landbridge.memorandum.grant import Quota, Window
from landbridge.memorandum.words import read_instant
from node.quota_checkpoint import count_log
from tests.unit.node.quota_node import ACCOUNT, LIFETIME_MS, QuotaNode

FILE = "quotas.json"
WIDE = Quota(queries=5, per=Window.DAY)
OUTCOMES = [Reason.ANSWERED, Reason.NO_RECORD, Reason.SOURCE_FAILED, Reason.SEALED]
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("ask"), st.integers(0, 7), st.sampled_from(OUTCOMES)),
        st.tuples(st.just("taken"), st.integers(0, 7), st.none()),
        st.tuples(st.just("later"), st.sampled_from([1_000, 240_000, 14 * 3_600_000]), st.none()),
        st.tuples(st.sampled_from(["kill", "stop", "write", "tear"]), st.just(0), st.none()),
    ),
    max_size=30,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=STEPS)
def test_memory_and_log_agree_whenever_the_node_is_killed(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int, Reason | None]]
) -> None:
    node = QuotaNode(tmp_path_factory.mktemp("node"))
    asked: dict[int, int] = {}
    for step, number, outcome in steps:
        # A query that has expired is never asked again.
        alive = node.now - asked.get(number, node.now) < LIFETIME_MS
        if step in ("ask", "taken") and not alive:
            continue
        if step == "ask" and outcome is not None:
            asked.setdefault(number, node.now)
            node.ask(number, outcome, [WIDE])
        elif step == "later":
            node.now += number
        elif step == "taken":
            # Killed between the reading and the log: nothing was answered.
            if node.count() < WIDE.queries:
                node.quotas.take(node.claim(number), [WIDE])
            node.kill()
            node.start()
        elif step == "write":
            node.quotas.close()
        elif step == "tear":
            path = node.folder / FILE
            path.write_bytes(path.read_bytes()[:40])
        else:
            node.kill() if step == "kill" else node.stop()
            node.start()
        assert node.count() == node.recount() <= WIDE.queries
    node.stop()
    assert not node.failures


def test_a_spent_quota_stays_spent_after_a_restart(tmp_path: Path) -> None:
    node = QuotaNode(tmp_path)
    for query in range(3):
        node.ask(query)
    node.kill()
    node.start()
    assert node.ask(3) is Reason.QUOTA_SPENT
    assert node.ask(2) is Reason.ANSWERED, "a further step of a query that has counted"
    assert node.count(Window.YEAR) == 3
    node.stop()


@pytest.mark.parametrize("keep_file", [True, False])
def test_the_steps_of_one_query_count_once_after_a_restart_too(
    tmp_path: Path, *, keep_file: bool
) -> None:
    node = QuotaNode(tmp_path)
    node.now = read_instant("2027-01-01T00:00:00Z") - 60_000
    node.ask(1)
    node.ask(1)
    node.stop()
    node.start()
    node.now += 61_000
    node.ask(1)
    node.kill()
    if not keep_file:
        (tmp_path / FILE).unlink()
    node.start()
    assert node.count(Window.YEAR) == 0, "it counted in the year before"
    node.now -= 61_000
    assert node.count(Window.HOUR) == 1
    node.stop()


def test_the_file_is_the_owners_alone_and_says_no_subject(tmp_path: Path) -> None:
    node = QuotaNode(tmp_path)
    node.ask(1)
    node.stop()
    path = tmp_path / FILE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert set(json.loads(path.read_text())) == {"form", "log", "size", "last", "counts"}
    assert [found.name for found in tmp_path.iterdir() if found.name.startswith(".quotas")] == []


def test_a_restart_reads_only_what_the_file_does_not_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = QuotaNode(tmp_path)
    for query in range(5):
        node.ask(query, quotas=[WIDE])
    node.now += 2 * LIFETIME_MS
    node.ask(5, Reason.NO_RECORD, [Quota(queries=9, per=Window.DAY)])
    node.stop()
    node.start()
    starts: list[int] = []
    entries = node.log.entries

    def watched(start: int = 0) -> Iterator[bytes]:
        starts.append(start)
        return entries(start)

    monkeypatch.setattr(node.log, "entries", watched)
    tally = count_log(node.log, tmp_path / FILE, longest_ms=LIFETIME_MS, at=node.now)
    assert starts == [5], "the last minutes before the file, as a query of then may come again"
    assert tally.counts.count(ACCOUNT, Window.DAY, node.now) == 6
    assert tally.size == 6
    node.stop()


def damage(**changes: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda document: {**document, **changes}


@pytest.mark.parametrize(
    "change",
    [
        damage(form=2, counts=[]),
        damage(log="another.log", counts=[]),
        damage(size=99, counts=[]),
        damage(size=-1, counts=[]),
        damage(size="3", counts=[]),
        damage(last="00", counts=[]),
        damage(counts=[["m-1", "1", "r.a", "why", "day", 1, 1]]),
        damage(counts=[["m-1", "1", "r.a", "why", "fortnight", 0, 1]]),
        damage(counts=[["m-1"]]),
        damage(counts=[["m-1", "1", "r.a", "why", "day", 10**30, 1]]),
        damage(counts=[["m-1", "1", "r.a", "why", "day", 0, -7]]),
        damage(counts=None),
        lambda _: [],
        lambda _: None,
    ],
)
def test_a_file_that_does_not_fit_is_passed_over(
    tmp_path: Path, change: Callable[[dict[str, Any]], Any]
) -> None:
    node = QuotaNode(tmp_path)
    for query in range(3):
        node.ask(query)
    node.stop()
    path = tmp_path / FILE
    path.write_text(json.dumps(change(json.loads(path.read_text()))))
    node.start()
    assert node.count() == 3
    assert node.ask(3) is Reason.QUOTA_SPENT
    node.stop()


def test_the_file_forgets_windows_that_are_long_over(tmp_path: Path) -> None:
    node = QuotaNode(tmp_path)
    for query in range(60):
        node.now += 3_600_000
        node.ask(query, quotas=[Quota(queries=100, per=Window.YEAR)])
    node.stop()
    windows = Counter(row[4] for row in json.loads((tmp_path / FILE).read_text())["counts"])
    assert windows["hour"] <= 26
    node.start()
    assert node.count(Window.YEAR) == 60
    node.stop()


@pytest.mark.parametrize("wrong", [365, -365, 3650, -3650], ids=str)
@pytest.mark.parametrize("keep_file", [True, False])
def test_a_clock_that_errs_for_a_moment_renews_nothing(
    tmp_path: Path, *, wrong: int, keep_file: bool
) -> None:
    yearly = Quota(queries=2, per=Window.YEAR)
    node = QuotaNode(tmp_path)
    assert [node.ask(query, quotas=[yearly]) for query in range(3)][-1] is Reason.QUOTA_SPENT
    right = node.now
    node.now += wrong * 86_400_000
    node.ask(10, quotas=[yearly])
    node.quotas.close()
    node.now = right + 600_000
    assert node.ask(11, quotas=[yearly]) is Reason.QUOTA_SPENT
    node.stop()
    if not keep_file:
        (tmp_path / FILE).unlink()
    node.start()
    assert node.ask(12, quotas=[yearly]) is Reason.QUOTA_SPENT
    assert node.count(Window.YEAR) == 2
    node.stop()


def test_a_node_that_starts_by_a_wrong_clock_has_lost_nothing_when_it_is_right(
    tmp_path: Path,
) -> None:
    node = QuotaNode(tmp_path)
    node.ask(1)
    node.kill()
    (tmp_path / FILE).unlink()
    right = node.now
    node.now += 2 * 365 * 86_400_000
    node.start()
    node.now = right
    assert node.count() == 1
    node.stop()


def test_a_folder_that_takes_no_file_keeps_nobody_from_answering(tmp_path: Path) -> None:
    node = QuotaNode(tmp_path)
    (tmp_path / FILE).unlink()
    (tmp_path / FILE).mkdir()
    node.ask(1)
    node.stop()
    node.start()
    assert node.count() == 1
    node.stop()
    assert not node.failures


def test_a_log_that_grows_has_its_file_written_along_the_way(tmp_path: Path) -> None:
    node = QuotaNode(tmp_path, every=10)
    for query in range(25):
        node.ask(query, quotas=[Quota(queries=100, per=Window.DAY)])
        writer = node.quotas._writer
        if writer is not None:
            writer.join()
    assert json.loads((tmp_path / FILE).read_text())["size"] == 20
    node.kill()
    node.start()
    assert node.count() == 25
    node.stop()


def test_a_log_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    node = QuotaNode(tmp_path)
    node.ask(1)
    (tmp_path / "log.sqlite").rename(tmp_path / "gone")
    node.quotas.close()
    assert [getattr(error, "reason", None) for error in node.failures] == [Reason.LOG_UNAVAILABLE]
    node.log.close()
