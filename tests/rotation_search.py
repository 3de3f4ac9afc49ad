"""Every state that a federation can reach while its authorities rotate, by breadth-first search.

The steps of the administrators are those that certs/rotation.py permits: its own functions are
called, and nothing of it is written here again. A gateway and two nodes fetch bundles, acknowledge
them (also while their servers still use an older one), try authorities, renew, lose renewals,
expire, are suspended and enrol again, each as late as it likes or never: to be off is to take no
step. Two nodes in the same situation are one and the same.
"""

from collections import deque
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from certs.rotation import Authority, Obstacle, next_states, obstacles
from landbridge.trust.document import AuthorityState
from tests.rotation_model import (
    NONE,
    OUT,
    Content,
    Party,
    Registered,
    Trust,
    active,
    after_act,
    concerning,
    content,
    crossed_now,
    issuers,
    party,
    party_with,
    pinned,
    published,
    registered,
    standing_roots,
    to_be_told,
    trust,
    view,
)

NAMES: Final = ("gateway", "node 1", "node 2")


class State(NamedTuple):
    """The newest bundle, and the gateway and the nodes."""

    newest: Content
    gateway: Party
    one: Party
    other: Party


class Act(NamedTuple):
    """What administrators may do now, and whom an overridden obstacle names."""

    text: str
    after: Content
    harmed: frozenset[str]


Gate = Callable[[AuthorityState, tuple[Obstacle, ...]], tuple[Obstacle, ...]]
Steps = list[tuple[str, Party]]


