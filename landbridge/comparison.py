"""Puts values of one term from several sources side by side. Nobody decides here who is right.

Equal after the term's normalisation counts as agreement, anything else as a conflict. A record that
covers a whole group says nothing of its member, so it is not compared.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from landbridge.federation import Term
from landbridge.v1 import answer_pb2, query_pb2
from landbridge.v1.profile_pb2 import (
    COMPARISON_STATUS_AGREEMENT,
    COMPARISON_STATUS_CONFLICT,
    Comparison,
    ValueReference,
)

_FEWEST_SOURCES = 2


@dataclass(frozen=True, slots=True)
class _Column:
    """A column whose values can be compared, and where it stands."""

    term: str
    source: tuple[str, str]
    place: tuple[int, int, int]
    position: int
    records: Sequence[answer_pb2.Record]


def compare(
    answers: Sequence[answer_pb2.Answer], terms: Mapping[str, Term]
) -> Iterator[Comparison]:
    """Compare the values of each term that at least two sources give, in the terms' order.

    References point into `answers`; of equal values from one source the first stands for all.
    """
    found: dict[str, dict[tuple[str, str, str], ValueReference]] = {}
    for column in _columns(answers, terms):
        term = terms[column.term]
        references = found.setdefault(column.term, {})
        agency, dataset = column.source
        authoritative = term.is_authoritative(agency, dataset)
        for row, record in enumerate(column.records):
            text = "" if record.covers_group else _comparable(record.values[column.position])
            if not text:
                continue
            key = (agency, dataset, term.normalise(text))
            if key not in references:
                answer, position, extract = column.place
                references[key] = ValueReference(
                    answer=answer,
                    dataset=position,
                    extract=extract,
                    record=row,
                    value=column.position,
                    authoritative=authoritative,
                )
    for name in sorted(found):
        references = found[name]
        if len({(agency, dataset) for agency, dataset, _ in references}) < _FEWEST_SOURCES:
            continue
        agreement = len({text for _, _, text in references}) == 1
        yield Comparison(
            term=name,
            status=COMPARISON_STATUS_AGREEMENT if agreement else COMPARISON_STATUS_CONFLICT,
            values=sorted(references.values(), key=lambda value: not value.authoritative),
        )


def _columns(answers: Sequence[answer_pb2.Answer], terms: Mapping[str, Term]) -> Iterator[_Column]:
    for a, answer in enumerate(answers):
        if answer.step != query_pb2.STEP_COLLECT:
            continue
        for d, dataset in enumerate(answer.datasets):
            for e, extract in enumerate(dataset.extracts):
                for position, column in enumerate(extract.columns):
                    if column.term in terms:
                        yield _Column(
                            column.term,
                            (answer.agency, dataset.dataset),
                            (a, d, e),
                            position,
                            extract.records,
                        )


def _comparable(value: answer_pb2.Value) -> str:
    kind = value.WhichOneof("canonical")
    if kind == "text":
        return value.text
    if kind == "integer":
        return str(value.integer)
    if kind == "boolean":
        return str(value.boolean).lower()
    if kind == "list":
        return "; ".join(sorted(_comparable(item) for item in value.list.items))
    return ""
