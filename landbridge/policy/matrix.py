"""Who can see what: everything that policy releases, exactly and over all of time."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from landbridge.policy.authorization import Policy
from landbridge.policy.circumstances import standing_of, way_of
from landbridge.policy.coverage import Clause, Standing
from landbridge.policy.decision import AccessRequest
from landbridge.policy.outlook import Access, Release, accesses, releases


@dataclass(frozen=True, slots=True)
class Cell:
    """What one clause releases together to one requester for one purpose."""

    access: Access
    names: tuple[str, ...]
    """Fields or predicates."""
    start: int
    """First Unix millisecond."""
    end: int
    """First Unix millisecond after it."""
    clause: Clause
    standings: frozenset[Standing]
    """In which circumstances."""


class Matrix:
    """Everything that a policy releases."""

    def __init__(self, policy: Policy) -> None:
        self._coverages = accesses(policy)
        self._releases: Mapping[Access, Sequence[Release]] = {
            access: releases(access, coverage) for access, coverage in self._coverages.items()
        }

    def releasing(self, request: AccessRequest) -> dict[str, Clause]:
        """Return which clause releases which of the wanted names, as the matrix has it."""
        access = Access(
            request.provider,
            request.dataset,
            request.requester,
            request.purpose,
            request.subject_kind,
        )
        if access not in self._releases:
            return {}
        standing = way_of(standing_of(request), self._coverages[access].clauses)
        return {
            release.name: release.clause
            for release in self._releases[access]
            if release.name in request.fields
            and release.start <= request.at < release.end
            and standing in release.standings
        }

    def cells(self, at: int | None = None) -> Iterator[Cell]:
        """Give what is released, clause by clause; at one time, or over all of time."""
        for access in sorted(self._releases):
            together: dict[tuple[object, ...], list[Release]] = {}
            for release in self._releases[access]:
                if at is None or release.start <= at < release.end:
                    key = release.start, release.end, release.clause.release, release.standings
                    together.setdefault(key, []).append(release)
            for found in together.values():
                first = found[0]
                names = tuple(release.name for release in found)
                yield Cell(access, names, first.start, first.end, first.clause, first.standings)
