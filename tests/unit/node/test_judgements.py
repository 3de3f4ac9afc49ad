"""A judgement that is kept is the one that would be made anew: nothing that changes is missed."""

from datetime import UTC, timedelta, timezone
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landbridge.clock import to_datetime
from landbridge.errors import LandbridgeError, Reason
from landbridge.memorandum.words import read_instant
from landbridge.period import Period
from landbridge.policy.authorization import Policy
from landbridge.query import Query, Wanted
from landbridge.subject import SubjectId, SubjectKind
from landbridge.v1 import query_pb2
from node import judgements
from node.consents import Consents
from node.expiry import Expiry
from node.judge import Judge
from node.published import Published
from node.task import Task
from tests.consents import desks
from tests.memoranda import make_memorandum

MIDNIGHT: Final = read_instant("2026-06-02T00:00:00Z")
LAST_DAY: Final = read_instant("2026-12-31T12:00:00Z")
END: Final = read_instant("2027-01-01T00:00:00Z")
COMPANIES: Final = Published(
    "d",
    SubjectKind.LEGAL_ENTITY,
    frozenset({"company"}),
    ("f", "g", "id"),
    ("id",),
    {"id": "company"},
    "2026-01-01",
)
FINDINGS: Final = Published(
    "e", SubjectKind.LEGAL_ENTITY, frozenset({"company", "tax"}), ("f", "day"), (), {}, ""
)
PERSONS: Final = Published(
    "p", SubjectKind.NATURAL_PERSON, frozenset({"person"}), ("f",), (), {}, ""
)
LATE: Final = {"name": "late", "title": "Late?", "when": [{"field": "g", "within": "P1Y"}]}
ABOVE: Final = {
    "name": "above",
    "title": "Above?",
    "asks": {"amount": {"type": "integer"}},
    "when": [{"field": "f", "gt": {"asked": "amount"}}],
}
GRANTS: Final[list[dict[str, Any]]] = [
    {"fields": ["f", "id"], "where": [{"field": "g", "within": "P1Y"}]},
    {"fields": ["g"], "sealed": True, "clause": "2"},
    {"predicates": [LATE, ABOVE], "clause": "3"},
    {"fields": ["f"], "dataset": "e", "clause": "4", "purposes": ["other", "why"]},
    {"fields": ["day"], "dataset": "e", "clause": "5", "requesters": ["r.b"]},
    {
        "fields": ["f"],
        "dataset": "p",
        "clause": "6",
        "subject_kinds": ["natural-person"],
    },
]
FEWER: Final[list[dict[str, Any]]] = [{"fields": ["id"]}]


def policy_of(grants: list[dict[str, Any]], stale_revocation: str = "refuse") -> Policy:
    memorandum = make_memorandum(
        grants, parties=("p.a", "r.a", "r.b"), stale_revocation=stale_revocation
    )
    return Policy([memorandum])


POLICIES: Final = (policy_of(GRANTS), policy_of(FEWER), policy_of(GRANTS, "serve"))


KINDS: Final[dict[object, object]] = {}


class Asking:
    """A judge, and whether its revocation data are too old."""

    def __init__(self) -> None:
        self.stale = False
        self._judge = Judge(
            "p.a",
            {one.name: one for one in (COMPANIES, FINDINGS, PERSONS)},
            Consents(lambda: desks().bundle, lambda: ()),
            lambda _: self.stale,
            {"e": Expiry("day", Period.parse("P5Y"), timezone(timedelta(hours=5)))},
        )

    def judge(  # noqa: PLR0913  by name, each with a default
        self,
        *,
        policy: Policy = POLICIES[0],
        at: int = MIDNIGHT,
        requester: str = "r.a",
        purpose: str = "why",
        subject: str = "company:1",
        wanted: tuple[Wanted, ...] = (),
        step: query_pb2.Step.ValueType = query_pb2.STEP_COLLECT,
        seal_to: bytes = b"",
        datasets: tuple[str, ...] = ("d", "e"),
        known: bool = False,
    ) -> Task:
        """Judge a question."""
        scheme, _, value = subject.partition(":")
        query = Query(
            nonce=bytes(16),
            federation="town.example",
            requester=requester,
            subject=SubjectId(scheme, value),
            subject_kind=SubjectKind.NATURAL_PERSON
            if scheme == "person"
            else SubjectKind.LEGAL_ENTITY,
            purpose=purpose,
            case_reference="C-1",
            wanted=wanted,
            issued_at=at,
            expires_at=at + 60_000,
            seal_to=seal_to,
            # As queries have it that were read by their kind.
            alike=KINDS.setdefault((requester, purpose, scheme, wanted), object())
            if known and not seal_to
            else None,
        )
        question = query_pb2.Question(step=step, round=1, datasets=datasets)
        task = Task(question, query, bytes(32), policy, to_datetime(at).astimezone(UTC).date())
        self._judge.judge(task, at)
        return task


def shown(task: Task) -> list[tuple[object, ...]]:
    """Return everything that was judged of a question."""
    return [
        (
            reading.dataset,
            [(each.allowance, each.release.wanted) for each in reading.extractions],
            reading.refusals,
            reading.remarks,
            reading.is_read,
            reading.verdict.expired,
            reading.verdict.as_of,
        )
        for reading in task.readings
    ]


