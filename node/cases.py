"""The cases of a node: taken in order, logged before they count, kept in the folder.

A step comes by the wire, or somebody puts its document into the folder. In both ways it is verified
once, is in the node's log before it counts, and then shows in the very next answer.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from threading import RLock

from landbridge.alarm import Alarms
from landbridge.clock import Clock
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.log.evidence import Evidence
from landbridge.rights.case import Case
from landbridge.rights.opening import read_opening
from landbridge.rights.step_document import read_step
from landbridge.rights.steps import Step
from landbridge.subject import SubjectId
from node.case_files import CaseFiles, Receipt, StepFile
from node.case_intake import CaseIntake
from node.case_log import CaseLog
from node.case_rules import CaseRules
from node.flags import Flags
from node.record_check import RecordCheck


@dataclass(frozen=True, slots=True)
class Counted:
    """A case after a step, and the entry of the log on the step."""

    case: Case
    evidence: Evidence


class Cases:
    """The disputes and repairs at one node. Thread-safe."""

    def __init__(  # noqa: PLR0913  built once, by name
        self,
        *,
        files: CaseFiles,
        log: CaseLog,
        intake: CaseIntake,
        records: RecordCheck,
        rules: Mapping[str, CaseRules],
        flags: Flags,
        alarms: Alarms,
        clock: Clock,
    ) -> None:
        self.rules = rules
        self._files = files
        self._log = log
        self._intake = intake
        self._records = records
        self._flags = flags
        self._alarms = alarms
        self._clock = clock
        self._cases: dict[str, Case] = {}
        self._known_by: dict[str, frozenset[SubjectId] | None] = {}
        self._lock = RLock()

    def all(self) -> tuple[Case, ...]:
        """Return all cases, oldest first."""
        with self._lock:
            return tuple(
                sorted(self._cases.values(), key=lambda case: (case.opened_at, case.taken[0].entry))
            )

    def case(self, case_id: str) -> Case:
        """Return a case.

        Raises:
            LandbridgeError: LB-4110 when there is none of this id.
        """
        with self._lock:
            return self._intake.known(case_id, self._cases)

    def submit(self, document: bytes) -> Counted:
        """Take a step; it is in force when this returns.

        The same document a second time gets the same answer.

        Raises:
            LandbridgeError: LB-4107, LB-4112 for its form; LB-4001, LB-4002, LB-4108 for who signed
                it; LB-4109 for its record; LB-4110, LB-4111 for what does not follow; LB-2xxx when
                the source fails; LB-5001, LB-5002, LB-5003 when it cannot be logged.
        """
        with self._lock:
            known = self._find(sha256(document).digest())
            if known is not None:
                return known
            case = self._intake.admit(document, self._clock(), self._cases)
            path = self._files.put(case.id, len(case.taken), case.last.step, document)
            try:
                return self._count(case, path.name)
            except LandbridgeError:
                self._files.take_back(path)
                raise

    def follow(self) -> None:
        """Take up what has changed in the folder; what is refused there raises an alarm.

        Raises:
            LandbridgeError: LB-5001, LB-5002, LB-5003 when the folder or the log fails.
        """
        with self._lock:
            failed: LandbridgeError | None = None
            changed = list(self._files.changed())
            for case_id in changed:
                try:
                    self._read(case_id)
                except LandbridgeError as error:
                    self._files.look_again(case_id)
                    failed = error
            if changed:
                self._show()
            if failed is not None:
                raise failed

    def _read(self, case_id: str) -> None:
        kind = f"case {case_id}"
        case = self._cases.get(case_id)
        left_over: StepFile | None = None
        try:
            for file in self._files.read(case_id):
                taken = case.taken if case is not None else ()
                if file.number > len(taken):
                    case = self._take_file(case, case_id, file)
                elif taken[file.number - 1].digest != sha256(file.document).digest():
                    left_over = file
            self._files.check_names(case_id)
            if left_over is not None:
                raise refuse(
                    Reason.STEP_REFUSED,
                    "another document counts as this step",
                    where=str(left_over.path),
                    next_step="remove it",
                )
        except LandbridgeError as error:
            if error.reason.code.startswith("LB-5"):
                raise
            self._alarms.raised(kind, error)
        else:
            self._alarms.cleared(kind)

    def _take_file(self, case: Case | None, case_id: str, file: StepFile) -> Case:
        known = self._confirmed(case, case_id, file)
        if known is None:
            admitted = self._intake.admit(file.document, self._clock(), self._cases)
            if (admitted.id, len(admitted.taken), admitted.last.step.value) != (
                case_id,
                file.number,
                file.step,
            ):
                raise refuse(
                    Reason.STEP_REFUSED,
                    "the file is named otherwise than what it holds",
                    where=str(file.path),
                )
            known = self._count(admitted, file.path.name).case
        self._cases[known.id] = known
        return known

    def _confirmed(self, case: Case | None, case_id: str, file: StepFile) -> Case | None:
        """Return the case with a step that the log holds already: it counts, whatever keys do."""
        receipt, digest = file.receipt, sha256(file.document).digest()
        if receipt is None or receipt.digest != digest.hex():
            return None
        at = self._log.confirm(case_id, file.step, digest, receipt.entry)
        if at is None:
            return None
        if case is not None:
            step = read_step(file.document)
            if step.step is not Step.ISSUED:
                # Who decided then may not be who decides by today's configuration.
                case = replace(case, deciding=step.document.by)
            return case.follow(step, file.document, at=at).logged(receipt.entry)
        opened = read_opening(file.document)
        return self._intake.begin(opened, file.document, at).logged(receipt.entry)

    def _count(self, case: Case, name: str) -> Counted:
        """Log the newest step of a case; from then on it counts."""
        evidence = self._log.append(case, case.last.at)
        case = case.logged(evidence.index)
        last = case.last
        self._cases[case.id] = case
        self._show()
        try:
            self._files.count(
                self._files.folder_of(case.id) / name,
                Receipt(last.digest.hex(), last.at, evidence.index),
            )
        except LandbridgeError as error:
            # The log holds the step, and so it counts; after a restart it is logged once more.
            self._alarms.raised("folder of cases", error)
        else:
            self._alarms.cleared("folder of cases")
        return Counted(case, evidence)

    def _show(self) -> None:
        for case in self._cases.values():
            if case.id not in self._known_by:
                self._known_by[case.id] = self._find_record(case)
        self._flags.follow(self._cases.values(), self.rules, self._known_by)

    def _find_record(self, case: Case) -> frozenset[SubjectId] | None:
        try:
            return self._records.find(case.opening)
        except LandbridgeError as error:
            # The agency may have removed the record since: then nothing shows it any more.
            self._alarms.raised(f"record of case {case.id}", error)
            return frozenset((case.subject,))

    def _find(self, digest: bytes) -> Counted | None:
        for case in self._cases.values():
            for taken in case.taken:
                if taken.digest == digest:
                    return Counted(case, self._log.evidence(taken.entry))
        return None
