"""The example's memoranda grant what exists, and the two requesters have different rights."""

from functools import cache

import pytest

from landbridge.agency import Role
from landbridge.errors import Reason
from landbridge.memorandum.condition import conditions_of
from landbridge.policy.authorization import AccessRequest, Policy, authorize
from landbridge.subject import SubjectKind
from tests.example import datasets, federation, memoranda

IN_FORCE = 1_770_000_000_000  # 2 February 2026
PURPOSES = {"board.ny": "approval-review", "first-lender": "credit-review"}
GRANTS = [grant for memorandum in memoranda() for grant in memorandum.grants]


def test_memoranda_grant_only_what_exists() -> None:
    assert len(memoranda()) >= 6
    assert all(memorandum.illustrative for memorandum in memoranda())
    for grant in GRANTS:
        dataset = datasets()[f"{grant.provider}/{grant.dataset}"]
        names = {field.name for field in dataset.fields}
        assert set(grant.fields) <= names, grant.clause
        rules = [*grant.where, *(rule for each in grant.predicates for rule in each.when)]
        assert {each.field for rule in rules for each in conditions_of(rule)} <= names
        assert not {each.name for each in grant.predicates} & names
        assert set(grant.purposes) <= federation().purposes.keys()
        for requester in grant.requesters:
            assert Role.REQUESTER in federation().agencies[requester].roles
    for memorandum in memoranda():
        for source in memorandum.link_sources:
            schemes = {field.scheme for field in datasets()[source].fields if field.scheme}
            assert len(schemes) >= 2, source


def test_some_clauses_release_only_some_rows() -> None:
    operators = {
        str(condition.operator)
        for grant in GRANTS
        for rule in grant.where
        for condition in conditions_of(rule)
    }
    assert {"ge", "eq", "in", "not-null"} <= operators


@cache
def decide(requester: str) -> dict[str, tuple[set[str], dict[str, Reason]]]:
    """For each dataset: fields that the requester may read, and why not the others."""
    policy = Policy(memoranda())
    decided = {}
    for name, dataset in datasets().items():
        agency, _, dataset_name = name.partition("/")
        decision = authorize(
            policy,
            AccessRequest(
                provider=agency,
                dataset=dataset_name,
                requester=requester,
                purpose=PURPOSES[requester],
                subject_kind=SubjectKind.LEGAL_ENTITY,
                fields=tuple(field.name for field in dataset.fields),
                at=IN_FORCE,
            ),
        )
        granted = {field for allowance in decision.allowances for field in allowance.fields}
        decided[name] = granted, {refusal.field: refusal.reason for refusal in decision.refusals}
    return decided


def test_the_board_may_read_every_field_of_all_sixteen_datasets() -> None:
    for name, (granted, refused) in decide("board.ny").items():
        assert granted == {field.name for field in datasets()[name].fields}
        assert refused == {}


def test_the_lender_is_refused_fields_and_whole_datasets() -> None:
    decided = decide("first-lender")
    refused = {name for name, (granted, _) in decided.items() if not granted}
    assert {
        *("dod/tuition-assistance", "va/settlements", "va/caution-flags", "va/tuition-payments"),
        *("va/section-702", "fsa.ed/cash-monitoring-2015", "fsa.ed/cash-monitoring-2016"),
    } == refused
    assert decided["nces.ed/institutions"][1]["ein"] is Reason.FIELD_NOT_COVERED
    assert decided["fsa.ed/cash-monitoring-2019"][1]["reason"] is Reason.FIELD_NOT_COVERED


@pytest.mark.parametrize("requester", PURPOSES)
def test_both_requesters_can_follow_the_identifiers(requester: str) -> None:
    """Granted in every linking dataset: what leads from each scheme to every other but the EIN."""
    decided = decide(requester)
    policy = Policy(memoranda())
    sources = set(memoranda()[0].link_sources)
    for source in sources:
        ids = {field.name for field in datasets()[source].fields if field.scheme} - {"ein"}
        assert ids <= decided[source][0], source
    for name, (granted, _) in decided.items():
        if granted:
            provider = name.partition("/")[0]
            accepted = policy.link_sources(provider, requester, PURPOSES[requester], IN_FORCE)
            assert accepted == sources, name
