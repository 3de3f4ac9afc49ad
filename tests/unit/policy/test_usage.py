"""What is unused, what overlaps, and what is lost when."""

from typing import Any

from landbridge.errors import Reason
from landbridge.memorandum.document import Memorandum
from landbridge.memorandum.life import Notice, NoticeKind
from landbridge.memorandum.words import read_instant
from landbridge.policy.authorization import Policy
from landbridge.policy.lapse import Cause, find_losses
from landbridge.policy.past_access import PastAccess
from landbridge.policy.possible_record import EVERY_RECORD, RecordFinder
from landbridge.policy.row_values import FieldType, ValueKind
from landbridge.policy.usage import find_overlaps, find_unused
from landbridge.subject import SubjectKind
from tests.memoranda import make_memorandum

NOON = read_instant("2026-06-15T12:00:00Z")
DAY_MS = 86_400_000
N = FieldType((ValueKind.WHOLE,))


def finder() -> RecordFinder:
    return RecordFinder(lambda _provider, _dataset, _field: N)


def past(**change: Any) -> PastAccess:
    usual: dict[str, Any] = {
        "at": NOON,
        "query": b"q",
        "provider": "p.a",
        "dataset": "d",
        "requester": "r.a",
        "purpose": "why",
        "subject_kind": SubjectKind.LEGAL_ENTITY,
        "outcome": Reason.ANSWERED,
        "memorandum": "m-1",
        "clause": "1",
        "released": ("f",),
        "refused": (),
        "records": 1,
        "resolving": False,
        "consented": False,
    }
    return PastAccess(**usual | change)


def test_grants_of_one_clause_are_judged_by_what_was_used_of_the_clause() -> None:
    agreed = make_memorandum(
        [
            {"fields": ["f", "g"], "purposes": ["why", "else"]},
            {"fields": ["h"], "requesters": ["r.a", "p.a"]},
            {"clause": "2", "dataset": "e"},
        ]
    )
    unused = find_unused(Policy([agreed]), [past(), past(released=("h",))], NOON)
    assert [
        (each.clause.grant.clause, each.entirely, each.names, each.requesters, each.purposes)
        for each in unused
    ] == [
        ("1", False, ("g",), (), ("else",)),
        ("1", False, (), ("p.a",), ()),
        ("2", True, ("f",), ("r.a",), ("why",)),
    ]
    assert find_unused(Policy([agreed]), [], NOON, provider="x") == []


def test_refusals_use_nothing() -> None:
    refused = past(released=(), refused=("f",), outcome=Reason.FIELD_NOT_COVERED)
    (unused,) = find_unused(Policy([make_memorandum([{}])]), [refused], NOON)
    assert unused.entirely


def overlaps(*grants: dict[str, Any], since: int = NOON) -> list[tuple[str, str, Any, Any]]:
    found = find_overlaps(Policy([make_memorandum(list(grants))]), finder(), since)
    return [(o.first.grant.clause, o.second.grant.clause, o.both, o.hidden) for o in found]


def test_clauses_overlap_only_where_one_keeps_the_other_from_counting() -> None:
    first = {"clause": "1"}
    assert overlaps(first, {"clause": "2"}) == [("1", "2", EVERY_RECORD, None)]
    for other in (
        {"fields": ["g"]},
        {"purposes": ["else"]},
        {"dataset": "e"},
        {"subject_kinds": ["natural-person"]},
        {"valid": {"from": "2026-01-01T00:00:00Z", "until": "2026-06-01T00:00:00Z"}},
    ):
        assert overlaps(first, {"clause": "2", **other}) == []
    # A sealed clause behind an open one: in sealed answers the first counts.
    assert overlaps(first, {"clause": "2", "sealed": True}) != []


def test_overlapping_records_are_told_exactly() -> None:
    low = {"clause": "1", "where": [{"field": "n", "le": 5}]}
    high = {"clause": "2", "where": [{"field": "n", "gt": 5}]}
    ((_, _, both, hidden),) = overlaps(low, high)
    assert both is None
    assert hidden is not None
    assert dict(hidden.values)["n"] == 6


def losses(memoranda: list[Memorandum], *notices: Notice) -> list[tuple[str, int, Cause]]:
    policy = Policy(memoranda, notices)
    found = find_losses(policy, finder(), NOON, NOON + 300 * DAY_MS)
    return [(loss.difference.name, loss.difference.start, loss.cause) for loss in found]


def test_each_cause_of_a_loss_is_told() -> None:
    end = read_instant("2027-01-01T00:00:00Z")
    agreed = make_memorandum([{"fields": ["f", "g"]}])
    assert losses([agreed]) == [("f", end, Cause.LAPSED), ("g", end, Cause.LAPSED)]
    began = "2026-09-01T00:00:00Z"
    successor = make_memorandum([{}], name="m-2", valid=(began, "2030-01-01T00:00:00Z")).model_copy(
        update={"amends": "m-1"}
    )
    assert losses([agreed, successor]) == [("g", read_instant(began), Cause.AMENDED)]
    at = NOON + DAY_MS
    for kind, cause in (("suspend", Cause.SUSPENDED), ("terminate", Cause.TERMINATED)):
        notice = Notice(
            "n", "m-1", agreed.digest, NoticeKind(kind), frozenset({"p.a"}), at, "Audit"
        )
        assert losses([agreed], notice) == [("f", at, cause), ("g", at, cause)]


def test_a_clause_that_comes_first_can_take_records_away() -> None:
    began = "2026-09-01T00:00:00Z"
    narrow = make_memorandum(
        [{"where": [{"field": "n", "ge": 3}]}], name="m-0", valid=(began, "2028-01-01T00:00:00Z")
    )
    wide = make_memorandum([{}], valid=("2026-01-01T00:00:00Z", "2028-01-01T00:00:00Z"))
    assert losses([narrow, wide]) == [("f", read_instant(began), Cause.PRECEDED)]
    # What goes on by another clause, on the same records, is no loss.
    ending = make_memorandum([{}], name="m-0")
    assert losses([ending, wide]) == []
