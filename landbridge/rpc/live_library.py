"""The library of a running process: followed, logged, and handed on to whom it concerns."""

import asyncio
from pathlib import Path
from typing import Final

import grpc

from landbridge.alarm import Alarms
from landbridge.clock import Clock, system_clock
from landbridge.errors import LandbridgeError
from landbridge.library.arrangement import Accept
from landbridge.library.intake import Intake
from landbridge.library.shelf import Refused
from landbridge.library.store import Library
from landbridge.log.store import LogStore
from landbridge.process_log import ProcessLog
from landbridge.rpc.document_log import DocumentLog
from landbridge.rpc.documents import DocumentService
from landbridge.rpc.follower import Follower
from landbridge.trust.store import TrustStore
from landbridge.v1 import document_service_pb2_grpc

INTERVAL_S: Final = 0.4
"""How often the folder is looked at."""
_SHARE: Final = 4
"""A folder of very many documents is looked at less often: a pause is so many times a look."""
_DOCUMENTS: Final = "documents"


class LiveLibrary:
    """A process's library and what follows it. Stop it on the process's event loop."""

    def __init__(  # noqa: PLR0913  built once, by name
        self,
        state: Path,
        trust: TrustStore,
        log: LogStore,
        *,
        telling: ProcessLog,
        alarms: Alarms,
        agency: str = "",
        accept: Accept | None = None,
        clock: Clock = system_clock,
    ) -> None:
        """Read the folder and log what is new.

        Raises:
            LandbridgeError: as for `Library`.
        """
        self._telling = telling
        self._alarms = alarms
        self.library = Library(
            state,
            trust,
            recorder=DocumentLog(log, clock=clock),
            refused=self._refused,
            agency=agency,
            accept=accept,
            clock=clock,
        )
        self.intake = Intake(self.library, clock=clock)
        self._service = DocumentService(self.library, self.intake)
        # A thread of its own: it may verify many signatures, and waits for nobody.
        self._follower = Follower(self._follow, name="library", interval_s=INTERVAL_S, share=_SHARE)

    def serve_on(self, server: grpc.aio.Server) -> None:
        """Let a server hand the documents on and take new ones."""
        document_service_pb2_grpc.add_DocumentServiceServicer_to_server(self._service, server)

    def start(self) -> None:
        """Begin to follow."""
        self._follower.start()

    def retire(self) -> None:
        """Let no call wait any more for what may change: the server is about to stop."""
        self._service.retire()

    async def stop(self) -> None:
        """Follow no more."""
        # On a thread, as a step may be under way on another.
        await asyncio.to_thread(self.library.close)
        await self._follower.stop()
        self._service.close()

    def _follow(self) -> None:
        try:
            self.library.follow_files()
        except LandbridgeError as error:
            self._alarms.raised(_DOCUMENTS, error)
        except Exception as error:  # noqa: BLE001  told; what counts goes on to count
            self._telling.failure(error)
            self._alarms.raised(_DOCUMENTS, f"they cannot be read ({type(error).__name__})")
        else:
            self._alarms.cleared(_DOCUMENTS)

    def _refused(self, refused: Refused) -> None:
        error = refused.error
        self._telling.error(
            "memorandum refused", file=refused.path.name, code=error.code, why=str(error)
        )
