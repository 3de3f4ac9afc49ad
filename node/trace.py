"""The log entry of an answer: who asked what for which purpose, and what was released or refused.

It holds names and counts, no value, and the subject only as a keyed pseudonym.
"""

from landbridge.log.pseudonym import Pseudonyms
from landbridge.policy.authorization import Allowance, FieldRefusal
from landbridge.v1 import log_pb2
from node.task import Reading, Task


def write_entry(task: Task, payload_digest: bytes, pseudonyms: Pseudonyms, *, at: int) -> bytes:
    """Write the entry of a task's answer; `at` is Unix milliseconds."""
    query = task.query
    return log_pb2.LogEntry(
        kind=log_pb2.ENTRY_KIND_ANSWER,
        logged_at_unix_ms=at,
        query_digest=task.query_digest,
        requester=query.requester,
        purpose=query.purpose,
        case_reference=query.case_reference,
        subject_pseudonym=pseudonyms.of(query.subject.scheme, query.subject.value),
        pseudonym_key_id=pseudonyms.key_id,
        subject_kind=query.subject_kind.number,  # type: ignore[arg-type]
        payload_digest=payload_digest,
        step=task.question.step,
        round=task.question.round,
        query_expires_at_unix_ms=query.expires_at,
        accesses=[access for reading in task.readings for access in _accesses(reading)],
    ).SerializeToString()


def _accesses(reading: Reading) -> list[log_pb2.Access]:
    answer = reading.answer
    refused = [refusal.field for refusal in answer.refusals if refusal.field]
    if not answer.extracts:
        decision = reading.decision
        decided: tuple[Allowance | FieldRefusal, ...] = (*decision.allowances, *decision.refusals)
        return [
            log_pb2.Access(
                dataset=reading.dataset,
                outcome=answer.outcome,
                memorandum=decided[0].memorandum if decided else "",
                clause=decided[0].clause if decided else "",
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
