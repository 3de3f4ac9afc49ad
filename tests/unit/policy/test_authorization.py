from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings

from landbridge.clock import to_iso
from landbridge.errors import LandbridgeError, Reason
from landbridge.memorandum.condition import Condition, Operator
from landbridge.memorandum.words import read_instant
from landbridge.policy.authorization import (
    AccessRequest,
    Allowance,
    Decision,
    FieldRefusal,
    Policy,
    authorize,
)
from landbridge.policy.explanation import explain
from landbridge.subject import SubjectKind
from tests.memoranda import make_memorandum
from tests.unit.policy.cases import (
    MOMENTS,
    World,
    cases,
    hindrance,
    judge,
    make_request,
    stands,
    with_emptied_list,
)

LEGAL, PERSON = SubjectKind.LEGAL_ENTITY, SubjectKind.NATURAL_PERSON
NOON = read_instant("2026-06-15T12:00:00Z")
REQUEST = AccessRequest("p.a", "d", "r.a", "why", LEGAL, ("f",), NOON)


@settings(max_examples=100, deadline=None)
@given(cases())
def test_the_compiled_policy_decides_as_a_reader_of_every_clause(
    case: tuple[World, AccessRequest],
) -> None:
    world, request = case
    policy = world.policy
    for at in (*MOMENTS, request.at):  # one policy, so that it decides from what it remembers too
        for stale in (False, True):
            moved = replace(request, at=at, revocation_stale=stale)
            assert authorize(policy, moved) == judge(world, moved)


@settings(max_examples=30, deadline=None)
@given(cases())
def test_an_allowed_field_is_named_by_a_clause_that_covers_everything(
    case: tuple[World, AccessRequest],
) -> None:
    world, request = case
    for allowance in authorize(world.policy, request).allowances:
        for name in allowance.fields:
            assert name in request.fields
            assert any(
                memorandum.id == allowance.memorandum
                and grant.clause == allowance.clause
                and grant.where == allowance.where
                and grant.provider == request.provider
                and grant.dataset == request.dataset
                and request.requester in grant.requesters
                and request.purpose in grant.purposes
                and request.subject_kind in grant.subject_kinds
                and name in grant.names
                and stands(world, memorandum, grant, request.requester, request.at)
                and hindrance(memorandum, grant, request) is None
                for memorandum in world.memoranda
                for grant in memorandum.grants
            )


@settings(max_examples=30, deadline=None)
@given(cases())
def test_each_wanted_field_is_allowed_once_or_refused(
    case: tuple[World, AccessRequest],
) -> None:
    world, request = case
    decision = authorize(world.policy, request)
    allowed = [name for allowance in decision.allowances for name in allowance.fields]
    refused = [refusal.field for refusal in decision.refusals]
    if refused == [""]:
        assert not allowed
    else:
        assert sorted([*allowed, *refused]) == sorted(set(request.fields))
    assert all(refusal.reason.is_refusal for refusal in decision.refusals)


@settings(max_examples=30, deadline=None)
@given(cases())
def test_a_refusal_names_no_memorandum_that_the_requester_is_no_party_of(
    case: tuple[World, AccessRequest],
) -> None:
    world, request = case
    parties = {memorandum.id: memorandum.parties for memorandum in world.memoranda}
    for refusal in authorize(world.policy, request).refusals:
        assert not refusal.memorandum or request.requester in parties[refusal.memorandum]


@settings(max_examples=30, deadline=None)
@given(cases())
def test_an_explanation_agrees_with_the_decision(
    case: tuple[World, AccessRequest],
) -> None:
    world, request = case
    policy = world.policy
    decision = authorize(policy, request)
    explanation = explain(policy, request)
    told = {(v.field, v.reason, v.memorandum, v.clause) for v in explanation.verdicts}
    assert told == {
        (name, Reason.ANSWERED, allowance.memorandum, allowance.clause)
        for allowance in decision.allowances
        for name in allowance.fields
    } | {(r.field, r.reason, r.memorandum, r.clause) for r in decision.refusals}
    assert all(verdict.allowed is not bool(verdict.changes) for verdict in explanation.verdicts)
    assert all(change.steps for verdict in explanation.verdicts for change in verdict.changes)


@settings(max_examples=30, deadline=None)
@given(cases())
def test_links_are_accepted_as_a_reader_of_every_clause_would(
    case: tuple[World, AccessRequest],
) -> None:
    world, request = case
    accepted = world.policy.link_sources(
        request.provider, request.requester, request.purpose, request.at
    )
    assert accepted == {
        source
        for memorandum in world.counting
        for grant in memorandum.grants
        if grant.provider == request.provider
        and request.requester in grant.requesters
        and request.purpose in grant.purposes
        and stands(world, memorandum, grant, request.requester, request.at)
        for source in memorandum.link_sources
    }


