"""In which ways requests can differ beside their time, as far as clauses tell them apart.

Revocation data may be too old; the person may have consented, by the word of one desk or several;
the answer may be sealed. What no clause asks for makes no difference.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations, product
from typing import Final

from landbridge.policy.coverage import Clause, Standing
from landbridge.policy.decision import AccessRequest

_MAX_DESKS: Final = 8
"""Beyond so many desks whose word opens different clauses, they are looked at one by one."""


def ways(clauses: Iterable[Clause]) -> list[Standing]:
    """Return every way in which a request can be, with any of these clauses."""
    consents: list[tuple[bool, frozenset[str] | None]] = [(False, None), (True, None)]
    consents += ((True, desks) for desks in _words(clauses))
    return [
        Standing(stale, consented, sealed, desks)
        for stale, (consented, desks), sealed in product((False, True), consents, (False, True))
    ]


def alike(clauses: Sequence[Clause]) -> dict[Standing, list[Standing]]:
    """Group the ways between which no clause makes a difference, each group by its first."""
    groups: dict[tuple[bool, ...], list[Standing]] = {}
    for standing in ways(clauses):
        released = tuple(clause.held_back(standing) is None for clause in clauses)
        groups.setdefault(released, []).append(standing)
    return {group[0]: group for group in groups.values()}


def standing_of(request: AccessRequest) -> Standing:
    """Return what a request is like, beside its time."""
    return Standing(request.revocation_stale, request.consented, request.sealed, request.vouched_by)


def way_of(standing: Standing, clauses: Iterable[Clause]) -> Standing:
    """Return the one among `ways` that a request is like."""
    stale, consented, sealed, vouched_by = standing
    if not consented or vouched_by is None:
        return Standing(stale, consented, sealed)
    accepted = _accepted(clauses)
    shown = vouched_by & frozenset().union(*accepted)
    if not shown:
        return Standing(stale, consented=False, sealed=sealed)
    return Standing(stale, consented, sealed, shown if len(accepted) > 1 else None)


def _words(clauses: Iterable[Clause]) -> Iterator[frozenset[str]]:
    """Give the sets of desks whose word may open some clauses and not others."""
    accepted = _accepted(clauses)
    if len(accepted) < 2:  # noqa: PLR2004 - one set makes no difference
        return
    desks = sorted(frozenset().union(*accepted))
    sizes = range(1, len(desks) + 1) if len(desks) <= _MAX_DESKS else (1,)
    for size in sizes:
        yield from map(frozenset, combinations(desks, size))


def _accepted(clauses: Iterable[Clause]) -> set[frozenset[str]]:
    return {
        frozenset(clause.memorandum.consent_desks)
        for clause in clauses
        if clause.grant.needs_consent
    }
