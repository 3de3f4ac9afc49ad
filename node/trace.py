"""The log entry of an answer: who asked what for which purpose, and what was released or refused.

It holds names and counts, no value, and the subject only as a keyed pseudonym. Each clause by which
records were looked for is named, whether any were found or not: quotas count by it. The gateway
sees the entry, so that of a sealed answer it says neither what came of it nor how many there were.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Final

from landbridge.log.subject_keys import Pseudonym
from landbridge.memorandum.grant import DelayedDisclosure
from landbridge.policy.decision import Allowance, FieldRefusal
from landbridge.subject import SubjectKind
from landbridge.v1 import log_pb2, reason_pb2
from landbridge.wire import number_part, part, text_part
from node.task import Reading, Task

_LOOKED: Final = frozenset({reason_pb2.REASON_CODE_ANSWERED, reason_pb2.REASON_CODE_NO_RECORD})
_SEALED: Final = reason_pb2.REASON_CODE_SEALED
_LONGEST_BASIS: Final = 500
"""Letters of a legal basis: an entry has a largest size, and names the clause that has it whole."""
_CACHED: Final = 256
"""Parts that many entries share, such as who asks for which purpose."""
_KIND: Final = number_part(b"\x08", log_pb2.ENTRY_KIND_ANSWER)
_QUERY_DIGEST: Final = b"\x1a\x20"
_PAYLOAD_DIGEST: Final = b"\x52\x20"
_ACCESS: Final = b"\x72"
_CONSENT: Final = b"\x9a\x01"
_OTHER_PSEUDONYM: Final = b"\xaa\x01"


def write_entry(task: Task, payload_digest: bytes, named: Sequence[Pseudonym], *, at: int) -> bytes:
    """Write the entry of a task's answer, as `LogEntry` writes itself; `at` is Unix milliseconds.

    `named` are the subject as it was asked about, and its other identifiers that were looked for.
    """
    query, subject, sealed = task.query, named[0], task.sealed
    start, asking, about, step = _write_shared(
        at,
        query.requester,
        query.purpose,
        subject.period,
        query.subject_kind,
        task.step,
        task.round,
        query.expires_at,
    )
    parts = [
        start,
        task.query_digest,
        asking,
        text_part(b"\x32", query.case_reference),
        part(b"\x3a", subject.value),
        about,
        payload_digest,
        step,
    ]
    parts += [_write_accesses(reading, sealed=sealed, at=at) for reading in task.readings]
    if task.consents:
        parts += [part(_CONSENT, consent.digest) for consent in task.consents]
    if len(named) > 1:
        parts += [part(_OTHER_PSEUDONYM, name.value) for name in named[1:]]
    return b"".join(parts)


@lru_cache(_CACHED)
def _write_shared(  # noqa: PLR0913, PLR0917  what entries of a batch have in common
    at: int,
    requester: str,
    purpose: str,
    period: str,
    kind: SubjectKind,
    step: int,
    round_: int,
    expires_at: int,
) -> tuple[bytes, bytes, bytes, bytes]:
    """Write what stands before and between the query's digest, its subject and the answer's digest.

    The digests are of 32 bytes: tag and length of each end the part before it.
    """
    return (
        _KIND + number_part(b"\x10", at) + _QUERY_DIGEST,
        text_part(b"\x22", requester) + text_part(b"\x2a", purpose),
        text_part(b"\x42", period) + number_part(b"\x48", kind.number) + _PAYLOAD_DIGEST,
        number_part(b"\x58", step)
        + number_part(b"\x60", round_)
        + number_part(b"\x68", expires_at),
    )


def _write_accesses(reading: Reading, *, sealed: bool, at: int) -> bytes:
    """Write what is said of a dataset; where only its outcome tells questions apart, once."""
    verdict = reading.verdict
    if not (reading.is_whole and verdict.is_told_at_once):
        return _join(_accesses(reading, sealed=sealed, at=at))
    outcome = (
        sealed,
        reading.is_read,
        reading.outcome,
        reading.expired,
        reading.shows_refusals,
        *[extraction.records for extraction in reading.extractions],
    )
    written = verdict.accesses.get(outcome)
    if written is None:
        written = _join(_accesses(reading, sealed=sealed, at=at))
        verdict.keep_access(outcome, written)
    return written


def _join(accesses: Iterable[log_pb2.Access]) -> bytes:
    return b"".join(part(_ACCESS, access.SerializeToString()) for access in accesses)


def _accesses(reading: Reading, *, sealed: bool, at: int) -> Iterator[log_pb2.Access]:
    outcome: reason_pb2.ReasonCode.ValueType = _SEALED if sealed else reading.outcome  # type: ignore[assignment]
    shown = reading.refusals if reading.shows_refusals else ()
    refused = [refusal.field for refusal in shown if refusal.field]
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
    released = sealed or reading.outcome in _LOOKED
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
            expired=reading.expired if position == 0 and not sealed else 0,
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
