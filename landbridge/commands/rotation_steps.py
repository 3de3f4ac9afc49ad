"""Which step comes next in the rotation of a root or of the issuing authority.

Pure, and from the present states alone: a rotation that was stopped goes on from where it is,
whoever runs the command, and two administrators that run it come to the same step.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from certs.rotation import Authority
from landbridge.trust.approval import Act
from landbridge.trust.document import AuthorityState, Level

_WAITING: Final = (AuthorityState.PREPARED, AuthorityState.PUBLISHED)
_LEAVING: Final = (AuthorityState.RETIRING, AuthorityState.TAINTED)
_GONE: Final = (AuthorityState.REMOVED, AuthorityState.ABORTED)
_OF_WAITING: Final = {
    AuthorityState.PREPARED: Act.AUTHORITY_PUBLISH,
    AuthorityState.PUBLISHED: Act.AUTHORITY_ACTIVATE,
}


@dataclass(frozen=True, slots=True)
class Step:
    """One act of a rotation; `above` is the root of an authority that is to be prepared."""

    act: Act
    subject: str
    above: str = ""


def next_step(level: Level, authorities: Sequence[Authority], *, begin: bool) -> Step | None:
    """Return the step that a rotation takes next; None when nothing is left to do.

    Without `begin` no new rotation starts: what is under way is brought to its end.
    """
    if level is Level.ISSUING:
        return _issuing_step(authorities, begin=begin)
    return _root_step(authorities, begin=begin)


def next_id(level: Level, authorities: Iterable[Authority]) -> str:
    """Name the next authority of a level: numbers are never used twice."""
    numbers = [int(each.id.rpartition("-")[2]) for each in authorities if each.level is level]
    return f"{level}-{max(numbers, default=0) + 1}"


def active(level: Level, authorities: Iterable[Authority]) -> Authority:
    """Return the one authority of a level that signs."""
    return next(
        each for each in authorities if each.level is level and each.state is AuthorityState.ACTIVE
    )


def abort_step(level: Level, authorities: Sequence[Authority]) -> Step | None:
    """Return the act that gives up what is prepared or published and has signed nothing.

    Of a root's rotation the issuing authority under it goes first.
    """
    root_ids = {each.id for each in _of(Level.ROOT, authorities, _WAITING)}
    for each in reversed(_of(Level.ISSUING, authorities, _WAITING)):
        if level is Level.ISSUING or each.issuer in root_ids:
            return Step(Act.AUTHORITY_ABORT, each.id)
    waiting = _of(level, authorities, _WAITING)
    return Step(Act.AUTHORITY_ABORT, waiting[-1].id) if waiting else None


def _issuing_step(authorities: Sequence[Authority], *, begin: bool) -> Step | None:
    waiting = _of(Level.ISSUING, authorities, _WAITING)
    if waiting:
        return Step(_OF_WAITING[waiting[0].state], waiting[0].id)
    if leaving := _of(Level.ISSUING, authorities, _LEAVING):
        return Step(Act.AUTHORITY_REMOVE, leaving[0].id)
    if not begin:
        return None
    root = active(Level.ROOT, authorities)
    return Step(Act.AUTHORITY_PREPARE, next_id(Level.ISSUING, authorities), root.id)


def _root_step(authorities: Sequence[Authority], *, begin: bool) -> Step | None:
    waiting = _of(Level.ROOT, authorities, _WAITING)
    if waiting:
        return _towards(waiting[0], authorities)
    root = active(Level.ROOT, authorities)
    issuing = active(Level.ISSUING, authorities)
    if issuing.issuer != root.id:
        # The new root is active; what issues under it follows.
        under = [e for e in _of(Level.ISSUING, authorities, _WAITING) if e.issuer == root.id]
        return (
            Step(_OF_WAITING[under[0].state], under[0].id) if under else _under(root, authorities)
        )
    leaving = _of(Level.ROOT, authorities, _LEAVING)
    for old in leaving:
        below = [each for each in authorities if each.issuer == old.id]
        for each in below:
            if each.state in _LEAVING:
                return Step(Act.AUTHORITY_REMOVE, each.id)
            if each.state not in _GONE:
                return Step(Act.AUTHORITY_ABORT, each.id)
        return Step(Act.AUTHORITY_REMOVE, old.id)
    return Step(Act.AUTHORITY_PREPARE, next_id(Level.ROOT, authorities)) if begin else None


def _towards(root: Authority, authorities: Sequence[Authority]) -> Step:
    """Bring a root to be active: an issuing authority under it is published first."""
    if root.state is AuthorityState.PREPARED:
        return Step(Act.AUTHORITY_PUBLISH, root.id)
    under = [e for e in _of(Level.ISSUING, authorities, _WAITING) if e.issuer == root.id]
    if not under:
        return _under(root, authorities)
    if under[0].state is AuthorityState.PREPARED:
        return Step(Act.AUTHORITY_PUBLISH, under[0].id)
    return Step(Act.AUTHORITY_ACTIVATE, root.id)


def _under(root: Authority, authorities: Sequence[Authority]) -> Step:
    return Step(Act.AUTHORITY_PREPARE, next_id(Level.ISSUING, authorities), root.id)


def _of(
    level: Level, authorities: Iterable[Authority], states: Sequence[AuthorityState]
) -> list[Authority]:
    return [each for each in authorities if each.level is level and each.state in states]