def test_without_memoranda_everything_is_refused() -> None:
    nothing = FieldRefusal("", Reason.NOT_COVERED, "", "")
    choose = Random(1).choice
    for _ in range(100):
        request = make_request(choose, World([]))
        assert authorize(Policy([]), request) == Decision((), (nothing,))


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("requesters", Reason.REQUESTER_NOT_COVERED),
        ("purposes", Reason.PURPOSE_NOT_COVERED),
        ("subject_kinds", Reason.SUBJECT_KIND_NOT_COVERED),
        ("fields", Reason.FIELD_NOT_COVERED),
    ],
)
def test_an_empty_list_refuses(name: str, reason: Reason) -> None:
    full = make_memorandum([{}])
    assert authorize(Policy([full]), REQUEST).allowances
    decision = authorize(Policy([with_emptied_list(full, name)]), REQUEST)
    assert not decision.allowances
    assert decision.refusals[0].reason is reason


def test_wanting_nothing_gives_nothing() -> None:
    decision = authorize(Policy([make_memorandum([{}])]), replace(REQUEST, fields=()))
    assert decision == Decision((), (FieldRefusal("", Reason.FIELD_NOT_COVERED, "m-1", "1"),))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"provider": "r.a"}, Reason.NOT_COVERED),
        ({"dataset": "e"}, Reason.NOT_COVERED),
        ({"requester": "p.a"}, Reason.REQUESTER_NOT_COVERED),
        ({"purpose": "other"}, Reason.PURPOSE_NOT_COVERED),
        ({"subject_kind": PERSON}, Reason.SUBJECT_KIND_NOT_COVERED),
        ({"at": read_instant("2025-12-31T23:59:59Z")}, Reason.NOT_IN_FORCE),
        ({"at": read_instant("2027-01-01T00:00:00Z")}, Reason.NOT_IN_FORCE),
        ({"fields": ("g",)}, Reason.FIELD_NOT_COVERED),
    ],
)
def test_each_reason_for_refusal(change: dict[str, Any], reason: Reason) -> None:
    policy = Policy([make_memorandum([{}])])
    decision = authorize(policy, replace(REQUEST, **change))
    assert not decision.allowances
    assert decision.refusals[0].reason is reason
    edge = read_instant("2026-01-01T00:00:00Z")
    assert authorize(policy, replace(REQUEST, at=edge)).allowances


def test_a_future_memorandum_loads_and_is_not_in_force() -> None:
    future = make_memorandum([{}], valid=("2030-01-01T00:00:00Z", "2031-01-01T00:00:00Z"))
    refusal = FieldRefusal("", Reason.NOT_IN_FORCE, "m-1", "1")
    assert authorize(Policy([future]), REQUEST) == Decision((), (refusal,))


def test_stale_revocation_data_open_nothing_but_what_says_so() -> None:
    strict = make_memorandum([{"clause": "1", "fields": ["f", "g"]}], name="m-0")
    lenient = make_memorandum(
        [{"clause": "2", "fields": ["f", "h"]}], name="m-1", stale_revocation="serve"
    )
    wanted = replace(REQUEST, fields=("f", "g", "h", "z"))
    fresh = authorize(Policy([strict, lenient]), wanted)
    assert [(a.memorandum, a.fields) for a in fresh.allowances] == [
        ("m-0", ("f", "g")),
        ("m-1", ("h",)),
    ]
    stale = replace(wanted, revocation_stale=True)
    assert authorize(Policy([strict, lenient]), stale) == Decision(
        (Allowance("m-1", "2", "Law", ("f", "h"), ()),),
        (
            FieldRefusal("g", Reason.STALE_REVOCATION, "m-0", "1"),
            FieldRefusal("z", Reason.FIELD_NOT_COVERED, "m-1", "2"),
        ),
    )
    whole = FieldRefusal("", Reason.STALE_REVOCATION, "m-0", "1")
    assert authorize(Policy([strict]), stale) == Decision((), (whole,))
    (verdict,) = explain(Policy([strict]), replace(stale, fields=("f",))).verdicts
    (step,) = verdict.changes[0].steps
    assert step == (
        "p.a would have to hold fresh revocation data, "
        "or the memorandum to say `stale_revocation: serve`"
    )


