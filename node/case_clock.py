"""The clocks of cases: the agency is reminded, and told once when a time has passed."""

from collections.abc import Iterator
from typing import Final

from landbridge.alarm import Alarms
from landbridge.clock import Clock, to_iso
from landbridge.rights.case import Case
from landbridge.rights.clock import due_at, reminders_at
from node.case_files import CaseFiles
from node.case_log import CaseLog
from node.cases import Cases

OVERDUE: Final = "overdue"
REMINDER: Final = "reminder"

_Events = tuple[tuple[int, str, str], ...]


class CaseClock:
    """Looks which times have passed. Not thread-safe: one thread calls it."""

    def __init__(
        self, cases: Cases, files: CaseFiles, log: CaseLog, alarms: Alarms, clock: Clock
    ) -> None:
        self._cases = cases
        self._files = files
        self._log = log
        self._alarms = alarms
        self._clock = clock
        self._events: dict[tuple[str, int], _Events] = {}
        self._told: dict[str, dict[str, int]] = {}
        self._standing: dict[str, set[str]] = {}
        self._steps: dict[str, int] = {}

    def tick(self) -> None:
        """Tell of every time that has passed since: in the log first, then by an alarm.

        Raises:
            LandbridgeError: LB-5001, LB-5002, LB-5003 when the log or the folder fails.
        """
        now = self._clock()
        for case in self._cases.all():
            if not case.state.is_open:
                self._end(case)
                continue
            if self._steps.setdefault(case.id, len(case.taken)) != len(case.taken):
                # Another step may have set another time: reminders of the former one are over.
                self._steps[case.id] = len(case.taken)
                self._end(case)
            for at, what, key in self._events_of(case):
                if at <= now:
                    self._tell(case, what, key, now)

    def _events_of(self, case: Case) -> _Events:
        key = (case.id, len(case.taken))
        found = self._events.get(key)
        if found is None:
            found = self._events[key] = tuple(self._write_events(case))
        return found

    def _write_events(self, case: Case) -> Iterator[tuple[int, str, str]]:
        law = self._cases.rules[case.opening.dataset].law
        due = due_at(case, law)
        if due:
            # An extension sets another time: reminders of it are others.
            for number, at in enumerate(reminders_at(case, law), start=1):
                yield at, f"{REMINDER}-{number}", f"{REMINDER}-{number} {due}"
            yield due, OVERDUE, f"{OVERDUE} {due}"

    def _tell(self, case: Case, what: str, key: str, now: int) -> None:
        told = self._told.setdefault(case.id, self._files.told(case.id))
        if key not in told:
            told[key] = self._log.tell(case, what, now).index
            self._files.tell(case.id, told)
        kind = f"{what} of case {case.id}"
        due = due_at(case, self._cases.rules[case.opening.dataset].law)
        self._standing.setdefault(case.id, set()).add(kind)
        self._alarms.raised(
            kind,
            f"the {case.kind} of {case.opening.dataset} is to be decided by {case.deciding}"
            f" before {to_iso(due)}",
        )

    def _end(self, case: Case) -> None:
        for kind in self._standing.pop(case.id, ()):
            self._alarms.cleared(kind)
