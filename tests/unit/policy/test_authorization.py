from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from landbridge.clock import to_iso
from landbridge.errors import LandbridgeError, Reason
from landbridge.memorandum.condition import Condition, Operator
from landbridge.memorandum.document import Grant, Memorandum
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

LEGAL, PERSON = SubjectKind.LEGAL_ENTITY, SubjectKind.NATURAL_PERSON
NOON = read_instant("2026-06-15T12:00:00Z")
REQUEST = AccessRequest("p.a", "d", "r.a", "why", LEGAL, ("f",), NOON)

AGENCIES = ["a", "b", "c"]
DATASETS = ["d1", "d1", "d1", "d2"]
PURPOSES = ["review", "audit"]
FIELDS = ["f1", "f2", "f3"]
DAYS = range(1, 6)


LISTS = ["requesters", "fields", "purposes", "subject_kinds"]


def subsets(values: list[str]) -> st.SearchStrategy[tuple[str, ...]]:
    sizes = range(1, len(values) + 1)
    return st.sampled_from([subset for size in sizes for subset in combinations(values, size)])


def instant(day: int) -> str:
    return f"2026-01-{day:02}T00:00:00Z"


MOMENTS = [read_instant(instant(day)) + off for day in DAYS for off in (-1, 0, 1)]

periods = st.sampled_from([(start, end) for start, end in combinations(DAYS, 2)])
grants: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        # Several grants may spell out one clause.
        "clause": st.sampled_from(["1", "1", "2", "3"]),
        "provider": st.sampled_from(["a", "a", "a", "b"]),
        "dataset": st.sampled_from(DATASETS),
        "requesters": subsets(AGENCIES[:2]),
        "fields": subsets(FIELDS),
        "purposes": subsets(PURPOSES),
        "subject_kinds": subsets(list(SubjectKind)),
        "valid": st.none() | periods,
    },
    optional={
        "where": st.just([{"field": "s", "eq": "x"}]),
        "legal_basis": st.just("Own law"),
    },
)


@st.composite
def memoranda(draw: st.DrawFn) -> list[Memorandum]:
    made = []
    for number in range(draw(st.sampled_from([0, 1, 2, 2, 3, 3]))):
        start, end = draw(st.just((DAYS[0], DAYS[-1])) | periods)
        clauses = draw(st.lists(grants, min_size=1, max_size=4))
        for clause in clauses:
            first, last = (max(start, min(day, end)) for day in clause.pop("valid") or (0, 0))
            if first < last:
                clause["valid"] = {"from": instant(first), "until": instant(last)}
        memorandum = make_memorandum(
            clauses,
            name=f"m-{number}",
            parties=draw(st.sampled_from([AGENCIES, AGENCIES, AGENCIES[:2]])),
            valid=(instant(start), instant(end)),
            link_sources=draw(st.sampled_from([[], ["a/x"], ["a/x", "b/y"]])),
            stale_revocation=draw(st.sampled_from(["refuse", "serve"])),
        )
        made.append(with_emptied_list(memorandum, draw(st.sampled_from([*LISTS, *[""] * 8]))))
    return made[::-1] if draw(st.booleans()) else made


def with_emptied_list(memorandum: Memorandum, name: str) -> Memorandum:
    """Empty a list of the first grant, as no file could."""
    if not name:
        return memorandum
    first = memorandum.grants[0].model_copy(update={name: ()})
    return memorandum.model_copy(update={"grants": (first, *memorandum.grants[1:])})


requests = st.builds(
    AccessRequest,
    provider=st.sampled_from(AGENCIES),
    dataset=st.sampled_from(DATASETS),
    requester=st.sampled_from(AGENCIES),
    purpose=st.sampled_from(PURPOSES),
    subject_kind=st.sampled_from(SubjectKind),
    fields=st.lists(st.sampled_from([*FIELDS, "f4"]), max_size=5).map(tuple),
    at=st.sampled_from(MOMENTS),
    revocation_stale=st.booleans(),
)


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[Memorandum], AccessRequest]:
    """Draw memoranda and a request, most often one that differs little from what is granted."""
    agreed, request = draw(memoranda()), draw(requests)
    granted = [grant for memorandum in agreed for grant in memorandum.grants]
    if not granted:
        return agreed, request
    grant = draw(st.sampled_from(granted))
    near: dict[str, Any] = {"provider": grant.provider, "dataset": grant.dataset}
    for name, values in (
        ("requester", grant.requesters),
        ("purpose", grant.purposes),
        ("subject_kind", grant.subject_kinds),
    ):
        if values:
            near[name] = draw(st.sampled_from(values))
    near.pop(draw(st.sampled_from([*near, *[""] * 5])), None)
    return agreed, replace(request, **near)


def stands(memorandum: Memorandum, grant: Grant, at: int) -> bool:
    valid = grant.valid or memorandum.valid
    return read_instant(valid.from_) <= at < read_instant(valid.until)


