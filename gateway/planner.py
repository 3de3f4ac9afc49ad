"""Plans a query: which datasets to ask, and which need an identifier that must be found first."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from landbridge.errors import Reason
from landbridge.heading import IDENTIFIER
from landbridge.links import FollowedIdentifiers
from landbridge.policy.authorization import AccessRequest, Policy, authorize
from landbridge.policy.decision import OTHER_KIND, Decision
from landbridge.query import Query
from landbridge.v1 import catalogue_pb2, profile_pb2


@dataclass(frozen=True, slots=True)
class Candidate:
    """A dataset that may be asked, the schemes of its keys, and whom it is about."""

    agency: str
    dataset: str
    schemes: frozenset[str]
    subject_kind: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What to ask for a query.

    `resolvers` are the datasets that link identifiers; they are asked only if some candidate has a
    key of another scheme than the query's. `refused` are sources that no memorandum opens: they are
    not asked, so that they do not even learn of the question.
    """

    candidates: tuple[Candidate, ...]
    resolvers: tuple[Candidate, ...]
    refused: tuple[profile_pb2.Source, ...]

    def unsettled(self, followed: FollowedIdentifiers) -> frozenset[str]:
        """Return the schemes that candidates have keys of and that no link has reached yet."""
        schemes = {scheme for candidate in self.candidates for scheme in candidate.schemes}
        return frozenset(schemes - followed.by_scheme.keys())

    def schemes_of(self, agency: str) -> frozenset[str]:
        """Return the schemes of the keys by which an agency may be asked."""
        return frozenset(
            scheme
            for candidate in (*self.candidates, *self.resolvers)
            if candidate.agency == agency
            for scheme in candidate.schemes
        )

    def resolve(self, schemes: Iterable[str]) -> dict[str, list[str]]:
        """Choose the resolvers that understand one of the schemes: agency to its datasets."""
        known = frozenset(schemes)
        return _by_agency(item for item in self.resolvers if item.schemes & known)

    def collect(
        self, followed: FollowedIdentifiers
    ) -> tuple[dict[str, list[str]], list[profile_pb2.Source]]:
        """Choose the candidates that can be asked, and name those that cannot."""
        known = frozenset(scheme for scheme, ids in followed.by_scheme.items() if ids)
        unreachable = []
        for candidate in self.candidates:
            if candidate.schemes & known:
                continue
            overflowed = sorted(candidate.schemes & followed.overflowed.keys())
            names = ", ".join(overflowed or sorted(candidate.schemes))
            unreachable.append(
                profile_pb2.Source(
                    agency=candidate.agency,
                    dataset=candidate.dataset,
                    outcome=(  # type: ignore[arg-type]
                        Reason.TOO_MANY_LINKS if overflowed else Reason.NOT_ADDRESSABLE
                    ).value,
                    detail=f"the subject stands for {followed.overflowed[overflowed[0]]} {names}"
                    if overflowed
                    else f"no identifier of the subject is known in {names}",
                    not_asked=True,
                )
            )
        return _by_agency(item for item in self.candidates if item.schemes & known), unreachable


class Planner:
    """Plans queries from the agencies' catalogues and the gateway's copy of the memoranda.

    `policy` gives what the memoranda allow by the trust of this moment, `stale` tells whether the
    gateway's own revocation data are too old at a time in Unix milliseconds: it is the gateway that
    lets requesters in.
    """

    def __init__(self, policy: Callable[[], Policy], stale: Callable[[int], bool]) -> None:
        self._policy = policy
        self._stale = stale
        self._plans: dict[object, Plan] = {}
        self._second = 0

    def plan(
        self, query: Query, catalogues: Mapping[str, catalogue_pb2.Catalogue | None], at: int
    ) -> Plan:
        """Plan a query at a time in Unix milliseconds; an unknown catalogue plans nothing.

        Plans are kept for one second, the grain of a memorandum's validity.
        """
        if at // 1000 != self._second:
            self._plans.clear()
            self._second = at // 1000
        policy, stale = self._policy(), self._stale(at)
        key = (
            policy,
            stale,
            query.requester,
            query.purpose,
            query.subject_kind,
            query.wanted,
            bool(query.consents),
            bool(query.seal_to),
            tuple(catalogues),
            tuple(map(id, catalogues.values())),
        )
        plan = self._plans.get(key)
        if plan is None:
            judge = _Judge(policy, query, at, stale)
            plan = self._plans[key] = _make(judge, catalogues)
        return plan


