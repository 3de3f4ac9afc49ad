"""Answers questions: the node's whole job, step by step."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from functools import lru_cache

from landbridge.clock import Clock, to_datetime
from landbridge.envelope import (
    ANSWER_TYPE,
    MAX_SIGNED_QUERY_BYTES,
    QUERY_TYPE,
    BatchVerifier,
    digest,
)
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.evidenced import write_evidenced
from landbridge.federation import Federation
from landbridge.log.evidence import MAX_ENTRY_BYTES
from landbridge.log.store import LogStore
from landbridge.log.subject_keys import About, Pseudonym
from landbridge.policy.authorization import Policy
from landbridge.query import check_alone
from landbridge.query_reader import QueryReader
from landbridge.replay import ReplayGuard
from landbridge.sealed_answer import seal_answer
from landbridge.sealing import check_public_key
from landbridge.v1 import answer_pb2, query_pb2
from landbridge.wire import number_part, text_part
from node.aliases import AliasProver
from node.judge import Judge
from node.notice_lock import PATIENCE_S, NoticeLock
from node.published import Published
from node.quota import Quotas
from node.reader import Reader
from node.task import Task
from node.trace import write_entry
from node.turnstile import Turnstile

_STEPS = (query_pb2.STEP_RESOLVE, query_pb2.STEP_COLLECT)
_ROUNDS = {query_pb2.STEP_COLLECT: 1}
_MOST_ASKABLE = 256
_QUERY_DIGEST = b"\x0a\x20"
"""Tag and length of the query's digest, 32 bytes."""


