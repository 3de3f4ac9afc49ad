"""Answers questions: the node's whole job, step by step."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from google.protobuf.message import DecodeError

from landbridge.clock import Clock
from landbridge.envelope import (
    ANSWER_TYPE,
    QUERY_TYPE,
    BatchVerifier,
    EvidenceVerifier,
    digest,
    evidence_to_proto,
)
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.federation import Federation
from landbridge.links import IDENTIFIER, FollowedIdentifiers, LinkingRecord, linking_records
from landbridge.log.pseudonym import Pseudonyms
from landbridge.log.store import LogStore
from landbridge.policy import AccessRequest, Allowance, Decision, FieldRefusal, Policy, authorize
from landbridge.query import Query, check_query, read_query
from landbridge.replay import ReplayGuard
from landbridge.subject import SubjectId
from landbridge.v1 import answer_pb2, catalogue_pb2, envelope_pb2, log_pb2, query_pb2
from node.sources.lookup import Lookup
from node.sources.source import Source

_STEPS = (query_pb2.STEP_RESOLVE, query_pb2.STEP_COLLECT)


@dataclass(slots=True)
class _Reading:
    """One dataset of one question on its way through the steps."""

    dataset: str
    decision: Decision
    answer: answer_pb2.DatasetAnswer
    allowances: list[tuple[Allowance, int]] = field(default_factory=list)


@dataclass(slots=True)
class _Task:
    """One question on its way through the steps."""

    question: query_pb2.Question
    query: Query
    query_digest: bytes
    aliases: tuple[SubjectId, ...] = ()
    unproven: int = 0
    readings: list[_Reading] = field(default_factory=list)


class Responder:
    """Answers what the agency's own signed memoranda allow, and nothing else.

    Thread-safe: several batches may be answered at once.
    """

    def __init__(  # noqa: PLR0913  built once, by name
        self,
        *,
        agency: str,
        federation: Federation,
        catalogue: catalogue_pb2.Catalogue,
        policy: Policy,
        source: Source,
        log: LogStore,
        pseudonyms: Pseudonyms,
        queries: BatchVerifier,
        evidence: EvidenceVerifier,
        replay: ReplayGuard,
        clock: Clock,
    ) -> None:
        self._agency = agency
        self._federation = federation
        self._datasets = {dataset.name: dataset for dataset in catalogue.datasets}
        self._fields = {
            dataset.name: tuple(field.name for field in dataset.fields)
            for dataset in catalogue.datasets
        }
        self._identifiers = {
            dataset.name: tuple(field.name for field in dataset.fields if field.type == IDENTIFIER)
            for dataset in catalogue.datasets
        }
        self._policy = policy
        self._source = source
        self._log = log
        self._pseudonyms = pseudonyms
        self._queries = queries
        self._evidence = evidence
        self._replay = replay
        self._lock = threading.Lock()
        self._clock = clock

    def answer(
        self, questions: Sequence[query_pb2.Question]
    ) -> list[envelope_pb2.Envelope | LandbridgeError]:
        """Answer a batch of questions, each on its own; one result a question, in order.

        The steps: verify the query, prove the aliases, authorize, refuse replay, fetch, log, sign.
        A refusal by policy is a signed answer; a question that cannot be trusted is an error.
        Nothing leaves before its log entry is durable.
        """
        now = self._clock()
        results: list[envelope_pb2.Envelope | LandbridgeError | None] = [None] * len(questions)
        tasks: list[tuple[int, _Task]] = []
        for position, question in enumerate(questions):
            try:
                task = self._verify(question, now)
                self._prove_aliases(task)
                self._authorize(task, now)
                self._refuse_replay(task, now)
            except LandbridgeError as error:
                results[position] = error
            else:
                tasks.append((position, task))
        self._fetch([task for _, task in tasks])
        for (position, task), outcome in zip(
            tasks, self._log_and_sign([task for _, task in tasks], now), strict=True
        ):
            results[position] = outcome
            if isinstance(outcome, LandbridgeError):
                with self._lock:
                    self._replay.forget(task.query_digest, task.question.step, task.question.round)
        return [result for result in results if result is not None]

    def _verify(self, question: query_pb2.Question, now: int) -> _Task:
        signer = self._queries.verify(question.query, QUERY_TYPE)
        query = read_query(question.query.payload)
        check_query(query, signer=signer, federation=self._federation, at=now)
        if question.step not in _STEPS or not (
            1 <= question.round <= self._federation.limits.max_rounds
        ):
            raise refuse(Reason.MALFORMED_REQUEST, "the question has no valid step and round")
        unknown = [name for name in question.datasets if name not in self._datasets]
        if unknown:
            raise refuse(
                Reason.UNKNOWN_DATASET, f"{self._agency} publishes no dataset {unknown[0][:100]!r}"
            )
        return _Task(question, query, digest(QUERY_TYPE, question.query.payload))

    def _refuse_replay(self, task: _Task, now: int) -> None:
        with self._lock:
            self._replay.admit(
                task.query_digest,
                task.question.step,
                task.question.round,
                expires_at=task.query.expires_at,
                at=now,
            )

    def _prove_aliases(self, task: _Task) -> None:
        """Keep the aliases that follow from links which this agency's memoranda accept."""
        question, query = task.question, task.query
        if not question.aliases:
            return
        accepted = self._policy.link_sources(
            self._agency, query.requester, query.purpose, self._clock()
        )
        rounds: dict[int, list[LinkingRecord]] = {}
        for envelope in question.links:
            verified = self._evidence.verify(envelope, ANSWER_TYPE)
            try:
                answer = answer_pb2.Answer.FromString(envelope.payload)
            except DecodeError as error:
                raise refuse(Reason.MALFORMED_REQUEST, "a link is not an answer") from error
            if (
                answer.query_digest != task.query_digest
                or answer.agency != verified.agency
                or answer.step != query_pb2.STEP_RESOLVE
            ):
                raise refuse(Reason.MISMATCHED_ANSWER, "a link answers another query")
            rounds.setdefault(answer.round, []).extend(
                record
                for record in linking_records(answer)
                if f"{record.agency}/{record.dataset}" in accepted
            )
        followed = FollowedIdentifiers(
            query.subject, self._federation.schemes, self._federation.limits.max_links
        )
        for number in sorted(rounds):
            followed.add_round(rounds[number])
        proven = set(followed.aliases)
        asked = [SubjectId(alias.scheme, alias.value) for alias in question.aliases]
        task.aliases = tuple(alias for alias in asked if alias in proven)
        task.unproven = len(asked) - len(task.aliases)

    def _authorize(self, task: _Task, now: int) -> None:
        query = task.query
        resolving = task.question.step == query_pb2.STEP_RESOLVE
        for name in task.question.datasets:
            wanted = query.fields_wanted(self._agency, name)
            if resolving:
                fields = self._identifiers[name]
            elif wanted is None:
                raise refuse(
                    Reason.MALFORMED_REQUEST,
                    f"the query does not want the dataset {name}",
                    where=self._agency,
                )
            else:
                fields = wanted or self._fields[name]
                self._check_fields(name, fields)
            decision = authorize(
                self._policy,
                AccessRequest(
                    provider=self._agency,
                    dataset=name,
                    requester=query.requester,
                    purpose=query.purpose,
                    subject_kind=query.subject_kind,
                    fields=fields,
                    at=now,
                ),
            )
            answer = answer_pb2.DatasetAnswer(dataset=name, as_of=self._datasets[name].as_of)
            if not resolving or not decision.allowances:
                answer.refusals.extend(_refusal(item) for item in decision.refusals)
            task.readings.append(_Reading(name, decision, answer))

    def _check_fields(self, dataset: str, fields: tuple[str, ...]) -> None:
        known = self._fields[dataset]
        for name in fields:
            if name not in known:
                raise refuse(
                    Reason.UNKNOWN_FIELD,
                    f"{self._agency}/{dataset} has no field {name[:100]!r}",
                )

    def _fetch(self, tasks: Sequence[_Task]) -> None:
        """Read every allowance of every task in one go; columns and rows are cut in the query."""
        lookups: list[Lookup] = []
        for task in tasks:
            broad = task.question.step == query_pb2.STEP_RESOLVE
            for reading in task.readings:
                if not self._is_addressable(reading.dataset, task):
                    continue
                for allowance in reading.decision.allowances:
                    reading.allowances.append((allowance, len(lookups)))
                    lookups.append(
                        Lookup(
                            reading.dataset,
                            allowance.fields,
                            allowance.where,
                            task.query.subject,
                            task.aliases,
                            broad,
                        )
                    )
        found = self._source.fetch(lookups) if lookups else []
        for task in tasks:
            for reading in task.readings:
                self._fill(task, reading, found)

    def _is_addressable(self, dataset: str, task: _Task) -> bool:
        known = {task.query.subject.scheme, *(alias.scheme for alias in task.aliases)}
        return any(key.scheme in known for key in self._datasets[dataset].keys)

    def _fill(
        self,
        task: _Task,
        reading: _Reading,
        found: Sequence[list[answer_pb2.Record] | LandbridgeError],
    ) -> None:
        answer = reading.answer
        if not reading.decision.allowances:
            answer.outcome = _nearest(reading.decision).value  # type: ignore[assignment]
            return
        if not reading.allowances:
            unproven = bool(task.unproven)
            answer.outcome = (Reason.UNPROVEN_ALIAS if unproven else Reason.NOT_ADDRESSABLE).value  # type: ignore[assignment]
            return
        limit = self._federation.limits.max_records
        count = 0
        for allowance, position in reading.allowances:
            records = found[position]
            if isinstance(records, LandbridgeError):
                _fail(answer, records.reason, records.message)
                return
            count += len(records)
            if count > limit:
                _fail(answer, Reason.TOO_MANY_RECORDS, f"more than {limit} records match")
                return
            if records:
                answer.extracts.add(
                    memorandum=allowance.memorandum,
                    clause=allowance.clause,
                    legal_basis=allowance.legal_basis,
                    columns=self._source.columns(reading.dataset, allowance.fields),
                    records=records,
                )
        answer.outcome = (Reason.ANSWERED if count else Reason.NO_RECORD).value  # type: ignore[assignment]
        if task.unproven:
            answer.detail = (
                f"{task.unproven} other identifiers were not asked for: no link to them comes from"
                " a dataset that the memoranda accept"
            )

    def _log_and_sign(
        self, tasks: Sequence[_Task], now: int
    ) -> list[envelope_pb2.Envelope | LandbridgeError]:
        """Append one entry an answer in one durable batch; the batch's signed head signs them."""
        if not tasks:
            return []
        payloads = [self._write_answer(task, now) for task in tasks]
        entries = [
            self._write_entry(task, digest(ANSWER_TYPE, payload), now)
            for task, payload in zip(tasks, payloads, strict=True)
        ]
        try:
            evidence = self._log.append(entries)
        except LandbridgeError as error:
            return [error] * len(tasks)
        return [
            envelope_pb2.Envelope(
                payload_type=ANSWER_TYPE, payload=payload, log=evidence_to_proto(proof)
            )
            for payload, proof in zip(payloads, evidence, strict=True)
        ]

    def _write_answer(self, task: _Task, now: int) -> bytes:
        return answer_pb2.Answer(
            query_digest=task.query_digest,
            federation=self._federation.name,
            agency=self._agency,
            step=task.question.step,
            round=task.question.round,
            answered_at_unix_ms=now,
            datasets=[reading.answer for reading in task.readings],
        ).SerializeToString()

    def _write_entry(self, task: _Task, payload_digest: bytes, now: int) -> bytes:
        query = task.query
        return log_pb2.LogEntry(
            kind=log_pb2.ENTRY_KIND_ANSWER,
            logged_at_unix_ms=now,
            query_digest=task.query_digest,
            requester=query.requester,
            purpose=query.purpose,
            case_reference=query.case_reference,
            subject_pseudonym=self._pseudonyms.of(query.subject.scheme, query.subject.value),
            pseudonym_key_id=self._pseudonyms.key_id,
            subject_kind=query.subject_kind.number,  # type: ignore[arg-type]
            payload_digest=payload_digest,
            step=task.question.step,
            round=task.question.round,
            query_expires_at_unix_ms=query.expires_at,
            accesses=[access for reading in task.readings for access in _accesses(reading)],
        ).SerializeToString()


