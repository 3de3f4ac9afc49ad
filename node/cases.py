"""The cases of a node: taken in order, logged before they count, kept in the folder.

A step comes by the wire, or somebody puts its document into the folder. In both ways it is verified
once, is in the node's log before it counts, and then shows in the very next answer.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from hashlib import sha256
from threading import RLock
from typing import Final

from landbridge.alarm import Alarms
from landbridge.clock import Clock
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.log.evidence import Evidence
from landbridge.rights.case import Case
from landbridge.rights.opening import (
    Opening,
    VerifiedOpening,
    read_opening,
    verify_opening,
)
from landbridge.rights.statement_text import check_statement
from landbridge.rights.step_document import read_step, verify_step
from landbridge.rights.steps import Step
from landbridge.statement.form import What
from landbridge.statement.signed import SignedByOne
from landbridge.subject import Schemes, SubjectId
from landbridge.trust.bundle import TrustBundle
from node.case_files import CaseFiles, Receipt, StepFile
from node.case_log import CaseLog
from node.case_rules import CaseRules
from node.flags import Flags
from node.record_check import RecordCheck

_WHAT: Final = What(
    "document of a case",
    Reason.MALFORMED_CASE,
    "write it with `landbridge dispute` or `landbridge repair`",
)


@dataclass(frozen=True, slots=True)
class Counted:
    """A case after a step, and the entry of the log on the step."""

    case: Case
    evidence: Evidence


class Cases:
    """The disputes and repairs at one node. Thread-safe.

    `bundle` gives the trust of this moment, `desks` are the agencies whose word for who is who
    counts here; None: every desk's.
    """

    def __init__(  # noqa: PLR0913  built once, by name
        self,
        *,
        agency: str,
        files: CaseFiles,
        log: CaseLog,
        records: RecordCheck,
        rules: Mapping[str, CaseRules],
        schemes: Schemes,
        bundle: Callable[[], TrustBundle],
        desks: Collection[str] | None,
        flags: Flags,
        alarms: Alarms,
        clock: Clock,
    ) -> None:
        self.rules = rules
        self._agency = agency
        self._files = files
        self._log = log
        self._records = records
        self._schemes = schemes
        self._bundle = bundle
        self._desks = desks
        self._flags = flags
        self._alarms = alarms
        self._clock = clock
        self._cases: dict[str, Case] = {}
        self._known_by: dict[str, frozenset[SubjectId] | None] = {}
        self._lock = RLock()

    def all(self) -> tuple[Case, ...]:
        """Return all cases, oldest first."""
        with self._lock:
            return tuple(sorted(self._cases.values(), key=lambda case: (case.opened_at, case.id)))

    def case(self, case_id: str) -> Case:
        """Return a case.

        Raises:
            LandbridgeError: LB-4110 when there is none of this id.
        """
        with self._lock:
            found = self._cases.get(case_id)
        if found is None:
            raise refuse(
                Reason.CASE_CONFLICT,
                f"{self._agency} has no case {case_id[:40]}",
                next_step="name agency and case as `landbridge dispute open` told them",
            )
        return found

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
            case = self._admit(document, self._clock())
            number = len(case.taken)
            path = self._files.put(case.id, number, case.last.step, document)
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
        taken = len(case.taken) if case else 0
        try:
            for file in self._files.read(case_id)[taken:]:
                case = self._take_file(case, case_id, file)
                taken += 1
        except LandbridgeError as error:
            if error.reason.code.startswith("LB-5"):
                raise
            self._alarms.raised(kind, error)
        else:
            self._alarms.cleared(kind)

    def _take_file(self, case: Case | None, case_id: str, file: StepFile) -> Case:
        known = self._confirmed(case, case_id, file)
        if known is None:
            admitted = self._admit(file.document, self._clock())
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
            return case.follow(step, file.document, at=at).logged(receipt.entry)
        opened = read_opening(file.document)
        self._known_by[case_id] = self._find_again(opened.opening)
        return self._begin(opened, file.document, at).logged(receipt.entry)

    def _find_again(self, opening: Opening) -> frozenset[SubjectId] | None:
        try:
            return self._records.find(opening)
        except LandbridgeError as error:
            # The agency may have removed the record since: then nothing shows it any more.
            self._alarms.raised(f"record of case {opening.id}", error)
            return frozenset((opening.subject.subject,))

    def _begin(self, opened: VerifiedOpening, document: bytes, at: int) -> Case:
        opening = opened.opening
        rules = self.rules.get(opening.dataset)
        if rules is None:
            raise refuse(
                Reason.NO_SUCH_RECORD, f"{self._agency} publishes no dataset {opening.dataset!r}"
            )
        deciding = rules.deciding(self._agency, opening.kind)
        return Case.begin(opened, document, deciding=deciding, at=at)

    def _admit(self, document: bytes, at: int) -> Case:
        """Return the case as it would be with a step, if it may be taken."""
        signed = SignedByOne.parse(document, _WHAT)
        if b'"case":' not in signed.payload:
            return self._admit_opening(document, at)
        verified = verify_step(document, self._bundle(), at)
        case = self.case(verified.document.case).follow(verified, document, at=at)
        if case.state.withdraws and verified.step is not Step.ISSUED:
            self._records.check_cut(case.opening)
        if verified.step is Step.EXTENDED:
            self._check_extension(case)
        return case

    def _admit_opening(self, document: bytes, at: int) -> Case:
        verified = verify_opening(document, self._bundle(), at, desks=self._desks)
        opening = verified.opening
        if opening.agency != self._agency:
            raise refuse(
                Reason.NO_SUCH_RECORD,
                f"it is about a record of {opening.agency}, and this is {self._agency}",
            )
        check_statement(
            opening.statement, self._schemes, [opening.subject.subject], where="statement"
        )
        known_by = self._records.find(opening)
        for other in self._cases.values():
            if other.id == opening.id or (
                other.concerns(opening) and (other.state.is_open or other.state.withdraws)
            ):
                raise refuse(
                    Reason.CASE_CONFLICT,
                    f"the case {other.id} is about this already, and is {other.state}",
                    where="opening of a case",
                )
        self._known_by[opening.id] = known_by
        return self._begin(verified, document, at)

    def _check_extension(self, case: Case) -> None:
        law = self.rules[case.opening.dataset].law
        if law is None or law.extension is None:
            raise refuse(
                Reason.STEP_REFUSED,
                "no law that counts here gives the agency more time",
                where=f"case {case.id}",
            )

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
        self._flags.follow(self._cases.values(), self.rules, self._known_by)

    def _find(self, digest: bytes) -> Counted | None:
        for case in self._cases.values():
            for taken in case.taken:
                if taken.digest == digest:
                    return Counted(case, self._log.evidence(taken.entry))
        return None
