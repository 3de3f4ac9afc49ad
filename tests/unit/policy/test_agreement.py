"""`authorize`, `explain`, `Matrix` and `compare` say the same of 10,000 generated cases.

Each of the four is broken on purpose in turn, and the same check has to notice.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cache, lru_cache
from itertools import product
from random import Random
from typing import Any

import pytest

from landbridge.clock import to_datetime
from landbridge.errors import Reason
from landbridge.memorandum.condition import UNREADABLE, Not, Rule, meets, on_day
from landbridge.memorandum.document import Memorandum
from landbridge.memorandum.grant import Quota, Window
from landbridge.memorandum.written_rule import read_rule
from landbridge.policy import authorization, difference, explanation
from landbridge.policy.authorization import Policy
from landbridge.policy.circumstances import standing_of, way_of
from landbridge.policy.clause_difference import Effect
from landbridge.policy.coverage import Clause, Standing
from landbridge.policy.decision import AccessRequest, Allowance, Decision
from landbridge.policy.difference import Difference
from landbridge.policy.explanation import Explanation
from landbridge.policy.matrix import Matrix
from landbridge.policy.possible_record import RecordFinder, Witness
from landbridge.policy.row_values import FieldType, Value, ValueKind
from tests.unit.policy.cases import ROWS, World, judge, make_memoranda, make_request, make_world

WORLDS = 200
REQUESTS = 50
TYPES = {
    "s": FieldType((ValueKind.TEXT,)),
    "n": FieldType((ValueKind.WHOLE,)),
    "on": FieldType((ValueKind.DAY,)),
    "open": FieldType((ValueKind.TRUTH,)),
}
RECORDS: list[dict[str, Value]] = [
    {"s": s, "n": n, "on": on, "open": is_open}
    for s, (n, is_open), on in product(
        ("x", "z", None, UNREADABLE),
        ((2, True), (3, False), (4, None), (6, True), (None, UNREADABLE)),
        ("2025-01-01", "2025-06-01", "2025-07-03", "2026-01-02", None),
    )
]
Releases = Mapping[str, tuple[str, str, tuple[Rule, ...], Any]]


@lru_cache(maxsize=2)
def matrix_of(policy: Policy) -> Matrix:
    return Matrix(policy)


def matrix_releasing(policy: Policy, request: AccessRequest) -> dict[str, Clause]:
    return matrix_of(policy).releasing(request)


@dataclass(frozen=True)
class Engine:
    """What is held against one another, and against the judge."""

    authorize: Callable[[Policy, AccessRequest], Decision] = authorization.authorize
    explain: Callable[[Policy, AccessRequest], Explanation] = explanation.explain
    releasing: Callable[[Policy, AccessRequest], dict[str, Clause]] = matrix_releasing
    compare: Callable[[Policy, Policy, RecordFinder], list[Difference]] = difference.compare


def check(engine: Engine, seed: int, worlds: int, requests: int) -> dict[str, int]:
    """Hold the four against one another; returns how often each kind of case was met."""
    choose = Random(seed).choice
    finder = RecordFinder(lambda _provider, _dataset, field: TYPES[field])
    met: dict[str, int] = dict.fromkeys(Effect, 0) | {"alike": 0, "released": 0, "cases": 0}
    for _ in range(worlds):
        old = make_world(choose)
        new = make_successor(choose, old)
        differences = engine.compare(old.policy, new.policy, finder)
        for one in differences:
            met[one.effect] += 1
            check_witnesses(one)
        for _ in range(requests):
            request = make_request(choose, choose((old, new)))
            met["cases"] += 1
            met["released"] += bool(check_one_policy(engine, new, request))
            check_difference(engine, old, new, request, differences, met)
    return met


def make_successor(choose: Callable[[Any], Any], old: World) -> World:
    """Make another world: a wholly other one, or one in which one memorandum is another."""
    way = choose(["other", "replaced", "amended", "amended"]) if old.memoranda else "other"
    if way == "other":
        return make_world(choose)
    if way == "amended":
        return World([amend(choose, memorandum) for memorandum in old.memoranda], old.notices)
    others = {memorandum.id: memorandum for memorandum in make_memoranda(choose)}
    name = choose([memorandum.id for memorandum in old.memoranda])
    kept = [memorandum for memorandum in old.memoranda if memorandum.id != name]
    return World([*kept, others[name]] if name in others else kept, old.notices)


def amend(choose: Callable[[Any], Any], memorandum: Memorandum) -> Memorandum:
    """Write another condition or term into clauses that stay as they are otherwise."""
    changes: list[dict[str, Any]] = [
        {},
        *({"where": tuple(map(read_rule, rows))} for rows in choose([ROWS[:4], ROWS[4:]])),
        {"where": ()},
        {"legal_basis": "New law"},
        {"sealed": True},
        {"statute": None},
        {"quota": Quota(queries=1, per=Window.YEAR)},
    ]
    grants = [grant.model_copy(update=choose(changes)) for grant in memorandum.grants]
    # The same in other words is no difference.
    double = [{"where": tuple(Not(Not(rule)) for rule in grant.where)} for grant in grants]
    if choose([False, True]):
        grants = [grant.model_copy(update=same) for grant, same in zip(grants, double, strict=True)]
    return memorandum.model_copy(update={"grants": tuple(grants)})


def check_one_policy(engine: Engine, world: World, request: AccessRequest) -> Releases:
    decision = engine.authorize(world.policy, request)
    assert decision == judge(world, request)
    told = engine.explain(world.policy, request)
    assert {
        (v.field, v.reason, v.memorandum, v.clause, v.where, v.terms) for v in told.verdicts
    } == {
        (name, Reason.ANSWERED, a.memorandum, a.clause, a.where, a.terms)
        for a in decision.allowances
        for name in a.fields
    } | {
        (r.field, r.reason, r.memorandum, r.clause, (), explanation.Terms())
        for r in decision.refusals
    }
    assert all(verdict.allowed is not bool(verdict.changes) for verdict in told.verdicts)
    assert all(change.steps for verdict in told.verdicts for change in verdict.changes)
    released = released_by(decision)
    shown = engine.releasing(world.policy, request)
    assert released == {
        name: (clause.memorandum.id, clause.grant.clause, clause.grant.where, clause.terms)
        for name, clause in shown.items()
    }
    return released


def released_by(decision: Decision) -> Releases:
    return {
        name: (allowance.memorandum, allowance.clause, allowance.where, allowance.terms)
        for allowance in decision.allowances
        for name in allowance.fields
    }


def check_difference(  # noqa: PLR0913, PLR0917
    engine: Engine,
    old: World,
    new: World,
    request: AccessRequest,
    differences: Sequence[Difference],
    met: dict[str, int],
) -> None:
    """Hold what `compare` says of a request against both decisions, record by record."""
    before = by_name(engine.authorize(old.policy, request))
    after = by_name(engine.authorize(new.policy, request))
    day = to_datetime(request.at).date()
    coverages = old.policy.coverage(request), new.policy.coverage(request)
    way = way_of(standing_of(request), [c for each in coverages if each for c in each.clauses])
    for name in set(request.fields):
        said = [one for one in differences if is_about(one, request, name, way)]
        assert len(said) <= 1
        effect = said[0].effect if said else None
        assert (effect is Effect.ALLOWED) is (name not in before and name in after)
        assert (effect is Effect.REFUSED) is (name in before and name not in after)
        if name not in before or name not in after:
            continue
        was, is_ = before[name], after[name]
        seen, shown = visible(was.where, day), visible(is_.where, day)
        appears, disappears = shown - seen, seen - shown
        assert said or not (appears or disappears)
        if said:
            assert said[0].appears or not appears
            assert said[0].disappears or not disappears
        else:
            assert (was.legal_basis, was.terms) == (is_.legal_basis, is_.terms)
            met["alike"] += was != is_


def by_name(decision: Decision) -> dict[str, Allowance]:
    return {name: allowance for allowance in decision.allowances for name in allowance.fields}


def is_about(one: Difference, request: AccessRequest, name: str, way: Standing) -> bool:
    asked = (request.provider, request.dataset, request.requester, request.purpose)
    return (
        one.name == name
        and (*asked, request.subject_kind) == one.access
        and one.start <= request.at < one.end
        and way in one.standings
    )


@cache
def visible(where: tuple[Rule, ...], day: date) -> frozenset[int]:
    """Number the records that rules let through."""
    return frozenset(n for n, record in enumerate(RECORDS) if let_through(where, record, day))


def let_through(where: Sequence[Rule], record: Mapping[str, Value], day: date) -> bool:
    return all(meets(on_day(rule, day), record.__getitem__) for rule in where)


def check_witnesses(one: Difference) -> None:
    """See that each record shown is let through by the one side alone."""
    for witness, by, not_by in (
        (one.appears, one.new, one.old),
        (one.disappears, one.old, one.new),
    ):
        if witness is None:
            continue
        assert by is not None
        day = witness.day or to_datetime(one.start).date()
        assert day <= to_datetime(one.end - 1).date()
        record = Record(witness)
        assert let_through(by.grant.where, record, day)
        assert not_by is None or not let_through(not_by.grant.where, record, day)


class Record(dict[str, Value]):
    """A witness; no rule may look at a field that it does not show."""

    def __init__(self, witness: Witness) -> None:
        super().__init__(witness.values)


def test_the_four_agree_on_ten_thousand_cases() -> None:
    met = check(Engine(), seed=4, worlds=WORLDS, requests=REQUESTS)
    assert met.pop("cases") == WORLDS * REQUESTS
    assert min(met.values()) >= 10, met


def broken_authorize(policy: Policy, request: AccessRequest) -> Decision:
    """Forget that clauses end."""
    decision = authorization.authorize(policy, request)
    earlier = replace(request, at=request.at - 1)
    return decision if decision.allowances else authorization.authorize(policy, earlier)


def broken_explain(policy: Policy, request: AccessRequest) -> Explanation:
    """Leave the terms out."""
    told = explanation.explain(policy, request)
    verdicts = (replace(verdict, terms=explanation.Terms()) for verdict in told.verdicts)
    return replace(told, verdicts=tuple(verdicts))


def broken_matrix(policy: Policy, request: AccessRequest) -> dict[str, Clause]:
    """Forget that some answers have to be sealed."""
    return matrix_releasing(policy, replace(request, sealed=True))


def broken_in_time(old: Policy, new: Policy, finder: RecordFinder) -> Iterator[Difference]:
    """Let each difference begin a millisecond late."""
    for one in difference.compare(old, new, finder):
        yield replace(one, start=one.start + 1)


def broken_in_rows(old: Policy, new: Policy, finder: RecordFinder) -> Iterator[Difference]:
    """Show no record that appears."""
    for one in difference.compare(old, new, finder):
        yield (
            replace(one, shown=replace(one.shown, appears=None))
            if one.effect is Effect.RECORDS
            else one
        )


def broken_witness(old: Policy, new: Policy, finder: RecordFinder) -> Iterator[Difference]:
    """Show a record that appears as one that disappears."""
    for one in difference.compare(old, new, finder):
        swapped = replace(one.shown, appears=one.disappears, disappears=one.appears)
        yield replace(one, shown=swapped)


def broken_terms(old: Policy, new: Policy, finder: RecordFinder) -> Iterator[Difference]:
    """Leave out what changes only in its terms."""
    for one in difference.compare(old, new, finder):
        if one.effect is not Effect.TERMS:
            yield one


@pytest.mark.parametrize(
    "engine",
    [
        Engine(authorize=broken_authorize),
        Engine(explain=broken_explain),
        Engine(releasing=broken_matrix),
        *(
            Engine(compare=lambda old, new, finder, broken=broken: list(broken(old, new, finder)))
            for broken in (broken_in_time, broken_in_rows, broken_witness, broken_terms)
        ),
    ],
    ids=["authorize", "explain", "matrix", "time", "rows", "witness", "terms"],
)
def test_a_broken_copy_is_noticed(engine: Engine) -> None:
    with pytest.raises((AssertionError, KeyError)):
        check(engine, seed=4, worlds=60, requests=REQUESTS)
