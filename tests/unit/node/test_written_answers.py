"""What is joined of bytes is, to the byte, what the message classes write."""

from datetime import date
from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from landbridge.errors import LandbridgeError, Reason
from landbridge.heading import write_heading
from landbridge.log.subject_keys import Pseudonym
from landbridge.period import Period
from landbridge.policy.authorization import Policy
from landbridge.policy.decision import Allowance, FieldRefusal, Terms
from landbridge.query import Query
from landbridge.subject import SubjectId, SubjectKind
from landbridge.v1 import answer_pb2, log_pb2, query_pb2
from landbridge.wire import number_part, part, text_part, varint
from node.task import Reading, Task
from node.trace import write_entry
from node.verdict import Release, Verdict
from tests.schools import dataset_answer

HEADING: Final = write_heading([answer_pb2.Column(field="f"), answer_pb2.Column(field="g")])
short = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
texts = short | st.integers(0, 3000).map(lambda length: "ä" * length)
numbers = st.integers(0, 5000) | st.integers(0, 2**63 - 1)
terms = st.builds(
    Terms,
    retention=st.none() | st.just(Period.parse("P1Y")),
    fresh_within=st.none() | st.just(Period.parse("P30D")),
)
allowances = st.builds(
    Allowance,
    memorandum=short,
    clause=short,
    legal_basis=texts,
    fields=st.just(("f", "g")),
    where=st.just(()),
    terms=terms,
)
refusals = st.builds(
    FieldRefusal,
    field=short,
    reason=st.sampled_from([Reason.NOT_COVERED, Reason.FIELD_NOT_COVERED, Reason.QUOTA_SPENT]),
    memorandum=short,
    clause=short,
)
records = st.lists(
    st.builds(
        lambda name, as_of: answer_pb2.Record(record=name, as_of=as_of).SerializeToString(),
        texts,
        st.sampled_from(["", "2026-01-01", "2026-05-20"]),
    ),
    max_size=4,
)


@given(number=numbers)
def test_numbers_are_written_as_protobuf_writes_them(number: int) -> None:
    written = answer_pb2.Flag(due_at_unix_ms=number).SerializeToString()
    assert number_part(b"\x30", number) == written
    assert written in (b"", b"\x30" + varint(number))


@given(text=texts)
def test_texts_and_bytes_are_written_as_protobuf_writes_them(text: str) -> None:
    assert text_part(b"\x0a", text) == answer_pb2.Flag(case_id=text).SerializeToString()
    data = text.encode()
    assert part(b"\x12", data) == b"\x12" + varint(len(data)) + data


@given(
    allowed=st.lists(st.tuples(allowances, records), max_size=3),
    refused=st.lists(refusals, max_size=3).map(tuple),
    remarks=st.lists(texts, max_size=2).map(tuple),
    as_of=st.sampled_from(["", "2026-01-01"]),
    expired=st.integers(0, 300),
    shows=st.booleans(),
)
def test_the_answer_on_a_dataset_is_the_message_that_it_says(  # noqa: PLR0913  what it is made of
    *,
    allowed: list[tuple[Allowance, list[bytes]]],
    refused: tuple[FieldRefusal, ...],
    remarks: tuple[str, ...],
    as_of: str,
    expired: int,
    shows: bool,
) -> None:
    releases = tuple(Release("d", allowance, ()) for allowance, _ in allowed)
    verdict = Verdict("d", releases, refused, remarks=remarks, as_of=as_of)
    reading = Reading.of(verdict, is_read=bool(releases))
    found: list[list[bytes] | LandbridgeError] = []
    for extraction, (_, given_) in zip(reading.extractions, allowed, strict=True):
        extraction.position = len(found)
        found.append(given_)
    reading.fill(found, lambda *_: HEADING, 500, date(2026, 6, 1))
    reading.expired = expired
    reading.shows_refusals = shows

    whole = "; ".join(remarks)
    built = answer_pb2.DatasetAnswer(
        dataset="d",
        outcome=(Reason.ANSWERED if any(each for _, each in allowed) else Reason.NO_RECORD).value,  # type: ignore[arg-type]
        as_of=as_of,
        refusals=[
            answer_pb2.Refusal(
                field=item.field,
                reason=item.reason.value,  # type: ignore[arg-type]
                memorandum=item.memorandum,
                clause=item.clause,
            )
            for item in (refused if shows else ())
        ],
        detail=whole if len(whole) <= 900 else f"{whole[:900]} ...",
        expired=expired,
    )
    for allowance, given_ in allowed:
        parsed = [answer_pb2.Record.FromString(record) for record in given_]
        days = {record.as_of or as_of for record in parsed} - {""}
        promised = allowance.terms.fresh_within
        if given_:
            built.extracts.add(
                memorandum=allowance.memorandum,
                clause=allowance.clause,
                legal_basis=allowance.legal_basis,
                heading=HEADING,
                records=parsed,
                retention=str(allowance.terms.retention or ""),
                fresh_within=str(promised or ""),
                overdue=promised is not None and "2026-01-01" in days,
            )
    assert dataset_answer(reading) == built
    assert reading.write() == answer_pb2.Answer(datasets=[built]).SerializeToString()


