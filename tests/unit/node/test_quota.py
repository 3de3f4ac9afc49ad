"""A clause answers as many queries as it says: no more, and no fewer."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from landbridge.errors import LandbridgeError, Reason
from landbridge.memorandum.grant import Quota, Window
from tests.unit.node.quota_node import ACCOUNT, DAILY, LIFETIME_MS, NOON, QuotaNode

HOUR_MS = 3_600_000


@pytest.fixture
def node(tmp_path: Path) -> Iterator[QuotaNode]:
    running = QuotaNode(tmp_path)
    yield running
    running.stop()
    assert not running.failures


def test_the_query_after_the_last_is_refused_with_when_to_come_again(node: QuotaNode) -> None:
    assert [node.ask(query) for query in range(3)] == [Reason.ANSWERED] * 3
    with pytest.raises(LandbridgeError) as caught:
        node.quotas.take(node.claim(3), [DAILY])
    assert caught.value.reason is Reason.QUOTA_SPENT
    assert caught.value.message == (
        "clause 1 of m-1 answers 3 queries a day of one requester for one purpose;"
        " it answers again from 2026-06-16T00:00:00Z"
    )


def test_the_next_window_begins_with_the_calendar(node: QuotaNode) -> None:
    node.now = NOON + 12 * HOUR_MS - 1
    assert [node.ask(query) for query in range(4)][-1] is Reason.QUOTA_SPENT
    node.now += 1
    assert node.ask(9) is Reason.ANSWERED
    assert node.count() == 1


def test_a_query_counts_once_whatever_its_steps(node: QuotaNode) -> None:
    assert {node.ask(1) for _ in range(10)} == {Reason.ANSWERED}
    assert node.count() == 1


@pytest.mark.parametrize(
    ("outcome", "counted"),
    [
        (Reason.NO_RECORD, 1),
        (Reason.TOO_MANY_RECORDS, 1),
        (Reason.SEALED, 1),
        (Reason.SOURCE_FAILED, 0),
        (Reason.LATE, 0),
        (Reason.BAD_ARGUMENT, 0),
    ],
)
def test_what_tells_something_counts(node: QuotaNode, outcome: Reason, counted: int) -> None:
    node.ask(1, outcome)
    assert node.count() == node.recount() == counted


def test_every_requester_purpose_and_clause_has_its_own_count(node: QuotaNode) -> None:
    for query in range(3):
        node.ask(query)
    for number, other in enumerate(
        (
            ACCOUNT._replace(requester="s.a"),
            ACCOUNT._replace(purpose="else"),
            ACCOUNT._replace(clause="2"),
            ACCOUNT._replace(memorandum="m-2"),
        )
    ):
        assert node.ask(10 + number, account=other) is Reason.ANSWERED
        assert node.count(account=other) == 1
    assert node.ask(20) is Reason.QUOTA_SPENT


def test_of_several_quotas_of_a_clause_each_holds(node: QuotaNode) -> None:
    both = [Quota(queries=2, per=Window.HOUR), Quota(queries=3, per=Window.WEEK)]
    assert [node.ask(query, quotas=both) for query in range(3)][-1] is Reason.QUOTA_SPENT
    node.now += HOUR_MS
    assert node.ask(4, quotas=both) is Reason.ANSWERED
    node.now += HOUR_MS
    assert node.ask(5, quotas=both) is Reason.QUOTA_SPENT


def test_a_clock_that_steps_back_frees_nothing(node: QuotaNode) -> None:
    for query in range(3):
        node.ask(query)
    node.now += 13 * HOUR_MS
    assert node.ask(3) is Reason.ANSWERED
    node.now -= 13 * HOUR_MS
    assert node.ask(4) is Reason.QUOTA_SPENT


def test_two_steps_at_once_count_as_long_as_one_is_answered(node: QuotaNode) -> None:
    claim = node.claim(1)
    node.quotas.take(claim, [DAILY])
    node.quotas.take(claim, [DAILY])
    node.quotas.settle([claim.charge], ())
    assert node.count() == 1
    node.quotas.settle([claim.charge], {("m-1", "1")})
    assert node.count() == 1
    node.quotas.take(claim, [DAILY])
    node.quotas.settle([claim.charge], ())
    assert node.count() == 1, "it was answered once"


def test_questions_that_come_together_do_not_slip_through_together(node: QuotaNode) -> None:
    quota = Quota(queries=50, per=Window.DAY)

    def take(query: int) -> bool:
        claim = node.claim(query)
        try:
            node.quotas.take(claim, [quota])
        except LandbridgeError:
            return False
        node.quotas.settle([claim.charge], {("m-1", "1")} if query % 2 else ())
        return bool(query % 2)

    with ThreadPoolExecutor(8) as threads:
        kept = sum(threads.map(take, range(400)))
    assert kept == node.count() == 50


def test_memory_holds_no_query_that_has_long_expired(node: QuotaNode) -> None:
    for query in range(3):
        node.ask(query)
    node.now += LIFETIME_MS + 61_000
    node.ask(4, quotas=[Quota(queries=9, per=Window.DAY)])
    assert len(node.quotas._held) == 1
    assert node.count() == 4


def test_a_question_that_takes_very_long_is_settled_all_the_same(node: QuotaNode) -> None:
    claim = node.claim(1)
    node.quotas.take(claim, [DAILY])
    node.now += LIFETIME_MS + 61_000
    node.ask(2)
    node.quotas.settle([claim.charge], ())
    assert node.count() == 1
