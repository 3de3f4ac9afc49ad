"""What of a question is allowed, by memoranda, consents and what the query asks."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import pytest

from landbridge.clock import to_datetime
from landbridge.consent.record import WHAT, read_record
from landbridge.consent.revocation import Revocation, revoke_as_desk, verify_revocation
from landbridge.errors import LandbridgeError, Reason
from landbridge.memorandum.condition import Condition, Operator
from landbridge.memorandum.document import Memorandum
from landbridge.memorandum.words import read_instant
from landbridge.policy.authorization import AccessRequest, Policy, authorize
from landbridge.query import Query, Wanted
from landbridge.statement.signed import SignedByOne
from landbridge.subject import SubjectId, SubjectKind
from landbridge.v1 import query_pb2
from node.consents import Consents
from node.judge import Judge
from node.published import Published
from node.task import Reading, Task
from tests.consents import (
    DATASET,
    DESK,
    OTHER_DESK,
    PERSON,
    PROVIDER,
    PURPOSE,
    REQUESTER,
    by_desk,
    desks,
    instant,
)
from tests.memoranda import make_memorandum

COMPANY: Final = SubjectId("company", "1")
ABOVE: Final = {
    "name": "above",
    "title": "Above?",
    "asks": {"amount": {"type": "decimal"}},
    "when": [{"field": "f", "gt": {"asked": "amount"}}],
}
LATE: Final = {"name": "late", "title": "Late?", "when": [{"field": "g", "within": "P1Y"}]}
COMPANIES: Final = Published(
    "companies",
    SubjectKind.LEGAL_ENTITY,
    frozenset({"company", "tax"}),
    ("f", "g", "id"),
    ("id",),
    {"id": "company"},
    "2026-01-01",
)
PERSONS: Final = Published(
    DATASET, SubjectKind.NATURAL_PERSON, frozenset({PERSON.subject.scheme}), ("f",), (), {}, ""
)


def judged(  # noqa: PLR0913  by name, each with a default
    *grants: Mapping[str, Any],
    dataset: Published = COMPANIES,
    wanted: Sequence[Wanted] = (),
    subject: SubjectId = COMPANY,
    step: query_pb2.Step.ValueType = query_pb2.STEP_COLLECT,
    consents: Sequence[bytes] = (),
    revoked: Collection[Revocation] = (),
    seal_to: bytes = b"",
    stale: bool = False,
    others: Sequence[Memorandum] = (),
) -> tuple[Reading, Task]:
    """Judge a question on one dataset by a memorandum with these clauses, and by others."""
    now = desks().now
    memorandum = make_memorandum(
        [
            {
                "provider": PROVIDER,
                "dataset": dataset.name,
                "requesters": [REQUESTER],
                "purposes": [PURPOSE],
                "subject_kinds": [str(dataset.kind)],
                "clause": str(number),
                **grant,
            }
            for number, grant in enumerate(grants, 1)
        ],
        parties=(PROVIDER, REQUESTER),
        valid=("2020-01-01T00:00:00Z", "2100-01-01T00:00:00Z"),
    ).model_copy(update={"consent_desks": (DESK,)})
    query = Query(
        nonce=bytes(16),
        federation="town.example",
        requester=REQUESTER,
        subject=subject,
        subject_kind=SubjectKind.NATURAL_PERSON
        if subject == PERSON.subject
        else SubjectKind.LEGAL_ENTITY,
        purpose=PURPOSE,
        case_reference="C-1",
        wanted=tuple(wanted),
        issued_at=now,
        expires_at=now + 60_000,
        seal_to=seal_to,
        consents=tuple(consents),
    )
    question = query_pb2.Question(step=step, round=1, datasets=[dataset.name])
    task = Task(question, query, bytes(32), Policy([memorandum, *others]), to_datetime(now).date())
    Judge(
        PROVIDER,
        {dataset.name: dataset},
        Consents(lambda: desks().bundle, lambda: revoked),
        lambda _: stale,
    ).judge(task, now)
    (reading,) = task.readings
    return reading, task


def refusals(reading: Reading) -> dict[str, Reason]:
    return {refusal.field: refusal.reason for refusal in reading.refusals}


def names(reading: Reading) -> list[str]:
    return [name for each in reading.extractions for name in each.allowance.fields]


def test_fields_are_read_as_columns_and_predicates_as_questions() -> None:
    reading, _ = judged({"fields": ["f"]}, {"predicates": [LATE]})
    fields, predicates = reading.extractions
    assert (fields.release.wanted.fields, fields.release.predicates) == (("f",), ())
    assert predicates.release.wanted.fields == ()
    ((name, rules),) = predicates.release.predicates
    day = to_datetime(desks().now).date()
    assert name == "late"
    assert Condition("g", Operator.GE, day.replace(year=day.year - 1).isoformat()) in rules[0].parts  # type: ignore[union-attr]
    assert reading.is_read


def test_the_rows_of_a_clause_are_those_of_the_day() -> None:
    reading, _ = judged({"where": [{"field": "g", "within": "P1Y"}, {"field": "f", "eq": 1}]})
    (extraction,) = reading.extractions
    assert "within" not in str(extraction.release.where)
    assert extraction.release.where[1] == Condition("f", Operator.EQ, 1)


def test_a_query_that_wants_everything_gets_the_predicates_that_it_answers() -> None:
    clauses: list[dict[str, Any]] = [{"fields": ["f"]}, {"predicates": [ABOVE, LATE]}]
    reading, _ = judged(*clauses)
    assert names(reading) == ["f", "late"]
    assert refusals(reading) == dict.fromkeys(("g", "id"), Reason.FIELD_NOT_COVERED)
    wanted = Wanted(PROVIDER, "", (), (("amount", "1"),))
    assert names(judged(*clauses, wanted=[wanted])[0]) == ["f", "above", "late"]


def test_a_predicate_that_is_asked_wrongly_is_refused_and_the_others_are_not() -> None:
    wanted = Wanted(PROVIDER, COMPANIES.name, ("above", "late"), (("amount", "a lot"),))
    reading, _ = judged({"predicates": [ABOVE, LATE]}, wanted=[wanted])
    assert names(reading) == ["late"]
    assert reading.extractions[0].allowance.predicates[0].name == "late"
    assert refusals(reading) == {"above": Reason.BAD_ARGUMENT}
    assert reading.remarks == (
        "the predicate above asks for amount as a decimal number written like 1000.50",
    )


def test_a_clause_that_is_written_in_parts_answers_the_predicates_of_each() -> None:
    wanted = Wanted(PROVIDER, COMPANIES.name, ("late", "above"), (("amount", "1"),))
    parts: list[dict[str, Any]] = [
        {"clause": "1", "predicates": [LATE]},
        {"clause": "1", "predicates": [ABOVE]},
    ]
    reading, _ = judged(*parts, wanted=[wanted])
    (extraction,) = reading.extractions
    assert [name for name, _ in extraction.release.predicates] == ["late", "above"]


def test_where_nothing_is_left_the_argument_is_the_reason() -> None:
    wanted = Wanted(PROVIDER, COMPANIES.name, ("f", "above"))
    reading, _ = judged({"predicates": [ABOVE]}, wanted=[wanted])
    assert not reading.is_read
    reading.refuse()
    assert reading.outcome == Reason.BAD_ARGUMENT
    assert "asks for amount, and the query gives none" in reading.detail


def test_a_name_that_the_requester_may_not_know_is_unknown() -> None:
    wanted = [Wanted(PROVIDER, COMPANIES.name, ("above",))]
    with pytest.raises(LandbridgeError) as unpublished:
        judged({"fields": ["f"]}, wanted=wanted)
    assert unpublished.value.reason is Reason.UNKNOWN_FIELD


def test_a_dataset_that_the_query_does_not_want_is_not_read() -> None:
    with pytest.raises(LandbridgeError) as caught:
        judged({}, wanted=[Wanted(PROVIDER, "another")])
    assert caught.value.reason is Reason.MALFORMED_REQUEST


def test_resolving_reads_identifiers_alone_whatever_is_wanted() -> None:
    clauses: list[dict[str, Any]] = [{"fields": ["f", "id"]}, {"predicates": [LATE]}]
    reading, _ = judged(
        *clauses,
        step=query_pb2.STEP_RESOLVE,
        wanted=[Wanted(PROVIDER, COMPANIES.name, ("late",))],
    )
    assert names(reading) == ["id"]


def test_a_clause_that_seals_takes_no_part_in_what_the_gateway_reads() -> None:
    clause = {"fields": ["f", "id"], "sealed": True}
    assert refusals(judged(clause)[0]) == {"": Reason.SEALING_REQUIRED}
    assert names(judged(clause, seal_to=b"key")[0]) == ["f", "id"]
    resolving, _ = judged(clause, seal_to=b"key", step=query_pb2.STEP_RESOLVE)
    assert refusals(resolving) == {"": Reason.SEALING_REQUIRED}


def test_a_dataset_without_a_known_key_is_allowed_and_not_read() -> None:
    reading, _ = judged({}, subject=SubjectId("address", "1"))
    assert names(reading) == ["f"]
    assert not reading.is_read


def test_stale_revocation_data_stop_everything() -> None:
    assert refusals(judged({}, stale=True)[0]) == {"": Reason.STALE_REVOCATION}


def test_records_on_another_kind_of_subject_are_refused_whatever_a_clause_says() -> None:
    reading, _ = judged({"subject_kinds": ["legal-entity"]}, dataset=PERSONS)
    assert refusals(reading) == {"": Reason.SUBJECT_KIND_NOT_COVERED}


def on_the_person(
    *consents: bytes, revoked: Collection[Revocation] = (), **terms: Any
) -> tuple[Reading, Task]:
    return judged(
        terms, dataset=PERSONS, subject=PERSON.subject, consents=consents, revoked=revoked
    )


def test_records_on_a_person_are_opened_by_the_persons_consent() -> None:
    document = by_desk()
    reading, task = on_the_person(document)
    assert names(reading) == ["f"]
    (consent,) = task.consents
    assert consent.desk == DESK


def test_a_statute_needs_no_consent_and_no_consent_is_named_for_it() -> None:
    reading, task = on_the_person(by_desk(), statute="Licence Act, section 4")
    assert names(reading) == ["f"]
    assert task.consents == ()


def test_without_consent_it_is_missing() -> None:
    reading, task = on_the_person()
    assert refusals(reading) == {"": Reason.CONSENT_MISSING}
    assert (reading.remarks, task.consents) == ((), ())


def test_a_consent_that_does_not_count_is_refused_for_its_own_reason() -> None:
    document = by_desk(purpose="another-purpose")
    reading, task = on_the_person(document)
    assert refusals(reading) == {"": Reason.CONSENT_REFUSED}
    assert task.consents == ()
    (remark,) = reading.remarks
    assert PERSON.number not in remark
    reading.refuse()
    assert reading.outcome == Reason.CONSENT_REFUSED
    assert reading.detail == remark


def test_a_desk_opens_only_what_memoranda_that_accept_it_grant() -> None:
    """Two memoranda of the same parties: each takes the word of its own desk alone."""
    memoranda = [
        make_memorandum(
            [{"subject_kinds": ["natural-person"], "fields": [name]}], name=f"m-{name}"
        ).model_copy(update={"consent_desks": (desk,)})
        for name, desk in (("f", DESK), ("g", OTHER_DESK))
    ]
    request = AccessRequest(
        "p.a",
        "d",
        "r.a",
        "why",
        SubjectKind.NATURAL_PERSON,
        ("f", "g"),
        read_instant("2026-06-15T12:00:00Z"),
        consented=True,
    )
    policy = Policy(memoranda)

    def opened(*desks_: str) -> list[tuple[str, ...]]:
        vouched = replace(request, vouched_by=frozenset(desks_))
        return [allowance.fields for allowance in authorize(policy, vouched).allowances]

    assert opened(DESK) == [("f",)]
    assert opened(OTHER_DESK) == [("g",)]
    assert opened(DESK, OTHER_DESK) == [("f",), ("g",)]
    assert opened() == opened("another") == []
    assert len(authorize(policy, request).allowances) == 2, "where it is not known yet, any will do"
    missing = authorize(policy, replace(request, vouched_by=frozenset({DESK}))).refusals
    assert [(each.field, each.reason) for each in missing] == [("g", Reason.CONSENT_MISSING)]


def test_a_consent_opens_no_clause_of_parties_that_do_not_trust_its_desk() -> None:
    other = make_memorandum(
        [
            {
                "provider": PROVIDER,
                "dataset": DATASET,
                "requesters": [REQUESTER],
                "purposes": [PURPOSE],
                "subject_kinds": ["natural-person"],
                "fields": ["g"],
            }
        ],
        name="m-2",
        parties=(PROVIDER, REQUESTER),
        valid=("2020-01-01T00:00:00Z", "2100-01-01T00:00:00Z"),
    ).model_copy(update={"consent_desks": (OTHER_DESK,)})
    reading, _ = judged(
        {"fields": ["f"]},
        dataset=replace(PERSONS, fields=("f", "g")),
        subject=PERSON.subject,
        consents=[by_desk()],
        others=[other],
    )
    assert names(reading) == ["f"]
    assert refusals(reading) == {"g": Reason.CONSENT_REFUSED}
    assert reading.remarks == (
        f"the memorandum does not take the word of {DESK} for a person's consent",
    )


def test_what_no_consent_could_open_is_refused_for_its_own_reason() -> None:
    reading, _ = judged(
        {"fields": ["f"]},
        dataset=replace(PERSONS, fields=("f", "g")),
        subject=PERSON.subject,
        consents=[by_desk()],
        wanted=[Wanted(PROVIDER, DATASET, ("f", "g"))],
    )
    assert names(reading) == ["f"]
    assert refusals(reading) == {"g": Reason.FIELD_NOT_COVERED}
    assert reading.remarks == ()


def test_the_word_of_a_desk_that_no_clause_accepts_counts_for_nothing() -> None:
    reading, _ = on_the_person(by_desk(desks().other))
    assert refusals(reading) == {"": Reason.CONSENT_REFUSED}
    assert OTHER_DESK in reading.remarks[0]


def test_a_revoked_consent_opens_nothing() -> None:
    document = by_desk()
    record = read_record(SignedByOne.parse(document, WHAT).payload)
    signed = revoke_as_desk(record, desks().key, revoked_at=instant(desks().now))
    revocation = verify_revocation(signed.to_bytes(), desks().bundle, desks().now)
    reading, task = on_the_person(document, revoked=[revocation])
    assert refusals(reading) == {"": Reason.CONSENT_REVOKED}
    assert task.consents == ()