questions = st.fixed_dictionaries(
    {
        "policy": st.sampled_from(POLICIES),
        "at": st.sampled_from(
            [MIDNIGHT - 1, MIDNIGHT, MIDNIGHT - 5 * 3_600_000, LAST_DAY, END - 1, END]
        ),
        "requester": st.sampled_from(["r.a", "r.b"]),
        "purpose": st.sampled_from(["why", "other"]),
        "subject": st.sampled_from(["company:1", "company:2", "tax:1", "person:1"]),
        "step": st.sampled_from([query_pb2.STEP_COLLECT, query_pb2.STEP_RESOLVE]),
        "seal_to": st.sampled_from([b"", b"key"]),
        "known": st.booleans(),
        "datasets": st.sampled_from([("d", "e"), ("e", "d"), ("d",), ("d", "p")]),
        "wanted": st.sampled_from(
            [
                (),
                (Wanted("p.a"),),
                (Wanted("p.a", "d", ("f", "late")), Wanted("p.a", "e"), Wanted("p.a", "p")),
                (Wanted("p.a", "", (), (("amount", 5),)),),
                (Wanted("p.a", "d", ("unknown",)),),
            ]
        ),
    }
)


@given(asked=st.lists(st.tuples(questions, st.booleans()), min_size=2, max_size=12))
def test_a_judge_that_remembers_judges_like_one_that_does_not(
    asked: list[tuple[dict[str, Any], bool]],
) -> None:
    remembering = Asking()
    for question, stale in [*asked, *asked]:
        outcomes: list[object] = []
        for judge in (remembering, Asking()):
            judge.stale = stale
            try:
                outcomes.append(shown(judge.judge(**question)))
            except LandbridgeError as error:
                outcomes.append((error.reason, error.message))
        assert outcomes[0] == outcomes[1]


def test_questions_that_are_alike_share_a_judgement_and_nothing_that_changes() -> None:
    asking = Asking()
    first, second = (asking.judge(subject=f"company:{number}") for number in (1, 2))
    assert first.readings[0].verdict is second.readings[0].verdict

    reading = first.readings[0]
    reading.withhold(reading.extractions[0], Reason.QUOTA_SPENT, "spent")
    reading.outcome, reading.detail, reading.expired = 7, "spent", 3

    for task in (second, asking.judge(subject="company:3")):
        (other, _) = task.readings
        assert [each.allowance.clause for each in other.extractions] == ["1", "3"]
        assert (other.outcome, other.detail, other.remarks, other.expired) == (0, "", (), 0)
        assert Reason.QUOTA_SPENT not in {refusal.reason for refusal in other.refusals}


def test_another_policy_counts_for_the_next_question() -> None:
    asking = Asking()
    for policy, clauses in ((0, ["1", "3"]), (1, ["1"]), (0, ["1", "3"])):
        (reading, _) = asking.judge(policy=POLICIES[policy]).readings
        assert [each.allowance.clause for each in reading.extractions] == clauses


def test_a_memorandum_ends_at_its_last_millisecond_and_a_clock_may_step_back() -> None:
    asking = Asking()
    for at, is_read in ((END - 1, True), (END, False), (END - 1, True), (END + 1, False)):
        (reading, _) = asking.judge(at=at).readings
        assert reading.is_read is is_read
        if not is_read:
            assert reading.refusals[0].reason is Reason.NOT_IN_FORCE


def test_rules_read_as_on_the_day_and_records_expire_on_that_of_their_zone() -> None:
    asking = Asking()
    before, after = (asking.judge(at=MIDNIGHT + late) for late in (-1, 0))
    rules = [task.readings[0].extractions[0].release.where for task in (before, after)]
    assert "2025-06-01" in str(rules[0])
    assert "2025-06-02" in str(rules[1])
    # Five hours to the east it was 2 June already.
    assert before.readings[1].verdict.expired == after.readings[1].verdict.expired
    earlier = asking.judge(at=MIDNIGHT - 5 * 3_600_000 - 1)
    assert earlier.readings[1].verdict.expired != before.readings[1].verdict.expired


def test_revocation_data_that_are_too_old_are_noticed_at_once() -> None:
    asking = Asking()
    for stale in (False, True, False):
        asking.stale = stale
        (reading, _) = asking.judge().readings
        assert reading.is_read is not stale
        (served, _) = asking.judge(policy=POLICIES[2]).readings
        assert served.is_read


def test_what_a_seal_opens_stays_shut_without_one() -> None:
    asking = Asking()
    for seal_to in (b"", b"key", b""):
        (reading, _) = asking.judge(seal_to=seal_to).readings
        assert ("2" in {each.allowance.clause for each in reading.extractions}) is bool(seal_to)


def test_names_that_a_requester_makes_up_fill_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[object] = []
    keep = judgements._Known.keep
    monkeypatch.setattr(
        judgements._Known, "keep", lambda known, *given: (kept.append(known), keep(known, *given))
    )
    asking = Asking()
    arguments = (Wanted("p.a", "d", ("above",), (("amount", 7),)),)
    long = (Wanted("p.a", "d", ("f",) * 5000),)
    for wanted in (arguments, long):
        asking.judge(wanted=wanted, datasets=("d",))
    assert kept == []
    for number in range(judgements._MOST_KEPT + 10):
        asking.judge(purpose=f"purpose-{number}")
    assert len(kept) == judgements._MOST_KEPT + 10
    assert len(asking._judge._judgements._known._judgements) <= judgements._MOST_KEPT
