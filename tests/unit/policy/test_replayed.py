"""What of a past released by one clause would have been otherwise under another."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pytest

from landbridge.errors import Reason
from landbridge.memorandum.document import Memorandum
from landbridge.policy.authorization import Policy
from landbridge.policy.past_access import PastAccess
from landbridge.policy.possible_record import RecordFinder
from landbridge.policy.replayed import Outcome, Replay, Replayer
from landbridge.subject import SubjectKind
from node.quota_window import window_at
from tests.memoranda import make_memorandum

AT: Final = 1_790_000_000_000
TROY: Final = {"field": "city", "eq": "Troy"}
ROME: Final = {"field": "city", "eq": "Rome"}
A_YEAR: Final = {"queries": 1, "per": "year"}


def memorandum(*grants: Mapping[str, Any]) -> Memorandum:
    return make_memorandum(list(grants), valid=("2020-01-01T00:00:00Z", "2100-01-01T00:00:00Z"))


def released(number: int, *, dataset: str = "d", memorandum_id: str = "m-1") -> PastAccess:
    return PastAccess(
        at=AT - 1000 + number,
        query=bytes([number]) * 32,
        provider="p.a",
        dataset=dataset,
        requester="r.a",
        purpose="why",
        subject_kind=SubjectKind.LEGAL_ENTITY,
        outcome=Reason.ANSWERED,
        memorandum=memorandum_id,
        clause="1",
        released=("f",),
        refused=(),
        records=1,
        resolving=False,
        consented=False,
    )


def replay(old: Memorandum, new: Memorandum, past: Sequence[PastAccess]) -> Replay:
    finder = RecordFinder(lambda *_: None)
    return Replayer(Policy([old]), Policy([new]), AT, finder, window_at).replay(past)


def yes_or_no(*when: Mapping[str, Any]) -> dict[str, Any]:
    return {"predicates": [{"name": "f", "title": "Is it?", "when": list(when)}]}


@pytest.mark.parametrize(
    ("old", "new", "outcome"),
    [
        ([{}], [{}], Outcome.SAME),
        ([{}], [{"where": [TROY]}], Outcome.FEWER_RECORDS),
        ([{"where": [TROY]}], [{}], Outcome.MORE_RECORDS),
        ([{"where": [TROY]}], [{"where": [ROME]}], Outcome.OTHER_RECORDS),
        ([yes_or_no(TROY)], [yes_or_no(ROME)], Outcome.OTHER_QUESTION),
        ([yes_or_no(TROY)], [yes_or_no(TROY)], Outcome.SAME),
        ([{}], [{"requesters": ["p.a"]}], Outcome.REFUSED),
        # Two grants of one clause: the one that releases the field is the one that counts.
        (
            [{"fields": ["g"], "where": [TROY]}, {}],
            [{"fields": ["g"], "where": [TROY]}, {"where": [TROY]}],
            Outcome.FEWER_RECORDS,
        ),
    ],
)
def test_what_would_come_of_a_past_answer(
    old: list[dict[str, Any]], new: list[dict[str, Any]], outcome: Outcome
) -> None:
    found = replay(memorandum(*old), memorandum(*new), [released(1)])
    assert [line.outcome for line in found.lines] == [outcome]
    shown = {Outcome.FEWER_RECORDS, Outcome.MORE_RECORDS, Outcome.OTHER_RECORDS}
    assert bool(found.witnesses) is (outcome in shown)


def test_by_what_a_forgotten_memorandum_released_is_not_known() -> None:
    found = replay(memorandum({}), memorandum({}), [released(1, memorandum_id="m-0")])
    assert [line.outcome for line in found.lines] == [Outcome.NOT_KNOWN]


@pytest.mark.parametrize("where", [{}, {"where": [TROY]}])
def test_the_grants_of_one_clause_share_its_quota(where: dict[str, Any]) -> None:
    draft = memorandum({"quota": A_YEAR}, {"dataset": "e", "quota": A_YEAR, **where})
    past = [released(1), released(2, dataset="e")]
    found = replay(memorandum({}, {"dataset": "e"}), draft, past)
    assert [(spent.windows, spent.queries) for spent in found.spent] == [(1, 1)]
