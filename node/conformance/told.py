"""Questions as a gateway writes them, and what they are answered with."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from landbridge.errors import Reason
from landbridge.heading import read_heading
from landbridge.subject import SubjectId
from landbridge.v1 import answer_pb2, envelope_pb2, query_pb2
from node.conformance.verdict import demand

FOUND_OR_NOT: Final = (Reason.ANSWERED, Reason.NO_RECORD)
"""What comes of a question that a clause covers."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a question was answered with."""

    query: envelope_pb2.Envelope
    envelope: envelope_pb2.Envelope
    answer: answer_pb2.Answer
    about: SubjectId

    @property
    def dataset(self) -> answer_pb2.DatasetAnswer:
        """The only dataset that was asked for."""
        return self.answer.datasets[0]

    @property
    def outcome(self) -> Reason:
        """What came of it."""
        return Reason(self.dataset.outcome)


def question(
    query: envelope_pb2.Envelope,
    *datasets: str,
    step: query_pb2.Step.ValueType = query_pb2.STEP_COLLECT,
) -> query_pb2.Question:
    """Write a question as a gateway does."""
    return query_pb2.Question(query=query, step=step, round=1, datasets=datasets)


def released(told: Told) -> set[str]:
    """Name the fields of which an answer holds values."""
    return {
        field for extract in told.dataset.extracts for field in read_heading(extract.heading).fields
    }


def names(told: Told) -> list[str]:
    """Name the records of an answer; several of one name stay several."""
    return sorted(record.record for extract in told.dataset.extracts for record in extract.records)


def demand_answered(told: Told, whole: Sequence[Told], when: str) -> None:
    """Go on only if what is granted was answered, with records where there are any.

    `whole` is what the node gives on the dataset's subjects where all is granted.

    Raises:
        NonconformityError: when it was not.
    """
    name = told.dataset.dataset
    demand(told.outcome in FOUND_OR_NOT, f"{name}: {told.outcome.code} {when}")
    due = [each.outcome for each in whole if each.about == told.about]
    demand(
        told.outcome in due,
        f"{name}: {told.outcome.code} {when}, and otherwise "
        f"{', '.join(sorted(reason.code for reason in due))}",
    )
