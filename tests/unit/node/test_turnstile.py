"""Each question passes once, and takes of the quotas only what its answer has used."""

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from landbridge.errors import LandbridgeError, Reason
from landbridge.memorandum.grant import Window
from landbridge.policy.authorization import AccessRequest, Policy, authorize
from landbridge.query import Query
from landbridge.replay import ReplayGuard
from landbridge.subject import SubjectId, SubjectKind
from landbridge.v1 import log_pb2, query_pb2
from node.task import Reading, Task
from node.turnstile import Turnstile
from node.verdict import Release, Verdict
from tests.memoranda import make_memorandum
from tests.unit.node.quota_node import ACCOUNT, NOON, QuotaNode


@pytest.fixture
def node(tmp_path: Path) -> Iterator[QuotaNode]:
    running = QuotaNode(tmp_path)
    yield running
    running.stop()


def quota(queries: int, per: str = "day") -> dict[str, Any]:
    return {"quota": {"queries": queries, "per": per}}


def task(number: int, *grants: Mapping[str, Any], read: bool = True, step: int = 2) -> Task:
    """Make a question that is judged: each grant releases its field."""
    policy = Policy([make_memorandum(list(grants))])
    query = Query(
        nonce=bytes(16),
        federation="town.example",
        requester="r.a",
        subject=SubjectId("company", "1"),
        subject_kind=SubjectKind.LEGAL_ENTITY,
        purpose="why",
        case_reference="C-1",
        wanted=(),
        issued_at=NOON,
        expires_at=NOON + 60_000,
    )
    question = query_pb2.Question(step=step, round=1)  # type: ignore[arg-type]
    made = Task(question, query, number.to_bytes(32), policy, date(2026, 6, 15))
    names = tuple(name for grant in grants for name in grant.get("fields", ["f"]))
    request = AccessRequest("p.a", "d", "r.a", "why", SubjectKind.LEGAL_ENTITY, names, NOON)
    decided = authorize(policy, request).allowances
    releases = tuple(Release("d", allowance, allowance.where) for allowance in decided)
    made.readings.append(Reading.of(Verdict("d", releases), is_read=read))
    return made


def answered(asked: Task) -> tuple[Task, bytes]:
    entry = log_pb2.LogEntry(kind=log_pb2.ENTRY_KIND_ANSWER)
    entry.accesses.add(
        outcome=Reason.ANSWERED.value,  # type: ignore[arg-type]
        memorandum="m-1",
        clause="1",
        released=["f"],
    )
    return asked, entry.SerializeToString()


def spent(asked: Task) -> list[tuple[str, Reason]]:
    (reading,) = asked.readings
    return [(refusal.field, refusal.reason) for refusal in reading.refusals]


def test_grants_that_share_a_clause_share_its_quotas(node: QuotaNode) -> None:
    turnstile = Turnstile(ReplayGuard(), node.quotas)
    parts: list[dict[str, Any]] = [
        {"fields": ["f"], **quota(5, "week")},
        {"fields": ["g"], **quota(1)},
        {"fields": ["h"]},
    ]
    first, second = (task(number, *parts) for number in (1, 2))
    turnstile.admit(first, NOON)
    assert spent(first) == []
    assert [node.count(window) for window in (Window.DAY, Window.WEEK)] == [1, 1]
    turnstile.let_pass([answered(first)])
    turnstile.admit(second, NOON)
    assert sorted(spent(second)) == [(name, Reason.QUOTA_SPENT) for name in "fgh"]
    assert not second.readings[0].is_read


def test_what_is_not_read_takes_nothing(node: QuotaNode) -> None:
    turnstile = Turnstile(ReplayGuard(), node.quotas)
    turnstile.admit(task(1, quota(1), read=False), NOON)
    assert node.count() == 0


def test_an_answer_that_never_left_may_be_asked_for_again(node: QuotaNode) -> None:
    turnstile = Turnstile(ReplayGuard(), node.quotas)
    turnstile.admit(lost := task(1, quota(1)), NOON)
    assert node.count() == 1
    turnstile.take_back([lost])
    assert node.count() == 0
    turnstile.admit(again := task(1, quota(1)), NOON)
    turnstile.let_pass([answered(again)])
    assert node.count() == 1
    with pytest.raises(LandbridgeError) as caught:
        turnstile.admit(task(1, quota(1)), NOON)
    assert caught.value.reason is Reason.REPLAYED_QUERY
    turnstile.admit(resolving := task(1, quota(1), step=1), NOON)
    assert spent(resolving) == [], "a further step of a query that has counted"


def test_a_quota_that_fails_in_a_way_nobody_foresaw_keeps_nothing(node: QuotaNode) -> None:
    turnstile = Turnstile(ReplayGuard(), node.quotas)
    parts: list[dict[str, Any]] = [
        {"clause": "1", "fields": ["f"], **quota(1)},
        {"clause": "2", "fields": ["g"], **quota(1)},
    ]
    broken = task(1, *parts)
    broken.readings[0].extractions[1].release = None  # type: ignore[assignment]
    with pytest.raises(AttributeError):
        turnstile.admit(broken, NOON)
    assert node.count() == 0
    turnstile.admit(task(1, *parts), NOON)
    assert node.count() == node.count(account=ACCOUNT._replace(clause="2")) == 1
