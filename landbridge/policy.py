"""What memoranda allow: one pure function for node and gateway, refusing by default.

A field is released if a clause names the provider, dataset, requester, purpose, subject kind and
field, and is in force at that time. Among several such clauses the first one counts, by the id of
its memorandum and then by its order there. An empty list grants nothing.

    policy = Policy(memoranda)
    decision = authorize(policy, request)

A refusal names what came nearest: clauses are sifted by requester, purpose, subject kind, time and
field, and the reason is the sieve that none of them passed.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, NamedTuple

from landbridge.decision import WHOLE_DATASET, AccessRequest, Allowance, Decision, FieldRefusal
from landbridge.errors import Reason, refuse
from landbridge.memorandum import Grant, Memorandum
from landbridge.subject import SubjectKind

__all__ = [
    "WHOLE_DATASET",
    "AccessRequest",
    "Allowance",
    "Clause",
    "Decision",
    "FieldRefusal",
    "Policy",
    "authorize",
]

_MAX_REMEMBERED: Final = 64
_LONGEST_REMEMBERED: Final = 4096
"""Letters of all wanted fields; so that names which a requester makes up cannot fill the memory."""


@dataclass(frozen=True, slots=True, eq=False)
class Clause:
    """A grant with what it takes from its memorandum."""

    memorandum: Memorandum
    grant: Grant
    legal_basis: str
    start: int
    """First Unix millisecond in force."""
    end: int
    """First Unix millisecond no longer in force."""
    release: int
    """Clauses with the same number release as one: same memorandum, clause, basis and rows."""


class _Epoch(NamedTuple):
    """What is in force between two points in time at which something changes."""

    first: Clause | None
    by_field: dict[str, Clause]
    decisions: dict[tuple[str, ...], Decision]
    """Decisions that were made already, by the wanted fields."""


class _Coverage:
    """The clauses for one provider, dataset, requester, purpose and subject kind, in order."""

    __slots__ = ("_epochs", "_times", "clauses")

    def __init__(self) -> None:
        self.clauses: list[Clause] = []
        self._times: list[int] = []
        self._epochs: dict[int, _Epoch] = {}

    def add(self, clause: Clause) -> None:
        self.clauses.append(clause)
        self._times = sorted({*self._times, clause.start, clause.end})

    def in_force(self, at: int) -> _Epoch:
        number = bisect_right(self._times, at)
        epoch = self._epochs.get(number)
        if epoch is None:
            # Few epochs are ever asked for, so that each is laid out when it first is.
            epoch = self._epochs[number] = self._lay_out(at)
        return epoch

    def _lay_out(self, at: int) -> _Epoch:
        standing = [clause for clause in self.clauses if clause.start <= at < clause.end]
        by_field: dict[str, Clause] = {}
        for clause in standing:
            for name in clause.grant.fields:
                by_field.setdefault(name, clause)
        return _Epoch(standing[0] if standing else None, by_field, {})


class Policy:
    """All clauses of a set of memoranda, laid out for look-up."""

    def __init__(self, memoranda: Iterable[Memorandum]) -> None:
        """Lay out the memoranda.

        Raises:
            LandbridgeError: LB-4101 when two of them have the same id.
        """
        self._coverage: dict[tuple[str, str, str, str, SubjectKind], _Coverage] = {}
        self._clauses: dict[tuple[str, str], list[Clause]] = {}
        self._first_of_party: dict[tuple[str, str, str], Clause] = {}
        self._first_of_requester: dict[tuple[str, str, str], Clause] = {}
        self._first_of_purpose: dict[tuple[str, str, str, str], Clause] = {}
        self._links: dict[tuple[str, str, str], list[Clause]] = {}
        self._releases: dict[tuple[str, ...], int] = {}
        ordered = sorted(memoranda, key=lambda memorandum: memorandum.id)
        for one, following in pairwise(ordered):
            if one.id == following.id:
                raise refuse(
                    Reason.MALFORMED_MEMORANDUM,
                    f"two memoranda have the id {one.id}",
                    next_step="keep the one that is meant, or give the other an id of its own",
                )
        for memorandum in ordered:
            for grant in memorandum.grants:
                self._add(self._compile(memorandum, grant))

    def clauses(self, provider: str, dataset: str) -> Sequence[Clause]:
        """Every clause on a dataset, in or out of force, in order."""
        return self._clauses.get((provider, dataset), ())

    def datasets(self, provider: str) -> list[str]:
        """Every dataset of a provider that a clause names."""
        return [dataset for owner, dataset in self._clauses if owner == provider]

    def link_sources(self, provider: str, requester: str, purpose: str, at: int) -> frozenset[str]:
        """Datasets, as `agency/dataset`, whose identifier links the provider accepts.

        They are those of the memoranda that hold a clause in force by which the provider releases
        anything to this requester for this purpose.
        """
        return frozenset(
            source
            for clause in self._links.get((provider, requester, purpose), ())
            if clause.start <= at < clause.end
            for source in clause.memorandum.link_sources
        )

    def coverage(self, request: AccessRequest) -> _Coverage | None:
        """The clauses that name everything of the request but time and fields."""
        return self._coverage.get(
            (
                request.provider,
                request.dataset,
                request.requester,
                request.purpose,
                request.subject_kind,
            )
        )

    def nearest_miss(self, request: AccessRequest) -> FieldRefusal:
        """Why no clause names requester, purpose and subject kind of the request together."""
        dataset = (request.provider, request.dataset)
        asking = (*dataset, request.requester)
        if (clause := self._first_of_purpose.get((*asking, request.purpose))) is not None:
            return _refusal(WHOLE_DATASET, Reason.SUBJECT_KIND_NOT_COVERED, clause)
        if (clause := self._first_of_requester.get(asking)) is not None:
            return _refusal(WHOLE_DATASET, Reason.PURPOSE_NOT_COVERED, clause)
        if dataset in self._clauses:
            nearest = self._first_of_party.get(asking)
            return _refusal(WHOLE_DATASET, Reason.REQUESTER_NOT_COVERED, nearest)
        return _refusal(WHOLE_DATASET, Reason.NOT_COVERED, None)

    def _compile(self, memorandum: Memorandum, grant: Grant) -> Clause:
        validity = memorandum.validity_of(grant)
        legal_basis = memorandum.legal_basis_of(grant)
        alike = (memorandum.id, grant.clause, legal_basis, repr(grant.where))
        return Clause(
            memorandum,
            grant,
            legal_basis,
            validity.start,
            validity.end,
            self._releases.setdefault(alike, len(self._releases)),
        )

    def _add(self, clause: Clause) -> None:
        grant = clause.grant
        dataset = (grant.provider, grant.dataset)
        self._clauses.setdefault(dataset, []).append(clause)
        for party in clause.memorandum.parties:
            self._first_of_party.setdefault((*dataset, party), clause)
        for requester in grant.requesters:
            for purpose in grant.purposes:
                for kind in grant.subject_kinds:
                    key = (*dataset, requester, purpose, kind)
                    self._coverage.setdefault(key, _Coverage()).add(clause)
                self._first_of_purpose.setdefault((*dataset, requester, purpose), clause)
                self._links.setdefault((grant.provider, requester, purpose), []).append(clause)
            self._first_of_requester.setdefault((*dataset, requester), clause)


def authorize(policy: Policy, request: AccessRequest) -> Decision:
    """Decide what of a request is allowed, and say of the rest why not."""
    coverage = policy.coverage(request)
    if coverage is None:
        return Decision((), (policy.nearest_miss(request),))
    epoch = coverage.in_force(request.at)
    decision = epoch.decisions.get(request.fields)
    if decision is None:
        decision = _decide(coverage, epoch, request.fields)
        _remember(epoch.decisions, request.fields, decision)
    return decision


def _remember(
    decisions: dict[tuple[str, ...], Decision], wanted: tuple[str, ...], decision: Decision
) -> None:
    if sum(map(len, wanted)) > _LONGEST_REMEMBERED:
        return
    if len(decisions) >= _MAX_REMEMBERED:
        decisions.clear()
    decisions[wanted] = decision


def _decide(coverage: _Coverage, epoch: _Epoch, wanted: tuple[str, ...]) -> Decision:
    first = epoch.first
    if first is None:
        nearest = coverage.clauses[0]
        return Decision((), (_refusal(WHOLE_DATASET, Reason.NOT_IN_FORCE, nearest),))
    if not wanted:
        return Decision((), (_refusal(WHOLE_DATASET, Reason.FIELD_NOT_COVERED, first),))
    released: dict[int, list[str]] = {}
    clauses: dict[int, Clause] = {}
    refusals: list[FieldRefusal] = []
    for name in dict.fromkeys(wanted):
        clause = epoch.by_field.get(name)
        if clause is None:
            refusals.append(_refusal(name, Reason.FIELD_NOT_COVERED, first))
        else:
            clauses.setdefault(clause.release, clause)
            released.setdefault(clause.release, []).append(name)
    allowances = tuple(_allowance(clauses[number], released[number]) for number in sorted(released))
    return Decision(allowances, tuple(refusals))


def _allowance(clause: Clause, fields: list[str]) -> Allowance:
    grant = clause.grant
    return Allowance(
        clause.memorandum.id, grant.clause, clause.legal_basis, tuple(fields), grant.where
    )


def _refusal(name: str, reason: Reason, nearest: Clause | None) -> FieldRefusal:
    if nearest is None:
        return FieldRefusal(name, reason, "", "")
    return FieldRefusal(name, reason, nearest.memorandum.id, nearest.grant.clause)
