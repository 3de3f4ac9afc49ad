"""The log entry of an answer: who asked what for which purpose, and what was released or refused.

It holds names and counts, no value, and the subject only as a keyed pseudonym. Each clause by which
records were looked for is named, whether any were found or not: quotas count by it. The gateway
sees the entry, so that of a sealed answer it says neither what came of it nor how many there were.
"""

from collections.abc import Iterator, Sequence

from landbridge.log.pseudonym import Pseudonyms
from landbridge.policy.decision import Allowance, FieldRefusal
from landbridge.v1 import log_pb2, reason_pb2
from node.task import Reading, Task

_LOOKED = frozenset({reason_pb2.REASON_CODE_ANSWERED, reason_pb2.REASON_CODE_NO_RECORD})
_SEALED = reason_pb2.REASON_CODE_SEALED


def write_entry(
    task: Task, payload_digest: bytes, pseudonyms: Pseudonyms, *, at: int
) -> log_pb2.LogEntry:
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
        pseudonym_period=pseudonyms.key_id,
        subject_kind=query.subject_kind.number,  # type: ignore[arg-type]
        payload_digest=payload_digest,
        step=task.question.step,
        round=task.question.round,
        query_expires_at_unix_ms=query.expires_at,
        accesses=[
            access for reading in task.readings for access in _accesses(reading, sealed=task.sealed)
        ],
        consents=[consent.digest for consent in task.consents],
    )


def _accesses(reading: Reading, *, sealed: bool) -> Iterator[log_pb2.Access]:
    answer = reading.answer
    outcome = _SEALED if sealed else answer.outcome
    refused = [refusal.field for refusal in answer.refusals if refusal.field]
    if not reading.is_read:
        decided: Sequence[Allowance | FieldRefusal] = [
            *(extraction.allowance for extraction in reading.extractions),
            *reading.refusals,
        ]
        yield log_pb2.Access(
            dataset=reading.dataset,
            outcome=outcome,
            memorandum=decided[0].memorandum if decided else "",
            clause=decided[0].clause if decided else "",
            refused=refused,
        )
        return
    released = sealed or answer.outcome in _LOOKED
    for position, extraction in enumerate(reading.extractions):
        allowance = extraction.allowance
        yield log_pb2.Access(
            dataset=reading.dataset,
            outcome=outcome,
            memorandum=allowance.memorandum,
            clause=allowance.clause,
            released=allowance.fields if released else (),
            refused=refused if position == 0 else (),
            records=0 if sealed else extraction.records,
        )
