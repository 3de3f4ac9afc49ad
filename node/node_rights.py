"""What a node does for the subjects of its records, put together from its files."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import grpc

from landbridge.alarm import Alarms
from landbridge.clock import Clock
from landbridge.errors import LandbridgeError
from landbridge.federation import Federation
from landbridge.log.store import LogStore
from landbridge.trust.bundle import TrustBundle
from landbridge.v1 import rights_service_pb2_grpc
from node.accesses import Accesses
from node.case_clock import CaseClock
from node.case_files import CaseFiles
from node.case_intake import CaseIntake
from node.case_log import CaseLog
from node.case_rules import case_rules
from node.case_show import CaseShow
from node.cases import Cases
from node.config import NodeConfig
from node.flags import Flags
from node.live_cases import LiveCases
from node.record_check import RecordCheck
from node.rights_replay import SpentRequests
from node.rights_service import RightsService
from node.sources.source import Source
from node.status_list import StatusLists

SPENT: Final = "rights-requests"
"""The file of answered requests, in the party's folder."""


class NodeRights:
    """Cases, who looked, and the status list of one node. Start and stop it on its event loop."""

    def __init__(  # noqa: PLR0913  built once, by name
        self,
        state: Path,
        config: NodeConfig,
        federation: Federation,
        *,
        source: Source,
        log: LogStore,
        bundle: Callable[[], TrustBundle],
        status_lists: StatusLists,
        alarms: Alarms,
        failed: Callable[[Exception], None],
        clock: Clock,
    ) -> None:
        """Read the folder of cases, and log what is new.

        Raises:
            LandbridgeError: LB-1105 when a document of a case that counts is not in the folder;
                LB-5001, LB-5002 when the log, the folder, or the file of answered requests cannot
                be read.
        """
        agency, desks, schemes = config.node.agency, config.rights.desks, federation.schemes
        self.flags = Flags(clock)
        files, case_log = CaseFiles(state), CaseLog(log, schemes)
        rules = case_rules(config, federation)
        records = RecordCheck(source, rules, schemes)
        intake = CaseIntake(
            agency=agency,
            records=records,
            rules=rules,
            schemes=schemes,
            bundle=bundle,
            desks=desks,
        )
        cases = Cases(
            files=files,
            log=case_log,
            intake=intake,
            records=records,
            rules=rules,
            flags=self.flags,
            alarms=alarms,
            clock=clock,
        )
        cases.restore()
        spent = SpentRequests(state / SPENT, at=clock())
        self._live = LiveCases(
            cases,
            CaseClock(cases, files, case_log, alarms, clock),
            alarms=alarms,
            failed=failed,
        )
        self._service = RightsService(
            agency=agency,
            cases=cases,
            shows=CaseShow(
                agency=agency,
                cases=cases,
                log=case_log,
                bundle=bundle,
                schemes=schemes,
                desks=desks,
                spent=spent,
            ),
            accesses=Accesses(
                agency=agency,
                log=log,
                bundle=bundle,
                schemes=schemes,
                desks=desks,
                admit=spent.admit,
                forget=spent.forget,
            ),
            status_lists=status_lists,
            failed=failed,
            clock=clock,
        )
        try:
            self._live.look()
        except LandbridgeError as error:
            # A log that takes no entry now may take one later; what it holds already counts.
            alarms.raised("cases", error)

    def serve_on(self, server: grpc.aio.Server) -> None:
        """Let a server take the calls."""
        rights_service_pb2_grpc.add_RightsServiceServicer_to_server(self._service, server)

    def start(self) -> None:
        """Begin to follow the folder and the clocks."""
        self._live.start()

    async def stop(self) -> None:
        """Follow no more."""
        self._service.close()
        await self._live.stop()