def test_the_first_clause_counts_and_rows_stay_apart() -> None:
    rows = [{"field": "s", "eq": "x"}]
    memorandum = make_memorandum(
        [
            {"clause": "2", "fields": ["f", "g"], "where": rows},
            {"clause": "1", "fields": ["g", "h"]},
            {"clause": "2", "fields": ["i"], "where": rows},
        ]
    )
    earlier = make_memorandum([{"clause": "9", "fields": ["h"]}], name="m-0")
    wanted = replace(REQUEST, fields=("i", "h", "g", "f", "z", "g"))
    condition = (Condition("s", Operator.EQ, "x"),)
    assert authorize(Policy([memorandum, earlier]), wanted) == Decision(
        (
            Allowance("m-0", "9", "Law", ("h",), ()),
            Allowance("m-1", "2", "Law", ("i", "g", "f"), condition),
        ),
        (FieldRefusal("z", Reason.FIELD_NOT_COVERED, "m-0", "9"),),
    )


def test_one_clause_in_several_grants_releases_together_only_what_is_alike() -> None:
    rows = [{"field": "s", "eq": "x"}]
    memorandum = make_memorandum(
        [
            {"fields": ["f"]},
            {"fields": ["g"], "where": rows},
            {"fields": ["h"], "legal_basis": "Other law"},
            {"fields": ["i"]},
        ]
    )
    wanted = replace(REQUEST, fields=("i", "h", "g", "f"))
    assert authorize(Policy([memorandum]), wanted).allowances == (
        Allowance("m-1", "1", "Law", ("i", "f"), ()),
        Allowance("m-1", "1", "Law", ("g",), (Condition("s", Operator.EQ, "x"),)),
        Allowance("m-1", "1", "Other law", ("h",), ()),
    )


def test_two_memoranda_with_one_id_are_refused() -> None:
    with pytest.raises(LandbridgeError, match="m-1") as caught:
        Policy([make_memorandum([{}]), make_memorandum([{"fields": ["g"]}])])
    assert caught.value.reason is Reason.MALFORMED_MEMORANDUM


def test_a_requester_that_is_no_party_learns_no_clause() -> None:
    policy = Policy([make_memorandum([{}])])
    refusal = FieldRefusal("", Reason.REQUESTER_NOT_COVERED, "", "")
    assert authorize(policy, replace(REQUEST, requester="x")).refusals == (refusal,)


def test_made_up_field_names_do_not_pile_up_in_memory() -> None:
    policy = Policy([make_memorandum([{}])])
    coverage = policy.coverage(REQUEST)
    assert coverage is not None
    for number in range(500):
        authorize(policy, replace(REQUEST, fields=(f"made-up-{number}",)))
    authorize(policy, replace(REQUEST, fields=("x" * 100_000,)))
    remembered = coverage.standing(NOON).decisions
    assert len(remembered) <= 64
    assert all(len(wanted[0]) < 100 for wanted in remembered)


def test_an_explanation_names_the_smallest_change() -> None:
    policy = Policy(
        [
            make_memorandum([{"clause": "1"}, {"clause": "2", "purposes": ["other"]}]),
            make_memorandum(
                [{"clause": "3"}],
                name="m-2",
                valid=("2020-01-01T00:00:00Z", "2021-01-01T00:00:00Z"),
            ),
        ]
    )
    asked = replace(REQUEST, purpose="other", fields=("f", "g"))
    allowed, refused = explain(policy, asked).verdicts
    assert (allowed.field, allowed.allowed, allowed.clause) == ("f", True, "2")
    assert (refused.field, refused.allowed, refused.reason) == (
        "g",
        False,
        Reason.FIELD_NOT_COVERED,
    )
    assert [(change.clause, change.steps) for change in refused.changes] == [
        ("2", ("the clause would have to release g",))
    ]
    late = replace(REQUEST, at=read_instant("2027-05-01T00:00:00Z"))
    (whole,) = explain(policy, late).verdicts
    assert [change.clause for change in whole.changes] == ["1", "3"]
    assert to_iso(late.at) in whole.changes[0].steps[0]
    assert "until 2027-01-01" in whole.changes[0].steps[0]
    (stranger,) = explain(policy, replace(REQUEST, requester="x")).verdicts
    assert stranger.memorandum == ""
    assert stranger.changes[0].steps == (
        "x would have to become a party of the memorandum",
        "the clause would have to name the requester x",
    )
    (nothing,) = explain(policy, replace(REQUEST, dataset="e")).verdicts
    assert nothing.changes[0].memorandum == ""
    assert "p.a and r.a would have to sign" in nothing.changes[0].steps[0]