def _accesses(reading: _Reading) -> list[log_pb2.Access]:
    answer = reading.answer
    refused = [refusal.field for refusal in answer.refusals if refusal.field]
    if not answer.extracts:
        nearest = reading.decision.refusals[0] if reading.decision.refusals else None
        first = reading.decision.allowances[0] if reading.decision.allowances else nearest
        return [
            log_pb2.Access(
                dataset=reading.dataset,
                outcome=answer.outcome,
                memorandum=first.memorandum if first else "",
                clause=first.clause if first else "",
                refused=refused,
            )
        ]
    return [
        log_pb2.Access(
            dataset=reading.dataset,
            outcome=answer.outcome,
            memorandum=extract.memorandum,
            clause=extract.clause,
            released=[column.field for column in extract.columns],
            refused=refused if position == 0 else (),
            records=len(extract.records),
        )
        for position, extract in enumerate(answer.extracts)
    ]


def _nearest(decision: Decision) -> Reason:
    return decision.refusals[0].reason if decision.refusals else Reason.NOT_COVERED


def _refusal(item: FieldRefusal) -> answer_pb2.Refusal:
    return answer_pb2.Refusal(
        field=item.field,
        reason=item.reason.value,  # type: ignore[arg-type]
        memorandum=item.memorandum,
        clause=item.clause,
    )


def _fail(answer: answer_pb2.DatasetAnswer, reason: Reason, detail: str) -> None:
    del answer.extracts[:]
    answer.outcome = reason.value  # type: ignore[assignment]
    answer.detail = detail
