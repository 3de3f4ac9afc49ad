"""No order of steps, lags and failures locks out a party, and none lets a removed authority in.

Each rule that the search finds in order is also left out once: the search then finds the harm.
"""

from collections.abc import Iterable

import pytest

from certs.rotation import Authority, Obstacle
from landbridge.trust.document import AuthorityState, Level
from tests.rotation_model import OUT, Content, active, party_with
from tests.rotation_search import Gate, Search, State

S = AuthorityState
FIRST = (
    Authority("root-1", Level.ROOT, S.ACTIVE),
    Authority("issuing-1", Level.ISSUING, S.ACTIVE, "root-1"),
)
ISSUING = (*FIRST, Authority("issuing-2", Level.ISSUING, S.PREPARED, "root-1"))
ROOT = (
    *FIRST,
    Authority("root-2", Level.ROOT, S.PREPARED),
    Authority("issuing-2", Level.ISSUING, S.PREPARED, "root-2"),
)
BOTH = pytest.mark.parametrize("authorities", [ISSUING, ROOT], ids=["issuing", "root"])


def no_call_fails(search: Search, state: State) -> str:
    """Every party that is not out reaches every other that it has to do with."""
    _, gateway, *nodes = state
    if gateway is OUT:
        return ""
    if not search.reaches_authority(gateway, state.newest):
        return "the gateway cannot reach the authority"
    for node in nodes:
        if node is OUT:
            continue
        if not search.connects(node, gateway, state.newest):
            return f"a party with a leaf of {node.leaf} cannot reach the gateway ({gateway.leaf})"
        if search.nodes_serve and not search.connects(gateway, node, state.newest):
            return f"the gateway ({gateway.leaf}) cannot reach a node ({node.leaf})"
    return ""


def nobody_is_locked_out(search: Search, state: State) -> str:
    """Every party that is not out can fetch what is new, or could once the gateway has."""
    _, gateway, *nodes = state
    if gateway is OUT:
        return ""
    if not search.reaches_authority(gateway, state.newest):
        return "" if gateway.given_up else "the gateway is locked out"
    ahead = party_with(gateway, uses=search.trust(state.newest))
    for node in nodes:
        if not (
            node is OUT
            or node.given_up
            or search.connects(node, gateway, state.newest)
            or search.connects(node, ahead, state.newest)
        ):
            return f"a node with a leaf of {node.leaf} is locked out"
    return ""


def none_serves_a_removed_one(search: Search, state: State) -> str:
    """With this bundle in use, who has the key of a removed authority is let in nowhere.

    Whoever has that key also has every cross-certificate there ever was. The keys of an authority
    that was never tainted are destroyed by those who alone had them, so there only servers matter.
    """
    uses = search.trust(state.newest)
    for each in state.newest.authorities:
        tainted = each.id in state.newest.tainted
        if each.state in {S.REMOVED, S.ABORTED}:
            if each.issuer and search.accepts(uses, each.id, crossed=True, server=True):
                return f"a server lets in who shows a leaf of {each.id}"
            if tainted and search.accepts(uses, each.id, crossed=True):
                return f"a client takes a server with a leaf of {each.id}"
        if tainted and not each.issuer and search.accepts(uses, each.id, crossed=True):
            return f"a client takes what {each.id} has vouched for in secret"
    return ""


def dropping(*goals: AuthorityState, structural: bool = False) -> Gate:
    """Leave out a gate: who lags or, if `structural`, what must come first."""

    def gate(to: AuthorityState, found: tuple[Obstacle, ...]) -> tuple[Obstacle, ...]:
        return tuple(each for each in found if to not in goals or each.overridable is structural)

    return gate


def ends(search: Search) -> Iterable[Content]:
    return {state.newest for state in search.seen}


