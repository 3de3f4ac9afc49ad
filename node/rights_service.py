"""RightsService: the subjects' steps, who looked, cases, and the status list.

Who speaks for a subject is shown by signatures alone. Everything blocks on disk or database, and so
is done on threads of its own, a bounded number at a time.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, NoReturn, TypeVar

import grpc

from landbridge.agency import Role
from landbridge.clock import Clock
from landbridge.envelope import evidence_to_proto
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.rights.clock import due_at
from landbridge.rpc.status import abort
from landbridge.v1 import rights_service_pb2 as pb
from landbridge.v1 import rights_service_pb2_grpc as pb_grpc
from node.accesses import Accesses
from node.case_show import CaseShow
from node.cases import Cases
from node.status_list import StatusLists

SERVICE: Final = "landbridge.v1.RightsService"
METHODS: Final = ("SubmitStep", "ListAccesses", "GetCase", "GetStatusList")
PERMITTED: Final = {f"/{SERVICE}/{name}": frozenset({Role.GATEWAY}) for name in METHODS}
_WORKERS: Final = 2
_MOST_IN_WORK: Final = 64
_Response = TypeVar("_Response")
_Context = grpc.aio.ServicerContext[Any, Any]


class RightsService(pb_grpc.RightsServiceServicer):
    """The rpcs of the subjects' rights at one node. `failed` is told of what nobody foresaw."""

    def __init__(  # noqa: PLR0913  built once, by name
        self,
        *,
        agency: str,
        cases: Cases,
        shows: CaseShow,
        accesses: Accesses,
        status_lists: StatusLists,
        failed: Callable[[Exception], None],
        clock: Clock,
    ) -> None:
        self._agency = agency
        self._cases = cases
        self._shows = shows
        self._accesses = accesses
        self._status_lists = status_lists
        self._failed = failed
        self._clock = clock
        self._workers = ThreadPoolExecutor(_WORKERS, thread_name_prefix="rights")
        self._in_work = 0

    def close(self) -> None:
        """Take no more; what was taken in hand ends by itself."""
        self._workers.shutdown(wait=False, cancel_futures=True)

    async def SubmitStep(  # noqa: N802  the contract's name
        self, request: pb.SubmitStepRequest, context: _Context
    ) -> pb.SubmitStepResponse:
        """Take a signed step."""

        def submit(_: int) -> pb.SubmitStepResponse:
            counted = self._cases.submit(request.document)
            case = counted.case
            law = self._cases.rules[case.opening.dataset].law
            return pb.SubmitStepResponse(
                case_id=case.id,
                state=case.state.number,  # type: ignore[arg-type]
                due_at_unix_ms=due_at(case, law) if case.state.is_open else 0,
                logged=evidence_to_proto(counted.evidence),
            )

        return await self._run(submit, request.agency, context)

    async def ListAccesses(  # noqa: N802
        self, request: pb.ListAccessesRequest, context: _Context
    ) -> pb.ListAccessesResponse:
        """Tell a subject who looked."""
        return await self._run(
            lambda at: self._accesses.list(request.request, at), request.agency, context
        )

    async def GetCase(  # noqa: N802
        self, request: pb.GetCaseRequest, context: _Context
    ) -> pb.GetCaseResponse:
        """Give a case as a whole."""
        return await self._run(
            lambda at: self._shows.show(request.request, at), request.agency, context
        )

    async def GetStatusList(  # noqa: N802
        self, request: pb.GetStatusListRequest, context: _Context
    ) -> pb.GetStatusListResponse:
        """Give the agency's status list."""
        return await self._run(
            lambda at: pb.GetStatusListResponse(list=self._status_lists.signed(at)),
            request.agency,
            context,
        )

    async def _run(
        self, job: Callable[[int], _Response], agency: str, context: _Context
    ) -> _Response:
        if agency != self._agency:
            await self._refuse(
                context, refuse(Reason.MALFORMED_REQUEST, f"this is the node of {self._agency}")
            )
        if self._in_work >= _MOST_IN_WORK:
            await self._refuse(
                context, refuse(Reason.BUSY, f"{_MOST_IN_WORK} such calls are under way")
            )
        self._in_work += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(
                self._workers, job, self._clock()
            )
        except LandbridgeError as error:
            await self._refuse(context, error)
        except Exception as error:  # noqa: BLE001  told here, as callers are not told the cause
            self._failed(error)
            await self._refuse(context, refuse(Reason.SOURCE_FAILED, "the node failed"))
        finally:
            self._in_work -= 1

    async def _refuse(self, context: _Context, error: LandbridgeError) -> NoReturn:
        await abort(context, error)
