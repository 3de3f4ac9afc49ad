"""Planning by the policy of the moment, and by how old the gateway's own revocation data are."""

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from gateway.planner import Plan, Planner
from landbridge.errors import Reason
from landbridge.heading import IDENTIFIER
from landbridge.memorandum.words import read_instant
from landbridge.policy.authorization import Policy
from landbridge.query import Query, Wanted
from landbridge.subject import SubjectId, SubjectKind
from landbridge.v1 import catalogue_pb2
from tests.memoranda import make_memorandum

NOON = read_instant("2026-06-15T12:00:00Z")
QUERY = Query(
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


def catalogue() -> catalogue_pb2.Catalogue:
    made = catalogue_pb2.Catalogue(agency="p.a")
    for name in ("d", "e"):
        made.datasets.add(
            name=name,
            subject_kind=SubjectKind.LEGAL_ENTITY.number,
            keys=[catalogue_pb2.Key(scheme="company")],
            fields=[catalogue_pb2.Field(name="f")],
        )
    return made


@dataclass(slots=True)
class Moment:
    """What the planner goes by at one moment."""

    policy: Policy
    stale: bool = False
    catalogues: dict[str, catalogue_pb2.Catalogue | None] = field(
        default_factory=lambda: {"p.a": catalogue()}
    )
    planner: Planner = field(init=False)

    def __post_init__(self) -> None:
        self.planner = Planner(lambda: self.policy, lambda _: self.stale)

    def plan(self) -> tuple[list[str], dict[str, tuple[Reason, str, str]]]:
        plan = self.planner.plan(QUERY, self.catalogues, NOON)
        asked = [candidate.dataset for candidate in plan.candidates]
        return asked, {
            source.dataset: (Reason(source.outcome), source.memorandum, source.clause)
            for source in plan.refused
        }


@pytest.fixture
def moment() -> Moment:
    strict = make_memorandum([{"dataset": "d", "clause": "1"}], name="m-0")
    lenient = make_memorandum([{"dataset": "e", "clause": "2"}], stale_revocation="serve")
    return Moment(Policy([strict, lenient]))


def test_a_gateway_with_stale_data_asks_only_what_may_be_served_then(moment: Moment) -> None:
    assert moment.plan() == (["d", "e"], {})
    moment.stale = True
    assert moment.plan() == (["e"], {"d": (Reason.STALE_REVOCATION, "m-0", "1")})
    moment.stale = False
    assert moment.plan() == (["d", "e"], {})


def test_a_policy_that_changes_counts_at_once(moment: Moment) -> None:
    assert moment.plan() == (["d", "e"], {})
    moment.policy = Policy([])
    nothing = (Reason.NOT_COVERED, "", "")
    assert moment.plan() == ([], {"d": nothing, "e": nothing})


def test_an_agency_that_leaves_is_planned_no_more(moment: Moment) -> None:
    assert moment.plan() == (["d", "e"], {})
    moment.catalogues["other"] = moment.catalogues.pop("p.a")
    assert moment.plan()[0] == []
    moment.catalogues.clear()
    assert moment.plan() == ([], {})


LATE = {"name": "late", "title": "Late?", "when": [{"field": "f", "is-null": True}]}


def planned(*grants: dict[str, Any], **changes: Any) -> Plan:
    """Plan a query on a provider whose dataset links identifiers."""
    memorandum = make_memorandum(list(grants))
    made = catalogue()
    made.datasets[0].links = True
    made.datasets[0].fields.add(name="id", type=IDENTIFIER, scheme="company")
    planner = Planner(lambda: Policy([memorandum]), lambda _: False)
    return planner.plan(replace(QUERY, **changes), {"p.a": made}, NOON)


def reasons(plan: Plan) -> dict[str, Reason]:
    return {source.dataset: Reason(source.outcome) for source in plan.refused}


@pytest.mark.parametrize(
    "wanted", [(), (Wanted("p.a", "d"),), (Wanted("p.a", "d", ("late",)),)], ids=str
)
def test_a_dataset_that_gives_predicates_alone_is_asked(wanted: tuple[Wanted, ...]) -> None:
    plan = planned({"predicates": [LATE]}, wanted=wanted)
    assert [candidate.dataset for candidate in plan.candidates] == ["d"]


def test_a_predicate_that_no_clause_gives_is_not_asked_for() -> None:
    plan = planned({"fields": ["f"]}, wanted=(Wanted("p.a", "d", ("late",)),))
    assert reasons(plan) == {"d": Reason.FIELD_NOT_COVERED}


def test_a_clause_that_seals_is_asked_for_sealed_answers_alone() -> None:
    clause = {"fields": ["f", "id"], "sealed": True}
    plan = planned(clause)
    assert reasons(plan)["d"] is Reason.SEALING_REQUIRED
    assert plan.resolvers == ()
    sealed = planned(clause, seal_to=b"key")
    assert [candidate.dataset for candidate in sealed.candidates] == ["d"]
    assert sealed.resolvers == (), "the gateway goes by links, and what resolves is not sealed"
    both = planned(clause, {"clause": "2", "fields": ["id"]}, seal_to=b"key")
    assert [candidate.dataset for candidate in both.resolvers] == ["d"]


def test_a_person_is_asked_for_where_a_consent_is_shown_and_the_node_judges_it() -> None:
    clause = {"subject_kinds": ["natural-person"]}
    changes: dict[str, Any] = {"subject_kind": SubjectKind.NATURAL_PERSON}
    memorandum = make_memorandum([clause])
    made = catalogue()
    for dataset in made.datasets:
        dataset.subject_kind = SubjectKind.NATURAL_PERSON.number  # type: ignore[assignment]
    policy = Policy([memorandum])
    planner = Planner(lambda: policy, lambda _: False)
    without = planner.plan(replace(QUERY, **changes), {"p.a": made}, NOON)
    assert reasons(without)["d"] is Reason.CONSENT_MISSING
    shown = planner.plan(replace(QUERY, consents=(b"any",), **changes), {"p.a": made}, NOON)
    assert [candidate.dataset for candidate in shown.candidates] == ["d"]


def test_plans_in_the_clear_and_sealed_are_not_mixed_up() -> None:
    policy = Policy([make_memorandum([{"sealed": True}])])
    planner = Planner(lambda: policy, lambda _: False)
    catalogues: dict[str, catalogue_pb2.Catalogue | None] = {"p.a": catalogue()}
    sealed = replace(QUERY, seal_to=b"key")
    asked = [
        [candidate.dataset for candidate in planner.plan(query, catalogues, NOON).candidates]
        for query in (QUERY, sealed, QUERY, sealed)
    ]
    assert asked == [[], ["d"], [], ["d"]]