@dataclass(frozen=True, slots=True)
class _Judge:
    """What policy says of one query at one time."""

    policy: Policy
    query: Query
    at: int
    stale: bool

    def linking(self, candidate: Candidate, identifiers: tuple[str, ...]) -> bool:
        """Whether a dataset may be asked for links between identifiers."""
        # The gateway goes by links itself, so that no clause gives them which gives sealed alone.
        request = self._request(candidate, identifiers, sealed=False)
        return bool(self._decide(candidate, request).allowances)

    def refusal(
        self, candidate: Candidate, wanted: tuple[str, ...], published: tuple[str, ...]
    ) -> profile_pb2.Source | None:
        """Say why a dataset is not asked for what is wanted, or for all; None where it is."""
        request = self._request(candidate, wanted, sealed=bool(self.query.seal_to))
        if not wanted:
            everything = (*published, *self.policy.predicates(request))
            request = replace(request, fields=everything)
        decision = self._decide(candidate, request)
        if decision.allowances:
            return None
        nearest = decision.refusals[0] if decision.refusals else None
        reason = nearest.reason if nearest else Reason.NOT_COVERED
        return profile_pb2.Source(
            agency=candidate.agency,
            dataset=candidate.dataset,
            outcome=reason.value,  # type: ignore[arg-type]
            not_asked=True,
            memorandum=nearest.memorandum if nearest else "",
            clause=nearest.clause if nearest else "",
        )

    def _request(
        self, candidate: Candidate, fields: tuple[str, ...], *, sealed: bool
    ) -> AccessRequest:
        query = self.query
        return AccessRequest(
            provider=candidate.agency,
            dataset=candidate.dataset,
            requester=query.requester,
            purpose=query.purpose,
            subject_kind=query.subject_kind,
            fields=fields,
            at=self.at,
            revocation_stale=self.stale,
            # Whether what is shown is a consent to just this, the node decides.
            consented=bool(query.consents),
            sealed=sealed,
        )

    def _decide(self, candidate: Candidate, request: AccessRequest) -> Decision:
        same_kind = candidate.subject_kind == self.query.subject_kind.number
        return authorize(self.policy, request) if same_kind else OTHER_KIND


def _make(judge: _Judge, catalogues: Mapping[str, catalogue_pb2.Catalogue | None]) -> Plan:
    candidates, resolvers, refused = [], [], []
    for agency, catalogue in catalogues.items():
        for dataset in catalogue.datasets if catalogue else ():
            candidate = Candidate(
                agency,
                dataset.name,
                frozenset(key.scheme for key in dataset.keys),
                dataset.subject_kind,
            )
            identifiers = tuple(field.name for field in dataset.fields if field.type == IDENTIFIER)
            if dataset.links and judge.linking(candidate, identifiers):
                resolvers.append(candidate)
            wanted = judge.query.fields_wanted(agency, dataset.name)
            if wanted is None:
                continue
            published = tuple(field.name for field in dataset.fields)
            refusal = judge.refusal(candidate, wanted, published)
            if refusal is None:
                candidates.append(candidate)
            else:
                refused.append(refusal)
    return Plan(tuple(candidates), tuple(resolvers), tuple(refused))


def _by_agency(candidates: Iterable[Candidate]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for candidate in candidates:
        found.setdefault(candidate.agency, []).append(candidate.dataset)
    return found
