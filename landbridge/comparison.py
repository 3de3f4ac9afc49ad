"""Puts values of one term from several sources side by side. Nobody decides here who is right.

Equal after the term's normalisation counts as agreement, anything else as a conflict. A record that
covers a whole group says nothing of its member, so it is not compared.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Final, Protocol

from landbridge.federation import Term
from landbridge.read_answer import ReadDataset
from landbridge.v1 import answer_pb2, profile_pb2
from landbridge.v1.profile_pb2 import COMPARISON_STATUS_AGREEMENT, COMPARISON_STATUS_CONFLICT
from landbridge.wire import part

_COMPARISONS: Final = b"\x42"
"""Tag in the Profile."""

_FEWEST_SOURCES: Final = 2
_REMEMBERED: Final = 512
_MOST_REMEMBERED: Final = 64
_Source = tuple[str, str]
_Place = tuple[int, int, int, int, int]
"""Positions of answer, dataset, extract, record and value."""


class Comparable(Protocol):
    """An answer as far as its values can be compared."""

    @property
    def agency(self) -> str:
        """Whose answer it is."""

    @property
    def collected(self) -> bool:
        """Whether it is about records."""

    @property
    def datasets(self) -> Sequence[ReadDataset]:
        """What each dataset gave."""


def compare(answers: Sequence[Comparable], terms: Mapping[str, Term]) -> Iterator[bytes]:
    """Compare the values of each term that at least two sources give, in the terms' order.

    Each comparison is given as it stands in the profile. References point into `answers`; of equal
    values from one source the first stands for all.
    """
    found: dict[str, dict[tuple[_Source, str], _Place]] = {}
    _gather(answers, terms, found)
    for name in sorted(found):
        stated = found[name]
        if len({source for source, _ in stated}) < _FEWEST_SOURCES:
            continue
        term = terms[name]
        agreed = len({text for _, text in stated}) == 1
        status = COMPARISON_STATUS_AGREEMENT if agreed else COMPARISON_STATUS_CONFLICT
        first: list[_Place] = []
        others: list[_Place] = []
        for (source, _), place in stated.items():
            (first if term.is_authoritative(*source) else others).append(place)
        # What many sources state many times over is never alike twice.
        few = len(stated) <= _MOST_REMEMBERED
        write = _write if few else _write.__wrapped__
        yield write(name, status, tuple(first), tuple(others))


def _gather(
    answers: Sequence[Comparable],
    terms: Mapping[str, Term],
    found: dict[str, dict[tuple[_Source, str], _Place]],
) -> None:
    """Find each value that can be compared: by term, source and normalised text its first place."""
    for a, answer in enumerate(answers):
        if not answer.collected:
            continue
        for d, dataset in enumerate(answer.datasets):
            source = (answer.agency, dataset.name)
            for e, extract in enumerate(dataset.extracts):
                columns = [
                    (v, terms[name].normalise, found.setdefault(name, {}))
                    for v, name in extract.says.terms.items()
                    if name in terms
                ]
                for r, record in enumerate(extract.records if columns else ()):
                    if record.covers_group:
                        continue
                    values = record.values
                    for v, normalise, stated in columns:
                        value = values[v]
                        if text := value.text or _comparable(value):
                            stated.setdefault((source, normalise(text)), (a, d, e, r, v))


@lru_cache(_REMEMBERED)
def _write(
    name: str,
    status: profile_pb2.ComparisonStatus.ValueType,
    authoritative: tuple[_Place, ...],
    others: tuple[_Place, ...],
) -> bytes:
    comparison = profile_pb2.Comparison(
        term=name,
        status=status,
        values=[
            *[_reference(place, authoritative=True) for place in authoritative],
            *[_reference(place, authoritative=False) for place in others],
        ],
    )
    return part(_COMPARISONS, comparison.SerializeToString())


def _reference(place: _Place, *, authoritative: bool) -> profile_pb2.ValueReference:
    answer, dataset, extract, record, value = place
    return profile_pb2.ValueReference(
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
