"""Flags: disputes and repairs that travel with the records that they are about.

    flags.standing                            what counts at this moment
    flags.mark(task, dataset, standing)       for every answer that holds the record
    flags.withdrawn(dataset)                  records that are given no more

What an answer costs without cases is one look into an empty mapping. Which cases there are changes
as a whole, by one assignment, so that no answer sees half of a change.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from landbridge.clock import Clock
from landbridge.jurisdiction import Jurisdiction
from landbridge.rights.case import Case
from landbridge.rights.clock import due_at
from landbridge.rights.steps import CaseState
from landbridge.subject import SubjectId
from landbridge.v1 import answer_pb2
from node.case_rules import CaseRules
from node.sources.lookup import Withdrawn
from node.task import Mark, Task
from node.verdict import Release

_ENDED_WHEN_TOLD: Final = frozenset((CaseState.CORRECTED,))


@dataclass(frozen=True, slots=True)
class CaseFlag:
    """A case as it travels with its record."""

    flag: answer_pb2.Flag
    """All of it: what a requester is shown of it depends on the fields that are released."""
    fields: frozenset[str]
    known_by: frozenset[SubjectId] | None
    """Where the record has no name of its own: the identifiers by which it is known again."""
    due_at: int


@dataclass(frozen=True, slots=True)
class Standing:
    """The cases that count for answers at one moment."""

    flags: Mapping[str, Mapping[str, tuple[CaseFlag, ...]]] = field(default_factory=dict)
    """By dataset and record."""
    withdrawn: Mapping[str, frozenset[Withdrawn]] = field(default_factory=dict)
    """By dataset."""


class Flags:
    """The flags and withdrawn records of one node. Thread-safe."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._standing = Standing()

    def follow(
        self,
        cases: Iterable[Case],
        rules: Mapping[str, CaseRules],
        known_by: Mapping[str, frozenset[SubjectId] | None],
    ) -> None:
        """Let these cases count, and no others, from now on.

        `known_by` says by case which identifiers its record states, where it has no other name.
        """
        flags: dict[str, dict[str, tuple[CaseFlag, ...]]] = {}
        withdrawn: dict[str, set[Withdrawn]] = {}
        for case in sorted(cases, key=lambda case: (case.opened_at, case.taken[0].entry)):
            opening = case.opening
            if case.state.withdraws:
                withdrawn.setdefault(opening.dataset, set()).add(
                    Withdrawn(opening.record, case.subject)
                )
            elif _travels(case, rules[opening.dataset]):
                of_dataset = flags.setdefault(opening.dataset, {})
                flag = _write(case, rules[opening.dataset].law, known_by.get(case.id))
                of_dataset[opening.record] = (*of_dataset.get(opening.record, ()), flag)
        self._standing = Standing(
            flags, {dataset: frozenset(found) for dataset, found in withdrawn.items()}
        )

    @property
    def standing(self) -> Standing:
        """What counts at this moment, as a whole: it never changes."""
        return self._standing

    @property
    def stand(self) -> bool:
        """Whether any case travels with a record."""
        return bool(self._standing.flags)

    @property
    def withdraws(self) -> bool:
        """Whether any record is given no more."""
        return bool(self._standing.withdrawn)

    def withdrawn(self, dataset: str) -> frozenset[Withdrawn]:
        """Return the records of a dataset that are given no more."""
        return self._standing.withdrawn.get(dataset, frozenset())

    def mark(self, task: Task, dataset: str, standing: Standing) -> Mark | None:
        """Return what adds to the records of an answer the cases that concern what is released.

        None where there are none. What only resolves carries none: it leaves unsealed, and is shown
        to nobody.
        """
        of_dataset = standing.flags.get(dataset)
        if not of_dataset or task.resolving:
            return None
        now = self._clock()
        known = {task.query.subject, *task.aliases}

        def mark(release: Release, records: list[bytes]) -> list[bytes]:
            released = frozenset(release.allowance.fields)
            return [
                _mark(answer_pb2.Record.FromString(record), of_dataset, known, released, now)
                for record in records
            ]

        return mark


def _travels(case: Case, rules: CaseRules) -> bool:
    state = case.state
    if state.is_open:
        return True
    if state in _ENDED_WHEN_TOLD:
        return not case.is_told
    return state is CaseState.REJECTED and rules.keeps_statement(case)


def _write(case: Case, law: Jurisdiction | None, known_by: frozenset[SubjectId] | None) -> CaseFlag:
    due = due_at(case, law) if case.state.is_open else 0
    flag = answer_pb2.Flag(
        case_id=case.id,
        kind=case.kind.number,  # type: ignore[arg-type]
        state=case.state.number,  # type: ignore[arg-type]
        opened_at_unix_ms=case.opened_at,
        due_at_unix_ms=due,
        statement=case.opening.statement,
        reason=case.reason,
        digest=case.last.digest,
    )
    return CaseFlag(flag, frozenset(case.opening.fields), known_by, due)


def _mark(
    record: answer_pb2.Record,
    of_dataset: Mapping[str, tuple[CaseFlag, ...]],
    known: set[SubjectId],
    released: frozenset[str],
    now: int,
) -> bytes:
    for found in of_dataset.get(record.record, ()):
        about = SubjectId(record.about.scheme, record.about.value)
        if found.known_by is None or not found.known_by.isdisjoint({about, *known}):
            _add(record, found, released, now)
    return record.SerializeToString()


def _add(record: answer_pb2.Record, found: CaseFlag, released: frozenset[str], now: int) -> None:
    shown = found.fields & released
    if found.fields and not shown:
        return
    flag = record.flags.add()
    flag.CopyFrom(found.flag)
    flag.fields.extend(sorted(shown))
    flag.overdue = bool(found.due_at) and now >= found.due_at
