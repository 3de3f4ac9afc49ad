"""The log entry of an answer: who asked what for which purpose, and what was released or refused.

It holds names and counts, no value, and the subject only as a keyed pseudonym. Each clause by which
records were looked for is named, whether any were found or not: quotas count by it. The gateway
sees the entry, so that of a sealed answer it says neither what came of it nor how many there were.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from landbridge.log.subject_keys import Pseudonym
from landbridge.memorandum.grant import DelayedDisclosure
from landbridge.policy.decision import Allowance, FieldRefusal
from landbridge.v1 import log_pb2, reason_pb2
from node.task import Reading, Task

_LOOKED = frozenset({reason_pb2.REASON_CODE_ANSWERED, reason_pb2.REASON_CODE_NO_RECORD})
_SEALED = reason_pb2.REASON_CODE_SEALED
_LONGEST_BASIS: Final = 500
"""Letters of a legal basis: an entry has a largest size, and names the clause that has it whole."""


def write_entry(
    task: Task, payload_digest: bytes, named: Sequence[Pseudonym], *, at: int
) -> log_pb2.LogEntry:
    """Write the entry of a task's answer; `at` is Unix milliseconds.

    `named` are the subject as it was asked about, and its other identifiers that were looked for.
    """
    query = task.query
    return log_pb2.LogEntry(
        kind=log_pb2.ENTRY_KIND_ANSWER,
        logged_at_unix_ms=at,
        query_digest=task.query_digest,
        requester=query.requester,
        purpose=query.purpose,
        case_reference=query.case_reference,
        subject_pseudonym=named[0].value,
        pseudonym_period=named[0].period,
        other_pseudonyms=[name.value for name in named[1:]],
        subject_kind=query.subject_kind.number,  # type: ignore[arg-type]
        payload_digest=payload_digest,
        step=task.question.step,
        round=task.question.round,
        query_expires_at_unix_ms=query.expires_at,
        accesses=[
            access
            for reading in task.readings
            for access in _accesses(reading, sealed=task.sealed, at=at)
        ],
        consents=[consent.digest for consent in task.consents],
    )


def _accesses(reading: Reading, *, sealed: bool, at: int) -> Iterator[log_pb2.Access]:
    answer = reading.answer
    outcome = _SEALED if sealed else answer.outcome
    refused = [refusal.field for refusal in answer.refusals if refusal.field]
    if not reading.is_read:
        decided: Sequence[Allowance | FieldRefusal] = [
            *(extraction.allowance for extraction in reading.extractions),
            *reading.refusals,
        ]
        access = log_pb2.Access(
            dataset=reading.dataset,
            outcome=outcome,
            memorandum=decided[0].memorandum if decided else "",
            clause=decided[0].clause if decided else "",
            refused=refused,
        )
        if reading.extractions:
            access.legal_basis = _cut(reading.extractions[0].allowance.legal_basis)
        _delay(access, map(_delayed, decided), at)
        yield access
        return
    released = sealed or answer.outcome in _LOOKED
    for position, extraction in enumerate(reading.extractions):
        allowance = extraction.allowance
        access = log_pb2.Access(
            dataset=reading.dataset,
            outcome=outcome,
            memorandum=allowance.memorandum,
            clause=allowance.clause,
            legal_basis=_cut(allowance.legal_basis),
            released=allowance.fields if released else (),
            refused=refused if position == 0 else (),
            records=0 if sealed else extraction.records,
            expired=answer.expired if position == 0 and not sealed else 0,
        )
        others = reading.refusals if position == 0 else ()
        _delay(access, (allowance.terms.delayed_disclosure, *map(_delayed, others)), at)
        yield access


def _delay(access: log_pb2.Access, clauses: Iterable[DelayedDisclosure | None], at: int) -> None:
    """Write from when the subject is told: when the last of the clauses lets it."""
    for delayed in clauses:
        if delayed is not None and (end := delayed.end(at)) > access.disclosed_from_unix_ms:
            access.disclosed_from_unix_ms = end
            access.delay_basis = _cut(delayed.legal_basis)


def _delayed(decided: Allowance | FieldRefusal) -> DelayedDisclosure | None:
    if isinstance(decided, FieldRefusal):
        return decided.delayed_disclosure
    return decided.terms.delayed_disclosure


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_BASIS else f"{text[:_LONGEST_BASIS]} ..."
