"""What an explanation says would have to change, term by term."""

from dataclasses import replace
from typing import Any

import pytest

from landbridge.memorandum.document import Memorandum
from landbridge.memorandum.life import Notice, NoticeKind
from landbridge.memorandum.words import read_instant
from landbridge.policy.authorization import Policy
from landbridge.policy.decision import AccessRequest
from landbridge.policy.explanation import explain, explain_to_requester
from landbridge.subject import SubjectKind
from tests.memoranda import make_memorandum

NOON = read_instant("2026-06-15T12:00:00Z")
DAY_MS = 86_400_000
REQUEST = AccessRequest("p.a", "d", "r.a", "why", SubjectKind.LEGAL_ENTITY, ("f",), NOON)
PERSON = replace(REQUEST, subject_kind=SubjectKind.NATURAL_PERSON)


CONSENT = "the query to carry the consent that desk vouches for, or the clause to name its statute"


def notice(
    memorandum: Memorandum, kind: str, signer: str, days: int, clauses: tuple[str, ...] = ()
) -> Notice:
    return Notice(
        f"{kind}-{signer}-{days}",
        memorandum.id,
        memorandum.digest,
        NoticeKind(kind),
        frozenset({signer}),
        NOON + days * DAY_MS,
        "Audit",
        frozenset(clauses),
    )


def steps(policy: Policy, request: AccessRequest) -> list[str]:
    (verdict,) = explain(policy, request).verdicts
    assert not verdict.allowed
    (change,) = verdict.changes
    return list(change.steps)


@pytest.mark.parametrize(
    ("grant", "request_", "step"),
    [
        (
            {"subject_kinds": ["natural-person"]},
            PERSON,
            f"the person asked about would have to consent, and {CONSENT}",
        ),
        (
            {"sealed": True},
            REQUEST,
            "the query would have to ask for a sealed answer, and give the key for it",
        ),
        (
            {"predicates": [{"name": "q", "title": "Is it?", "when": [{"field": "n", "eq": 1}]}]},
            REQUEST,
            "the clause would have to release f",
        ),
    ],
)
def test_what_holds_a_clause_back_is_said(
    grant: dict[str, Any], request_: AccessRequest, step: str
) -> None:
    agreed = make_memorandum([grant]).model_copy(update={"consent_desks": ("desk",)})
    assert steps(Policy([agreed]), request_) == [step]


def test_the_word_of_another_desk_is_not_enough() -> None:
    agreed = make_memorandum([{"subject_kinds": ["natural-person"]}])
    agreed = agreed.model_copy(update={"consent_desks": ("desk",)})
    asked = replace(PERSON, consented=True, vouched_by=frozenset({"other"}))
    (step,) = steps(Policy([agreed]), asked)
    assert "that desk vouches for" in step
    assert explain(Policy([agreed]), replace(asked, vouched_by=frozenset({"desk"}))).allowed == 1


def test_what_is_given_is_not_asked_for_again() -> None:
    person = make_memorandum([{"subject_kinds": ["natural-person"], "sealed": True}])
    (verdict,) = explain(Policy([person]), replace(PERSON, consented=True, sealed=True)).verdicts
    assert verdict.allowed
    assert verdict.terms.sealed
    assert verdict.terms.consent


@pytest.mark.parametrize("signer", ["p.a", "r.a"])
def test_notices_are_named_with_who_gave_them(signer: str) -> None:
    agreed = make_memorandum([{}])
    suspended = notice(agreed, "suspend", signer, -2)
    (step,) = steps(Policy([agreed], [suspended]), REQUEST)
    assert step == f"{signer} suspended it from 2026-06-13T12:00:00.000Z on, and would resume it"
    resumed = [suspended, notice(agreed, "resume", signer, -1)]
    assert explain(Policy([agreed], resumed), REQUEST).allowed == 1
    ended = [*resumed, notice(agreed, "terminate", signer, 0)]
    (step,) = steps(Policy([agreed], ended), REQUEST)
    assert step.startswith(f"{signer} terminated it from 2026-06-15T12:00:00.000Z on")


def test_notices_on_others_or_of_later_are_not_named() -> None:
    agreed = make_memorandum([{}], parties=("p.a", "r.a", "x"))
    policy = Policy(
        [agreed],
        [
            notice(agreed, "suspend", "x", -1),
            notice(agreed, "suspend", "p.a", -1, ("9",)),
            notice(agreed, "suspend", "p.a", 1),
        ],
    )
    assert explain(policy, REQUEST).allowed == 1
    assert steps(policy, replace(REQUEST, fields=("g",))) == ["the clause would have to release g"]


def test_a_successor_is_said_to_have_taken_the_place() -> None:
    old = make_memorandum([{}], name="m-1")
    new = make_memorandum(
        [{"fields": ["g"]}], name="m-2", valid=("2026-06-01T00:00:00Z", "2027-01-01T00:00:00Z")
    ).model_copy(update={"amends": "m-1"})
    (verdict,) = explain(Policy([old, new]), REQUEST).verdicts
    told = {change.memorandum: change.steps for change in verdict.changes}
    assert told["m-2"] == ("the clause would have to release f",)
    assert told["m-1"][0].startswith(
        "another memorandum has taken the place of this one, from 2026"
    )


def test_changes_for_a_requester_name_only_its_own_memoranda() -> None:
    mine = make_memorandum([{"purposes": ["other"]}], name="m-1")
    others = make_memorandum([{"requesters": ["x"]}], name="m-2", parties=("p.a", "x"))
    policy = Policy([mine, others])
    (full,) = explain(policy, replace(REQUEST, requester="y")).verdicts
    assert {change.memorandum for change in full.changes} == {"m-2"}
    (own,) = explain_to_requester(policy, replace(REQUEST, requester="y")).verdicts
    assert [change.memorandum for change in own.changes] == [""]
    (own,) = explain_to_requester(policy, REQUEST).verdicts
    assert [change.memorandum for change in own.changes] == ["m-1"]
