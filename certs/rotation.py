"""When an authority or a signing key may take its next step, so that nobody is locked out.

    PREPARED -> PUBLISHED -> ACTIVE -> RETIRING -> REMOVED
           any of these -> TAINTED -> REMOVED;  PREPARED, PUBLISHED -> ABORTED

Exactly one root and one issuing authority are ACTIVE at any time: activating another retires the
one before in the same act. Nothing here reads a clock, a file or a line; an exhaustive search over
lagging and failing parties holds these rules against what they promise.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from landbridge.trust.authority import IN_USE, AuthorityState, Level

_S: Final = AuthorityState
STANDING: Final = IN_USE
"""States in which what an authority has signed is accepted."""
_GONE: Final = frozenset({_S.REMOVED, _S.ABORTED})
_NEXT: Final[Mapping[AuthorityState, tuple[AuthorityState, ...]]] = {
    _S.PREPARED: (_S.PUBLISHED, _S.ABORTED),
    _S.PUBLISHED: (_S.ACTIVE, _S.ABORTED, _S.TAINTED),
    _S.ACTIVE: (_S.RETIRING, _S.TAINTED),
    _S.RETIRING: (_S.REMOVED, _S.TAINTED),
    _S.TAINTED: (_S.REMOVED,),
    _S.REMOVED: (),
    _S.ABORTED: (),
}


@dataclass(frozen=True, slots=True)
class Authority:
    """A root or an issuing authority; `issuer` is the id of an issuing authority's root."""

    id: str
    level: Level
    state: AuthorityState
    issuer: str = ""


@dataclass(frozen=True, slots=True)
class PartyView:
    """What the authority knows of an enrolled party.

    `acknowledged` is the number of the bundle in use, `shows` the issuer of the leaf in use,
    `holds` the issuers of all its leaves that are neither expired nor given up, `proven` the
    authorities that its trials have shown to work both ways. A party that is `removed` is
    suspended or has left.
    """

    party: str
    acknowledged: int
    shows: str
    holds: frozenset[str]
    proven: frozenset[str]
    removed: bool = False


@dataclass(frozen=True, slots=True)
class AgencyKey:
    """A signing key of an agency; `owners` are the parties that sign with it."""

    id: str
    state: AuthorityState
    owners: frozenset[str]


@dataclass(frozen=True, slots=True)
class Obstacle:
    """What stands against a step, in one sentence, and the party that it would harm.

    An obstacle that is not `overridable` is a step left out, and not somebody who lags.
    """

    text: str
    party: str = ""
    overridable: bool = True


def next_states(state: AuthorityState) -> tuple[AuthorityState, ...]:
    """Return the states that may follow; the first is the planned one."""
    return _NEXT[state]


def may_move(authority: Authority, to: AuthorityState) -> bool:
    """Tell whether the machine has such a step at all, its gates apart."""
    return to in _NEXT[authority.state]


def move(
    authority: Authority, to: AuthorityState, authorities: Iterable[Authority]
) -> tuple[Authority, ...]:
    """Return all authorities after the step; activating one retires the one that was active."""
    return tuple(
        replace(each, state=to)
        if each.id == authority.id
        else replace(each, state=_S.RETIRING)
        if to is _S.ACTIVE and each.level is authority.level and each.state is _S.ACTIVE
        else each
        for each in authorities
    )


def obstacles(  # noqa: PLR0913  what the machine asks for, by name
    authority: Authority,
    to: AuthorityState,
    authorities: Sequence[Authority],
    parties: Sequence[PartyView],
    *,
    published_in: int = 0,
    retired_in: int = 0,
) -> tuple[Obstacle, ...]:
    """Return what stands against a step, nothing when its gate is open.

    `published_in` is the number of the first bundle that lists the authority, `retired_in` that of
    the one in which another took its place; 0 while there is none.
    """
    if not may_move(authority, to):
        return (_left_out(f"{authority.id} is {authority.state}: it cannot become {to}"),)
    return (
        *_structural(authority, to, authorities),
        *_personal(authority.id, to, awaited(parties), published_in, retired_in),
    )


