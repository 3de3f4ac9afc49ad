"""Answers questions: the node's whole job, step by step."""

import threading
from collections.abc import Callable, Iterable, Sequence

from landbridge.clock import Clock
from landbridge.envelope import (
    ANSWER_TYPE,
    MAX_SIGNED_QUERY_BYTES,
    QUERY_TYPE,
    BatchVerifier,
    EvidenceVerifier,
    digest,
    evidence_to_proto,
)
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.federation import Federation
from landbridge.links import IDENTIFIER
from landbridge.log.pseudonym import Pseudonyms
from landbridge.log.store import LogStore
from landbridge.policy.authorization import AccessRequest, Allowance, Policy, authorize
from landbridge.policy.decision import OTHER_KIND
from landbridge.query import check_query, read_query
from landbridge.replay import ReplayGuard
from landbridge.subject import SubjectKind
from landbridge.v1 import answer_pb2, catalogue_pb2, envelope_pb2, query_pb2
from node.aliases import AliasProver
from node.sources.lookup import Lookup
from node.sources.source import Source
from node.task import Reading, Task, write_refusal
from node.trace import write_entry

_STEPS = (query_pb2.STEP_RESOLVE, query_pb2.STEP_COLLECT)
_ROUNDS = {query_pb2.STEP_COLLECT: 1}


