"""Headings: what the values of an extract's records are.

They travel as bytes of their own. A node sends the same ones with each answer of a kind, so a
reader takes them apart once; two spellings of one heading are simply two headings.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from google.protobuf.message import DecodeError

from landbridge.errors import Reason, refuse
from landbridge.v1 import answer_pb2

IDENTIFIER: Final = answer_pb2.VALUE_TYPE_IDENTIFIER
MAX_HEADING_BYTES: Final = 1 << 19
"""Longer ones are not even taken apart."""

_MAX_COLUMNS: Final = 500
_MAX_NAME: Final = 200
_TYPES: Final = frozenset(answer_pb2.ValueType.values()) - {answer_pb2.VALUE_TYPE_UNSPECIFIED}
# Together they bound what headings may hold of memory, whoever wrote them.
_KEPT: Final = 512
_LONGEST_KEPT: Final = 2048


@dataclass(frozen=True, slots=True)
class Fault:
    """Why no answer may have a heading, whatever its federation and step."""

    reason: Reason
    did: str
    """What the agency did; `{}` stands for the dataset."""


@dataclass(frozen=True, slots=True)
class Heading:
    """What the heading of an extract says, by position."""

    fields: tuple[str, ...]
    terms: Mapping[int, str]
    """Of the columns that have one."""
    identifiers: Mapping[int, str]
    """Schemes of the columns of identifiers."""
    fault: Fault | None
    """Where it is not None nothing else may be relied on."""


def write_heading(columns: Iterable[answer_pb2.Column]) -> bytes:
    """Write what the values of each record are, in their order."""
    return answer_pb2.Heading(columns=columns).SerializeToString(deterministic=True)


def read_columns(heading: bytes) -> list[answer_pb2.Column]:
    """Take a heading apart into its columns; it is kept nowhere.

    Raises:
        LandbridgeError: LB-4007 when it is not one, LB-4009 when it is longer than one may be.
    """
    if len(heading) > MAX_HEADING_BYTES:
        raise refuse(Reason.OVERSIZED_ANSWER, "an extract has too long a heading")
    try:
        return answer_pb2.Heading.FromString(heading).columns[:]
    except DecodeError:
        raise refuse(Reason.MISMATCHED_ANSWER, "an extract's heading cannot be read") from None


def read_heading(heading: bytes) -> Heading:
    """Say what a heading means to those who work with its records, and what is wrong with it.

    Raises:
        LandbridgeError: LB-4007 when it is not one, LB-4009 when it is longer than one may be.
    """
    return _kept(heading) if len(heading) <= _LONGEST_KEPT else _read(heading)


def _read(heading: bytes) -> Heading:
    columns = read_columns(heading)
    fault = _fault_of(columns)
    if fault:
        return Heading((), {}, {}, fault)
    return Heading(
        fields=tuple([column.field for column in columns]),
        terms={at: column.term for at, column in enumerate(columns) if column.term},
        identifiers={
            at: column.scheme for at, column in enumerate(columns) if column.type == IDENTIFIER
        },
        fault=None,
    )


_kept: Final = lru_cache(_KEPT)(_read)


def _fault_of(columns: list[answer_pb2.Column]) -> Fault | None:
    if len(columns) > _MAX_COLUMNS:
        return Fault(Reason.OVERSIZED_ANSWER, "sent an extract of {} with too long a heading")
    if any(
        len(name) > _MAX_NAME
        for column in columns
        for name in (column.field, column.term, column.scheme)
    ):
        return Fault(Reason.OVERSIZED_ANSWER, "sent a column of {} with too long a name")
    if len({column.field for column in columns}) != len(columns):
        return Fault(Reason.MISMATCHED_ANSWER, "sent a field of {} twice")
    if not _TYPES.issuperset(column.type for column in columns):
        return Fault(Reason.MISMATCHED_ANSWER, "sent a column of {} of an unknown type")
    return None
