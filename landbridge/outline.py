"""What an answer says but for what its records hold: alike in all answers of a kind.

Outlines are known again by their exact bytes, in which each record stands empty. So what depends on
nothing else is read, checked and written once a kind. Nothing of a record is ever kept.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from landbridge.heading import Fault, Heading, read_heading
from landbridge.outline_fault import MAX_REFUSALS, fault_of
from landbridge.v1 import answer_pb2

# Together they bound what outlines may hold of memory, whoever wrote them.
_MOST_KEPT: Final = 1024
_LONGEST_KEPT: Final = 2048
_MOST_PARTS_KEPT: Final = 64
"""Datasets and extracts: what is made of each is far longer than an empty one."""


@dataclass(frozen=True, slots=True, eq=False)
class Extract:
    """What one clause released, but for its records."""

    source: tuple[str, str]
    """Agency and dataset."""
    place: tuple[int, int]
    """Positions of its dataset in the answer, and of itself in there."""
    memorandum: str
    clause: str
    heading: bytes
    says: Heading
    """What the heading says."""
    width: int
    """How many values each record has."""
    records: int
    """How many records there are."""

    @property
    def dataset(self) -> str:
        """The dataset that it is from."""
        return self.source[1]


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """What one dataset gave but for its records, or why it gave nothing."""

    name: str
    outcome: int
    detail: str
    expired: int
    reasons: tuple[int, ...]
    """Why fields were refused."""
    refused: tuple[str, ...]
    """The fields that were asked for and refused."""
    extracts: tuple[Extract, ...]
    records: int
    """How many records it gave."""


@dataclass(frozen=True, slots=True, eq=False)
class Outline:
    """An answer but for its records, its time and its query."""

    federation: str
    agency: str
    step: int
    round: int
    place: tuple[int, int, str]
    """Where it stands among the answers to its query: step, round, agency."""
    sealed: bool
    memoranda: tuple[str, ...]
    """By which sealed contents are released."""
    datasets: tuple[Dataset, ...]
    names: list[str]
    """Of the datasets."""
    extracts: tuple[Extract, ...]
    """Of all datasets, in their order."""
    schemes: frozenset[str]
    """Of the columns of identifiers."""
    most_records: int
    """Of one dataset."""
    identifiers: int
    """How many values stand in columns of identifiers."""
    fault: Fault | None
    """Why no answer may be so, whatever its federation and its records."""
    kept: bool
    """Whether it is known again: what is made of one that is not is not to be kept either."""


_KNOWN: Final[dict[bytes, Outline]] = {}


def read_outline(data: bytes) -> Outline:
    """Read an outline, an Answer whose records are empty, or know it again.

    Raises:
        LandbridgeError: LB-4007, LB-4009 for a heading that is none.
    """
    known = _KNOWN.get(data)
    if known is None:
        known = _read(data)
        if known.kept:
            if len(_KNOWN) >= _MOST_KEPT:
                _KNOWN.clear()
            _KNOWN[data] = known
    return known


def _read(data: bytes) -> Outline:
    # A message of its own: that of an answer would hold the memory of its records.
    message = answer_pb2.Answer.FromString(data)
    fault = fault_of(message)
    datasets = tuple(
        [_read_dataset(message.agency, d, one) for d, one in enumerate(message.datasets)]
    )
    extracts = tuple([extract for dataset in datasets for extract in dataset.extracts])
    sealed = message.HasField("sealed")
    return Outline(
        federation=message.federation,
        agency=message.agency,
        step=message.step,
        round=message.round,
        place=(message.step, message.round, message.agency),
        sealed=sealed,
        memoranda=tuple(message.sealed.memoranda) if sealed else (),
        datasets=datasets,
        names=[dataset.name for dataset in datasets],
        extracts=extracts,
        schemes=frozenset(name for one in extracts for name in one.says.identifiers.values()),
        most_records=max([dataset.records for dataset in datasets], default=0),
        identifiers=sum([one.records * len(one.says.identifiers) for one in extracts]),
        fault=fault,
        # A detail is a sentence of its own, of which no two need be alike.
        kept=not (fault or sealed or any(one.detail for one in datasets))
        and len(data) <= _LONGEST_KEPT
        and len(datasets) + len(extracts) <= _MOST_PARTS_KEPT,
    )


def _read_dataset(agency: str, position: int, message: answer_pb2.DatasetAnswer) -> Dataset:
    extracts = _read_extracts((agency, message.dataset), position, message.extracts)
    # More of them are a fault, and not worth the time that they take.
    refusals = message.refusals[:MAX_REFUSALS]
    return Dataset(
        message.dataset,
        message.outcome,
        message.detail,
        message.expired,
        tuple(sorted({refusal.reason for refusal in refusals})),
        tuple([refusal.field for refusal in refusals if refusal.field]),
        extracts,
        sum([extract.records for extract in extracts]),
    )


def _read_extracts(
    source: tuple[str, str], position: int, messages: Sequence[answer_pb2.Extract]
) -> tuple[Extract, ...]:
    read = []
    for number, message in enumerate(messages):
        heading = message.heading
        says = read_heading(heading)
        read.append(
            Extract(
                source,
                (position, number),
                message.memorandum,
                message.clause,
                heading,
                says,
                len(says.fields),
                len(message.records),
            )
        )
    return tuple(read)
