"""By what the records of cases are known again, where they have no name of their own."""

from collections.abc import Collection, Mapping

from landbridge.alarm import Alarms
from landbridge.errors import LandbridgeError
from landbridge.rights.case import Case
from landbridge.subject import SubjectId
from node.record_check import RecordCheck


class KnownRecords:
    """Reads once what identifiers the record of a case states. Not thread-safe."""

    def __init__(self, records: RecordCheck, alarms: Alarms) -> None:
        self.is_unsure = False
        """Whether a record could not be looked for, as the source was away."""
        self._records = records
        self._alarms = alarms
        self._known: dict[str, frozenset[SubjectId] | None] = {}

    def known_by(self, cases: Collection[Case]) -> Mapping[str, frozenset[SubjectId] | None]:
        """Return the identifiers by case; None for a record that has a name of its own."""
        self.is_unsure = False
        return {case.id: self._of(case) for case in cases}

    def _of(self, case: Case) -> frozenset[SubjectId] | None:
        if case.id not in self._known:
            if not self._records.is_named_by_line(case.opening.dataset):
                self._known[case.id] = None
            else:
                return self._read(case)
        return self._known[case.id]

    def _read(self, case: Case) -> frozenset[SubjectId] | None:
        kind = f"record of case {case.id}"
        try:
            found = self._records.find(case.opening)
        except LandbridgeError as error:
            self._alarms.raised(kind, error)
            found = frozenset((case.subject,))
            if error.reason.code.startswith("LB-2"):
                # The source may be back at the next look.
                self.is_unsure = True
                return found
            # The agency may have removed the record since: then nothing shows it any more.
        else:
            self._alarms.cleared(kind)
        self._known[case.id] = found
        return found
