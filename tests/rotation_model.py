"""A small model of a federation whose authorities rotate: bundles, parties, and what TLS accepts.

Equal things are one object, made by a cached function: a search over many states then compares and
hashes by identity.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from typing import Final

from certs.rotation import STANDING, Authority, PartyView, carries_cross, move
from landbridge.trust.document import AuthorityState

S = AuthorityState
NONE: Final[frozenset[str]] = frozenset()


@dataclass(frozen=True, slots=True, eq=False)
class Content:
    """What one bundle says of the authorities; `tainted` are those that ever were."""

    authorities: tuple[Authority, ...]
    tainted: frozenset[str]


@dataclass(frozen=True, slots=True, eq=False)
class Trust:
    """What a bundle in use means: TLS ends at these anchors, a guard knows these issuers."""

    anchors: frozenset[str]
    issuers: frozenset[str]


@dataclass(frozen=True, slots=True, eq=False)
class Registered:
    """What the registry knows of a party: as PartyView, but for the number of its bundle.

    `told` are the authorities of which the party has acknowledged all that a next step may ask for.
    """

    told: frozenset[str]
    holds: frozenset[str]
    proven: frozenset[str]
    out: bool


@dataclass(frozen=True, slots=True, eq=False)
class Party:
    """A party: what the registry knows, the trust it really uses, the issuer of its leaf.

    `given_up` is set when administrators overrode an obstacle that named it.
    """

    known: Registered
    uses: Trust
    leaf: str
    given_up: bool


@cache
def content(authorities: tuple[Authority, ...], tainted: frozenset[str] = NONE) -> Content:
    """Return a bundle."""
    return Content(authorities, tainted)


@cache
def trust(anchors: frozenset[str], listed: frozenset[str]) -> Trust:
    """Return what the users of a bundle accept."""
    return Trust(anchors, listed)


@cache
def registered(
    told: frozenset[str], holds: frozenset[str], proven: frozenset[str], *, out: bool
) -> Registered:
    """Return what the registry knows."""
    return Registered(told, holds, proven, out)


@cache
def party(known: Registered, uses: Trust, leaf: str, *, given_up: bool = False) -> Party:
    """Return a party."""
    return Party(known, uses, leaf, given_up)


OUT: Final = party(registered(NONE, NONE, NONE, out=True), trust(NONE, NONE), "")
"""A party that is suspended, or whose certificates have expired: it comes back by enrolling."""


def party_with(
    old: Party, *, uses: Trust | None = None, leaf: str = "", **known: frozenset[str] | bool
) -> Party:
    """Return a party that differs in these."""
    now = replace(old.known, **known) if known else old.known  # type: ignore[arg-type]
    same = registered(now.told, now.holds, now.proven, out=now.out)
    return party(same, uses or old.uses, leaf or old.leaf, given_up=old.given_up)


@cache
def after_act(authority: Authority, to: AuthorityState, newest: Content) -> Content:
    """Return the bundle that follows."""
    tainted = newest.tainted | {authority.id} if to is S.TAINTED else newest.tainted
    return content(move(authority, to, newest.authorities), tainted)


@cache
def concerning(newest: Content, old: Party, *, given_up: bool) -> Party:
    """Forget what no rule can ask about a party any more."""
    if old is OUT:
        return OUT
    waiting, known = published(newest), old.known
    gone = {each.id for each in newest.authorities if each.state in {S.REMOVED, S.ABORTED}}
    # Having heard of an authority's publication is not to have heard of its retirement.
    told = known.told & to_be_told(newest)
    return party(
        registered(told, known.holds - gone, known.proven & waiting, out=known.out),
        old.uses,
        old.leaf,
        given_up=given_up or old.given_up,
    )


@cache
def to_be_told(newest: Content) -> frozenset[str]:
    """Return what parties must have heard before something's next step, as marks of their own."""
    retired = {each.id for each in newest.authorities if each.state in {S.RETIRING, S.TAINTED}}
    return published(newest) | {f"{name} retired" for name in retired}


@cache
def view(name: str, known: Registered, authority: Authority) -> PartyView:
    """Return what the registry knows of a party; its bundle is number 1 if it says what counts."""
    mark = authority.id if authority.state is S.PUBLISHED else f"{authority.id} retired"
    return PartyView(
        name,
        int(mark in known.told),
        min(known.holds, default=""),
        known.holds,
        known.proven,
        removed=known.out,
    )


@cache
def pinned(bundle: Content, crossed_by: tuple[tuple[str, str], ...]) -> frozenset[str]:
    """Return a bundle's anchors: roots, or what stands below one that no longer vouches for all.

    TLS accepts all that an anchor vouches for, and a client sees no more of it. So a root under
    which something was tainted, or which once vouched for a root that was, gives way to the issuing
    authorities under it that the bundle lists.
    """
    doubted = {each.issuer or each.id for each in bundle.authorities if each.id in bundle.tainted}
    doubted |= {older for root, older in crossed_by if root in doubted}
    return frozenset(
        each.id
        for each in bundle.authorities
        if each.state in STANDING
        and (each.issuer in doubted if each.issuer else each.id not in doubted)
    )


@cache
def standing_roots(bundle: Content) -> frozenset[str]:
    """Return the anchors of a bundle when none ever gives way."""
    return _ids(e for e in bundle.authorities if not e.issuer and e.state in STANDING)


@cache
def issuers(bundle: Content) -> frozenset[str]:
    """Return the issuing authorities whose leaves a guard accepts."""
    return _ids(e for e in bundle.authorities if e.issuer and e.state in STANDING)


@cache
def published(bundle: Content) -> frozenset[str]:
    """Return the authorities that wait to be activated."""
    return _ids(e for e in bundle.authorities if e.state is S.PUBLISHED)


@cache
def active(bundle: Content) -> str:
    """Return the issuing authority that signs leaves."""
    (found,) = _ids(e for e in bundle.authorities if e.issuer and e.state is S.ACTIVE)
    return found


@cache
def crossed_now(root: str, newest: Content) -> bool:
    """Ask the machine whether chains carry a root's cross-certificate."""
    return carries_cross(root, newest.authorities)


def _ids(authorities: Iterable[Authority]) -> frozenset[str]:
    return frozenset(each.id for each in authorities)