class Responder:
    """Answers what the agency's own signed memoranda allow, and nothing else.

    Thread-safe: several batches may be answered at once. `policy` gives what the memoranda allow by
    the trust of this moment, `stale` tells whether revocation data are too old at a time in Unix
    milliseconds. `failed` is told of every look-up that the database refused, as requesters are not
    told the cause.
    """

    def __init__(  # noqa: PLR0913  built once, by name
        self,
        *,
        agency: str,
        federation: Federation,
        catalogue: catalogue_pb2.Catalogue,
        policy: Callable[[], Policy],
        stale: Callable[[int], bool],
        source: Source,
        log: LogStore,
        pseudonyms: Pseudonyms,
        queries: BatchVerifier,
        evidence: EvidenceVerifier,
        replay: ReplayGuard,
        failed: Callable[[Exception], None],
        clock: Clock,
    ) -> None:
        self._agency = agency
        self._federation = federation
        self._as_of = {dataset.name: dataset.as_of for dataset in catalogue.datasets}
        self._kinds = {
            dataset.name: SubjectKind.from_number(dataset.subject_kind)
            for dataset in catalogue.datasets
        }
        self._schemes = {
            dataset.name: frozenset(key.scheme for key in dataset.keys)
            for dataset in catalogue.datasets
        }
        self._fields = {
            dataset.name: tuple(field.name for field in dataset.fields)
            for dataset in catalogue.datasets
        }
        self._scheme_of = {
            dataset.name: {field.name: field.scheme for field in dataset.fields if field.scheme}
            for dataset in catalogue.datasets
        }
        self._identifiers = {
            dataset.name: tuple(field.name for field in dataset.fields if field.type == IDENTIFIER)
            for dataset in catalogue.datasets
        }
        self._policy = policy
        self._stale = stale
        self._source = source
        self._log = log
        self._pseudonyms = pseudonyms
        self._queries = queries
        self._aliases = AliasProver(evidence, federation)
        self._replay = replay
        self._lock = threading.Lock()
        self._failed = failed
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
        results: dict[int, envelope_pb2.Envelope | LandbridgeError] = {}
        tasks: dict[int, Task] = {}
        for position, question in enumerate(questions):
            try:
                task = self._verify(question, now)
                self._prove_aliases(task, now)
                self._authorize(task, now)
                self._refuse_replay(task, now)
            except LandbridgeError as error:
                results[position] = error
            except Exception as error:  # noqa: BLE001  one question takes no other with it
                results[position] = self._tell(error)
            else:
                tasks[position] = task
        results |= self._complete(tasks, now)
        return [results[position] for position in range(len(questions))]

    def _complete(
        self, tasks: dict[int, Task], now: int
    ) -> dict[int, envelope_pb2.Envelope | LandbridgeError]:
        """Fetch, log and sign a batch; what nobody foresaw fails the one question it is in."""
        try:
            self._fetch(list(tasks.values()))
            return self._log_and_sign(tasks, now)
        except Exception as error:  # noqa: BLE001  told, and each question tried alone
            if len(tasks) > 1:
                alone: dict[int, envelope_pb2.Envelope | LandbridgeError] = {}
                for position, task in tasks.items():
                    task.begin_again()
                    alone |= self._complete({position: task}, now)
                return alone
            self._forget(tasks.values())
            return dict.fromkeys(tasks, self._tell(error))

    def _tell(self, error: Exception) -> LandbridgeError:
        self._failed(error)
        return refuse(Reason.SOURCE_FAILED, "the node failed")

    def _forget(self, tasks: Iterable[Task]) -> None:
        """Let questions be asked again whose answers never left."""
        with self._lock:
            for task in tasks:
                question = task.question
                self._replay.forget(task.query_digest, question.step, question.round)

    def _verify(self, question: query_pb2.Question, now: int) -> Task:
        if question.query.ByteSize() > MAX_SIGNED_QUERY_BYTES:
            raise refuse(Reason.MALFORMED_REQUEST, "the signed query is too large")
        signer = self._queries.verify(question.query, QUERY_TYPE)
        query = read_query(question.query.payload)
        check_query(query, signer=signer, federation=self._federation, at=now)
        rounds = self._federation.limits.max_rounds
        # The records are given once: only resolving has further rounds.
        if not 1 <= question.round <= _ROUNDS.get(question.step, rounds) or (
            question.step not in _STEPS
        ):
            raise refuse(Reason.MALFORMED_REQUEST, "the question has no valid step and round")
        if len(set(question.datasets)) != len(question.datasets):
            raise refuse(Reason.MALFORMED_REQUEST, "the question names a dataset twice")
        for name in question.datasets:
            if name not in self._fields:
                raise refuse(
                    Reason.UNKNOWN_DATASET,
                    f"{self._agency} publishes no dataset {name[:100]!r}",
                )
        return Task(question, query, digest(QUERY_TYPE, question.query.payload))

    def _prove_aliases(self, task: Task, now: int) -> None:
        question, query = task.question, task.query
        if question.aliases:
            task.aliases = self._aliases.prove(
                question,
                asked=query.subject,
                query_digest=task.query_digest,
                accepted=self._policy().link_sources(
                    self._agency, query.requester, query.purpose, now
                ),
            )
            task.unproven = len(question.aliases) - len(task.aliases)

    def _authorize(self, task: Task, now: int) -> None:
        query, policy, stale = task.query, self._policy(), self._stale(now)
        for name in task.question.datasets:
            request = AccessRequest(
                provider=self._agency,
                dataset=name,
                requester=query.requester,
                purpose=query.purpose,
                subject_kind=query.subject_kind,
                fields=self._identifiers[name] if task.resolving else self._wanted(task, name),
                at=now,
                revocation_stale=stale,
            )
            # What a clause calls its subjects does not change whom the records are about.
            decision = (
                authorize(policy, request)
                if self._kinds[name] is query.subject_kind
                else OTHER_KIND
            )
            answer = answer_pb2.DatasetAnswer(dataset=name, as_of=self._as_of[name])
            if not task.resolving or not decision.allowances:
                answer.refusals.extend(map(write_refusal, decision.refusals))
            task.readings.append(Reading(name, decision, answer))

    def _wanted(self, task: Task, dataset: str) -> tuple[str, ...]:
        wanted = task.query.fields_wanted(self._agency, dataset)
        if wanted is None:
            raise refuse(
                Reason.MALFORMED_REQUEST, f"the query does not want {self._agency}/{dataset}"
            )
        published = self._fields[dataset]
        for name in wanted:
            if name not in published:
                raise refuse(
                    Reason.UNKNOWN_FIELD, f"{self._agency}/{dataset} has no field {name[:100]!r}"
                )
        return wanted or published

    def _refuse_replay(self, task: Task, now: int) -> None:
        with self._lock:
            self._replay.admit(
                task.query_digest,
                task.question.step,
                task.question.round,
                expires_at=task.query.expires_at,
                at=now,
            )

    def _fetch(self, tasks: Sequence[Task]) -> None:
        """Read every allowance of every task in one go; columns and rows are cut in the query."""
        lookups: list[Lookup] = []
        for task in tasks:
            known = {task.query.subject.scheme, *(alias.scheme for alias in task.aliases)}
            for reading in task.readings:
                if self._schemes[reading.dataset].isdisjoint(known):
                    continue
                for allowance in reading.decision.allowances:
                    reading.allowances.append((allowance, len(lookups)))
                    lookups.append(
                        Lookup(
                            dataset=reading.dataset,
                            fields=allowance.fields,
                            where=allowance.where,
                            asked=task.query.subject,
                            aliases=task.aliases,
                            broad=task.resolving and self._shows_keys(reading.dataset, allowance),
                        )
                    )
        found = self._source.fetch(lookups) if lookups else []
        for outcome in found:
            if isinstance(outcome, LandbridgeError):
                self._failed(outcome)
        for task in tasks:
            for reading in task.readings:
                self._fill(task, reading, found)

    def _shows_keys(self, dataset: str, allowance: Allowance) -> bool:
        """Whether a row shows by every key whom it is about, so that links can be judged by it."""
        shown = {self._scheme_of[dataset].get(name) for name in allowance.fields}
        return self._schemes[dataset] <= shown

    def _fill(
        self,
        task: Task,
        reading: Reading,
        found: Sequence[list[answer_pb2.Record] | LandbridgeError],
    ) -> None:
        if not reading.decision.allowances:
            reading.refuse()
        elif not reading.allowances:
            reading.fail(
                Reason.UNPROVEN_ALIAS if task.unproven else Reason.NOT_ADDRESSABLE,
                "no identifier that this dataset has keys of is given, with its proof",
            )
        else:
            reading.fill(found, self._source.columns, self._federation.limits.max_records)
            if task.unproven and not reading.answer.detail:
                reading.answer.detail = (
                    f"{task.unproven} other identifiers were not asked for: no link to them comes"
                    " from a dataset that the memoranda accept"
                )

    def _log_and_sign(
        self, tasks: dict[int, Task], now: int
    ) -> dict[int, envelope_pb2.Envelope | LandbridgeError]:
        """Append one entry an answer in one durable batch; the batch's signed head signs them."""
        if not tasks:
            return {}
        payloads = [self._write(task, now) for task in tasks.values()]
        entries = [
            write_entry(task, digest(ANSWER_TYPE, payload), self._pseudonyms, at=now)
            for task, payload in zip(tasks.values(), payloads, strict=True)
        ]
        try:
            evidence = self._log.append(entries)
        except LandbridgeError as error:
            self._forget(tasks.values())
            return dict.fromkeys(tasks, error)
        return {
            position: envelope_pb2.Envelope(
                payload_type=ANSWER_TYPE, payload=payload, log=evidence_to_proto(proof)
            )
            for position, payload, proof in zip(tasks, payloads, evidence, strict=True)
        }

    def _write(self, task: Task, now: int) -> bytes:
        return answer_pb2.Answer(
            query_digest=task.query_digest,
            federation=self._federation.name,
            agency=self._agency,
            step=task.question.step,
            round=task.question.round,
            answered_at_unix_ms=now,
            datasets=[reading.answer for reading in task.readings],
        ).SerializeToString()
