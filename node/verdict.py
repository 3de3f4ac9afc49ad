"""What the memoranda say of one dataset, to all questions that are judged alike.

A verdict is made once and shared: nothing in it changes but what is worked out from it and kept,
such as the parts of answers and log entries that are the same every time.
"""

from collections.abc import Callable
from typing import Final

from landbridge.heading import write_heading
from landbridge.memorandum.condition import Not, Rule
from landbridge.policy.decision import Allowance, FieldRefusal
from landbridge.v1 import answer_pb2
from landbridge.wire import number_part, part, text_part
from node.sources.lookup import Question, Wanted

Heading = Callable[[str, tuple[str, ...]], bytes]
"""Gives the heading of fields of a dataset."""

_EXTRACT: Final = b"\x22"
_RECORD: Final = b"\x2a"
_OVERDUE: Final = b"\x40\x01"
_REFUSAL: Final = b"\x2a"
_MOST_ACCESSES: Final = 16


class Release:
    """What one clause releases, as it reads on one day.

    With `predicates`, each a name with what a record must meet, these are answered instead of
    fields. Records that meet `expired` are past their term, and not read.
    """

    __slots__ = ("_frame", "allowance", "fresh_within", "predicates", "wanted", "where")

    def __init__(
        self,
        dataset: str,
        allowance: Allowance,
        where: tuple[Rule, ...],
        predicates: tuple[Question, ...] = (),
        expired: Rule | None = None,
    ) -> None:
        self.allowance = allowance
        self.fresh_within = allowance.terms.fresh_within
        """How old the data are at most, as its clause promises."""
        self.where = where
        self.predicates = predicates
        self.wanted = Wanted(
            dataset,
            # Of a record that predicates are asked of, nothing is read.
            () if predicates else allowance.fields,
            where if expired is None else (*where, Not(expired)),
            predicates,
        )
        """What is looked up for it, where no record is withdrawn."""
        self._frame: tuple[bytes, bytes] | None = None

    def write(self, records: list[bytes], heading: Heading, *, overdue: bool) -> bytes:
        """Write its records as an extract of an answer."""
        before, after = self._frame or self._write_frame(heading)
        parts = [before, *[part(_RECORD, record) for record in records], after]
        if overdue:
            parts.append(_OVERDUE)
        return part(_EXTRACT, b"".join(parts))

    def _write_frame(self, heading: Heading) -> tuple[bytes, bytes]:
        """Write what stands before and behind the records: the same whatever they are."""
        allowance, terms = self.allowance, self.allowance.terms
        columns = (
            _yes_or_no(self.predicates)
            if self.predicates
            else heading(self.wanted.dataset, allowance.fields)
        )
        before = (
            text_part(b"\x0a", allowance.memorandum)
            + text_part(b"\x12", allowance.clause)
            + text_part(b"\x1a", allowance.legal_basis)
            + (part(b"\x22", columns) if columns else b"")
        )
        after = text_part(b"\x32", str(terms.retention or "")) + text_part(
            b"\x3a", str(terms.fresh_within or "")
        )
        self._frame = before, after
        return before, after


class Verdict:
    """What is released of a dataset, and what is refused, the refusal that came nearest first.

    `remarks` are what a reader should hear of the refusals, `as_of` is the day that the data
    describe, and `expired` is what records past their term meet.
    """

    __slots__ = (
        "_openings",
        "accesses",
        "as_of",
        "dataset",
        "expired",
        "is_told_at_once",
        "refusals",
        "refused",
        "releases",
        "remarks",
    )

    def __init__(  # noqa: PLR0913  what a judgement is made of
        self,
        dataset: str,
        releases: tuple[Release, ...] = (),
        refusals: tuple[FieldRefusal, ...] = (),
        *,
        remarks: tuple[str, ...] = (),
        as_of: str = "",
        expired: Rule | None = None,
    ) -> None:
        self.dataset = dataset
        self.releases = releases
        self.refusals = refusals
        self.remarks = remarks
        self.as_of = as_of
        self.expired = expired
        self._openings: dict[int, bytes] = {}
        self.refused = write_refusals(refusals)
        """The refusals as an answer has them."""
        self.is_told_at_once = not any(
            (
                *(release.allowance.terms.delayed_disclosure for release in releases),
                *(refusal.delayed_disclosure for refusal in refusals),
            )
        )
        """Whether no clause delays when the subject is told."""
        self.accesses: dict[tuple[object, ...], bytes] = {}
        """What log entries say of it, by what came of the question."""

    def opening(self, outcome: int) -> bytes:
        """Write what an answer on the dataset begins with: name, outcome and day."""
        written = self._openings.get(outcome)
        if written is None:
            written = self._openings[outcome] = (
                text_part(b"\x0a", self.dataset)
                + number_part(b"\x10", outcome)
                + text_part(b"\x1a", self.as_of)
            )
        return written

    def keep_access(self, outcome: tuple[object, ...], written: bytes) -> None:
        """Keep what log entries say of an outcome."""
        if len(self.accesses) >= _MOST_ACCESSES:
            self.accesses.clear()
        self.accesses[outcome] = written


def write_refusals(refusals: tuple[FieldRefusal, ...]) -> bytes:
    """Write refusals for the requester, as they stand in the answer on a dataset."""
    return b"".join(
        part(
            _REFUSAL,
            text_part(b"\x0a", item.field)
            + number_part(b"\x10", item.reason.value)
            + text_part(b"\x1a", item.memorandum)
            + text_part(b"\x22", item.clause),
        )
        for item in refusals
    )


def _yes_or_no(predicates: tuple[Question, ...]) -> bytes:
    return write_heading(
        answer_pb2.Column(field=name, type=answer_pb2.VALUE_TYPE_BOOLEAN) for name, _ in predicates
    )
