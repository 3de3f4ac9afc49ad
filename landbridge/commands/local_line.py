"""The way to the authority without a line: in its own folder, while its process is stopped.

For the day on which no administrator's certificate is valid any more. An act counts by the
administrators' signatures here, too, and is checked and logged as ever.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from certs.registrar.founding import ENROLMENT, PARTY_FOLDER
from certs.registrar.job import Registrar
from certs.registrar.journal import Journal
from landbridge.agency import Role
from landbridge.clock import system_clock
from landbridge.commands.act_line import ActLine, Administrator
from landbridge.party import PartyFolder
from landbridge.trust.approval import Statement
from landbridge.trust.bundle import TrustBundle
from landbridge.v1 import authority_service_pb2


class LocalLine(ActLine):
    """Hands an administrator's acts to the authority's registrar, in this process."""

    def __init__(self, registrar: Registrar, admin: Administrator) -> None:
        super().__init__(admin)
        self._registrar = registrar

    @property
    def bundle(self) -> TrustBundle:
        """The newest trust bundle."""
        return self._registrar.journal.bundle

    async def standing(self) -> authority_service_pb2.GetStandingResponse:
        """Fetch what every party holds, trusts and has acknowledged.

        Raises:
            LandbridgeError: LB-5001 and LB-5002 when the registry cannot be read.
        """
        return self._registrar.standing()

    async def submit(
        self, statement: Statement, attachment: bytes = b"", *, dry_run: bool = False
    ) -> authority_service_pb2.SubmitResponse:
        """Sign an act and hand it in; with `dry_run` only its effect is told.

        Raises:
            LandbridgeError: the registrar's refusal.
        """
        return self._registrar.submit(self.request(statement, attachment, dry_run=dry_run))


@contextmanager
def open_local(folder: Path, admin: Administrator) -> Iterator[LocalLine]:
    """Open an authority's folder, and close it after.

    Raises:
        LandbridgeError: LB-1101 when the folder is not complete, or its process runs; LB-4011 when
            others may read a key; LB-5001 and LB-5002 for registry and log.
    """
    party = PartyFolder.open(folder / PARTY_FOLDER)
    log = party.open_log(party.identity(Role.AUTHORITY))
    try:
        journal = Journal(folder, log, clock=system_clock)
    except BaseException:
        log.close()
        raise
    try:
        with journal.look() as present:
            query = "SELECT value FROM meta WHERE name = ?"
            row = present.connection.execute(query, (ENROLMENT,)).fetchone()
        registrar = Registrar(folder, journal, enrolment=str(row[0]) if row else "")
        yield LocalLine(registrar, admin)
    finally:
        journal.close()