def judge(agreed: list[Memorandum], request: AccessRequest) -> Decision:
    """Decide by reading every clause, one after the other."""
    left = [
        (memorandum, grant)
        for memorandum in sorted(agreed, key=lambda memorandum: memorandum.id)
        for grant in memorandum.grants
        if (grant.provider, grant.dataset) == (request.provider, request.dataset)
    ]
    if not left:
        return Decision((), (FieldRefusal("", Reason.NOT_COVERED, "", ""),))
    sieves: list[tuple[Reason, Callable[[Memorandum, Grant], bool]]] = [
        (Reason.REQUESTER_NOT_COVERED, lambda _, g: request.requester in g.requesters),
        (Reason.PURPOSE_NOT_COVERED, lambda _, g: request.purpose in g.purposes),
        (Reason.SUBJECT_KIND_NOT_COVERED, lambda _, g: request.subject_kind in g.subject_kinds),
        (Reason.NOT_IN_FORCE, lambda m, g: stands(m, g, request.at)),
        (
            Reason.STALE_REVOCATION,
            lambda m, _: not request.revocation_stale or m.stale_revocation == "serve",
        ),
    ]
    sifted = left
    for reason, passes in sieves:
        passed = [(m, g) for m, g in left if passes(m, g)]
        if not passed:
            known = [(m.id, g.clause) for m, g in left if request.requester in m.parties]
            return Decision((), (FieldRefusal("", reason, *(known or [("", "")])[0]),))
        sifted, left = left, passed
    if not request.fields:
        first, grant = left[0]
        return Decision((), (FieldRefusal("", Reason.FIELD_NOT_COVERED, first.id, grant.clause),))
    allowances: list[Allowance] = []
    refusals = []
    for name in dict.fromkeys(request.fields):
        found = next(((m, g) for m, g in left if name in g.fields), None)
        if found is None:
            near = next(((m, g) for m, g in sifted if name in g.fields), None)
            reason = Reason.STALE_REVOCATION if near else Reason.FIELD_NOT_COVERED
            memorandum, grant = near or left[0]
            refusals.append(FieldRefusal(name, reason, memorandum.id, grant.clause))
            continue
        memorandum, grant = found
        basis = grant.legal_basis or memorandum.legal_basis
        mine = Allowance(memorandum.id, grant.clause, basis, (name,), grant.where)
        same = [i for i, other in enumerate(allowances) if replace(other, fields=(name,)) == mine]
        if same:
            other = allowances[same[0]]
            allowances[same[0]] = replace(other, fields=(*other.fields, name))
        else:
            allowances.append(mine)
    order = [
        (m.id, g.clause, g.legal_basis or m.legal_basis, g.where)
        for m in sorted(agreed, key=lambda memorandum: memorandum.id)
        for g in m.grants
    ]
    allowances.sort(key=lambda a: order.index((a.memorandum, a.clause, a.legal_basis, a.where)))
    return Decision(tuple(allowances), tuple(refusals))


@settings(max_examples=200)
@given(cases())
def test_the_compiled_policy_decides_as_a_reader_of_every_clause(
    case: tuple[list[Memorandum], AccessRequest],
) -> None:
    agreed, request = case
    policy = Policy(agreed)
    for at in (*MOMENTS, request.at):  # one policy, so that it decides from what it remembers too
        for stale in (False, True):
            moved = replace(request, at=at, revocation_stale=stale)
            assert authorize(policy, moved) == judge(agreed, moved)


@settings(max_examples=50)
@given(cases())
def test_an_allowed_field_is_named_by_a_clause_that_covers_everything(
    case: tuple[list[Memorandum], AccessRequest],
) -> None:
    agreed, request = case
    for allowance in authorize(Policy(agreed), request).allowances:
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
                and name in grant.fields
                and stands(memorandum, grant, request.at)
                and (not request.revocation_stale or memorandum.stale_revocation == "serve")
                for memorandum in agreed
                for grant in memorandum.grants
            )


@settings(max_examples=50)
@given(cases())
def test_each_wanted_field_is_allowed_once_or_refused(
    case: tuple[list[Memorandum], AccessRequest],
) -> None:
    agreed, request = case
    decision = authorize(Policy(agreed), request)
    allowed = [name for allowance in decision.allowances for name in allowance.fields]
    refused = [refusal.field for refusal in decision.refusals]
    if refused == [""]:
        assert not allowed
    else:
        assert sorted([*allowed, *refused]) == sorted(set(request.fields))
    assert all(refusal.reason.is_refusal for refusal in decision.refusals)


@settings(max_examples=50)
@given(cases())
def test_a_refusal_names_no_memorandum_that_the_requester_is_no_party_of(
    case: tuple[list[Memorandum], AccessRequest],
) -> None:
    agreed, request = case
    parties = {memorandum.id: memorandum.parties for memorandum in agreed}
    for refusal in authorize(Policy(agreed), request).refusals:
        assert not refusal.memorandum or request.requester in parties[refusal.memorandum]


@settings(max_examples=50)
@given(cases())
def test_an_explanation_agrees_with_the_decision(
    case: tuple[list[Memorandum], AccessRequest],
) -> None:
    agreed, request = case
    policy = Policy(agreed)
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


@settings(max_examples=50)
@given(cases())
def test_links_are_accepted_as_a_reader_of_every_clause_would(
    case: tuple[list[Memorandum], AccessRequest],
) -> None:
    agreed, request = case
    accepted = Policy(agreed).link_sources(
        request.provider, request.requester, request.purpose, request.at
    )
    assert accepted == {
        source
        for memorandum in agreed
        for grant in memorandum.grants
        if grant.provider == request.provider
        and request.requester in grant.requesters
        and request.purpose in grant.purposes
        and stands(memorandum, grant, request.at)
        for source in memorandum.link_sources
    }


@given(requests)
def test_without_memoranda_everything_is_refused(request: AccessRequest) -> None:
    nothing = FieldRefusal("", Reason.NOT_COVERED, "", "")
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
