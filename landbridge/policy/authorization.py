"""What memoranda allow: one pure function for node and gateway, refusing by default.

A field or predicate is released if a clause names the provider, dataset, requester, purpose,
subject kind and field, is in force at that time, and is not held back: while revocation data are
too old its memorandum must say to serve all the same, a person must have consented where it needs
that, and the answer must leave sealed where it says so. Among several such clauses the first one
counts, by the id of its memorandum and then by its order there. An empty list grants nothing.

    policy = Policy(memoranda)
    decision = authorize(policy, request)

A refusal names what came nearest: clauses are sifted by requester, purpose, subject kind, time,
what holds them back and field, and the reason is the sieve that none of them passed.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final

from landbridge.errors import Reason, refuse
from landbridge.memorandum.document import Memorandum
from landbridge.memorandum.grant import Grant, Quota
from landbridge.memorandum.life import Notice, Settled, Span, settle
from landbridge.policy.coverage import ALWAYS, Clause, Coverage, Epoch, Standing
from landbridge.policy.decision import (
    WHOLE_DATASET,
    AccessRequest,
    Allowance,
    Decision,
    FieldRefusal,
    Terms,
)
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
_IN_FORCE: Final = frozenset(
    {
        Reason.FIELD_NOT_COVERED,
        Reason.STALE_REVOCATION,
        Reason.CONSENT_MISSING,
        Reason.SEALING_REQUIRED,
    }
)
"""Refusals to those whom a clause in force names: what it says of disclosure holds for them."""


class Policy:
    """All clauses of a set of memoranda, laid out for look-up."""

    def __init__(self, memoranda: Iterable[Memorandum], notices: Iterable[Notice] = ()) -> None:
        """Lay out the memoranda, as they follow one another and as notices stop them.

        Raises:
            LandbridgeError: LB-4101 when two of them have the same id.
        """
        self._coverage: dict[tuple[str, str, str, str, SubjectKind], Coverage] = {}
        self._clauses: dict[tuple[str, str], list[Clause]] = {}
        self._first_of_party: dict[tuple[str, str, str], Clause] = {}
        self._first_of_requester: dict[tuple[str, str, str], Clause] = {}
        self._first_of_purpose: dict[tuple[str, str, str, str], Clause] = {}
        self._links: dict[tuple[str, str, str], list[tuple[Clause, Sequence[Span]]]] = {}
        self._releases: dict[tuple[str, ...], int] = {}
        self._predicates: dict[tuple[str, str, str], frozenset[str]] = {}
        self._quotas: dict[tuple[str, str], tuple[Quota, ...]] = {}
        ordered = sorted(memoranda, key=lambda memorandum: memorandum.id)
        for one, following in pairwise(ordered):
            if one.id == following.id:
                raise refuse(
                    Reason.MALFORMED_MEMORANDUM,
                    f"two memoranda have the id {one.id}",
                    next_step="keep the one that is meant, or give the other an id of its own",
                )
        self._settled = settle(ordered, notices)
        self.memoranda: tuple[Memorandum, ...] = self._settled.memoranda
        for memorandum in self.memoranda:
            for grant in memorandum.grants:
                self._add(self._compile(memorandum, grant))

    @property
    def settled(self) -> Settled:
        """How the memoranda follow one another, and what notices stop."""
        return self._settled

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
            for clause, spans in self._links.get((provider, requester, purpose), ())
            if any(start <= at < end for start, end in spans)
            for source in clause.memorandum.link_sources
        )

    def coverage(self, request: AccessRequest) -> Coverage | None:
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

    def steady(self, request: AccessRequest) -> Span:
        """Return from when, and until when, requests like this one are decided as at its time.

        In Unix milliseconds, the end not included.
        """
        coverage = self.coverage(request)
        return ALWAYS if coverage is None else coverage.steady(request.at)

    def predicates(self, request: AccessRequest) -> tuple[str, ...]:
        """Name the predicates that clauses in force release for the request, its fields aside."""
        coverage = self.coverage(request)
        if coverage is None:
            return ()
        epoch = coverage.standing(request.at, _standing(request))
        return tuple(name for name, clause in epoch.by_field.items() if clause.predicates)

    def known_predicates(self, provider: str, dataset: str, agency: str) -> frozenset[str]:
        """Name the predicates of a dataset in all memoranda of which an agency is a party."""
        return self._predicates.get((provider, dataset, agency), frozenset())

    def quotas(self, memorandum: str, clause: str) -> tuple[Quota, ...]:
        """Return the quotas of a clause; grants that share a clause share them."""
        return self._quotas.get((memorandum, clause), ())

    def consent_desks(self, provider: str, requester: str, purpose: str, at: int) -> frozenset[str]:
        """Agencies whose word the provider takes for a person's consent to this.

        They are those of the memoranda that hold a clause in force by which the provider releases
        anything to this requester for this purpose.
        """
        return frozenset(
            desk
            for clause, spans in self._links.get((provider, requester, purpose), ())
            if any(start <= at < end for start, end in spans)
            for desk in clause.memorandum.consent_desks
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
        terms = Terms(
            grant.quota,
            grant.sealed,
            grant.retention,
            grant.fresh_within,
            grant.needs_consent,
            grant.delayed_disclosure,
        )
        alike = (
            memorandum.id,
            grant.clause,
            legal_basis,
            repr(grant.where),
            repr(terms),
            str(bool(grant.predicates)),
        )
        return Clause(
            memorandum,
            grant,
            legal_basis,
            validity.start,
            validity.end,
            self._releases.setdefault(alike, len(self._releases)),
            terms,
            {predicate.name: predicate for predicate in grant.predicates},
        )

    def _add(self, clause: Clause) -> None:
        grant = clause.grant
        dataset = (grant.provider, grant.dataset)
        self._clauses.setdefault(dataset, []).append(clause)
        if grant.quota is not None:
            number = clause.memorandum.id, grant.clause
            quotas = self._quotas.get(number, ())
            self._quotas[number] = (*quotas, grant.quota)
        for party in clause.memorandum.parties:
            seen_by = (*dataset, party)
            self._first_of_party.setdefault(seen_by, clause)
            if clause.predicates:
                known = self._predicates.get(seen_by, frozenset())
                self._predicates[seen_by] = known | clause.predicates.keys()
        for requester in grant.requesters:
            spans = self._settled.spans(clause.memorandum, grant, requester)
            for purpose in grant.purposes:
                for kind in grant.subject_kinds:
                    key = (*dataset, requester, purpose, kind)
                    self._coverage.setdefault(key, Coverage()).add(clause, spans)
                self._first_of_purpose.setdefault((*dataset, requester, purpose), clause)
                self._links.setdefault((grant.provider, requester, purpose), []).append(
                    (clause, spans)
                )
            self._first_of_requester.setdefault((*dataset, requester), clause)


def authorize(policy: Policy, request: AccessRequest) -> Decision:
    """Decide what of a request is allowed, and say of the rest why not."""
    coverage = policy.coverage(request)
    if coverage is None:
        return Decision((), (policy.nearest_miss(request),))
    epoch = coverage.standing(request.at, _standing(request))
    decision = epoch.decisions.get(request.fields)
    if decision is None:
        decision = _decide(coverage, epoch, request.fields)
        _remember(epoch.decisions, request.fields, decision)
    return decision


def _standing(request: AccessRequest) -> Standing:
    return Standing(request.revocation_stale, request.consented, request.sealed, request.vouched_by)


def _remember(
    decisions: dict[tuple[str, ...], Decision], wanted: tuple[str, ...], decision: Decision
) -> None:
    if sum(map(len, wanted)) > _LONGEST_REMEMBERED:
        return
    if len(decisions) >= _MAX_REMEMBERED:
        decisions.clear()
    decisions[wanted] = decision


def _decide(coverage: Coverage, epoch: Epoch, wanted: tuple[str, ...]) -> Decision:
    first, held_back = epoch.first, epoch.held_back
    if first is None and held_back is not None:
        clause, reason = held_back
        return Decision((), (_refusal(WHOLE_DATASET, reason, clause),))
    if first is None:
        nearest = coverage.clauses[0]
        return Decision((), (_refusal(WHOLE_DATASET, Reason.NOT_IN_FORCE, nearest),))
    if not wanted:
        return Decision((), (_refusal(WHOLE_DATASET, Reason.FIELD_NOT_COVERED, first),))
    released: dict[int, list[str]] = {}
    clauses: dict[int, Clause] = {}
    refusals: list[FieldRefusal] = []
    for name in dict.fromkeys(wanted):
        releasing = epoch.by_field.get(name)
        if releasing is not None:
            clauses.setdefault(releasing.release, releasing)
            released.setdefault(releasing.release, []).append(name)
            continue
        nearest, reason = epoch.held_back_by_field.get(name, (first, Reason.FIELD_NOT_COVERED))
        refusals.append(_refusal(name, reason, nearest))
    allowances = tuple(
        _allowance(clauses[number], released[number], epoch) for number in sorted(released)
    )
    return Decision(allowances, tuple(refusals))


def _allowance(clause: Clause, fields: list[str], epoch: Epoch) -> Allowance:
    # Grants that release as one may hold different predicates: each is of its own grant.
    predicates = [epoch.by_field[name].predicates.get(name) for name in fields]
    grant = clause.grant
    return Allowance(
        clause.memorandum.id,
        grant.clause,
        clause.legal_basis,
        tuple(fields),
        grant.where,
        tuple(predicate for predicate in predicates if predicate is not None),
        clause.terms,
    )


def _refusal(name: str, reason: Reason, nearest: Clause | None) -> FieldRefusal:
    if nearest is None:
        return FieldRefusal(name, reason, "", "")
    delayed = nearest.terms.delayed_disclosure if reason in _IN_FORCE else None
    return FieldRefusal(name, reason, nearest.memorandum.id, nearest.grant.clause, delayed)
