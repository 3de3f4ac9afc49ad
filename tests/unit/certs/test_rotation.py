"""Which step is open to an authority or a signing key, and who stands against it."""

import itertools

import pytest

from certs.rotation import (
    AgencyKey,
    Authority,
    PartyView,
    carries_cross,
    key_obstacles,
    may_move,
    move,
    next_states,
    obstacles,
)
from landbridge.trust.authority import AuthorityState, Level, may_become

S = AuthorityState
ROOT_1 = Authority("root-1", Level.ROOT, S.ACTIVE)
ROOT_2 = Authority("root-2", Level.ROOT, S.PUBLISHED)
ISSUING_1 = Authority("issuing-1", Level.ISSUING, S.ACTIVE, "root-1")
ISSUING_2 = Authority("issuing-2", Level.ISSUING, S.PUBLISHED, "root-1")
ISSUING_3 = Authority("issuing-3", Level.ISSUING, S.PUBLISHED, "root-2")
ALL = (ROOT_1, ROOT_2, ISSUING_1, ISSUING_2, ISSUING_3)


def party(
    name: str = "alpha/node",
    *,
    acknowledged: int = 7,
    holds: str = "issuing-1",
    proven: str = "issuing-2 issuing-3 root-2",
    removed: bool = False,
) -> PartyView:
    held = frozenset(holds.split())
    shows = min(held, default="")
    return PartyView(name, acknowledged, shows, held, frozenset(proven.split()), removed)


def against(authority: Authority, to: AuthorityState, *parties: PartyView) -> list[str]:
    found = obstacles(authority, to, ALL, parties, published_in=7, retired_in=7)
    return [obstacle.text for obstacle in found]


def in_state(authority: Authority, state: AuthorityState) -> Authority:
    return Authority(authority.id, authority.level, state, authority.issuer)


def test_a_bundle_and_the_machine_know_the_same_steps() -> None:
    for state, later in itertools.product(S, S):
        if may_move(in_state(ISSUING_1, state), later):
            assert may_become(state, later)
        elif may_become(state, later):
            assert any(may_become(step, later) for step in next_states(state))
    assert [next_states(state)[:1] for state in (S.REMOVED, S.ABORTED)] == [(), ()]


def test_a_step_that_the_machine_does_not_have_cannot_be_overridden() -> None:
    (obstacle,) = obstacles(ISSUING_2, S.REMOVED, ALL, [])
    assert obstacle.text == "issuing-2 is published: it cannot become removed"
    assert not obstacle.overridable


def test_activating_one_retires_the_one_of_its_level_that_was_active() -> None:
    after = {each.id: each.state for each in move(ISSUING_2, S.ACTIVE, ALL)}
    assert after == {
        "root-1": S.ACTIVE,
        "root-2": S.PUBLISHED,
        "issuing-1": S.RETIRING,
        "issuing-2": S.ACTIVE,
        "issuing-3": S.PUBLISHED,
    }
    assert against(ISSUING_2, S.ACTIVE, party()) == []


def test_activation_waits_for_every_party_that_could_be_harmed() -> None:
    late, untried = party("late", acknowledged=6), party("untried", proven="issuing-3")
    expired, suspended = party(holds="", acknowledged=1), party(acknowledged=1, removed=True)
    assert against(ISSUING_2, S.ACTIVE, late, untried, expired, suspended) == [
        "late has acknowledged bundle 6, and what it needs to know of issuing-2 stands in bundle 7",
        "untried has not proven issuing-2 both ways",
    ]
    found = obstacles(ISSUING_2, S.ACTIVE, ALL, [late, untried], published_in=7)
    assert [each.party for each in found] == ["late", "untried"]
    assert all(each.overridable for each in found)


def test_removal_waits_for_the_last_leaf_and_for_who_does_not_know_the_successor() -> None:
    retiring = in_state(ISSUING_1, S.RETIRING)
    stray = PartyView("stray", 7, "issuing-2", frozenset({"issuing-1", "issuing-2"}), frozenset())
    assert against(retiring, S.REMOVED, party("a"), stray, party("b", holds="issuing-2")) == [
        "a shows a certificate of issuing-1",
        "stray holds a certificate of issuing-1",
    ]
    assert "bundle 6" in against(retiring, S.REMOVED, party(holds="issuing-2", acknowledged=6))[0]
    assert against(in_state(ISSUING_1, S.TAINTED), S.REMOVED, party())


