"""What of a question is allowed: memoranda, consents and what predicates ask, dataset by dataset.

Nothing is read here. What a clause releases becomes an extraction, exact to the day; everything
else becomes a refusal with the reason that the requester is told.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.memorandum.grant import Predicate
from landbridge.policy.authorization import AccessRequest, authorize
from landbridge.policy.decision import OTHER_KIND, Allowance, Decision
from landbridge.subject import SubjectKind
from landbridge.v1 import answer_pb2
from node.consents import ConsentCheck, Consents
from node.expiry import Expiry
from node.predicates import bind_predicate, is_given, rules_on
from node.published import Published
from node.task import Extraction, Reading, Task

_NONE_NEEDED: Final = ConsentCheck()


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

    def judge(self, task: Task, at: int) -> None:
        """Give the task a reading for every dataset of its question.

        Raises:
            LandbridgeError: LB-1001, LB-1007 for a dataset or a field that the query does not want
                or that is not published.
        """
        task.readings.clear()
        task.consents = ()
        consent = self._check_consents(task, at)
        for name in task.question.datasets:
            published = self._published[name]
            request = self._request(task, published, consent, at)
            # What a clause calls its subjects does not change whom the records are about.
            decision = (
                authorize(task.policy, request)
                if published.kind is task.query.subject_kind
                else OTHER_KIND
            )
            reading = Reading(name, answer_pb2.DatasetAnswer(dataset=name, as_of=published.as_of))
            _add_refusals(reading, decision, consent)
            for allowance in decision.allowances:
                self._extract(task, reading, allowance)
            if (expiry := self._expiries.get(name)) is not None:
                reading.expired = expiry.expired(at)
            reading.is_read = bool(reading.extractions) and published.is_addressable(
                task.query.subject, task.aliases
            )
            task.readings.append(reading)
        if any(
            extraction.allowance.terms.consent
            for reading in task.readings
            for extraction in reading.extractions
        ):
            task.consents = consent.relied_on

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

    def _extract(self, task: Task, reading: Reading, allowance: Allowance) -> None:
        where = rules_on(allowance.where, task.day)
        if not allowance.predicates:
            reading.extractions.append(Extraction(allowance, where))
            return
        given = task.query.arguments(self._agency, reading.dataset)
        bound = []
        for predicate in allowance.predicates:
            try:
                bound.append((predicate.name, bind_predicate(predicate, given, task.day)))
            except LandbridgeError as error:
                reading.refuse_first(allowance, (predicate.name,), error.reason, error.message)
        if bound:
            kept = _keep(allowance, tuple(name for name, _ in bound))
            reading.extractions.append(Extraction(kept, where, tuple(bound)))


def _add_refusals(reading: Reading, decision: Decision, consent: ConsentCheck) -> None:
    reading.refusals.extend(decision.refusals)
    desks = consent.vouched.get(reading.dataset)
    shown = consent.refusal if desks is None else _other_desk(desks)
    if shown is None:
        return
    for position, refusal in enumerate(reading.refusals):
        if refusal.reason is Reason.CONSENT_MISSING:
            reading.refusals[position] = replace(refusal, reason=shown.reason)
            remark = f"{shown.where}: {shown.message}" if shown.where else shown.message
            if remark not in reading.remarks:
                reading.remarks.append(remark)


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
