"""Generated memoranda, notices and requests, and a slow judge that reads every clause in turn."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from itertools import combinations
from typing import Any

from hypothesis import strategies as st

from landbridge.errors import Reason
from landbridge.memorandum.document import Memorandum
from landbridge.memorandum.grant import Grant
from landbridge.memorandum.life import Notice, NoticeKind, settle
from landbridge.memorandum.words import read_instant
from landbridge.policy.authorization import Policy
from landbridge.policy.decision import AccessRequest, Allowance, Decision, FieldRefusal, Terms
from landbridge.subject import SubjectKind
from tests.memoranda import make_memorandum

AGENCIES = ["a", "b", "c"]
DATASETS = ["d1", "d1", "d1", "d2"]
PURPOSES = ["review", "audit"]
FIELDS = ["f1", "f2", "f3"]
PREDICATES = ["q1", "q2"]
DAYS = range(1, 6)
LISTS = ["requesters", "fields", "purposes", "subject_kinds"]
ROWS: list[list[dict[str, Any]]] = [
    [{"field": "s", "eq": "x"}],
    [{"field": "s", "in": ["x", "y"]}, {"field": "n", "ge": 3}],
    [{"any": [{"field": "s", "eq": "x"}, {"field": "s", "eq": "y"}]}, {"field": "n", "gt": 2}],
    [{"field": "on", "ge": "2025-06-01"}],
    [{"field": "on", "within": "P6M"}],
    [{"field": "on", "within": "P1Y"}, {"not": {"field": "s", "is-null": True}}],
    [{"field": "n", "between": [3, 5]}],
    [{"not": {"any": [{"field": "n", "lt": 3}, {"field": "n", "gt": 5}]}}],
    [{"field": "open", "eq": True}],
]
"""Row conditions, some of which let the same records through."""


def instant(day: int) -> str:
    return f"2026-01-{day:02}T00:00:00Z"


moment = cache(read_instant)
MOMENTS = [read_instant(instant(day)) + off for day in DAYS for off in (-1, 0, 1)]


Choose = Callable[[Sequence[Any]], Any]
"""Chooses one of several: hypothesis, so that it can shrink, or a seeded generator, for speed."""


@dataclass(frozen=True)
class World:
    """What the parties agreed, and what they said of it since."""

    memoranda: list[Memorandum]
    notices: tuple[Notice, ...] = ()

    @cached_property
    def policy(self) -> Policy:
        return Policy(self.memoranda, self.notices)

    @cached_property
    def counting(self) -> list[Memorandum]:
        """The memoranda that count, in the order of their ids."""
        refused = settle(self.memoranda).refused
        return sorted(
            (memorandum for memorandum in self.memoranda if memorandum.id not in refused),
            key=lambda memorandum: memorandum.id,
        )


def subsets(values: Sequence[Any]) -> list[list[Any]]:
    sizes = range(1, len(values) + 1)
    return [list(subset) for size in sizes for subset in combinations(values, size)]


_PERIODS = list(combinations(DAYS, 2))
_SOME_AGENCIES = subsets(AGENCIES[:2])
_SOME_FIELDS = subsets(FIELDS)
_SOME_PURPOSES = subsets(PURPOSES)
_SOME_KINDS = subsets([kind.value for kind in SubjectKind])
_TERMS: dict[str, list[Any]] = {
    "where": ROWS,
    "legal_basis": ["Own law"],
    "statute": ["Law on persons"],
    "sealed": [True],
    "quota": [{"queries": 5, "per": "day"}, {"queries": 9, "per": "year"}],
    "retention": ["P1Y"],
    "delayed_disclosure": [{"legal_basis": "Law on inquiries", "delay": "P6M"}],
}
# Each term is rare, so that most clauses release something.
_SOME_TERMS: list[tuple[str, ...]] = [
    (),
    (),
    *((name,) for name in _TERMS),
    *[("where",)] * 4,
    ("where", "sealed"),
]


def make_grant(choose: Choose, start: int, end: int) -> dict[str, Any]:
    clause: dict[str, Any] = {
        # Several grants may spell out one clause.
        "clause": choose(["1", "1", "2", "3"]),
        "provider": choose(["a", "a", "a", "b"]),
        "dataset": choose(DATASETS),
        "requesters": choose(_SOME_AGENCIES),
        "purposes": choose(_SOME_PURPOSES),
        "subject_kinds": choose(_SOME_KINDS),
        **{term: choose(_TERMS[term]) for term in choose(_SOME_TERMS)},
    }
    asks = choose([(), (), (), ("q1",), ("q1", "q2")])
    if asks:
        clause["predicates"] = [
            {"name": name, "title": "Is it so?", "when": choose(ROWS)} for name in asks
        ]
    else:
        clause["fields"] = choose(_SOME_FIELDS)
    first, last = (max(start, min(day, end)) for day in choose([*[(0, 0)] * 10, *_PERIODS]))
    if first < last:
        clause["valid"] = {"from": instant(first), "until": instant(last)}
    return clause


def make_memoranda(choose: Choose) -> list[Memorandum]:
    made: list[Memorandum] = []
    for number in range(choose([0, 1, 2, 2, 3, 3])):
        start, end = choose([*[(DAYS[0], DAYS[-1])] * 8, *_PERIODS])
        memorandum = make_memorandum(
            [make_grant(choose, start, end) for _ in range(choose([1, 2, 3, 4]))],
            name=f"m-{number}",
            parties=choose([AGENCIES, AGENCIES, AGENCIES[:2]]),
            valid=(instant(start), instant(end)),
            link_sources=choose([[], ["a/x"], ["a/x", "b/y"]]),
            stale_revocation=choose(["refuse", "serve"]),
        )
        changes: dict[str, Any] = {"consent_desks": choose([(), ("x",), ("x",), ("x", "y")])}
        if made and choose([False, False, True]):
            changes["amends"] = made[-1].id
        memorandum = memorandum.model_copy(update=changes)
        made.append(with_emptied_list(memorandum, choose([*LISTS, *[""] * 20])))
    return made[::-1] if choose([False, True]) else made


def make_world(choose: Choose) -> World:
    agreed = make_memoranda(choose)
    notices = tuple(
        Notice(
            f"n-{memorandum.id}-{number}",
            memorandum.id,
            memorandum.digest,
            choose(list(NoticeKind)),
            frozenset(choose(_SOME_AGENCIES)),
            choose(MOMENTS),
            "Because",
            frozenset(choose([(), ("1",)])),
        )
        for memorandum in agreed
        for number in range(choose([0, 0, 0, 1, 2]))
    )
    return World(agreed, notices)


def make_request(choose: Choose, world: World) -> AccessRequest:
    """Choose a request, most often one that differs little from what is granted."""
    names = [*FIELDS, *PREDICATES, "f4"]
    asked: dict[str, Any] = {
        "provider": choose(AGENCIES),
        "dataset": choose(DATASETS),
        "requester": choose(AGENCIES),
        "purpose": choose(PURPOSES),
        "subject_kind": choose(list(SubjectKind)),
    }
    granted = [grant for memorandum in world.memoranda for grant in memorandum.grants]
    if granted:
        grant = choose(granted)
        near: dict[str, Any] = {"provider": grant.provider, "dataset": grant.dataset}
        for name, values in (
            ("requester", grant.requesters),
            ("purpose", grant.purposes),
            ("subject_kind", grant.subject_kinds),
        ):
            if values:
                near[name] = choose(values)
        near.pop(choose([*near, *[""] * 20]), None)
        asked |= near
        names = choose([names, [*grant.names, "f4"]])
    return AccessRequest(
        **asked,
        fields=tuple(choose(names) for _ in range(choose(range(6)))),
        at=choose(MOMENTS),
        revocation_stale=choose([False, False, False, True]),
        consented=choose([False, True, True]),
        sealed=choose([False, True]),
        vouched_by=choose([None, None, frozenset("x"), frozenset("xy"), frozenset("yz")]),
    )


@st.composite
def cases(draw: st.DrawFn) -> tuple[World, AccessRequest]:
    """Draw a world and a request."""

    def choose(options: Sequence[Any]) -> Any:
        return draw(st.sampled_from(options))

    world = make_world(choose)
    return world, make_request(choose, world)


def with_emptied_list(memorandum: Memorandum, name: str) -> Memorandum:
    """Empty a list of the first grant, as no file could."""
    if not name:
        return memorandum
    first = memorandum.grants[0]
    # Anew, not a copy: a copy would keep what the grant remembers of its fields.
    emptied = type(first).model_construct(**{**dict(first), name: ()})
    return memorandum.model_copy(update={"grants": (emptied, *memorandum.grants[1:])})


def stands(world: World, memorandum: Memorandum, grant: Grant, requester: str, at: int) -> bool:
    """Tell whether a clause is in force for a requester, by reading everything up to the time."""
    valid = grant.valid or memorandum.valid
    if not moment(valid.from_) <= at < moment(valid.until):
        return False
    if any(
        other.amends == memorandum.id
        and set(memorandum.parties) <= set(other.parties)
        and moment(other.valid.from_) <= at
        for other in world.memoranda
    ):
        return False
    return not any(
        is_stopped(world.notices, memorandum, grant, agency, at)
        for agency in (grant.provider, requester)
    )


def is_stopped(
    notices: Sequence[Notice], memorandum: Memorandum, grant: Grant, agency: str, at: int
) -> bool:
    mine = [
        notice
        for notice in notices
        if (notice.memorandum, notice.digest) == (memorandum.id, memorandum.digest)
        and agency in notice.signers
        and notice.from_ms <= at
        and (not notice.clauses or grant.clause in notice.clauses)
    ]
    if any(notice.kind is NoticeKind.TERMINATE for notice in mine):
        return True
    resumed = max((n.from_ms for n in mine if n.kind is NoticeKind.RESUME), default=-1)
    suspended = max((n.from_ms for n in mine if n.kind is NoticeKind.SUSPEND), default=-2)
    return suspended >= resumed


def hindrance(memorandum: Memorandum, grant: Grant, request: AccessRequest) -> Reason | None:
    """Say what holds a clause back that is in force."""
    if request.revocation_stale and memorandum.stale_revocation != "serve":
        return Reason.STALE_REVOCATION
    person = SubjectKind.NATURAL_PERSON in grant.subject_kinds
    if person and grant.statute is None and not is_consented(memorandum, request):
        return Reason.CONSENT_MISSING
    if grant.sealed and not request.sealed:
        return Reason.SEALING_REQUIRED
    return None


def is_consented(memorandum: Memorandum, request: AccessRequest) -> bool:
    if request.vouched_by is None:
        return request.consented
    return request.consented and any(
        desk in request.vouched_by for desk in memorandum.consent_desks
    )


def judge(world: World, request: AccessRequest) -> Decision:
    """Decide by reading every clause, one after the other."""
    left = [
        (memorandum, grant)
        for memorandum in world.counting
        for grant in memorandum.grants
        if (grant.provider, grant.dataset) == (request.provider, request.dataset)
    ]
    if not left:
        return Decision((), (FieldRefusal("", Reason.NOT_COVERED, "", ""),))
    sieves: list[tuple[Reason, Callable[[Memorandum, Grant], bool]]] = [
        (Reason.REQUESTER_NOT_COVERED, lambda _, g: request.requester in g.requesters),
        (Reason.PURPOSE_NOT_COVERED, lambda _, g: request.purpose in g.purposes),
        (Reason.SUBJECT_KIND_NOT_COVERED, lambda _, g: request.subject_kind in g.subject_kinds),
        (Reason.NOT_IN_FORCE, lambda m, g: stands(world, m, g, request.requester, request.at)),
    ]
    for reason, passed in sieves:
        sifted = [(m, g) for m, g in left if passed(m, g)]
        if not sifted:
            known = [(m.id, g.clause) for m, g in left if request.requester in m.parties]
            return Decision((), (FieldRefusal("", reason, *(known or [("", "")])[0]),))
        left = sifted
    order = [_allow(m, g, "") for m in world.counting for g in m.grants]
    return _judge_fields(request, left, order)


def _judge_fields(
    request: AccessRequest, left: list[tuple[Memorandum, Grant]], order: list[Allowance]
) -> Decision:
    held = [(m, g, why) for m, g in left if (why := hindrance(m, g, request)) is not None]
    free = [(m, g) for m, g in left if hindrance(m, g, request) is None]
    if not free:
        return Decision((), (_refuse("", held[0][2], *held[0][:2]),))
    if not request.fields:
        return Decision((), (_refuse("", Reason.FIELD_NOT_COVERED, *free[0]),))
    released: list[Allowance] = []
    refusals = []
    for name in dict.fromkeys(request.fields):
        found = [number for number, (_, g) in enumerate(free) if name in _names(g)]
        if not found:
            near = [(why, m, g) for m, g, why in held if name in _names(g)]
            refusals.append(_refuse(name, *(near or [(Reason.FIELD_NOT_COVERED, *free[0])])[0]))
            continue
        released.append(_allow(*free[found[0]], name))
    return Decision(tuple(_together(released, order)), tuple(refusals))


def _refuse(name: str, reason: Reason, memorandum: Memorandum, grant: Grant) -> FieldRefusal:
    return FieldRefusal(name, reason, memorandum.id, grant.clause, grant.delayed_disclosure)


def _names(grant: Grant) -> list[str]:
    return [*grant.fields, *(predicate.name for predicate in grant.predicates)]


def _allow(memorandum: Memorandum, grant: Grant, name: str) -> Allowance:
    return Allowance(
        memorandum.id,
        grant.clause,
        grant.legal_basis or memorandum.legal_basis,
        (name,),
        grant.where,
        tuple(each for each in grant.predicates if name in (each.name, "")),
        Terms(
            grant.quota,
            grant.sealed,
            grant.retention,
            grant.fresh_within,
            SubjectKind.NATURAL_PERSON in grant.subject_kinds and grant.statute is None,
            grant.delayed_disclosure,
        ),
    )


def _together(released: list[Allowance], order: list[Allowance]) -> list[Allowance]:
    """Join what is released alike, in the order in which all clauses are written."""
    joined: list[Allowance] = []
    for mine in released:
        for position, other in enumerate(joined):
            if _is_alike(mine, other):
                joined[position] = replace(
                    other,
                    fields=other.fields + mine.fields,
                    predicates=other.predicates + mine.predicates,
                )
                break
        else:
            joined.append(mine)
    return sorted(
        joined,
        key=lambda mine: next(n for n, other in enumerate(order) if _is_alike(mine, other)),
    )


def _is_alike(one: Allowance, other: Allowance) -> bool:
    same = replace(one, fields=other.fields, predicates=other.predicates)
    return same == other and bool(one.predicates) is bool(other.predicates)
