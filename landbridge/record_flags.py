"""Disputes and repairs that travel with a record, as profiles show them."""

from collections.abc import Iterable
from typing import Any, Final

from landbridge.clock import to_iso
from landbridge.v1 import answer_pb2

_KINDS: Final = {
    answer_pb2.FLAG_KIND_DISPUTE: "dispute",
    answer_pb2.FLAG_KIND_REPAIR: "repair",
}
_STATES: Final = {
    answer_pb2.CASE_STATE_OPEN: "open",
    answer_pb2.CASE_STATE_UPHELD: "upheld",
    answer_pb2.CASE_STATE_CORRECTED: "corrected",
    answer_pb2.CASE_STATE_REJECTED: "rejected",
    answer_pb2.CASE_STATE_REQUESTED: "requested",
    answer_pb2.CASE_STATE_UNDER_REVIEW: "under-review",
    answer_pb2.CASE_STATE_REPAIRED: "repaired",
    answer_pb2.CASE_STATE_REFUSED: "refused",
}


def shown_flags(record: answer_pb2.Record) -> list[dict[str, Any]]:
    """Write the flags of a record; an unknown kind or state is no flag, and raises LookupError."""
    return [_write(flag) for flag in record.flags]


def merged(flags: Iterable[dict[str, Any]], more: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Join the flags of one record as several clauses release it: one a case, with all fields."""
    by_case: dict[str, dict[str, Any]] = {}
    for flag in (*flags, *more):
        known = by_case.setdefault(flag["case"], dict(flag))
        if "fields" in known:
            known["fields"] = sorted({*known["fields"], *flag.get("fields", ())})
    return list(by_case.values())


def is_disputed(record: answer_pb2.Record, field: str) -> bool:
    """Whether a case is open on a field of a record, or on the whole of it."""
    return any(
        flag.state in (answer_pb2.CASE_STATE_OPEN, answer_pb2.CASE_STATE_REJECTED)
        and (not flag.fields or field in flag.fields)
        for flag in record.flags
    )


def _write(flag: answer_pb2.Flag) -> dict[str, Any]:
    written: dict[str, Any] = {
        "case": flag.case_id,
        "kind": _KINDS[flag.kind],
        "state": _STATES[flag.state],
    }
    if flag.fields:
        written["fields"] = list(flag.fields)
    written["opened_at"] = to_iso(flag.opened_at_unix_ms)
    if flag.due_at_unix_ms:
        written["due_at"] = to_iso(flag.due_at_unix_ms)
    if flag.overdue:
        written["overdue"] = True
    written["statement"] = flag.statement
    if flag.reason:
        written["reason"] = flag.reason
    written["digest"] = flag.digest.hex()
    return written