@given(
    case=texts,
    others=st.lists(st.binary(min_size=16, max_size=16), max_size=2),
    consents=st.lists(st.binary(min_size=32, max_size=32), max_size=2),
    allowed=st.lists(allowances, max_size=2),
    outcome=st.sampled_from([Reason.ANSWERED, Reason.NO_RECORD, Reason.LATE]),
    counts=st.integers(0, 600),
    times=st.tuples(numbers, numbers),
    seal_to=st.sampled_from([b"", b"key"]),
)
def test_a_log_entry_is_the_message_that_it_says(  # noqa: PLR0913  what it is made of
    *,
    case: str,
    others: list[bytes],
    consents: list[bytes],
    allowed: list[Allowance],
    outcome: Reason,
    counts: int,
    times: tuple[int, int],
    seal_to: bytes,
) -> None:
    at, until = times
    query = Query(
        nonce=bytes(16),
        federation="town.example",
        requester="r.a",
        subject=SubjectId("company", "1"),
        subject_kind=SubjectKind.LEGAL_ENTITY,
        purpose="why",
        case_reference=case,
        wanted=(),
        issued_at=at,
        expires_at=until,
        seal_to=seal_to,
    )
    question = query_pb2.Question(step=query_pb2.STEP_COLLECT, round=1, datasets=["d"])
    task = Task(question, query, b"q" * 32, Policy([]), date(2026, 6, 1))
    verdict = Verdict("d", tuple(Release("d", allowance, ()) for allowance in allowed))
    reading = Reading.of(verdict, is_read=bool(allowed))
    reading.outcome = outcome.value
    for extraction in reading.extractions:
        extraction.records = counts
    task.readings.append(reading)
    task.consents = tuple(_Consent(digest) for digest in consents)  # type: ignore[assignment]
    names = [Pseudonym(value, "2026-06") for value in (b"s" * 16, *others)]

    written = write_entry(task, b"p" * 32, names, at=at)

    entry = log_pb2.LogEntry.FromString(written)
    assert entry.SerializeToString() == written
    assert write_entry(task, b"p" * 32, names, at=at) == written
    sealed = bool(seal_to)
    told = sealed or outcome is not Reason.LATE
    assert (
        entry
        == log_pb2.LogEntry(
            kind=log_pb2.ENTRY_KIND_ANSWER,
            logged_at_unix_ms=at,
            query_digest=b"q" * 32,
            requester="r.a",
            purpose="why",
            case_reference=case,
            subject_pseudonym=b"s" * 16,
            pseudonym_period="2026-06",
            other_pseudonyms=others,
            subject_kind=1,  # type: ignore[arg-type]
            payload_digest=b"p" * 32,
            step=query_pb2.STEP_COLLECT,
            round=1,
            query_expires_at_unix_ms=until,
            consents=consents,
            accesses=[
                log_pb2.Access(
                    dataset="d",
                    outcome=(Reason.SEALED if sealed else outcome).value,  # type: ignore[arg-type]
                    memorandum=allowance.memorandum,
                    clause=allowance.clause,
                    released=allowance.fields if told else (),
                    records=0 if sealed else counts,
                    legal_basis=allowance.legal_basis
                    if len(allowance.legal_basis) <= 500
                    else f"{allowance.legal_basis[:500]} ...",
                )
                for allowance in allowed
            ]
            or [log_pb2.Access(dataset="d", outcome=(Reason.SEALED if sealed else outcome).value)],  # type: ignore[arg-type]
        )
    )


class _Consent:
    """A consent, as far as a log entry names it."""

    def __init__(self, digest: bytes) -> None:
        self.digest = digest
