"""The profile as its gateway joins it from bytes, held against messages built the plain way."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from landbridge.assembler import VerifiedAnswer, assemble, assembled_bytes
from landbridge.errors import Reason
from landbridge.federation import Federation, Term
from landbridge.gaps import ANSWERS, kind_of
from landbridge.v1 import answer_pb2, envelope_pb2, profile_pb2, query_pb2
from tests.small_town import (
    BAKERY_ABSENT,
    FEDERATION,
    SUBJECT,
    Town,
    bakery_answers,
    column,
    heading,
)

_OUTCOMES = [Reason.ANSWERED, Reason.NO_RECORD, Reason.NOT_COVERED, Reason.LATE]
_TERMS = ["name", "status", ""]

_VALUES = st.one_of(
    st.builds(answer_pb2.Value, text=st.sampled_from(["", "Bakery", "BAKERY", "open"])),
    st.builds(answer_pb2.Value, integer=st.integers(-1, 1)),
    st.builds(answer_pb2.Value, boolean=st.booleans()),
    st.just(answer_pb2.Value(list={"items": [{"text": "b"}, {"text": "a"}]})),
)


@st.composite
def _extracts(draw: st.DrawFn) -> answer_pb2.Extract:
    terms = draw(st.lists(st.sampled_from(_TERMS), max_size=3))
    columns = [column(f"f{at}", term=term) for at, term in enumerate(terms)]
    rows = draw(st.lists(st.lists(_VALUES, min_size=len(terms), max_size=len(terms)), max_size=3))
    about = {"scheme": SUBJECT.scheme, "value": SUBJECT.value}
    return answer_pb2.Extract(
        memorandum="m-1",
        clause=draw(st.sampled_from(["1", "2"])),
        heading=heading(*columns),
        records=[
            answer_pb2.Record(values=row, about=about, covers_group=draw(st.booleans()))
            for row in rows
        ],
    )


_DATASETS = st.builds(
    answer_pb2.DatasetAnswer,
    dataset=st.sampled_from(["rows", "more"]),
    outcome=st.sampled_from([outcome.value for outcome in _OUTCOMES]),
    detail=st.sampled_from(["", "too old"]),
    expired=st.integers(0, 3),
    extracts=st.lists(_extracts(), max_size=2),
    refusals=st.lists(
        st.builds(
            answer_pb2.Refusal,
            field=st.sampled_from(["", "owner"]),
            reason=st.sampled_from([Reason.NOT_COVERED.value, Reason.FIELD_NOT_COVERED.value]),
        ),
        max_size=2,
    ),
)
_ANSWERS = st.builds(
    answer_pb2.Answer,
    agency=st.sampled_from(["a", "b", "c", "d"]),
    step=st.just(query_pb2.STEP_COLLECT),
    round=st.just(1),
    datasets=st.lists(_DATASETS, max_size=2, unique_by=lambda dataset: dataset.dataset),
)


def _plain(
    federation: Federation,
    answers: Iterable[answer_pb2.Answer],
    absent: Iterable[profile_pb2.Source],
) -> profile_pb2.Profile:
    """Derive sources, comparisons and completeness from whole messages, one by one."""
    ordered = sorted(answers, key=lambda answer: answer.agency)
    profile = profile_pb2.Profile()
    sources = [
        profile_pb2.Source(
            agency=answer.agency,
            dataset=dataset.dataset,
            outcome=dataset.outcome,
            records=sum(len(extract.records) for extract in dataset.extracts),
            refused_fields=sum(1 for refusal in dataset.refusals if refusal.field),
            detail=dataset.detail,
            expired=dataset.expired,
            reasons=sorted({refusal.reason for refusal in dataset.refusals}),
        )
        for answer in ordered
        for dataset in answer.datasets
    ]
    profile.sources.extend(sorted([*sources, *absent], key=lambda one: (one.agency, one.dataset)))
    for name, term in sorted(federation.terms.items()):
        comparison = _compare(ordered, name, term)
        if comparison is not None:
            profile.comparisons.append(comparison)
    kinds = [_kind(Reason(source.outcome)) for source in profile.sources]
    profile.completeness.CopyFrom(
        profile_pb2.Completeness(
            sources=len(kinds),
            answered=kinds.count("answered"),
            refused=kinds.count("refused"),
            failed=kinds.count("failed"),
            not_addressable=kinds.count("not-addressable"),
        )
    )
    return profile


def _kind(reason: Reason) -> str:
    kind = "answered" if reason in ANSWERS else kind_of(reason)
    return kind if kind in ("answered", "refused", "not-addressable") else "failed"


def _compare(
    ordered: list[answer_pb2.Answer], name: str, term: Term
) -> profile_pb2.Comparison | None:
    seen: set[tuple[tuple[str, str], str]] = set()
    references = []
    for a, answer in enumerate(ordered):
        for d, dataset in enumerate(answer.datasets):
            source = (answer.agency, dataset.dataset)
            for e, extract in enumerate(dataset.extracts):
                columns = answer_pb2.Heading.FromString(extract.heading).columns
                for r, record in enumerate(extract.records):
                    for v, value in enumerate(record.values):
                        text = _text(value)
                        if record.covers_group or columns[v].term != name or not text:
                            continue
                        stated = (source, term.normalise(text))
                        if stated not in seen:
                            seen.add(stated)
                            references.append(
                                profile_pb2.ValueReference(
                                    answer=a,
                                    dataset=d,
                                    extract=e,
                                    record=r,
                                    value=v,
                                    authoritative=term.is_authoritative(*source),
                                )
                            )
    if len({source for source, _ in seen}) < 2:
        return None
    agreed = len({text for _, text in seen}) == 1
    return profile_pb2.Comparison(
        term=name,
        status=profile_pb2.COMPARISON_STATUS_AGREEMENT
        if agreed
        else profile_pb2.COMPARISON_STATUS_CONFLICT,
        values=sorted(references, key=lambda reference: not reference.authoritative),
    )


def _text(value: answer_pb2.Value) -> str:
    match value.WhichOneof("canonical"):
        case "integer":
            return str(value.integer)
        case "boolean":
            return str(value.boolean).lower()
        case "list":
            return "; ".join(sorted(_text(item) for item in value.list.items))
    return value.text


@pytest.fixture(scope="module")
def federation(tmp_path_factory: pytest.TempPathFactory) -> Federation:
    path = tmp_path_factory.mktemp("town") / "federation.toml"
    path.write_text(FEDERATION)
    return Federation.load(path)


_QUERY = envelope_pb2.Envelope(payload_type="q", payload=b"query")
_ABSENT = st.lists(
    st.builds(
        profile_pb2.Source,
        agency=st.sampled_from(["a", "e"]),
        dataset=st.just("silent"),
        outcome=st.sampled_from([Reason.LATE.value, Reason.NOT_ADDRESSABLE.value]),
    ),
    max_size=2,
)


@settings(max_examples=60)
@given(
    given_=st.lists(_ANSWERS, max_size=4, unique_by=lambda answer: answer.agency), absent=_ABSENT
)
def test_what_is_joined_is_what_the_plain_way_makes(
    federation: Federation, given_: list[answer_pb2.Answer], absent: list[profile_pb2.Source]
) -> None:
    envelopes = [
        envelope_pb2.Envelope(payload_type="a", payload=answer.SerializeToString())
        for answer in given_
    ]
    parts: dict[str, Any] = {
        "asked": SUBJECT,
        "gateway": "hall/main",
        "at": 1_795_000_000_000,
        "not_answered": absent,
        "federation": federation,
    }
    answers = [
        VerifiedAnswer.of(envelope, answer, data=envelope.SerializeToString())
        for envelope, answer in zip(envelopes, given_, strict=True)
    ]
    joined = assembled_bytes(query=_QUERY.SerializeToString(), answers=answers, **parts)
    message = assemble(query=_QUERY, answers=answers[::-1], **parts)
    assert joined == message.SerializeToString(deterministic=True)
    expected = _plain(federation, given_, absent)
    expected.query.CopyFrom(_QUERY)
    expected.federation, expected.gateway = federation.name, "hall/main"
    expected.assembled_at_unix_ms = 1_795_000_000_000
    ordered = sorted(zip(given_, envelopes, strict=True), key=lambda pair: pair[0].agency)
    expected.answers.extend([envelope for _, envelope in ordered])
    assert message == expected


def test_links_and_all_the_rest_are_joined_as_the_message_has_them(tmp_path: Path) -> None:
    town = Town(tmp_path)
    query = town.query()
    answers = bakery_answers(town, query)
    message = town.assemble(query, answers, BAKERY_ABSENT)
    joined = assembled_bytes(
        query=query.SerializeToString(),
        asked=SUBJECT,
        gateway=message.gateway,
        at=message.assembled_at_unix_ms,
        answers=answers,
        not_answered=BAKERY_ABSENT,
        federation=town.federation,
    )
    town.close()
    assert message.links
    assert joined == message.SerializeToString(deterministic=True)


def test_envelopes_go_on_exactly_as_they_came(federation: Federation) -> None:
    answer = answer_pb2.Answer(agency="a", step=query_pb2.STEP_COLLECT, round=1)
    plain = envelope_pb2.Envelope(payload_type="a", payload=answer.SerializeToString())
    # Fields backwards, and one that nobody knows: another writing of the same envelope.
    strange = b"\x12" + bytes([len(plain.payload)]) + plain.payload + b"\x0a\x01a" + b"\xf8\x07\x01"
    assert envelope_pb2.Envelope.FromString(strange).payload == plain.payload
    joined = assembled_bytes(
        query=_QUERY.SerializeToString(),
        asked=SUBJECT,
        gateway="hall/main",
        at=1,
        answers=[VerifiedAnswer.of(plain, answer, data=strange)],
        not_answered=(),
        federation=federation,
    )
    assert strange in joined
