"""A gateway's policy: each provider's own, so that an id is nobody's to keep from others."""

import pytest

from gateway.provider_policies import ProviderPolicies
from landbridge.errors import Reason
from landbridge.memorandum.life import Notice, NoticeKind
from landbridge.policy.authorization import AccessRequest, Policy, authorize
from landbridge.subject import SubjectKind
from tests.memoranda import make_memorandum

AT = 1_780_000_000_000
TRUE = make_memorandum([{"provider": "p.a", "dataset": "d"}], name="one", parties=("p.a", "r.a"))
SQUATTER = make_memorandum(
    [{"provider": "p.b", "dataset": "e"}], name="one", parties=("p.b", "r.a")
)


def request(provider: str, dataset: str) -> AccessRequest:
    return AccessRequest(provider, dataset, "r.a", "why", SubjectKind.LEGAL_ENTITY, ("f", "g"), AT)


@pytest.mark.parametrize("texts", [(TRUE, SQUATTER), (SQUATTER, TRUE)])
def test_two_texts_of_one_id_both_count_for_their_own_providers(texts: tuple[object, ...]) -> None:
    policy = ProviderPolicies(texts)  # type: ignore[arg-type]
    assert authorize(policy, request("p.a", "d")).allowances[0].fields == ("f",)
    assert authorize(policy, request("p.b", "e")).allowances[0].fields == ("f",)
    assert policy.datasets("p.a") == ["d"]
    assert len(policy.clauses("p.b", "e")) == 1


def test_of_one_providers_two_texts_the_first_counts() -> None:
    other = make_memorandum([{"fields": ["g"]}], name="one")
    policy = ProviderPolicies([TRUE, other])
    assert authorize(policy, request("p.a", "d")).allowances[0].fields == ("f",)


def test_it_decides_as_one_policy_does() -> None:
    texts = [
        make_memorandum([{"clause": "1"}], name="a", link_sources=("p.a/x",)),
        make_memorandum([{"clause": "2", "provider": "p.b"}], name="b", parties=("p.b", "r.a")),
        make_memorandum(
            [{"clause": "1", "fields": ["g"]}],
            name="c",
            amends="a",
            valid=("2026-05-01T00:00:00Z", "2027-01-01T00:00:00Z"),
        ),
    ]
    stop = Notice("n", "b", texts[1].digest, NoticeKind.SUSPEND, frozenset({"p.b"}), 0, "why")
    whole, parted = Policy(texts, [stop]), ProviderPolicies(texts, [stop])
    for provider in ("p.a", "p.b", "p.c"):
        asked = request(provider, "d")
        assert authorize(parted, asked) == authorize(whole, asked)
        for ask in ("link_sources", "consent_desks"):
            assert getattr(parted, ask)(provider, "r.a", "why", AT) == getattr(whole, ask)(
                provider, "r.a", "why", AT
            )
        assert parted.predicates(asked) == whole.predicates(asked)
        assert parted.known_predicates(provider, "d", "r.a") == frozenset()
    (refusal,) = authorize(parted, request("p.b", "d")).refusals
    assert refusal.reason is Reason.NOT_IN_FORCE
