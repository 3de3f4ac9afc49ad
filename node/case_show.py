"""Shows cases, with their proofs, to those whom they concern."""

from collections.abc import Callable

from landbridge.envelope import evidence_to_proto
from landbridge.rights.access_request import check_one_subject
from landbridge.rights.case_request import WHAT, verify_case_request
from landbridge.rights.clock import due_at
from landbridge.subject import Schemes
from landbridge.trust.bundle import TrustBundle
from landbridge.v1 import rights_service_pb2 as pb
from node.case_log import CaseLog
from node.cases import Cases
from node.rights_replay import SpentRequests


class CaseShow:
    """Shows cases to those whom they concern. Thread-safe."""

    def __init__(  # noqa: PLR0913  built once, by name
        self,
        *,
        agency: str,
        cases: Cases,
        log: CaseLog,
        bundle: Callable[[], TrustBundle],
        schemes: Schemes,
        desks: tuple[str, ...] | None,
        spent: SpentRequests,
    ) -> None:
        self._agency = agency
        self._cases = cases
        self._log = log
        self._bundle = bundle
        self._schemes = schemes
        self._desks = desks
        self._spent = spent

    def show(self, request: bytes, at: int) -> pb.GetCaseResponse:
        """Give a case to its subject, or to an agency that has a part in it.

        Raises:
            LandbridgeError: LB-4107, LB-4001, LB-4002, LB-4003, LB-4108, LB-1001 for the request;
                LB-1002 to LB-1004, LB-3014 for identifiers that are not of one subject; LB-4004
                when it was answered before; LB-4110 when there is no such case; LB-5001, LB-5002,
                LB-5003 for the log.
        """
        asked = verify_case_request(
            request, self._bundle(), at, agency=self._agency, desks=self._desks
        )
        if asked.subjects:
            check_one_subject(asked.subjects, self._schemes, WHAT)
        case = self._cases.case(asked.case_id)
        asked.check(case.subject, {self._agency, case.deciding}, case.id)
        self._spent.admit(asked.digest, asked.expires_at, at)
        try:
            proven = self._log.show(
                case, asked.digest, asked.agency or asked.desk, asked.expires_at, at
            )
        except BaseException:
            self._spent.forget(asked.digest)
            raise
        rules = self._cases.rules.get(case.opening.dataset)
        law = rules.law if rules else None
        return pb.GetCaseResponse(
            documents=[taken.document for taken in case.taken],
            entries=[
                pb.LoggedEntry(entry=entry, index=place, path=path)
                for place, entry, path in proven.entries
            ],
            checkpoint=proven.head.checkpoint,
            logged=evidence_to_proto(proven.head),
            due_at_unix_ms=due_at(case, law) if case.state.is_open else 0,
        )
