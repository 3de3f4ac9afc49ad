"""The past under a draft: what of the answers in a log would have been otherwise.

Each question of the log is asked anew, at one time, of the memoranda as they would be. A log holds
no values: where a clause would let other records through, the solver says whether there can be a
record that would be hidden, or become visible, and not whether there was one.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import NamedTuple

from landbridge.clock import to_datetime
from landbridge.errors import Reason
from landbridge.memorandum.grant import Window
from landbridge.policy.authorization import Policy, authorize
from landbridge.policy.decision import AccessRequest, Allowance, Decision
from landbridge.policy.past_access import PastAccess, PastQuestion, put_together
from landbridge.policy.possible_record import RecordFinder, Witness
from landbridge.subject import SubjectKind

WindowAt = Callable[[Window, int], tuple[int, int]]
"""Gives the window of a quota in which a time lies, in Unix milliseconds."""


class Outcome(StrEnum):
    """What would come of what was asked in the past."""

    REFUSED = "refused"
    """Was released, and would be refused."""
    ALLOWED = "allowed"
    """Was refused, and would be released."""
    FEWER_RECORDS = "fewer-records"
    """Would be released, but not of every record of which it was."""
    MORE_RECORDS = "more-records"
    """Would be released of more records than it was."""
    OTHER_RECORDS = "other-records"
    """Would be released of more records, and no longer of every one of which it was."""
    OTHER_QUESTION = "other-question"
    """A predicate that would be put otherwise."""
    NOT_KNOWN = "not-known"
    """Would be released; by which clause it was, the memoranda at hand do not tell."""
    SAME = "same"


class Line(NamedTuple):
    """Queries that are alike in what would come of them."""

    outcome: Outcome
    requester: str
    provider: str
    dataset: str
    purpose: str
    subject_kind: SubjectKind
    name: str
    """The field or predicate."""
    reason: Reason
    """Why it would be refused, or was; ANSWERED otherwise."""
    was: str
    """The memorandum and clause by which it was decided."""
    would_be: str
    """The memorandum and clause by which it would be decided."""


class _Account(NamedTuple):
    """Whose queries count together for a quota; the grants of one clause share it."""

    memorandum: str
    clause: str
    requester: str
    purpose: str
    subject_kind: SubjectKind


@dataclass(frozen=True, slots=True)
class Spent:
    """Queries that a quota of the draft would not have answered."""

    memorandum: str
    clause: str
    requester: str
    purpose: str
    subject_kind: SubjectKind
    windows: int
    """In how many windows the quota would have been spent."""
    queries: int
    """How many queries came after that."""


@dataclass(frozen=True, slots=True)
class Replay:
    """What of the past would have been otherwise."""

    lines: Mapping[Line, int]
    """How many queries."""
    witnesses: Mapping[Line, Witness]
    """A record that would be hidden or, for more records, become visible."""
    spent: tuple[Spent, ...]
    queries: Mapping[SubjectKind, int]
    """How many queries were replayed, by whom they were about."""


class Replayer:
    """Asks the questions of a log anew of memoranda as they would be, at one time."""

    def __init__(
        self, old: Policy, new: Policy, at: int, finder: RecordFinder, window_at: WindowAt
    ) -> None:
        self._old = old
        self._new = new
        self._at = at
        self._finder = finder
        self._window_at = window_at

    def replay(self, past: Iterable[PastAccess]) -> Replay:
        """Replay a log.

        Raises:
            LandbridgeError: LB-1101 when row conditions have to be compared without a solver.
        """
        lines: dict[Line, int] = {}
        witnesses: dict[Line, Witness] = {}
        counted: dict[_Account, dict[bytes, int]] = {}
        queries: dict[bytes, SubjectKind] = {}
        for question in put_together(past):
            queries[question.first.query] = question.first.subject_kind
            request, decision = self._ask(question)
            for line, witness in self._judge(question, request, decision):
                lines[line] = lines.get(line, 0) + 1
                if witness is not None:
                    witnesses[line] = witness
            for allowance in decision.allowances:
                account = _Account(
                    allowance.memorandum,
                    allowance.clause,
                    request.requester,
                    request.purpose,
                    request.subject_kind,
                )
                # A query counts once for a clause, at its first reading.
                counted.setdefault(account, {}).setdefault(question.first.query, question.first.at)
        spent = tuple(
            spent for account, times in counted.items() for spent in self._spent(account, times)
        )
        return Replay(lines, witnesses, spent, Counter(queries.values()))

    def _ask(self, question: PastQuestion) -> tuple[AccessRequest, Decision]:
        first = question.first
        request = AccessRequest(
            first.provider,
            first.dataset,
            first.requester,
            first.purpose,
            first.subject_kind,
            (),
            self._at,
            consented=first.consented,
            sealed=first.sealed,
        )
        names = tuple({**question.released, **question.refused}) or self._named(request)
        request = replace(request, fields=names)
        return request, authorize(self._new, request)

    def _named(self, request: AccessRequest) -> tuple[str, ...]:
        """Name all that the draft has for such a request: a refusal of a whole names nothing."""
        coverage = self._new.coverage(request)
        names = (
            (name for clause in coverage.clauses for name in clause.grant.names) if coverage else ()
        )
        return tuple(dict.fromkeys(names))

    def _judge(
        self, question: PastQuestion, request: AccessRequest, decision: Decision
    ) -> Iterator[tuple[Line, Witness | None]]:
        allowed = {name: each for each in decision.allowances for name in each.fields}
        refused = {refusal.field: refusal for refusal in decision.refusals}
        for name in request.fields or ("",):
            before = question.released.get(name)
            after = allowed.get(name)
            was = before or question.refused.get(name, question.first)
            refusal = refused.get(name) or refused.get("")
            witness = None
            if before and after:
                outcome, witness = self._compare(name, before, after)
            elif before:
                outcome = Outcome.REFUSED
            else:
                outcome = Outcome.ALLOWED if after else Outcome.SAME
            reason = Reason.ANSWERED
            if outcome is Outcome.REFUSED and refusal:
                reason = refusal.reason
            elif outcome is Outcome.ALLOWED:
                reason = was.outcome if was.outcome.is_refusal else Reason.FIELD_NOT_COVERED
            decided = after or refusal
            line = Line(
                outcome,
                request.requester,
                request.provider,
                request.dataset,
                request.purpose,
                request.subject_kind,
                name,
                reason,
                f"{was.memorandum} {was.clause}".strip(),
                f"{decided.memorandum} {decided.clause}".strip() if decided else "",
            )
            yield line, witness

    def _compare(
        self, name: str, before: PastAccess, after: Allowance
    ) -> tuple[Outcome, Witness | None]:
        """Hold the records that the past clause let through against those of the new one."""
        dataset = before.provider, before.dataset
        written = [
            clause
            for clause in self._old.clauses(*dataset)
            if (clause.memorandum.id, clause.grant.clause) == (before.memorandum, before.clause)
            and name in clause.grant.names
        ]
        if not written:
            return Outcome.NOT_KNOWN, None
        # Of several grants of one clause that release it, the first one counts.
        old = written[0]
        asked = {predicate.name: predicate for predicate in after.predicates}
        if old.predicates.get(name) != asked.get(name):
            return Outcome.OTHER_QUESTION, None
        day = _day(self._at)
        where = old.grant.where
        hidden = self._finder.find_difference(dataset, where, after.where, (day, day))
        shown = self._finder.find_difference(dataset, after.where, where, (day, day))
        if hidden and shown:
            return Outcome.OTHER_RECORDS, hidden
        if hidden:
            return Outcome.FEWER_RECORDS, hidden
        return (Outcome.MORE_RECORDS, shown) if shown else (Outcome.SAME, None)

    def _spent(self, account: _Account, times: Mapping[bytes, int]) -> Iterator[Spent]:
        for quota in dict.fromkeys(self._new.quotas(account.memorandum, account.clause)):
            windows = Counter(self._window_at(quota.per, at) for at in times.values())
            beyond = [count - quota.queries for count in windows.values() if count > quota.queries]
            if beyond:
                yield Spent(*account, len(beyond), sum(beyond))


def _day(at: int) -> date:
    return to_datetime(at).date()
