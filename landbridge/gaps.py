"""What a profile does not hold, and exactly why: a gap is never a blank.

`no record` is different from `not allowed to know`, and both from `did not answer`.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from landbridge.reasons import REASONS, Reason
from landbridge.v1 import answer_pb2, profile_pb2, query_pb2

_NOT_ADDRESSABLE: Final = frozenset({Reason.NOT_ADDRESSABLE, Reason.TOO_MANY_LINKS})
ANSWERS: Final = frozenset({Reason.ANSWERED, Reason.NO_RECORD, Reason.SEALED})
"""Outcomes of a source that has answered: that it holds no record is an answer, too."""


def kind_of(reason: Reason) -> str:
    """Say in one word why a source gave nothing."""
    if reason is Reason.NO_RECORD:
        return "no-record"
    if reason is Reason.SEALED:
        return "sealed"
    if reason is Reason.EXPIRED:
        return "expired"
    if reason.is_refusal or reason is Reason.BAD_ARGUMENT:
        return "refused"
    return "not-addressable" if reason in _NOT_ADDRESSABLE else "failed"


def source_state(source: profile_pb2.Source) -> str:
    """Say in one word how much a source gave."""
    reason = Reason(source.outcome)
    if reason is not Reason.ANSWERED:
        return kind_of(reason)
    return "partial" if source.refused_fields else "complete"


def profile_state(sources: Iterable[profile_pb2.Source], query: query_pb2.Query) -> str:
    """Say in one word how much of what was wanted the sources gave.

    | state | when |
    |---|---|
    | `complete` | each source that counts answered in full, a missing record included |
    | `refused` | none answered, and policy is the only reason |
    | `unreachable` | none answered, and some failed |
    | `partial` | anything else |

    A query that names nothing wants what its requester may see: then a refusal takes nothing away
    from what was wanted, as long as some source answers.
    """
    listed = list(sources)
    kinds = {_counted(source) for source in listed}
    if "answered" not in kinds:
        if "failed" in kinds:
            return "unreachable"
        return "partial" if "not-addressable" in kinds else "refused"
    if not query.wanted:
        kinds.discard("refused")
    refused_fields = query.wanted and any(source.refused_fields for source in listed)
    return "partial" if refused_fields or kinds != {"answered"} else "complete"


def _counted(source: profile_pb2.Source) -> str:
    reason = Reason(source.outcome)
    return "answered" if reason in ANSWERS else kind_of(reason)


def gaps(
    sources: Iterable[profile_pb2.Source], answers: Sequence[answer_pb2.Answer]
) -> list[dict[str, Any]]:
    """Write every reason for which a source gave nothing, or not all of its fields."""
    refusals = _refusals(answers)
    written: list[dict[str, Any]] = []
    for source in sources:
        written += _gaps_of(source, refusals.get((source.agency, source.dataset), []))
        if source.expired:
            gap = _gap(source, Reason.EXPIRED, answer_pb2.Refusal())
            written.append({**gap, "withheld": source.expired})
    return written


def _refusals(
    answers: Sequence[answer_pb2.Answer],
) -> dict[tuple[str, str], list[answer_pb2.Refusal]]:
    found: dict[tuple[str, str], list[answer_pb2.Refusal]] = {}
    for answer in answers:
        if answer.step == query_pb2.STEP_COLLECT:
            for dataset in answer.datasets:
                found.setdefault((answer.agency, dataset.dataset), []).extend(dataset.refusals)
    return found


def _gaps_of(
    source: profile_pb2.Source, refusals: Sequence[answer_pb2.Refusal]
) -> list[dict[str, Any]]:
    outcome = Reason(source.outcome)
    written: dict[tuple[Reason, str, str], dict[str, Any]] = {}
    for refusal in refusals:
        reason = Reason(refusal.reason)
        key = (reason, refusal.memorandum, refusal.clause)
        if key not in written:
            written[key] = _gap(source, reason, refusal)
        if refusal.field:
            written[key]["fields"].append(refusal.field)
    stated = {reason for reason, _, _ in written}
    unstated = [Reason(number) for number in source.reasons]
    if outcome is not Reason.ANSWERED:
        unstated.insert(0, outcome)
    for reason in dict.fromkeys(unstated):
        if reason not in stated:
            decided = answer_pb2.Refusal(memorandum=source.memorandum, clause=source.clause)
            written[reason, "", ""] = _gap(source, reason, decided)
    return list(written.values())


def _gap(source: profile_pb2.Source, reason: Reason, refusal: answer_pb2.Refusal) -> dict[str, Any]:
    gap: dict[str, Any] = {"agency": source.agency}
    if source.dataset:
        gap["dataset"] = source.dataset
    gap |= {
        "kind": kind_of(reason),
        "code": reason.code,
        "meaning": REASONS[reason].meaning,
        "fields": [],
        "asked": not source.not_asked,
    }
    if refusal.memorandum:
        gap["memorandum"] = refusal.memorandum
    if refusal.clause:
        gap["clause"] = refusal.clause
    if source.detail and reason.value == source.outcome:
        gap["detail"] = source.detail
    return gap
