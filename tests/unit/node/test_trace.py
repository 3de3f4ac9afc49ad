"""What the log says of an answer: by what right it was given, and from when its subject is told."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any, Final

import pytest

from landbridge.errors import Reason
from landbridge.log.subject_keys import Pseudonym
from landbridge.policy.authorization import AccessRequest, Policy, authorize
from landbridge.query import Query
from landbridge.subject import SubjectId, SubjectKind
from landbridge.v1 import log_pb2, query_pb2
from node.task import Reading, Task
from node.trace import write_entry
from node.verdict import Release, Verdict
from tests.memoranda import make_memorandum

LEAP_DAY: Final = int(datetime(2028, 2, 29, 12, tzinfo=UTC).timestamp()) * 1000
NAMES: Final = (Pseudonym(b"a" * 16, "2028-02"), Pseudonym(b"b" * 16, "2028-02"))
INQUIRY: Final = {"legal_basis": "Inquiries Act, section 9", "delay": "P1Y"}
SHORTER: Final = {"legal_basis": "Order 7", "delay": "P10D"}


def entry_of(
    *grants: Mapping[str, Any],
    fields: tuple[str, ...] = ("f",),
    outcome: Reason = Reason.ANSWERED,
    is_read: bool = True,
) -> log_pb2.LogEntry:
    """Log an answer on one dataset by a memorandum with these clauses."""
    usual = {"provider": "registrar", "dataset": "d", "requesters": ["board"]}
    memorandum = make_memorandum(
        [{**usual, "clause": str(n), **grant} for n, grant in enumerate(grants, 1)],
        parties=("registrar", "board"),
        valid=("2020-01-01T00:00:00Z", "2040-01-01T00:00:00Z"),
    )
    policy = Policy([memorandum])
    kind = SubjectKind.LEGAL_ENTITY
    request = AccessRequest("registrar", "d", "board", "why", kind, fields, LEAP_DAY)
    decision = authorize(policy, request)
    query = Query(
        nonce=bytes(16),
        federation="schools.example",
        requester="board",
        subject=SubjectId("school", "1"),
        subject_kind=kind,
        purpose="why",
        case_reference="C-1",
        wanted=(),
        issued_at=LEAP_DAY,
        expires_at=LEAP_DAY + 60_000,
    )
    question = query_pb2.Question(step=query_pb2.STEP_COLLECT, round=1, datasets=["d"])
    task = Task(question, query, bytes(32), policy, date(2028, 2, 29))
    releases = tuple(Release("d", allowance, ()) for allowance in decision.allowances)
    reading = Reading.of(Verdict("d", releases, decision.refusals), is_read=is_read)
    reading.outcome = outcome.value
    task.readings.append(reading)
    return log_pb2.LogEntry.FromString(write_entry(task, bytes(32), NAMES, at=LEAP_DAY))


def told_from(access: log_pb2.Access) -> tuple[str, str]:
    at = access.disclosed_from_unix_ms
    moment = datetime.fromtimestamp(at / 1000, UTC).isoformat() if at else ""
    return moment, access.delay_basis


def test_each_access_names_the_legal_basis_of_its_clause() -> None:
    entry = entry_of(
        {"fields": ["f"]}, {"fields": ["g"], "legal_basis": "Law 12"}, fields=("f", "g")
    )
    assert [(access.clause, access.legal_basis) for access in entry.accesses] == [
        ("1", "Law"),
        ("2", "Law 12"),
    ]
    assert [told_from(access) for access in entry.accesses] == [("", ""), ("", "")]
    assert (entry.pseudonym_period, list(entry.other_pseudonyms)) == ("2028-02", [b"b" * 16])
    long = entry_of({"fields": ["f"], "legal_basis": "L" * 2000})
    assert long.accesses[0].legal_basis == "L" * 500 + " ..."


@pytest.mark.parametrize("outcome", [Reason.ANSWERED, Reason.NO_RECORD, Reason.SOURCE_FAILED])
def test_the_end_of_a_delay_is_worked_out_at_the_access_whatever_came_of_it(
    outcome: Reason,
) -> None:
    entry = entry_of({"fields": ["f"], "delayed_disclosure": INQUIRY}, outcome=outcome)
    (access,) = entry.accesses
    # A year from 29 February ends on the 28th.
    assert told_from(access) == ("2029-02-28T12:00:00+00:00", INQUIRY["legal_basis"])


def test_of_what_was_not_asked_of_the_source_the_same_is_told() -> None:
    entry = entry_of(
        {"fields": ["f"], "delayed_disclosure": INQUIRY},
        outcome=Reason.NOT_ADDRESSABLE,
        is_read=False,
    )
    assert told_from(entry.accesses[0])[1] == INQUIRY["legal_basis"]
    assert entry.accesses[0].legal_basis == "Law"


def test_a_query_that_a_delayed_clause_only_held_back_is_told_as_late() -> None:
    sealed = {"fields": ["f"], "sealed": True, "delayed_disclosure": INQUIRY}
    entry = entry_of(sealed, outcome=Reason.SEALING_REQUIRED, is_read=False)
    assert told_from(entry.accesses[0])[1] == INQUIRY["legal_basis"]
    # So is one that asks for a field more than the clause names.
    entry = entry_of({"fields": ["f"], "delayed_disclosure": INQUIRY}, fields=("f", "g"))
    assert told_from(entry.accesses[0])[1] == INQUIRY["legal_basis"]
    # What the latest of several clauses says holds for all that they decided.
    entry = entry_of(
        {"fields": ["f"], "delayed_disclosure": SHORTER},
        {"fields": ["g"], "sealed": True, "delayed_disclosure": INQUIRY},
        fields=("f", "g"),
    )
    assert told_from(entry.accesses[0]) == ("2029-02-28T12:00:00+00:00", INQUIRY["legal_basis"])


@pytest.mark.parametrize("other", [{"requesters": ["registrar"]}, {"purposes": ["another"]}])
def test_a_query_that_no_delayed_clause_is_for_is_told_at_once(other: dict[str, Any]) -> None:
    grant = {"fields": ["f"], "delayed_disclosure": INQUIRY, **other}
    entry = entry_of(grant, outcome=Reason.NOT_COVERED, is_read=False)
    assert told_from(entry.accesses[0]) == ("", "")