class Responder:
    """Answers what the agency's own signed memoranda allow, and nothing else.

    Thread-safe: several batches may be answered at once. `policy` gives what the memoranda allow by
    the trust of this moment, and nothing new is noticed of documents while `notices` is held.
    `failed` is told of what nobody foresaw, as requesters are not told
    the cause.
    """

    def __init__(  # noqa: PLR0913  built once, by name
        self,
        *,
        agency: str,
        federation: Federation,
        published: Mapping[str, Published],
        policy: Callable[[], Policy],
        queries: BatchVerifier,
        aliases: AliasProver,
        judge: Judge,
        replay: ReplayGuard,
        quotas: Quotas,
        reader: Reader,
        log: LogStore,
        notices: NoticeLock,
        failed: Callable[[Exception], None],
        clock: Clock,
    ) -> None:
        self._agency = agency
        self._federation = federation
        self._published = published
        self._policy = policy
        self._queries = queries
        self._query_reader = QueryReader(federation)
        self._aliases = aliases
        self._judge = judge
        self._turnstile = Turnstile(replay, quotas)
        self._reader = reader
        self._log = log
        self._notices = notices
        self._failed = failed
        self._clock = clock
        self._signature = text_part(b"\x12", federation.name) + text_part(b"\x1a", agency)
        """By whom every answer is given, as it stands there."""
        self._askable: set[tuple[int, int, tuple[str, ...]]] = set()
        """Step, round and datasets of questions that are well formed."""

    def answer(self, questions: Sequence[query_pb2.Question]) -> list[bytes | LandbridgeError]:
        """Answer a batch of questions, each on its own; one result a question, in order.

        The steps: verify the query, prove the aliases, judge by memoranda and consents, refuse
        replay, count against the quotas, read, log, seal and sign. A refusal by policy is a signed
        answer; a question that cannot be trusted is an error. Nothing leaves before its log entry
        is durable; where the log takes no entries, nothing is read either.
        """
        try:
            self._log.check_not_halted()
        except LandbridgeError as error:
            return [error] * len(questions)
        now = self._clock()
        day = to_datetime(now).date()
        results: dict[int, bytes | LandbridgeError] = {}
        tasks: dict[int, Task] = {}
        for position, question in enumerate(questions):
            try:
                task = self._verify(question, now, day)
                if question.aliases:
                    self._prove_aliases(task, now)
                self._judge.judge(task, now)
                self._turnstile.admit(task, now)
            except LandbridgeError as error:
                results[position] = error
            except Exception as error:  # noqa: BLE001  one question takes no other with it
                results[position] = self._tell(error)
            else:
                tasks[position] = task
        results |= self._complete(tasks, now)
        return [results[position] for position in range(len(questions))]

    def _complete(self, tasks: dict[int, Task], now: int) -> dict[int, bytes | LandbridgeError]:
        """Read, log and sign a batch; what nobody foresaw fails the one question it is in."""
        try:
            self._reader.read(list(tasks.values()))
            return self._log_and_sign(tasks, now)
        except Exception as error:  # noqa: BLE001  told, and each question tried alone
            if len(tasks) > 1:
                alone: dict[int, bytes | LandbridgeError] = {}
                for position, task in tasks.items():
                    task.begin_again()
                    alone |= self._complete({position: task}, now)
                return alone
            self._turnstile.take_back(tasks.values())
            return dict.fromkeys(tasks, self._tell(error))

    def _tell(self, error: Exception) -> LandbridgeError:
        self._failed(error)
        return refuse(Reason.SOURCE_FAILED, "the node failed")

    def _verify(self, question: query_pb2.Question, now: int, day: date) -> Task:
        signed = question.query
        if signed.ByteSize() > MAX_SIGNED_QUERY_BYTES:
            raise refuse(Reason.MALFORMED_REQUEST, "the signed query is too large")
        signer = self._queries.verify(signed, QUERY_TYPE)
        payload = signed.payload
        query = self._query_reader.read(payload, signer=signer, at=now)
        check_alone(query, signed.batch.size)
        if query.seal_to:
            check_public_key(query.seal_to)
        task = Task(question, query, digest(QUERY_TYPE, payload), self._policy(), day)
        asked = (task.step, task.round, task.datasets)
        if asked not in self._askable:
            self._check_question(task)
            if len(self._askable) < _MOST_ASKABLE:
                self._askable.add(asked)
        return task

    def _check_question(self, task: Task) -> None:
        step, datasets = task.step, task.datasets
        # The records are given once: only resolving has further rounds.
        rounds = _ROUNDS.get(step) or self._federation.limits.max_rounds
        if step not in _STEPS or not 1 <= task.round <= rounds:
            raise refuse(Reason.MALFORMED_REQUEST, "the question has no valid step and round")
        if len(datasets) > 1 and len(set(datasets)) != len(datasets):
            raise refuse(Reason.MALFORMED_REQUEST, "the question names a dataset twice")
        for name in datasets:
            if name not in self._published:
                raise refuse(
                    Reason.UNKNOWN_DATASET,
                    f"{self._agency} publishes no dataset {name[:100]!r}",
                )

    def _prove_aliases(self, task: Task, now: int) -> None:
        question, query = task.question, task.query
        task.aliases = self._aliases.prove(
            question,
            asked=query.subject,
            query_digest=task.query_digest,
            accepted=task.policy.link_sources(self._agency, query.requester, query.purpose, now),
        )
        task.unproven = len(question.aliases) - len(task.aliases)

    def _log_and_sign(self, tasks: dict[int, Task], now: int) -> dict[int, bytes | LandbridgeError]:
        """Append one entry an answer in one durable batch; the batch's signed head signs them."""
        relying = {position: task for position, task in tasks.items() if task.consents}
        if not relying:
            return self._append(tasks, now)
        # While it is held the node notices no end of a consent: the log never shows an answer by
        # a consent behind the entry of its end.
        if not self._notices.acquire(timeout=PATIENCE_S):
            self._turnstile.take_back(relying.values())
            busy = refuse(Reason.BUSY, "the node is busy with documents")
            others = {position: tasks[position] for position in tasks.keys() - relying.keys()}
            return self._append(others, now) | dict.fromkeys(relying, busy)
        try:
            for task in relying.values():
                if not self._judge.still_holds(task):
                    self._judge.judge(task, now)
                    self._turnstile.take_quotas(task, now)
                    self._reader.read((task,))
            return self._append(tasks, now)
        finally:
            self._notices.release()

    def _append(self, tasks: dict[int, Task], now: int) -> dict[int, bytes | LandbridgeError]:
        if not tasks:
            return {}
        answered = list(tasks.values())
        payloads = [self._write(task, now) for task in answered]
        digests = [digest(ANSWER_TYPE, payload) for payload in payloads]
        entries: list[bytes] = []

        def write(named: list[list[Pseudonym]]) -> list[bytes]:
            entries[:] = [
                write_entry(task, payload_digest, names, at=now)
                for task, payload_digest, names in zip(answered, digests, named, strict=True)
            ]
            return entries

        try:
            evidence = self._log.append_about([_about(task, now) for task in answered], write)
        except LandbridgeError as error:
            # An entry that is too long for a log fails alone; whatever else it was, fails all.
            written = zip(tasks, entries, strict=False)
            failed = {at for at, entry in written if len(entry) > MAX_ENTRY_BYTES} or set(tasks)
            self._turnstile.take_back(tasks[position] for position in failed)
            others = {position: tasks[position] for position in tasks if position not in failed}
            return self._append(others, now) | dict.fromkeys(failed, error)
        self._turnstile.let_pass(zip(answered, entries, strict=True))
        return {
            position: write_evidenced(ANSWER_TYPE, payload, proof)
            for position, payload, proof in zip(tasks, payloads, evidence, strict=True)
        }

    def _write(self, task: Task, now: int) -> bytes:
        readings = [reading.write() for reading in task.readings]
        moment = _write_moment(task.step, task.round, now)
        written = b"".join((_QUERY_DIGEST, task.query_digest, self._signature, moment, *readings))
        if not task.sealed:
            return written
        return seal_answer(
            answer_pb2.Answer.FromString(written),
            seal_to=task.query.seal_to,
            requester=task.query.requester,
            memoranda=_memoranda(task),
        ).SerializeToString()


@lru_cache(64)
def _write_moment(step: int, round_: int, at: int) -> bytes:
    """Write at which step, and when, an answer is given: many of a batch are alike."""
    return number_part(b"\x20", step) + number_part(b"\x28", round_) + number_part(b"\x30", at)


def _about(task: Task, now: int) -> list[About]:
    """Name whom the entry is on: as it was asked about, then as it was looked for besides."""
    asked = task.query.subject
    about = [(asked.scheme, asked.value, now)]
    if task.aliases and any(reading.is_read for reading in task.readings):
        about += [(alias.scheme, alias.value, now) for alias in task.aliases]
    return about


def _memoranda(task: Task) -> Iterable[str]:
    """Name the memoranda by which something may be released, whether records are found or not."""
    return {
        extraction.allowance.memorandum
        for reading in task.readings
        for extraction in reading.extractions
    }
