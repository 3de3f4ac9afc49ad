"""One question on its way through the responder's steps."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from landbridge.consent.verification import Consent
from landbridge.errors import LandbridgeError, Reason
from landbridge.memorandum.condition import Rule
from landbridge.period import Period
from landbridge.policy.authorization import Policy
from landbridge.policy.decision import Allowance, FieldRefusal
from landbridge.query import Query
from landbridge.subject import SubjectId
from landbridge.v1 import answer_pb2, query_pb2
from node.quota import Charge
from node.sources.lookup import Withdrawn

Found = list[answer_pb2.Record] | LandbridgeError
_LONGEST_DETAIL: Final = 900


@dataclass(slots=True)
class Extraction:
    """What one clause releases, as it reads on the day of the question."""

    allowance: Allowance
    where: tuple[Rule, ...]
    predicates: tuple[tuple[str, tuple[Rule, ...]], ...] = ()
    """For predicates: each name with what a record must meet; empty where fields are released."""
    position: int = -1
    """Of its look-up in the batch."""
    records: int = 0
    """How many it gave."""

    @property
    def columns(self) -> tuple[str, ...]:
        """What is read of each record; for predicates nothing is."""
        return () if self.predicates else self.allowance.fields


@dataclass(slots=True)
class Reading:
    """One dataset of one question: what is allowed, how it is read, and what came of it."""

    dataset: str
    answer: answer_pb2.DatasetAnswer
    extractions: list[Extraction] = field(default_factory=list)
    refusals: list[FieldRefusal] = field(default_factory=list)
    """The one that came nearest first."""
    remarks: list[str] = field(default_factory=list)
    """What a reader should hear of the refusals."""
    expired: Rule | None = None
    """What records past their term meet: these are not read; None where records never expire."""
    counting: int = -1
    """Position in the batch of the look-up that counts these."""
    without: tuple[Withdrawn, ...] = ()
    """Records of the subject that are given no more."""
    is_read: bool = False
    """Whether its source is asked: something is allowed, and an identifier is known."""

    def withhold(self, extraction: Extraction, reason: Reason, remark: str) -> None:
        """Refuse what a clause releases, after all."""
        self.extractions.remove(extraction)
        allowance = extraction.allowance
        self.refuse_first(allowance, allowance.fields, reason, remark)

    def refuse_first(
        self, allowance: Allowance, names: Sequence[str], reason: Reason, remark: str
    ) -> None:
        """Put the refusal of names that a clause would release before all others."""
        self.refusals[:0] = [
            FieldRefusal(
                name,
                reason,
                allowance.memorandum,
                allowance.clause,
                allowance.terms.delayed_disclosure,
            )
            for name in names
        ]
        if remark not in self.remarks:
            self.remarks.append(remark)

    def refuse(self) -> None:
        """Answer that nothing is allowed, for the reason that came nearest."""
        reason = self.refusals[0].reason if self.refusals else Reason.NOT_COVERED
        self.answer.outcome = reason.value  # type: ignore[assignment]
        self.answer.detail = self._detail()

    def fail(self, reason: Reason, detail: str) -> None:
        """Answer that the dataset could not be read."""
        del self.answer.extracts[:]
        for extraction in self.extractions:
            extraction.records = 0
        self.answer.outcome = reason.value  # type: ignore[assignment]
        self.answer.detail = detail

    def fill(
        self,
        found: Sequence[Found],
        columns: Callable[[str, tuple[str, ...]], list[answer_pb2.Column]],
        limit: int,
        day: date,
    ) -> None:
        """Answer with what every clause gave, or with why it cannot be given."""
        count = 0
        for extraction in self.extractions:
            records = found[extraction.position]
            if isinstance(records, LandbridgeError):
                self.fail(records.reason, records.message)
                return
            count += len(records)
            if count > limit:
                self.fail(Reason.TOO_MANY_RECORDS, f"more than {limit} records match")
                return
            extraction.records = len(records)
            if records:
                self._add(extraction, records, columns, day)
        outcome = Reason.ANSWERED if count else Reason.NO_RECORD
        self.answer.outcome = outcome.value  # type: ignore[assignment]
        self.answer.detail = self._detail()

    def _detail(self) -> str:
        whole = "; ".join(self.remarks)
        return whole if len(whole) <= _LONGEST_DETAIL else f"{whole[:_LONGEST_DETAIL]} ..."

    def _add(
        self,
        extraction: Extraction,
        records: list[answer_pb2.Record],
        columns: Callable[[str, tuple[str, ...]], list[answer_pb2.Column]],
        day: date,
    ) -> None:
        allowance, terms = extraction.allowance, extraction.allowance.terms
        self.answer.extracts.add(
            memorandum=allowance.memorandum,
            clause=allowance.clause,
            legal_basis=allowance.legal_basis,
            columns=_yes_or_no(extraction)
            if extraction.predicates
            else columns(self.dataset, allowance.fields),
            records=records,
            retention=str(terms.retention or ""),
            fresh_within=str(terms.fresh_within or ""),
            overdue=_is_overdue(terms.fresh_within, self.answer.as_of, records, day),
        )


@dataclass(slots=True)
class Task:
    """One question, its query, and what each of its datasets gives."""

    question: query_pb2.Question
    query: Query
    query_digest: bytes
    policy: Policy
    """What the memoranda allowed when the question came."""
    day: date
    """The day of the question, UTC."""
    aliases: tuple[SubjectId, ...] = ()
    unproven: int = 0
    """How many aliases came without proof."""
    consents: tuple[Consent, ...] = ()
    """Those that open something here."""
    readings: list[Reading] = field(default_factory=list)
    charges: list[Charge] = field(default_factory=list)
    """What it holds of quotas until its answer stands in the log."""

    def begin_again(self) -> None:
        """Forget what an attempt at the whole batch has left behind."""
        for reading in self.readings:
            del reading.answer.extracts[:]
            del reading.answer.refusals[:]
            reading.answer.ClearField("detail")
            reading.answer.ClearField("expired")

    @property
    def resolving(self) -> bool:
        """Whether only identifiers are asked for."""
        return self.question.step == query_pb2.STEP_RESOLVE

    @property
    def sealed(self) -> bool:
        """Whether the answer leaves sealed; what resolves does not, as the gateway goes by it."""
        return bool(self.query.seal_to) and not self.resolving


def write_refusal(item: FieldRefusal) -> answer_pb2.Refusal:
    """Write a refusal for the requester."""
    return answer_pb2.Refusal(
        field=item.field,
        reason=item.reason.value,  # type: ignore[arg-type]
        memorandum=item.memorandum,
        clause=item.clause,
    )


def _yes_or_no(extraction: Extraction) -> list[answer_pb2.Column]:
    return [
        answer_pb2.Column(field=name, type=answer_pb2.VALUE_TYPE_BOOLEAN)
        for name, _ in extraction.predicates
    ]


def _is_overdue(
    promised: Period | None, as_of: str, records: Sequence[answer_pb2.Record], day: date
) -> bool:
    """Whether some of the data are older than promised; what has no known day is not."""
    if promised is None:
        return False
    days = {record.as_of or as_of for record in records} - {""}
    return any(promised.after(date.fromisoformat(known)) < day for known in days)
