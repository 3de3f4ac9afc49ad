"""The datasets of an answer, taken apart once for all who work with them.

Each part of a message costs a call to read, and every answer of every query is checked, counted,
logged and compared: what these steps share is read here.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from landbridge.heading import Heading, read_heading
from landbridge.v1 import answer_pb2


@dataclass(slots=True)
class ReadExtract:
    """What one clause released."""

    message: answer_pb2.Extract
    memorandum: str
    clause: str
    heading: bytes
    says: Heading
    """What the heading says."""
    records: Sequence[answer_pb2.Record]


@dataclass(slots=True)
class ReadDataset:
    """What one dataset gave, or why it gave nothing."""

    message: answer_pb2.DatasetAnswer
    name: str
    outcome: int
    refusals: Sequence[answer_pb2.Refusal]
    extracts: Sequence[ReadExtract]

    @property
    def records(self) -> int:
        """How many records it gave."""
        return sum([len(extract.records) for extract in self.extracts])

    @property
    def refused(self) -> tuple[str, ...]:
        """The fields that were asked for and refused."""
        return tuple([refusal.field for refusal in self.refusals if refusal.field])


def read_dataset(message: answer_pb2.DatasetAnswer) -> ReadDataset:
    """Take one dataset apart.

    Raises:
        LandbridgeError: LB-4007, LB-4009 for a heading that is none.
    """
    return ReadDataset(
        message,
        message.dataset,
        message.outcome,
        message.refusals,
        [_read_extract(extract) for extract in message.extracts],
    )


def read_datasets(answer: answer_pb2.Answer) -> list[ReadDataset]:
    """Take the datasets of an answer apart that was checked before.

    Raises:
        LandbridgeError: LB-4007, LB-4009 for a heading that is none.
    """
    return [read_dataset(dataset) for dataset in answer.datasets]


def _read_extract(message: answer_pb2.Extract) -> ReadExtract:
    heading = message.heading
    return ReadExtract(
        message,
        message.memorandum,
        message.clause,
        heading,
        read_heading(heading),
        message.records,
    )
