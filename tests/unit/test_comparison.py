"""Values of one term stand side by side, and nobody decides."""

from landbridge import comparison
from landbridge.assembler import VerifiedAnswer
from landbridge.federation import Agreement, Term
from landbridge.v1 import answer_pb2, envelope_pb2, profile_pb2, query_pb2
from landbridge.v1.profile_pb2 import COMPARISON_STATUS_AGREEMENT, COMPARISON_STATUS_CONFLICT
from tests.small_town import column, heading

TERMS = {
    "name": Term("name", "Name", Agreement.LETTERS, ""),
    "status": Term("status", "Status", Agreement.EXACT, "b"),
}


def answer(
    agency: str,
    *rows: dict[str, str],
    covers_group: bool = False,
    step: query_pb2.Step.ValueType = query_pb2.STEP_COLLECT,
) -> VerifiedAnswer:
    message = answer_pb2.Answer(agency=agency, step=step)
    terms = sorted({term for row in rows for term in row})
    extract = message.datasets.add(dataset="d").extracts.add(
        heading=heading(*[column(term, term=term) for term in terms])
    )
    for row in rows:
        record = extract.records.add(covers_group=covers_group)
        for term in terms:
            record.values.add(text=row.get(term, ""))
    return VerifiedAnswer.of(envelope_pb2.Envelope(), message)


def compare(answers: list[VerifiedAnswer], terms: dict[str, Term]) -> list[profile_pb2.Comparison]:
    written = b"".join(comparison.compare(answers, terms))
    return list(profile_pb2.Profile.FromString(written).comparisons)


def test_equal_after_normalisation_is_agreement() -> None:
    (found,) = compare(
        [answer("a", {"name": "Ålborg Univ., Inc."}), answer("b", {"name": "ÅLBORG UNIV INC"})],
        TERMS,
    )
    assert found.status == COMPARISON_STATUS_AGREEMENT
    assert [value.answer for value in found.values] == [0, 1]


def test_different_values_are_a_conflict_and_the_authoritative_one_comes_first() -> None:
    (found,) = compare([answer("a", {"status": "open"}), answer("b", {"status": "closed"})], TERMS)
    assert found.status == COMPARISON_STATUS_CONFLICT
    assert [(value.answer, value.authoritative) for value in found.values] == [
        (1, True),
        (0, False),
    ]


def test_one_source_alone_is_not_compared_even_with_itself() -> None:
    assert list(compare([answer("a", {"status": "open"}, {"status": "closed"})], TERMS)) == []


def test_the_same_value_of_one_source_stands_once() -> None:
    (found,) = compare(
        [answer("a", {"status": "open"}, {"status": "open"}), answer("b", {"status": "open"})],
        TERMS,
    )
    assert len(found.values) == 2


def test_empty_values_group_records_and_resolve_answers_are_not_compared() -> None:
    other = answer("b", {"status": "closed"})
    for silent in (
        answer("a", {"status": ""}),
        answer("a", {"status": "open"}, covers_group=True),
        answer("a", {"status": "open"}, step=query_pb2.STEP_RESOLVE),
    ):
        assert list(compare([silent, other], TERMS)) == []


def test_a_field_without_a_shared_term_is_not_compared() -> None:
    assert list(compare([answer("a", {"zip": "1"}), answer("b", {"zip": "2"})], TERMS)) == []


def test_what_an_authoritative_source_states_very_often_takes_no_time_of_others() -> None:
    """Place against place, this would take minutes."""
    rows = [{"status": f"{number}"} for number in range(40_000)]
    (found,) = compare([answer("a", {"status": "open"}), answer("b", *rows)], TERMS)
    assert [value.authoritative for value in found.values] == [True] * len(rows) + [False]
