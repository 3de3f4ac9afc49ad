"""The authority of the federation of tests/pki.py in this process: server, registry and log."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from certs.federation import FederationPki, create_federation
from certs.registrar.founding import found_authority
from certs.registrar.server import Authority, build_authority
from landbridge.agency import Identity, Role
from landbridge.clock import Clock, system_clock
from landbridge.keys import KeyUse
from tests.administrators import Administrators
from tests.free_address import free_address
from tests.pki import FEDERATION, GATEWAY, OPERATIONS, PLANS


class RunningAuthority:
    """The authority, which may be stopped and started, and its administrators."""

    def __init__(self, pki: FederationPki, folder: Path, listen: str) -> None:
        self.pki = pki
        self.folder = folder
        self.listen = listen
        self._running: Authority | None = None

    @property
    def authority(self) -> Authority:
        assert self._running is not None
        return self._running

    @property
    def admins(self) -> Administrators:
        keys = {
            identity.name: party.keys[KeyUse.ADMIN]
            for identity, party in self.pki.parties.items()
            if identity.role is Role.ADMIN
        }
        return Administrators(self.authority, keys, self.pki.root)

    async def start(self) -> None:
        self._running = build_authority(self.folder, listen=self.listen)
        await self._running.start()

    async def stop(self) -> None:
        if self._running is not None:
            await self._running.stop()
            self._running = None


def aged(hours: float) -> Clock:
    """Return a clock of so many hours ago: what is made by it is that old now."""
    return lambda: system_clock() - round(hours * 3_600_000)


@asynccontextmanager
async def running_authority(
    folder: Path, *, leaves_made: Clock = system_clock
) -> AsyncIterator[RunningAuthority]:
    """Run the authority; the federation's gateway has an address, where nobody listens.

    `leaves_made` is the clock by which the first certificates are made.
    """
    pki = create_federation(folder / "parties", FEDERATION, PLANS, clock=leaves_made)
    pki.clock = system_clock
    listen = free_address()
    pki.publish(
        addresses={
            Identity(OPERATIONS, pki.federation, Role.AUTHORITY, "main"): listen,
            Identity(GATEWAY, pki.federation, Role.GATEWAY, "main"): free_address(),
        }
    )
    found_authority(folder / "authority", pki, enrolment=free_address())
    running = RunningAuthority(pki, folder / "authority", listen)
    await running.start()
    try:
        yield running
    finally:
        await running.stop()
