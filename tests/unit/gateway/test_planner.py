"""Planning by the policy of the moment, and by how old the gateway's own revocation data are."""

from dataclasses import dataclass, field

import pytest

from gateway.planner import Planner
from landbridge.errors import Reason
from landbridge.memorandum.words import read_instant
from landbridge.policy.authorization import Policy
from landbridge.query import Query
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
