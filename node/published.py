"""What a node must know of each dataset to answer questions on it, from its own catalogue."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Self

from landbridge.heading import IDENTIFIER
from landbridge.subject import SubjectId, SubjectKind
from landbridge.v1 import catalogue_pb2


@dataclass(frozen=True, slots=True)
class Published:
    """One dataset as the agency publishes it."""

    name: str
    kind: SubjectKind
    schemes: frozenset[str]
    """Schemes of the keys by which it can be asked."""
    fields: tuple[str, ...]
    identifiers: tuple[str, ...]
    """Those of the fields that hold identifiers."""
    scheme_of: dict[str, str]
    """The scheme of each field that has one."""
    as_of: str
    """The day the data describe, ISO 8601; empty where the agency states none."""

    @classmethod
    def describe(cls, dataset: catalogue_pb2.Dataset) -> Self:
        """Take from the catalogue what counts here."""
        return cls(
            name=dataset.name,
            kind=SubjectKind.from_number(dataset.subject_kind),
            schemes=frozenset(key.scheme for key in dataset.keys),
            fields=tuple(field.name for field in dataset.fields),
            identifiers=tuple(field.name for field in dataset.fields if field.type == IDENTIFIER),
            scheme_of={field.name: field.scheme for field in dataset.fields if field.scheme},
            as_of=dataset.as_of,
        )

    def is_addressable(self, asked: SubjectId, aliases: Iterable[SubjectId]) -> bool:
        """Whether it has keys of the scheme of one of the identifiers."""
        return asked.scheme in self.schemes or any(
            alias.scheme in self.schemes for alias in aliases
        )

    def shows_keys(self, fields: Collection[str]) -> bool:
        """Whether a row shows by every key whom it is about, so that links can be judged by it."""
        return self.schemes <= {self.scheme_of.get(name) for name in fields}


def published_datasets(catalogue: catalogue_pb2.Catalogue) -> dict[str, Published]:
    """Describe every dataset of a catalogue, by its name."""
    return {dataset.name: Published.describe(dataset) for dataset in catalogue.datasets}
