"""The cases of a node: taken in order, logged before they count, kept in the folder.

A step comes by the wire, or somebody puts its document into the folder. In both ways it is verified
once, is in the node's log before it counts, and then shows in the very next answer.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from threading import RLock
from typing import Final

from landbridge.alarm import Alarms
from landbridge.clock import Clock
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.log.evidence import Evidence
from landbridge.rights.case import Case
from landbridge.rights.opening import read_opening
from landbridge.rights.step_document import read_step
from landbridge.rights.steps import CaseKind, Step, steps_after
from node.case_files import CaseFiles, Receipt, StepFile
from node.case_intake import CaseIntake
from node.case_log import CaseLog, LoggedStep
from node.case_rules import CaseRules
from node.flags import Flags
from node.known_records import KnownRecords
from node.record_check import RecordCheck

_FIRST: Final = frozenset(step for kind in CaseKind for step in steps_after(kind, ()))


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
        self._flags = flags
        self._alarms = alarms
        self._clock = clock
        self._cases: dict[str, Case] = {}
        self._of_step: dict[bytes, str] = {}
        """The case of each step that counts, by the digest of its document."""
        self._known = KnownRecords(records, alarms)
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
                if not self._is_logged(case.last.digest):
                    self._files.take_back(path)
                raise

    def restore(self) -> None:
        """Bring back every step that the log holds; call it first, before any answer is given.

        Raises:
            LandbridgeError: LB-1105 when the folder has not the document of a step that counts;
                LB-5001, LB-5002 when the log or the folder cannot be read.
        """
        with self._lock:
            for logged in self._log.steps():
                self._restore(logged)
            self._show()

    def _restore(self, logged: LoggedStep) -> None:
        case = self._cases.get(logged.case_id)
        allowed = steps_after(case.kind, case.steps) if case is not None else _FIRST
        if logged.step not in allowed:
            # Of two that were logged for one step, the first counts.
            return
        file = self._files.find(logged.case_id, logged.step, logged.digest)
        kind = f"case {logged.case_id}"
        try:
            case = self._resume(case, file, logged.at, logged.entry)
        except LandbridgeError as error:
            self._alarms.raised(kind, error)
            return
        self._keep(case)
        receipt = Receipt(logged.digest.hex(), logged.at, logged.entry)
        if file.receipt != receipt:
            self._write_receipt(file.path, receipt)

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
            if changed or self._known.is_unsure:
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
            for step in case.taken if case is not None else ():
                self._files.find(case_id, step.step, step.digest)
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
        self._keep(known)
        return known

    def _confirmed(self, case: Case | None, case_id: str, file: StepFile) -> Case | None:
        """Return the case with a step that the log holds already: it counts, whatever keys do."""
        receipt, digest = file.receipt, sha256(file.document).digest()
        if receipt is None or receipt.digest != digest.hex():
            return None
        at = self._log.confirm(case_id, file.step, digest, receipt.entry)
        return None if at is None else self._resume(case, file, at, receipt.entry)

    def _resume(self, case: Case | None, file: StepFile, at: int, entry: int) -> Case:
        """Take a step again that counts already."""
        if case is not None:
            step = read_step(file.document)
            if step.step is not Step.ISSUED:
                # Who decided then may not be who decides by today's configuration.
                case = replace(case, deciding=step.document.by)
            return case.follow(step, file.document, at=at).logged(entry)
        opened = read_opening(file.document)
        return self._intake.begin(opened, file.document, at).logged(entry)

    def _count(self, case: Case, name: str) -> Counted:
        """Log the newest step of a case; from then on it counts."""
        evidence = self._log.append(case, case.last.at)
        case = case.logged(evidence.index)
        last = case.last
        self._keep(case)
        self._show()
        path = self._files.folder_of(case.id) / name
        self._write_receipt(path, Receipt(last.digest.hex(), last.at, evidence.index))
        return Counted(case, evidence)

    def _write_receipt(self, path: Path, receipt: Receipt) -> None:
        try:
            self._files.count(path, receipt)
        except LandbridgeError as error:
            # The log holds the step, and so it counts, also after a restart.
            self._alarms.raised("folder of cases", error)
        else:
            self._alarms.cleared("folder of cases")

    def _show(self) -> None:
        cases = self._cases.values()
        self._flags.follow(cases, self.rules, self._known.known_by(cases))

    def _keep(self, case: Case) -> None:
        self._cases[case.id] = case
        self._of_step[case.last.digest] = case.id

    def _is_logged(self, digest: bytes) -> bool:
        """Whether the log holds a step all the same: a failure may come after what was done."""
        try:
            return any(logged.digest == digest for logged in self._log.steps())
        except LandbridgeError:
            return False

    def _find(self, digest: bytes) -> Counted | None:
        case_id = self._of_step.get(digest)
        if case_id is None:
            return None
        case = self._cases[case_id]
        entry = next(taken.entry for taken in case.taken if taken.digest == digest)
        return Counted(case, self._log.evidence(entry))