@pytest.mark.parametrize("to", [S.RETIRING, S.TAINTED])
@pytest.mark.parametrize("authority", [ROOT_1, ISSUING_1], ids=["root", "issuing"])
def test_the_active_one_gives_way_to_another_alone(
    authority: Authority, to: AuthorityState
) -> None:
    (obstacle,) = obstacles(authority, to, ALL, [])
    assert "activate another" in obstacle.text
    assert not obstacle.overridable


@pytest.mark.parametrize(
    ("authority", "to", "words"),
    [
        (ISSUING_3, S.ACTIVE, "needs its root root-2 to be active first"),
        (Authority("issuing-9", Level.ISSUING, S.PREPARED, "root-9"), S.PUBLISHED, "root-9"),
        (ROOT_2, S.ABORTED, "issuing-3 under root-2 is still published"),
        (in_state(ROOT_1, S.RETIRING), S.REMOVED, "issuing-1 under root-1 is still active"),
    ],
)
def test_roots_and_what_stands_under_them_go_in_order(
    authority: Authority, to: AuthorityState, words: str
) -> None:
    found = obstacles(authority, to, ALL, [party(holds="issuing-2")])
    assert words in found[0].text
    assert not found[0].overridable


def test_a_root_is_activated_with_an_issuing_authority_in_waiting() -> None:
    assert obstacles(ROOT_2, S.ACTIVE, ALL, [party()], published_in=7) == ()
    (obstacle,) = obstacles(ROOT_2, S.ACTIVE, (ROOT_1, ROOT_2, ISSUING_1), [party()])
    assert obstacle.text == "root-2 needs a published issuing authority under it first"


def test_publishing_tainting_and_giving_up_wait_for_nobody() -> None:
    behind = party(acknowledged=0, proven="")
    prepared = Authority("issuing-4", Level.ISSUING, S.PREPARED, "root-1")
    assert against(prepared, S.PUBLISHED, behind) == []
    assert against(prepared, S.ABORTED, behind) == []
    assert against(ISSUING_2, S.ABORTED, behind) == []
    assert against(in_state(ISSUING_1, S.RETIRING), S.TAINTED, behind) == []


def test_chains_carry_the_cross_certificate_while_another_root_stands() -> None:
    assert carries_cross("root-2", ALL)
    assert carries_cross("root-2", (in_state(ROOT_1, S.TAINTED), ROOT_2))
    assert not carries_cross("root-2", (in_state(ROOT_1, S.REMOVED), ROOT_2, ISSUING_3))


def test_a_signing_key_is_used_when_all_can_verify_it() -> None:
    key = AgencyKey("alpha/query/0a", S.PUBLISHED, frozenset({"alpha/requester"}))
    parties = [party("alpha/requester"), party("beta/node", acknowledged=3)]
    (obstacle,) = key_obstacles(key, S.ACTIVE, parties, since=4)
    assert obstacle.party == "beta/node"
    assert key_obstacles(key, S.ACTIVE, parties, since=3) == ()
    assert key_obstacles(key, S.ABORTED, parties, since=9) == ()


def test_a_signing_key_is_removed_when_its_owners_know_of_another() -> None:
    key = AgencyKey("alpha/query/0a", S.RETIRING, frozenset({"alpha/requester"}))
    behind, owner = party("beta/node", acknowledged=3), party("alpha/requester", acknowledged=5)
    assert key_obstacles(key, S.REMOVED, [behind, owner], since=5) == ()
    (obstacle,) = key_obstacles(key, S.REMOVED, [behind, owner], since=6)
    assert obstacle.party == "alpha/requester"
    assert key_obstacles(key, S.TAINTED, [behind, owner], since=9) == ()


def test_a_signing_key_in_use_gives_way_to_another_alone() -> None:
    key = AgencyKey("alpha/query/0a", S.ACTIVE, frozenset())
    (obstacle,) = key_obstacles(key, S.RETIRING, [], since=1)
    assert not obstacle.overridable
    (obstacle,) = key_obstacles(key, S.PUBLISHED, [], since=1)
    assert obstacle.text == "the key alpha/query/0a is active: it cannot become published"