def key_obstacles(
    key: AgencyKey, to: AuthorityState, parties: Sequence[PartyView], *, since: int
) -> tuple[Obstacle, ...]:
    """Return what stands against a step of a signing key.

    `since` is the number of the bundle that moved it to its present state. It is used when all can
    verify it, and removed when its owners know that another one has taken its place.
    """
    if to not in _NEXT[key.state]:
        return (_left_out(f"the key {key.id} is {key.state}: it cannot become {to}"),)
    step = (key.state, to)
    if step == (_S.ACTIVE, _S.RETIRING):
        return (_left_out(f"the key {key.id} is in use: activating another one retires it"),)
    if step not in {(_S.PUBLISHED, _S.ACTIVE), (_S.RETIRING, _S.REMOVED)}:
        return ()
    lagging = [view for view in awaited(parties) if to is _S.ACTIVE or view.party in key.owners]
    return tuple(_unacknowledged(f"the key {key.id}", lagging, since))


def awaited(parties: Iterable[PartyView]) -> list[PartyView]:
    """Return the parties that a gate waits for.

    One whose certificates have all expired cannot acknowledge anything: it comes back by an
    invitation, which brings the newest bundle.
    """
    return [view for view in parties if view.holds and not view.removed]


def carries_cross(root: str, authorities: Iterable[Authority]) -> bool:
    """Tell whether chains under a root carry its cross-certificate, beside another root.

    They do as long as somebody may trust none but the root before. The trial of a root goes
    without: it would succeed by the old root and prove nothing of the new one.
    """
    return any(
        each.level is Level.ROOT and each.id != root and each.state in STANDING
        for each in authorities
    )


def _structural(
    authority: Authority, to: AuthorityState, authorities: Sequence[Authority]
) -> Iterator[Obstacle]:
    """Tell what must be done first, whoever agrees."""
    name = authority.id
    if authority.state is _S.ACTIVE:
        yield _left_out(f"{name} is the active one: activate another {authority.level} first")
    if authority.level is Level.ISSUING:
        root = next((each for each in authorities if each.id == authority.issuer), None)
        wanted = {_S.PUBLISHED: (_S.PUBLISHED, _S.ACTIVE), _S.ACTIVE: (_S.ACTIVE,)}.get(to)
        if wanted and (root is None or root.state not in wanted):
            yield _left_out(f"{name} needs its root {authority.issuer} to be {wanted[-1]} first")
        return
    below = _below(name, authorities)
    if to is _S.ACTIVE and not any(each.state is _S.PUBLISHED for each in below):
        yield _left_out(f"{name} needs a published issuing authority under it first")
    if to in _GONE:
        for each in below:
            if each.state not in _GONE:
                yield _left_out(f"{each.id} under {name} is still {each.state}")


def _personal(
    name: str, to: AuthorityState, present: Sequence[PartyView], published_in: int, retired_in: int
) -> Iterator[Obstacle]:
    """Tell who lags, or would be left behind."""
    if to is _S.ACTIVE:
        yield from _unacknowledged(name, present, published_in)
        for view in present:
            if name not in view.proven:
                yield Obstacle(f"{view.party} has not proven {name} both ways", view.party)
    elif to is _S.REMOVED:
        for view in present:
            if name == view.shows:
                yield Obstacle(f"{view.party} shows a certificate of {name}", view.party)
            elif name in view.holds:
                yield Obstacle(f"{view.party} holds a certificate of {name}", view.party)
        # Where activation was forced, somebody may not know yet of what took its place.
        yield from _unacknowledged(name, present, retired_in)


def _unacknowledged(name: str, parties: Iterable[PartyView], number: int) -> Iterator[Obstacle]:
    for view in parties:
        if view.acknowledged < number:
            yield Obstacle(
                f"{view.party} has acknowledged bundle {view.acknowledged}, and what it needs to"
                f" know of {name} stands in bundle {number}",
                view.party,
            )


def _below(root: str, authorities: Iterable[Authority]) -> list[Authority]:
    return [each for each in authorities if each.issuer == root]


def _left_out(text: str) -> Obstacle:
    return Obstacle(text, overridable=False)
