"""Reads what a batch of questions is allowed: one fetch for all of them, in the database itself."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from landbridge.clock import system_clock
from landbridge.errors import LandbridgeError, Reason
from landbridge.memorandum.condition import AllOf, AnyOf, Rule
from landbridge.v1 import answer_pb2
from node.flags import Flags, Standing
from node.published import Published
from node.sources.lookup import Lookup, Wanted, Withdrawn
from node.sources.source import Source
from node.task import Found, Reading, Task
from node.verdict import Release

_NAMED_AT_ONCE: Final = 100
"""Records that one statement looks for by their names."""


class Reader:
    """Fills the readings of tasks; columns and rows are cut in the statement.

    `failed` is told of every look-up that the database refused, as requesters are not told the
    cause.
    """

    def __init__(
        self,
        source: Source,
        published: Mapping[str, Published],
        max_records: int,
        failed: Callable[[Exception], None],
        flags: Flags | None = None,
    ) -> None:
        self._flags = flags or Flags(system_clock)
        self._source = source
        self._published = published
        self._max_records = max_records
        self._failed = failed

    def read(self, tasks: Sequence[Task]) -> None:
        """Read every extraction of every task in one go."""
        standing = self._flags.standing
        found = self._fetch(tasks, standing)
        while (now := self._flags.standing).withdrawn != standing.withdrawn:
            # A record was withdrawn while the source was read: it may be in what was found.
            standing = now
            found = self._fetch(tasks, standing)
        asked_wrongly = False
        for outcome in found:
            if isinstance(outcome, LandbridgeError):
                # What a requester asks wrongly is no failure of the database.
                if outcome.reason is Reason.BAD_ARGUMENT:
                    asked_wrongly = True
                else:
                    self._failed(outcome)
        for task in tasks:
            for reading in task.readings:
                if asked_wrongly and reading.is_read:
                    _withhold_unfit(reading, found)
                self._fill(task, reading, found, now)

    def _fetch(self, tasks: Sequence[Task], standing: Standing) -> Sequence[Found]:
        self._find_withdrawn(tasks, standing)
        lookups: list[Lookup] = []
        for task in tasks:
            for reading in task.readings:
                if reading.is_read:
                    for extraction in reading.extractions:
                        extraction.position = len(lookups)
                        lookups.append(self._look_up(task, reading, extraction.release))
                    if reading.verdict.expired is not None and not task.resolving:
                        reading.counting = len(lookups)
                        lookups.append(_count_expired(task, reading, reading.verdict.expired))
        return self._source.read(lookups) if lookups else []

    def _look_up(self, task: Task, reading: Reading, release: Release) -> Lookup:
        wanted = release.wanted
        if reading.without:
            wanted = replace(wanted, without=reading.without)
        if not task.resolving:
            return Lookup(wanted, task.query.subject, task.aliases)
        broad = self._published[reading.dataset].shows_keys(release.allowance.fields)
        return Lookup(wanted, task.query.subject, task.aliases, broad)

    def _find_withdrawn(self, tasks: Sequence[Task], standing: Standing) -> None:
        """Find by their names which records of the subjects are given no more, and leave them out.

        The names alone are read: the statement that reads more leaves out few records, however many
        are withdrawn in all.
        """
        if not standing.withdrawn:
            return
        asked: list[tuple[Reading, frozenset[Withdrawn], Lookup]] = []
        for task in tasks:
            for reading in task.readings:
                withdrawn = standing.withdrawn.get(reading.dataset)
                if reading.is_read and withdrawn:
                    asked.append((reading, withdrawn, _names(task, reading)))
        found = self._source.read([lookup for *_, lookup in asked])
        for (reading, withdrawn, lookup), first in zip(asked, found, strict=True):
            outcome = first
            if _is_cut_short(first, self._max_records):
                outcome = self._find_by_name(lookup, sorted(withdrawn))
            if isinstance(outcome, LandbridgeError):
                reading.without = tuple(sorted(withdrawn))
            else:
                names = {answer_pb2.Record.FromString(record).record for record in outcome}
                reading.without = tuple(sorted(one for one in withdrawn if one.record in names))

    def _find_by_name(self, lookup: Lookup, withdrawn: Sequence[Withdrawn]) -> Found:
        """Find which of these a subject has, however many other records it has."""
        parts = [
            replace(
                lookup,
                wanted=replace(
                    lookup.wanted, only=tuple(withdrawn[start : start + _NAMED_AT_ONCE])
                ),
            )
            for start in range(0, len(withdrawn), _NAMED_AT_ONCE)
        ]
        found: list[bytes] = []
        for outcome in self._source.read(parts):
            if isinstance(outcome, LandbridgeError):
                return outcome
            found += outcome
        return found

    def _fill(
        self, task: Task, reading: Reading, found: Sequence[Found], standing: Standing
    ) -> None:
        reading.shows_refusals = not task.resolving or not reading.extractions
        if not reading.extractions:
            reading.refuse()
        elif not reading.is_read:
            reading.fail(
                Reason.UNPROVEN_ALIAS if task.unproven else Reason.NOT_ADDRESSABLE,
                "no identifier that this dataset has keys of is given, with its proof",
            )
        else:
            mark = self._flags.mark(task, reading.dataset, standing) if standing.flags else None
            reading.fill(found, self._source.heading, self._max_records, task.day, mark)
            if reading.counting >= 0:
                self._tell_expired(reading, found[reading.counting])
            if task.unproven and not reading.detail:
                reading.detail = (
                    f"{task.unproven} other identifiers were not asked for: no link to them comes"
                    " from a dataset that the memoranda accept"
                )

    def _tell_expired(self, reading: Reading, counted: Found) -> None:
        if not isinstance(counted, LandbridgeError):
            reading.expired = len(counted)
        elif counted.reason is Reason.TOO_MANY_RECORDS:
            reading.expired = self._max_records
        else:
            reading.fail(counted.reason, counted.message)


def _count_expired(task: Task, reading: Reading, expired: Rule) -> Lookup:
    """Count the records that some clause would release, were they not past their term."""
    released = tuple(AllOf(extraction.release.where) for extraction in reading.extractions)
    every = any(not extraction.release.where for extraction in reading.extractions)
    wanted = Wanted(
        dataset=reading.dataset,
        fields=(),
        where=(expired,) if every else (AnyOf(released), expired),
        counted=True,
        without=reading.without,
    )
    return Lookup(wanted, task.query.subject, task.aliases)


def _names(task: Task, reading: Reading) -> Lookup:
    wanted = Wanted(reading.dataset, fields=(), where=())
    return Lookup(wanted, task.query.subject, task.aliases, broad=True)


def _is_cut_short(outcome: Found, limit: int) -> bool:
    """Whether a subject has more records than are read at once."""
    if isinstance(outcome, LandbridgeError):
        return outcome.reason is Reason.TOO_MANY_RECORDS
    return len(outcome) > limit


def _withhold_unfit(reading: Reading, found: Sequence[Found]) -> None:
    """Refuse the predicates that ask for what the database can compare with nothing."""
    for extraction in list(reading.extractions):
        outcome = found[extraction.position]
        if isinstance(outcome, LandbridgeError) and outcome.reason is Reason.BAD_ARGUMENT:
            reading.withhold(extraction, outcome.reason, outcome.message)
    reading.is_read = bool(reading.extractions)
