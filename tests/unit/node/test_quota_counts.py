"""Which entries of a log count, and for whom."""

from collections.abc import Sequence

import pytest

from landbridge.errors import Reason
from landbridge.v1 import log_pb2
from node.quota_counts import counted_clauses


def counted(
    outcome: Reason,
    released: Sequence[str] = ("f",),
    *,
    kind: log_pb2.EntryKind.ValueType = log_pb2.ENTRY_KIND_ANSWER,
    memorandum: str = "m-1",
) -> set[tuple[str, str]]:
    entry = log_pb2.LogEntry(kind=kind)
    entry.accesses.add(
        outcome=outcome.value,  # type: ignore[arg-type]
        memorandum=memorandum,
        clause="1",
        released=released,
    )
    return counted_clauses(entry)


@pytest.mark.parametrize("reason", Reason)
def test_what_told_the_requester_something_counts_and_nothing_else(reason: Reason) -> None:
    told = {Reason.ANSWERED, Reason.NO_RECORD, Reason.TOO_MANY_RECORDS, Reason.SEALED}
    assert counted(reason) == ({("m-1", "1")} if reason in told else set())


def test_a_sealed_answer_counts_where_its_entry_names_what_was_released() -> None:
    assert counted(Reason.SEALED, []) == set()
    assert counted(Reason.NO_RECORD, []) == {("m-1", "1")}


def test_only_answers_under_a_memorandum_count() -> None:
    assert counted(Reason.ANSWERED, memorandum="") == set()
    assert counted(Reason.ANSWERED, kind=log_pb2.ENTRY_KIND_DOCUMENT) == set()
    assert counted(Reason.ANSWERED, kind=log_pb2.ENTRY_KIND_PROFILE) == set()
