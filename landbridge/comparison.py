"""Puts values of one term from several sources side by side. Nobody decides here who is right.

Equal after the term's normalisation counts as agreement, anything else as a conflict. A record that
covers a whole group says nothing of its member, so it is not compared.
"""

from collections.abc import Iterator, Mapping, Sequence

from landbridge.federation import Term
from landbridge.v1 import answer_pb2, query_pb2
from landbridge.v1.profile_pb2 import (
    COMPARISON_STATUS_AGREEMENT,
    COMPARISON_STATUS_CONFLICT,
    Comparison,
    ValueReference,
)

_FEWEST_SOURCES = 2
_Source = tuple[str, str]


_Place = tuple[int, int, int, int, int]


def compare(
    answers: Sequence[answer_pb2.Answer], terms: Mapping[str, Term]
) -> Iterator[Comparison]:
    """Compare the values of each term that at least two sources give, in the terms' order.

    References point into `answers`; of equal values from one source the first stands for all.
    """
    found: dict[str, dict[_Source, dict[str, _Place]]] = {}
    for name, source, place, text in _values(answers, terms):
        found.setdefault(name, {}).setdefault(source, {}).setdefault(text, place)
    for name in sorted(found):
        sources = found[name]
        if len(sources) < _FEWEST_SOURCES:
            continue
        term = terms[name]
        stated = {text for texts in sources.values() for text in texts}
        references = [
            _reference(place, authoritative=term.is_authoritative(*source))
            for source, texts in sources.items()
            for place in texts.values()
        ]
        references.sort(key=lambda reference: not reference.authoritative)
        yield Comparison(
            term=name,
            status=COMPARISON_STATUS_AGREEMENT if len(stated) == 1 else COMPARISON_STATUS_CONFLICT,
            values=references,
        )


def _values(
    answers: Sequence[answer_pb2.Answer], terms: Mapping[str, Term]
) -> Iterator[tuple[str, _Source, _Place, str]]:
    """Give each value that can be compared: term, source, place and normalised text."""
    for a, answer in enumerate(answers):
        if answer.step != query_pb2.STEP_COLLECT:
            continue
        for d, dataset in enumerate(answer.datasets):
            source = (answer.agency, dataset.dataset)
            for e, extract in enumerate(dataset.extracts):
                columns = [
                    (v, term, terms[term].normalise)
                    for v, term in enumerate([column.term for column in extract.columns])
                    if term in terms
                ]
                for r, record in enumerate(extract.records if columns else ()):
                    if record.covers_group:
                        continue
                    values = record.values
                    for v, term, normalise in columns:
                        text = _comparable(values[v])
                        if text:
                            yield term, source, (a, d, e, r, v), normalise(text)


def _reference(place: _Place, *, authoritative: bool) -> ValueReference:
    answer, dataset, extract, record, value = place
    return ValueReference(
        answer=answer,
        dataset=dataset,
        extract=extract,
        record=record,
        value=value,
        authoritative=authoritative,
    )


def _comparable(value: answer_pb2.Value) -> str:
    if text := value.text:
        return text
    kind = value.WhichOneof("canonical")
    if kind == "integer":
        return str(value.integer)
    if kind == "boolean":
        return str(value.boolean).lower()
    if kind == "list":
        return "; ".join(sorted(_comparable(item) for item in value.list.items))
    return ""
