"""What a node takes into a case: who signed it, what it is about, and whether it may follow."""

from collections.abc import Callable, Collection, Mapping
from typing import Final

from landbridge.errors import Reason, refuse
from landbridge.rights.case import Case
from landbridge.rights.clock import is_overdue
from landbridge.rights.opening import VerifiedOpening, verify_opening
from landbridge.rights.statement_text import check_statement
from landbridge.rights.step_document import verify_step
from landbridge.rights.steps import Step
from landbridge.statement.form import What
from landbridge.statement.signed import SignedByOne
from landbridge.subject import Schemes
from landbridge.trust.bundle import TrustBundle
from node.case_rules import CaseRules
from node.record_check import RecordCheck

_WHAT: Final = What(
    "document of a case",
    Reason.MALFORMED_CASE,
    "write it with `landbridge dispute` or `landbridge repair`",
)

MOST_OPEN: Final = 50
"""Open cases of one subject."""
MOST_A_DAY: Final = 20
"""New cases of one subject within a day."""
MOST_OF_DESK: Final = 1000
"""New cases of all subjects for whom one desk speaks, within a day."""
_DAY_MS: Final = 86_400_000


class CaseIntake:
    """Verifies the documents of cases; it keeps nothing.

    `bundle` gives the trust of this moment, `desks` are the agencies whose word for who is who
    counts here; None: every desk's.
    """

    def __init__(  # noqa: PLR0913  built once, by name
        self,
        *,
        agency: str,
        records: RecordCheck,
        rules: Mapping[str, CaseRules],
        schemes: Schemes,
        bundle: Callable[[], TrustBundle],
        desks: Collection[str] | None,
    ) -> None:
        self._agency = agency
        self._records = records
        self._rules = rules
        self._schemes = schemes
        self._bundle = bundle
        self._desks = desks

    def begin(self, opened: VerifiedOpening, document: bytes, at: int) -> Case:
        """Begin a case; `at` is Unix milliseconds.

        Raises:
            LandbridgeError: LB-4109 when its dataset is not published any more.
        """
        opening = opened.opening
        rules = self._rules.get(opening.dataset)
        if rules is None:
            raise refuse(
                Reason.NO_SUCH_RECORD, f"{self._agency} publishes no dataset {opening.dataset!r}"
            )
        deciding = rules.deciding(self._agency, opening.kind)
        return Case.begin(opened, document, deciding=deciding, at=at)

    def known(self, case_id: str, cases: Mapping[str, Case]) -> Case:
        """Return a case that is there.

        Raises:
            LandbridgeError: LB-4110 when it is not.
        """
        if case_id not in cases:
            raise refuse(
                Reason.CASE_CONFLICT,
                f"{self._agency} has no case {case_id[:40]}",
                next_step="name agency and case as `landbridge dispute open` told them",
            )
        return cases[case_id]

    def admit(self, document: bytes, at: int, cases: Mapping[str, Case]) -> Case:
        """Return the case as it would be with a step, if it may be taken; `cases` are there.

        Raises:
            LandbridgeError: LB-4107, LB-4112 for its form; LB-4001, LB-4002, LB-4108 for who signed
                it; LB-4109 for its record; LB-4110, LB-4111 for what does not follow; LB-2xxx when
                the source fails.
        """
        signed = SignedByOne.parse(document, _WHAT)
        if b'"case":' not in signed.payload:
            return self._admit_opening(document, at, cases)
        verified = verify_step(document, self._bundle(), at)
        before = self.known(verified.document.case, cases)
        case = before.follow(verified, document, at=at)
        if case.state.withdraws and verified.step is not Step.ISSUED:
            self._records.check_cut(case.opening)
        if verified.step is Step.EXTENDED:
            self._check_extension(before, at)
        return case

    def _admit_opening(self, document: bytes, at: int, cases: Mapping[str, Case]) -> Case:
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
        _check_bounds(verified, cases.values(), at)
        known_by = self._records.find(opening)
        for other in cases.values():
            if other.id == opening.id or (
                other.concerns(opening, known_by) and (other.state.is_open or other.state.withdraws)
            ):
                raise refuse(
                    Reason.CASE_CONFLICT,
                    f"the case {other.id} is about this already, and is {other.state}",
                    where="opening of a case",
                )
        return self.begin(verified, document, at)

    def _check_extension(self, case: Case, at: int) -> None:
        law = self._rules[case.opening.dataset].law
        if law is None or law.extension is None:
            raise refuse(
                Reason.STEP_REFUSED,
                "no law that counts here gives the agency more time",
                where=f"case {case.id}",
            )
        if is_overdue(case, law, at):
            raise refuse(
                Reason.STEP_REFUSED,
                "the time has passed, and more is not given afterwards",
                where=f"case {case.id}",
                next_step="decide it",
            )


def _check_bounds(verified: VerifiedOpening, cases: Collection[Case], at: int) -> None:
    """Check that nobody opens more cases than an agency can look into."""
    subject, desk = verified.opening.subject.subject, verified.speaker.desk
    of_subject = [case for case in cases if case.subject == subject]
    lately = sum(case.opened_at > at - _DAY_MS for case in of_subject)
    by_desk = sum(case.speaker.desk == desk and case.opened_at > at - _DAY_MS for case in cases)
    for count, most, what in (
        (
            sum(case.state.is_open for case in of_subject),
            MOST_OPEN,
            "cases of the subject are open",
        ),
        (lately, MOST_A_DAY, "cases of the subject were opened within a day"),
        (by_desk, MOST_OF_DESK, "cases were opened by this desk within a day"),
    ):
        if count >= most:
            raise refuse(
                Reason.BUSY,
                f"{count} {what}, and no more are taken",
                where="opening of a case",
                next_step="wait until some are decided, or for another day",
            )
