"""What of a question is allowed: memoranda, consents and what predicates ask, dataset by dataset.

Nothing is read here. What a clause releases becomes an extraction, exact to the day; everything
else becomes a refusal with the reason that the requester is told.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.memorandum.grant import Predicate
from landbridge.memorandum.life import Span
from landbridge.policy.authorization import AccessRequest, authorize
from landbridge.policy.decision import OTHER_KIND, Allowance, Decision, FieldRefusal
from landbridge.query import Query
from landbridge.subject import SubjectKind
from node.consents import ConsentCheck, Consents
from node.expiry import Expiry
from node.judgements import Judgement, Judgements
from node.predicates import bind_predicate, is_given, rules_on
from node.published import Published
from node.task import Reading, Task, refusals_of
from node.verdict import Release, Verdict

_NONE_NEEDED: Final = ConsentCheck()
_LONGEST_REMEMBERED: Final = 4096
"""Letters of all wanted fields."""


class Judge:
    """Decides what of a question the agency answers.

    `stale` tells whether revocation data are too old at a time in Unix milliseconds. `expiries` are
    the terms after which records are not read any more, by dataset.
    """

    def __init__(
        self,
        agency: str,
        published: Mapping[str, Published],
        consents: Consents,
        stale: Callable[[int], bool],
        expiries: Mapping[str, Expiry] = MappingProxyType({}),
    ) -> None:
        self._agency = agency
        self._published = published
        self._consents = consents
        self._stale = stale
        self._expiries = expiries
        self._judgements = Judgements()

    def judge(self, task: Task, at: int) -> None:
        """Give the task a reading for every dataset of its question.

        Raises:
            LandbridgeError: LB-1001, LB-1007 for a dataset or a field that the query does not want
                or that is not published.
        """
        task.readings, task.consents = [], ()
        if task.query.consents:
            consent = self._check_consents(task, at)
            verdicts = tuple(self._decide(task, name, consent, at) for name in task.datasets)
            if any(
                release.allowance.terms.consent
                for verdict in verdicts
                for release in verdict.releases
            ):
                task.consents = consent.relied_on
        else:
            verdicts = self._alike(task, at)
        asked, aliases = task.query.subject, task.aliases
        task.readings = [
            Reading.of(
                verdict,
                is_read=bool(verdict.releases)
                and self._published[verdict.dataset].is_addressable(asked, aliases),
            )
            for verdict in verdicts
        ]

    def _alike(self, task: Task, at: int) -> tuple[Verdict, ...]:
        """Return the verdicts on a question without consents, made once for all that are alike.

        Policy, moment and key hold everything that they follow from, but for the time at which
        clauses begin or end: each judgement knows until when it holds.
        """
        query = task.query
        days = tuple(expiry.day(at) for expiry in self._expiries.values()) if self._expiries else ()
        known = self._judgements.of(task.policy, (task.day, self._stale(at), days))
        key: Hashable = (
            (query.alike, task.datasets, task.step)
            if query.alike is not None
            else (
                query.requester,
                query.purpose,
                query.subject_kind,
                query.wanted,
                task.datasets,
                task.step,
                task.sealed,
            )
        )
        judgement = known.find(key, at)
        if judgement is None:
            verdicts = tuple(self._decide(task, name, _NONE_NEEDED, at) for name in task.datasets)
            judgement = Judgement(verdicts, self._steady(task, at))
            if _is_worth_keeping(query):
                known.keep(key, judgement)
        return judgement.verdicts

    def _steady(self, task: Task, at: int) -> Span:
        """Return from when, and until when, no clause on the question begins or ends."""
        spans = [
            task.policy.steady(self._request(task, self._published[name], _NONE_NEEDED, at))
            for name in task.datasets
        ]
        starts, ends = zip(*spans, strict=True) if spans else ((at,), (at + 1,))
        return max(starts), min(ends)

    def _decide(self, task: Task, name: str, consent: ConsentCheck, at: int) -> Verdict:
        """Judge one dataset of a question."""
        published = self._published[name]
        request = self._request(task, published, consent, at)
        # What a clause calls its subjects does not change whom the records are about.
        decision = (
            authorize(task.policy, request)
            if published.kind is task.query.subject_kind
            else OTHER_KIND
        )
        expiry = self._expiries.get(name)
        expired = None if expiry is None else expiry.expired(at)
        refusals, remarks = _refusals(name, decision, consent)
        releases: list[Release] = []
        for allowance in decision.allowances:
            where = rules_on(allowance.where, task.day)
            if not allowance.predicates:
                releases.append(Release(name, allowance, where, (), expired))
                continue
            bound = []
            given = task.query.arguments(self._agency, name)
            for predicate in allowance.predicates:
                try:
                    bound.append((predicate.name, bind_predicate(predicate, given, task.day)))
                except LandbridgeError as error:
                    refusals[:0] = refusals_of(allowance, (predicate.name,), error.reason)
                    if error.message not in remarks:
                        remarks.append(error.message)
            if bound:
                kept = _keep(allowance, tuple(predicate for predicate, _ in bound))
                releases.append(Release(name, kept, where, tuple(bound), expired))
        return Verdict(
            name,
            tuple(releases),
            tuple(refusals),
            remarks=tuple(remarks),
            as_of=published.as_of,
            expired=expired,
        )

    def still_holds(self, task: Task) -> bool:
        """Whether no consent that a task relies on has ended since."""
        try:
            self._consents.check_revocations(task.consents)
        except LandbridgeError:
            return False
        return True

    def _check_consents(self, task: Task, at: int) -> ConsentCheck:
        query = task.query
        if query.subject_kind is not SubjectKind.NATURAL_PERSON:
            return _NONE_NEEDED
        desks = task.policy.consent_desks(self._agency, query.requester, query.purpose, at)
        return self._consents.check(query, provider=self._agency, desks=desks, at=at)

    def _request(
        self, task: Task, published: Published, consent: ConsentCheck, at: int
    ) -> AccessRequest:
        query = task.query
        vouched_by = consent.vouched.get(published.name)
        named = () if task.resolving else self._named(task, published)
        request = AccessRequest(
            provider=self._agency,
            dataset=published.name,
            requester=query.requester,
            purpose=query.purpose,
            subject_kind=query.subject_kind,
            fields=published.identifiers if task.resolving else named or published.fields,
            at=at,
            revocation_stale=self._stale(at),
            consented=vouched_by is not None,
            sealed=task.sealed,
            vouched_by=vouched_by,
        )
        if named or task.resolving or not self._known(task, published):
            return request
        return replace(request, fields=(*request.fields, *self._answerable(task, request)))

    def _known(self, task: Task, published: Published) -> frozenset[str]:
        """Name the predicates that the requester may know."""
        return task.policy.known_predicates(self._agency, published.name, task.query.requester)

    def _named(self, task: Task, published: Published) -> tuple[str, ...]:
        """Return what a query wants of a dataset by name; nothing where it wants everything."""
        wanted = task.query.fields_wanted(self._agency, published.name)
        if wanted is None:
            raise refuse(
                Reason.MALFORMED_REQUEST, f"the query does not want {self._agency}/{published.name}"
            )
        for name in wanted:
            if name not in published.fields and name not in self._known(task, published):
                raise refuse(
                    Reason.UNKNOWN_FIELD,
                    f"{self._agency}/{published.name} has no field {name[:100]!r}",
                )
        return wanted

    def _answerable(self, task: Task, request: AccessRequest) -> tuple[str, ...]:
        """Name the predicates that a query wants which wants everything."""
        names = task.policy.predicates(request)
        if not names:
            return ()
        given = task.query.arguments(self._agency, request.dataset)
        decision = authorize(task.policy, replace(request, fields=names))
        return tuple(
            predicate.name
            for allowance in decision.allowances
            for predicate in allowance.predicates
            if is_given(predicate, given)
        )


def _refusals(
    dataset: str, decision: Decision, consent: ConsentCheck
) -> tuple[list[FieldRefusal], list[str]]:
    """Return what a decision refuses, and what a reader should hear of a consent that is shown."""
    refusals = list(decision.refusals)
    remarks: list[str] = []
    desks = consent.vouched.get(dataset)
    shown = consent.refusal if desks is None else _other_desk(desks)
    if shown is None:
        return refusals, remarks
    for position, refusal in enumerate(refusals):
        if refusal.reason is Reason.CONSENT_MISSING:
            refusals[position] = replace(refusal, reason=shown.reason)
            remark = f"{shown.where}: {shown.message}" if shown.where else shown.message
            if remark not in remarks:
                remarks.append(remark)
    return refusals, remarks


def _is_worth_keeping(query: Query) -> bool:
    """Whether others may ask the same: what requesters make up cannot fill the memory."""
    return not any(wanted.arguments for wanted in query.wanted) and (
        sum(len(name) for wanted in query.wanted for name in wanted.fields) <= _LONGEST_REMEMBERED
    )


def _other_desk(desks: Iterable[str]) -> LandbridgeError:
    return refuse(
        Reason.CONSENT_REFUSED,
        f"the memorandum does not take the word of {', '.join(sorted(desks))} for a person's"
        " consent",
    )


def _keep(allowance: Allowance, names: tuple[str, ...]) -> Allowance:
    """Return the allowance with these of its predicates alone."""
    if len(names) == len(allowance.predicates):
        return allowance
    kept: tuple[Predicate, ...] = tuple(
        predicate for predicate in allowance.predicates if predicate.name in names
    )
    return replace(allowance, fields=names, predicates=kept)
