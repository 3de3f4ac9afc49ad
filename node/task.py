"""One question on its way through the responder's steps."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from landbridge.consent.verification import Consent
from landbridge.errors import LandbridgeError, Reason
from landbridge.period import Period
from landbridge.policy.authorization import Policy
from landbridge.policy.decision import Allowance, FieldRefusal
from landbridge.query import Query
from landbridge.subject import SubjectId
from landbridge.v1 import answer_pb2, query_pb2
from landbridge.wire import number_part, part, text_part
from node.quota import Charge
from node.sources.lookup import Withdrawn
from node.verdict import Heading, Release, Verdict, write_refusals

Found = list[bytes] | LandbridgeError
"""Records as the wire writes them, or why there are none."""
Mark = Callable[[Release, list[bytes]], list[bytes]]
"""Adds to records what is to travel with them."""

_LONGEST_DETAIL: Final = 900
_DATASET: Final = b"\x3a"
_ANSWERED: Final = Reason.ANSWERED.value
_NO_RECORD: Final = Reason.NO_RECORD.value


@dataclass(slots=True)
class Extraction:
    """What one clause releases to one question."""

    release: Release
    position: int = -1
    """Of its look-up in the batch."""
    records: int = 0
    """How many it gave."""

    @property
    def allowance(self) -> Allowance:
        """What its clause allows."""
        return self.release.allowance


@dataclass(slots=True)
class Reading:
    """One dataset of one question: what is allowed, how it is read, and what came of it."""

    verdict: Verdict
    extractions: list[Extraction]
    refusals: tuple[FieldRefusal, ...]
    """The one that came nearest first."""
    remarks: tuple[str, ...]
    """What a reader should hear of the refusals."""
    is_read: bool = False
    """Whether its source is asked: something is allowed, and an identifier is known."""
    is_whole: bool = True
    """Whether everything stands as it was judged: nothing is withheld."""
    counting: int = -1
    """Position in the batch of the look-up that counts records past their term."""
    without: tuple[Withdrawn, ...] = ()
    """Records of the subject that are given no more."""
    outcome: int = 0
    detail: str = ""
    expired: int = 0
    """How many records were not read, as they are past their term."""
    shows_refusals: bool = False
    extracts: list[bytes] = field(default_factory=list)

    @classmethod
    def of(cls, verdict: Verdict, *, is_read: bool) -> "Reading":
        """Begin to read by a verdict."""
        extractions = list(map(Extraction, verdict.releases))
        return cls(verdict, extractions, verdict.refusals, verdict.remarks, is_read)

    @property
    def dataset(self) -> str:
        """The dataset."""
        return self.verdict.dataset

    def withhold(self, extraction: Extraction, reason: Reason, remark: str) -> None:
        """Refuse what a clause releases, after all."""
        self.extractions.remove(extraction)
        allowance = extraction.allowance
        self.is_whole = False
        self.refusals = (*refusals_of(allowance, allowance.fields, reason), *self.refusals)
        if remark not in self.remarks:
            self.remarks = (*self.remarks, remark)

    def refuse(self) -> None:
        """Answer that nothing is allowed, for the reason that came nearest."""
        reason = self.refusals[0].reason if self.refusals else Reason.NOT_COVERED
        self.outcome = reason.value
        self.detail = self._detail()

    def fail(self, reason: Reason, detail: str) -> None:
        """Answer that the dataset could not be read."""
        self.extracts.clear()
        for extraction in self.extractions:
            extraction.records = 0
        self.outcome = reason.value
        self.detail = detail

    def fill(
        self,
        found: Sequence[Found],
        heading: Heading,
        limit: int,
        day: date,
        mark: Mark | None = None,
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
                release = extraction.release
                promised = release.fresh_within
                overdue = promised is not None and _is_overdue(
                    promised, self.verdict.as_of, records, day
                )
                given = records if mark is None else mark(release, records)
                self.extracts.append(release.write(given, heading, overdue=overdue))
        self.outcome = _ANSWERED if count else _NO_RECORD
        self.detail = self._detail() if self.remarks else ""

    def write(self) -> bytes:
        """Write what is answered on the dataset, as a part of the answer."""
        verdict = self.verdict
        parts = [verdict.opening(self.outcome), *self.extracts]
        if self.shows_refusals and self.refusals:
            parts.append(verdict.refused if self.is_whole else write_refusals(self.refusals))
        if self.detail or self.expired:
            parts += text_part(b"\x32", self.detail), number_part(b"\x38", self.expired)
        return part(_DATASET, b"".join(parts))

    def _detail(self) -> str:
        whole = "; ".join(self.remarks)
        return whole if len(whole) <= _LONGEST_DETAIL else f"{whole[:_LONGEST_DETAIL]} ..."


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
    datasets: tuple[str, ...] = field(init=False)
    """Those that the question is about."""
    step: query_pb2.Step.ValueType = field(init=False)
    round: int = field(init=False)

    def __post_init__(self) -> None:
        """Read once what is asked for at every step."""
        # A slice is made in one go, an iterator asks for item after item.
        self.datasets = tuple(self.question.datasets[:])
        self.step = self.question.step
        self.round = self.question.round

    def begin_again(self) -> None:
        """Forget what an attempt at the whole batch has left behind."""
        for reading in self.readings:
            reading.extracts.clear()
            reading.shows_refusals = False
            reading.detail = ""
            reading.expired = 0

    @property
    def resolving(self) -> bool:
        """Whether only identifiers are asked for."""
        return self.step == query_pb2.STEP_RESOLVE

    @property
    def sealed(self) -> bool:
        """Whether the answer leaves sealed; what resolves does not, as the gateway goes by it."""
        return bool(self.query.seal_to) and not self.resolving


def refusals_of(
    allowance: Allowance, names: Sequence[str], reason: Reason
) -> tuple[FieldRefusal, ...]:
    """Return the refusals of names that a clause would release."""
    return tuple(
        FieldRefusal(
            name, reason, allowance.memorandum, allowance.clause, allowance.terms.delayed_disclosure
        )
        for name in names
    )


def _is_overdue(promised: Period, as_of: str, records: Sequence[bytes], day: date) -> bool:
    """Whether some of the data are older than promised; what has no known day is not."""
    days = {answer_pb2.Record.FromString(record).as_of or as_of for record in records} - {""}
    return any(promised.after(date.fromisoformat(known)) < day for known in days)