@dataclass
class Search:
    """One search: which authorities there are, and which rules hold.

    `gate` may drop obstacles, `override` lets two administrators overrule those that may be,
    `cross` says whether chains carry the cross-certificate, `pinning` whether the authorities
    below take the place of a root when one of them is tainted, `own_server` whether a trial shows
    its leaf to the party's own server too, `honest` whether a party takes into use what it
    acknowledges. Nodes that do not serve are requesters.
    """

    authorities: tuple[Authority, ...]
    tainting: bool = True
    override: bool = False
    gate: Gate = lambda _to, found: found
    cross: bool = True
    pinning: bool = True
    own_server: bool = True
    honest: bool = False
    nodes_serve: bool = True
    seen: dict[State, tuple[State | None, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Lay out which root each authority stands under, and which root vouched for which."""
        self.roots = {each.id: each.issuer or each.id for each in self.authorities}
        all_roots = sorted(set(self.roots.values()))
        self.crossed_by = dict(zip(all_roots[1:], all_roots, strict=False))
        self._known: dict[Hashable, Any] = {}

    def run(self, check: Callable[["Search", State], str]) -> list[str]:
        """Visit every state; return the way to the first one that the check finds fault with."""
        bundle = content(self.authorities)
        leaf = active(bundle)
        known = registered(NONE, frozenset({leaf}), NONE, out=False)
        first = State(bundle, *[party(known, self.trust(bundle), leaf)] * 3)
        self.seen = {first: (None, "at the start")}
        waiting = deque([first])
        while waiting:
            state = waiting.popleft()
            if fault := check(self, state):
                return [*self._way_to(state), fault]
            for step, after in self.steps(state):
                if after not in self.seen:
                    self.seen[after] = (state, step)
                    waiting.append(after)
        return []

    def _way_to(self, state: State | None) -> list[str]:
        way: list[str] = []
        while state is not None:
            state, step = self.seen[state]
            way.append(step)
        return way[::-1]

    def steps(self, state: State) -> Iterator[tuple[str, State]]:
        """Yield every next state, and how it comes about."""
        newest, gateway, one, other = state
        known = (gateway.known, one.known, other.known)
        for text, after, harmed in self._once(self._acts, newest, known):
            moved = (
                concerning(after, each, given_up=name in harmed)
                for name, each in zip(NAMES, state[1:], strict=True)
            )
            yield text, _sorted(after, *moved)
        for text, changed in self._once(self._gateway_steps, newest, gateway):
            yield f"gateway {text}", State(newest, changed, one, other)
        for text, changed in self._once(self._node_steps, newest, one, gateway):
            yield f"node 1 {text}", _sorted(newest, gateway, changed, other)
        if other is not one:
            for text, changed in self._once(self._node_steps, newest, other, gateway):
                yield f"node 2 {text}", _sorted(newest, gateway, one, changed)

    def _once(self, work: Callable[..., Any], *arguments: Any) -> Any:
        key = (work.__name__, *arguments)
        if key not in self._known:
            self._known[key] = work(*arguments)
        return self._known[key]

    def _acts(self, newest: Content, known: tuple[Registered, ...]) -> list[Act]:
        acts = []
        for authority in newest.authorities:
            for to in next_states(authority.state):
                if to is AuthorityState.TAINTED and not self.tainting:
                    continue
                views = [view(*each, authority) for each in zip(NAMES, known, strict=True)]
                found = obstacles(
                    authority, to, newest.authorities, views, published_in=1, retired_in=1
                )
                found = self.gate(to, found)
                if not found or (self.override and all(each.overridable for each in found)):
                    harmed = frozenset(obstacle.party for obstacle in found)
                    text = f"{authority.id} becomes {to}"
                    acts.append(Act(text, after_act(authority, to, newest), harmed))
        return acts

    def _gateway_steps(self, newest: Content, gateway: Party) -> Steps:
        reached = self.reaches_authority(gateway, newest)
        # Every node may be off while the gateway tries; then none of them is asked.
        servers = [gateway.uses] * self.own_server
        return self._party_steps(newest, gateway, servers, reached=reached)

    def _node_steps(self, newest: Content, node: Party, gateway: Party) -> Steps:
        reached = self.reaches_authority(gateway, newest) and self.connects(node, gateway, newest)
        servers = [gateway.uses, *[node.uses] * (self.own_server and self.nodes_serve)]
        return self._party_steps(newest, node, servers, reached=reached)

    def _party_steps(
        self, newest: Content, old: Party, servers: Sequence[Trust], *, reached: bool
    ) -> Steps:
        known, fresh, uses = old.known, active(newest), self.trust(newest)
        if old is OUT:
            enrolled = registered(NONE, frozenset({fresh}), NONE, out=False)
            return [("enrols", party(enrolled, uses, fresh))]
        steps = [("expires or is suspended", OUT)]
        if old.leaf in known.holds:
            steps.append(
                ("sees a former leaf expire", party_with(old, holds=frozenset({old.leaf})))
            )
        if not reached:
            return steps
        told = party_with(old, told=to_be_told(newest), holds=frozenset({old.leaf}))
        steps.append(("uses the newest bundle", party_with(old, uses=uses)))
        if old.uses is uses or not self.honest:
            steps.append(("acknowledges", told))
        if old.leaf != fresh:
            holds = known.holds | {fresh}
            steps.append(("renews", party_with(old, leaf=fresh, holds=holds)))
            steps.append(("loses a renewal", party_with(old, holds=holds)))
        steps += [
            (f"proves {name}", party_with(old, proven=known.proven | {name}))
            for name in published(newest) - known.proven
            if self.trial(name, old.uses, servers, newest)
        ]
        return steps

    def trial(self, name: str, own: Trust, servers: Sequence[Trust], newest: Content) -> bool:
        """Tell whether a trial leaf works both ways; that of a root goes without the cross.

        A party's own server is among those that must accept it, as peers that are off are passed
        over.
        """
        below = [each.id for each in newest.authorities if each.issuer == name]
        leaf = below[0] if below else name
        crossed = not below and self.carries(leaf, newest)
        return (
            leaf in published(newest)
            and self.accepts(own, leaf, crossed=crossed)
            and all(self.accepts(each, leaf, crossed=crossed, server=True) for each in servers)
        )

    def carries(self, leaf: str, newest: Content) -> bool:
        """Tell whether a leaf's chain holds the cross-certificate."""
        return self.cross and crossed_now(self.roots[leaf], newest)

    def connects(self, caller: Party, server: Party, newest: Content) -> bool:
        """Tell whether a call succeeds: the caller checks the server, the server the caller."""
        return self.accepts(
            caller.uses, server.leaf, crossed=self.carries(server.leaf, newest)
        ) and self.accepts(
            server.uses, caller.leaf, crossed=self.carries(caller.leaf, newest), server=True
        )

    def reaches_authority(self, gateway: Party, newest: Content) -> bool:
        """Tell whether the gateway can fetch bundles; the authority is always up to date."""
        if gateway is OUT:
            return False
        authority = party(gateway.known, self.trust(newest), active(newest))
        return self.connects(gateway, authority, newest)

    def accepts(self, uses: Trust, leaf: str, *, crossed: bool, server: bool = False) -> bool:
        """Tell whether a leaf is accepted; only a server has a guard that knows issuers."""
        root = self.roots[leaf]
        chain = {leaf, root, self.crossed_by.get(root, "") if crossed else ""}
        return not chain.isdisjoint(uses.anchors) and (not server or leaf in uses.issuers)

    def trust(self, bundle: Content) -> Trust:
        """Return what the users of a bundle accept."""
        crossed = tuple(self.crossed_by.items())
        anchors = pinned(bundle, crossed) if self.pinning else standing_roots(bundle)
        return trust(anchors, issuers(bundle))


def _sorted(newest: Content, gateway: Party, one: Party, other: Party) -> State:
    """Put the nodes in an order of their own: which of the two it is makes no difference."""
    nodes = (one, other) if id(one) <= id(other) else (other, one)
    return State(newest, gateway, *nodes)