@BOTH
def test_no_reachable_state_fails_a_call_or_lets_a_removed_authority_in(
    authorities: tuple[Authority, ...],
) -> None:
    search = Search(authorities)
    assert search.run(lambda *at: no_call_fails(*at) or none_serves_a_removed_one(*at)) == []
    assert len(search.seen) > {3: 1_000, 4: 40_000}[len(authorities)]
    # The search has not just stood still: each rotation was completed, and each taint too.
    done = {tuple(each.state for each in bundle.authorities) for bundle in ends(search)}
    assert {
        3: (S.ACTIVE, S.REMOVED, S.ACTIVE),
        4: (S.REMOVED, S.REMOVED, S.ACTIVE, S.ACTIVE),
    }[len(authorities)] in done
    assert any(bundle.tainted and active(bundle) == "issuing-2" for bundle in ends(search))
    for bundle in ends(search):
        if "root-2" in bundle.tainted:
            assert search.trust(bundle).anchors.isdisjoint({"root-1", "root-2"})


@BOTH
def test_requesters_are_not_locked_out_either(authorities: tuple[Authority, ...]) -> None:
    search = Search(authorities, nodes_serve=False, tainting=False)
    assert search.run(no_call_fails) == []


def test_overriding_locks_out_nobody_but_those_whom_the_obstacles_named() -> None:
    assert Search(ISSUING, override=True).run(nobody_is_locked_out) == []
    assert Search(ROOT, override=True, tainting=False).run(nobody_is_locked_out) == []


@BOTH
def test_who_was_off_while_an_activation_was_forced_comes_back_alone(
    authorities: tuple[Authority, ...],
) -> None:
    search = Search(authorities, tainting=False, gate=dropping(S.ACTIVE), honest=True)
    assert search.run(nobody_is_locked_out) == []


def test_unless_nobody_asks_whether_it_knows_what_took_the_old_root_s_place() -> None:
    def gate(to: AuthorityState, found: tuple[Obstacle, ...]) -> tuple[Obstacle, ...]:
        found = dropping(S.ACTIVE)(to, found)
        return tuple(each for each in found if "acknowledged" not in each.text)

    way = Search(ROOT, tainting=False, gate=gate, honest=True).run(nobody_is_locked_out)
    assert way[-2:] == ["root-1 becomes removed", "the gateway is locked out"]


def test_without_the_cross_certificate_it_would_not() -> None:
    search = Search(ROOT, tainting=False, gate=dropping(S.ACTIVE), cross=False)
    *_, fault = search.run(nobody_is_locked_out)
    assert fault == "the gateway is locked out"


@BOTH
def test_without_waiting_for_acknowledgement_and_proof_calls_fail(
    authorities: tuple[Authority, ...],
) -> None:
    way = Search(authorities, tainting=False, gate=dropping(S.ACTIVE)).run(no_call_fails)
    assert "issuing-2 becomes active" in way
    assert "reach" in way[-1]


@BOTH
def test_without_waiting_for_the_last_leaf_a_party_is_locked_out(
    authorities: tuple[Authority, ...],
) -> None:
    way = Search(authorities, gate=dropping(S.REMOVED)).run(nobody_is_locked_out)
    assert way[-2:] == ["issuing-1 becomes removed", "the gateway is locked out"]


def test_without_removing_what_stands_under_a_root_first_a_party_is_locked_out() -> None:
    gate = dropping(S.REMOVED, structural=True)
    *way, fault = Search(ROOT, tainting=False, gate=gate).run(nobody_is_locked_out)
    assert "root-1 becomes removed" in way
    assert fault == "the gateway is locked out"


def test_without_trying_its_own_server_a_party_is_locked_out() -> None:
    *way, fault = Search(ISSUING, tainting=False, own_server=False).run(no_call_fails)
    assert "gateway proves issuing-2" in way
    assert fault == "a party with a leaf of issuing-2 cannot reach the gateway (issuing-1)"


@BOTH
def test_while_its_root_is_an_anchor_clients_take_a_tainted_authority_for_good(
    authorities: tuple[Authority, ...],
) -> None:
    *_, fault = Search(authorities, pinning=False).run(none_serves_a_removed_one)
    assert fault.startswith("a client takes")
