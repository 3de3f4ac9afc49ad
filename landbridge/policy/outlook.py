"""What policy releases over all of time, and in which circumstances: for matrix and difference.

It asks the same epochs as `authorize` (`landbridge.policy.coverage`), for each way in which a
request can be: whether revocation data are too old, the person consented, the answer is sealed.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

from landbridge.policy.authorization import Policy
from landbridge.policy.circumstances import alike
from landbridge.policy.coverage import Clause, Coverage, Standing
from landbridge.policy.decision import AccessRequest
from landbridge.subject import SubjectKind


class Access(NamedTuple):
    """Who reads which dataset of whom, why and about what kind of subject."""

    provider: str
    dataset: str
    requester: str
    purpose: str
    subject_kind: SubjectKind


@dataclass(frozen=True, slots=True)
class Release:
    """One field or predicate, while one clause releases it."""

    access: Access
    name: str
    start: int
    """First Unix millisecond."""
    end: int
    """First Unix millisecond after it."""
    clause: Clause
    standings: frozenset[Standing]
    """In which circumstances."""


def accesses(policy: Policy) -> dict[Access, Coverage]:
    """Return everything that some clause names, in or out of force, in the clauses' order."""
    found: dict[Access, Coverage] = {}
    for memorandum in policy.memoranda:
        for grant in memorandum.grants:
            for requester, purpose, kind in product(
                grant.requesters, grant.purposes, grant.subject_kinds
            ):
                access = Access(grant.provider, grant.dataset, requester, purpose, kind)
                if access not in found:
                    coverage = policy.coverage(AccessRequest(*access, fields=(), at=0))
                    if coverage is not None:
                        found[access] = coverage
    return found


def releases(access: Access, coverage: Coverage) -> list[Release]:
    """Return what is released, by whom and when, in order of time and then of the clauses."""
    found: dict[tuple[str, int, int, Clause], set[Standing]] = {}
    for like, standings in alike(coverage.clauses).items():
        for name, start, end, clause in _stretches(coverage, like):
            found.setdefault((name, start, end, clause), set()).update(standings)
    return sorted(
        (
            Release(access, name, start, end, clause, frozenset(standings))
            for (name, start, end, clause), standings in found.items()
        ),
        key=lambda release: (release.start, release.end, release.clause.release),
    )


def releasing(coverage: Coverage | None, at: int, standing: Standing) -> Mapping[str, Clause]:
    """Return which clause releases each field or predicate at a time in Unix milliseconds."""
    return {} if coverage is None else coverage.standing(at, standing).by_field


def _stretches(coverage: Coverage, standing: Standing) -> Iterator[tuple[str, int, int, Clause]]:
    """Give each name with the clause that releases it, while that stays the same."""
    running: dict[str, tuple[int, Clause]] = {}
    # At the last of these times everything has ended.
    for time in coverage.times:
        now = releasing(coverage, time, standing)
        for name, (since, clause) in list(running.items()):
            if now.get(name) is not clause:
                yield name, since, time, clause
                del running[name]
        for name, clause in now.items():
            running.setdefault(name, (time, clause))
