"""One question on its way through the responder's steps."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from landbridge.errors import LandbridgeError, Reason
from landbridge.policy.authorization import Allowance, Decision, FieldRefusal
from landbridge.query import Query
from landbridge.subject import SubjectId
from landbridge.v1 import answer_pb2, query_pb2


@dataclass(slots=True)
class Reading:
    """One dataset of one question: what is allowed, where it is read, and what came of it."""

    dataset: str
    decision: Decision
    answer: answer_pb2.DatasetAnswer
    allowances: list[tuple[Allowance, int]] = field(default_factory=list)
    """What is read, each with the position of its look-up in the batch."""

    def refuse(self) -> None:
        """Answer that nothing is allowed, for the reason that came nearest."""
        refusals = self.decision.refusals
        reason = refusals[0].reason if refusals else Reason.NOT_COVERED
        self.answer.outcome = reason.value  # type: ignore[assignment]

    def fail(self, reason: Reason, detail: str) -> None:
        """Answer that the dataset could not be read."""
        del self.answer.extracts[:]
        self.answer.outcome = reason.value  # type: ignore[assignment]
        self.answer.detail = detail

    def fill(
        self,
        found: Sequence[list[answer_pb2.Record] | LandbridgeError],
        columns: Callable[[str, tuple[str, ...]], list[answer_pb2.Column]],
        limit: int,
    ) -> None:
        """Answer with the records of every allowance, or with why they cannot be given."""
        count = 0
        for allowance, position in self.allowances:
            records = found[position]
            if isinstance(records, LandbridgeError):
                self.fail(records.reason, records.message)
                return
            count += len(records)
            if count > limit:
                self.fail(Reason.TOO_MANY_RECORDS, f"more than {limit} records match")
                return
            if records:
                self.answer.extracts.add(
                    memorandum=allowance.memorandum,
                    clause=allowance.clause,
                    legal_basis=allowance.legal_basis,
                    columns=columns(self.dataset, allowance.fields),
                    records=records,
                )
        outcome = Reason.ANSWERED if count else Reason.NO_RECORD
        self.answer.outcome = outcome.value  # type: ignore[assignment]


@dataclass(slots=True)
class Task:
    """One question, its query, and what each of its datasets gives."""

    question: query_pb2.Question
    query: Query
    query_digest: bytes
    aliases: tuple[SubjectId, ...] = ()
    unproven: int = 0
    """How many aliases came without proof."""
    readings: list[Reading] = field(default_factory=list)

    def begin_again(self) -> None:
        """Forget what an attempt at the whole batch has left behind."""
        for reading in self.readings:
            reading.allowances.clear()
            del reading.answer.extracts[:]
            reading.answer.ClearField("detail")

    @property
    def resolving(self) -> bool:
        """Whether only identifiers are asked for."""
        return self.question.step == query_pb2.STEP_RESOLVE


def write_refusal(item: FieldRefusal) -> answer_pb2.Refusal:
    """Write a refusal for the requester."""
    return answer_pb2.Refusal(
        field=item.field,
        reason=item.reason.value,  # type: ignore[arg-type]
        memorandum=item.memorandum,
        clause=item.clause,
    )
