"""A federation folder as real processes on this machine, with a throw-away PKI.

Nothing here knows any federation but by its folder. Every key lies in the home folder and goes with
it; only a sandbox signs for all parties in one place.
"""

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from certs.federation import FederationPki, create_federation
from certs.registrar.founding import PARTY_FOLDER, found_authority
from landbridge.agency import Identity, Role
from landbridge.commands.preloaded import PreloadedProcess, start_preloaded
from landbridge.commands.reserved_addresses import ReservedAddresses
from landbridge.commands.sandbox_home import ClaimedHome
from landbridge.commands.sandbox_pki import (
    ADMINS,
    find_desks,
    plan_parties,
    save_root,
    sign_memoranda,
)
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.federation import Federation
from landbridge.home import Home

AUTHORITY: Final = "the authority"
KEEPER: Final = "the keeper of certificates"
_READY_S: Final = 60.0
_POLL_S: Final = 0.1
_STOP_S: Final = 15.0
_SERVING: Final = (Role.NODE, Role.GATEWAY, Role.AUTHORITY)
_KEPT: Final = (Role.REQUESTER, Role.ADMIN)


class Sandbox:
    """One federation, running. Use it as a context manager: leaving stops and removes it all.

    With `preloaded` its processes start quickly, from one that has loaded everything; each takes
    more memory than one that is started by itself. `workers` processes serve as its gateway.
    """

    def __init__(
        self, folder: Path, home: Path, *, preloaded: bool = False, workers: int = 1
    ) -> None:
        self.folder = folder.resolve()
        self.home_folder = home.resolve()
        self.federation = Federation.load(self.folder / "federation.toml")
        self.processes: dict[str, subprocess.Popen[bytes] | PreloadedProcess] = {}
        self.reserved = ReservedAddresses()
        """A process that is down, or starts again, finds its address free."""
        self._preloaded = preloaded
        self._workers = workers
        self._addresses: dict[Identity, str] = {}
        self.enrolment = ""
        self._pki: FederationPki | None = None
        self._claimed: ClaimedHome | None = None

    @property
    def gateway(self) -> str:
        """The name of the gateway's process, and the agency that runs it."""
        return self.federation.gateway.agency

    @property
    def providers(self) -> list[str]:
        """The agencies that run a node."""
        return [
            agency.id for agency in self.federation.agencies.values() if Role.NODE in agency.roles
        ]

    @property
    def requesters(self) -> list[str]:
        """The agencies that ask; those that do nothing else come first."""
        asking = [
            agency for agency in self.federation.agencies.values() if Role.REQUESTER in agency.roles
        ]
        return [agency.id for agency in sorted(asking, key=lambda agency: len(agency.roles))]

    @property
    def authority_folder(self) -> Path:
        """The folder of the federation's authority."""
        return self.home_folder / "authority"

    def prepare(self) -> None:
        """Make keys, certificates, the trust bundle, signed memoranda and the home file.

        Raises:
            LandbridgeError: LB-1101 when the home folder holds anything else, or the federation's
                files are wrong; LB-41xx for a wrong memorandum.
        """
        self._claimed = ClaimedHome(self.home_folder)
        plans = plan_parties(self.federation, find_desks(self.folder))
        pki = create_federation(self.home_folder / "parties", self.federation.name, plans)
        serving = [identity for identity in pki.parties if identity.role in _SERVING]
        self._addresses = {identity: self.reserved.take() for identity in serving}
        self.enrolment = self.reserved.take()
        pki.publish(addresses=self._addresses)
        self._pki = pki
        sign_memoranda(pki, self.folder)
        front = self._identity(self.gateway, Role.GATEWAY)
        home = Home(
            folder=self.home_folder,
            federation=self.folder / "federation.toml",
            gateway_address=self._addresses[front],
            gateway_dns_name=front.dns_name,
            requester=self.requesters[0],
            requesters={agency: pki.state(agency, Role.REQUESTER) for agency in self.requesters},
            admins={name: pki.state(self.gateway, Role.ADMIN, name) for name in ADMINS},
            authority=self.authority_folder,
            root=save_root(pki, self.home_folder),
        )
        found_authority(self.authority_folder, pki, enrolment=self.enrolment)
        home.write()
        # Profiles are verified by the trust that the requester's own folder has come to.
        home.bundle.symlink_to(home.requesters[home.requester] / home.bundle.name)

    def _identity(self, agency: str, role: Role) -> Identity:
        names = {Role.GATEWAY: self.federation.gateway.name, Role.ADMIN: ADMINS[0]}
        name = names.get(role, "main")
        return Identity(agency, self.federation.name, role, name)

    def state(self, agency: str, role: Role) -> Path:
        """Return the folder of a party."""
        if self._pki is None:
            raise refuse(Reason.USAGE, "the sandbox is not prepared yet")
        if role is Role.AUTHORITY:
            return self.authority_folder / PARTY_FOLDER
        return self._pki.parties[self._identity(agency, role)].folder

    def start(self, name: str) -> None:
        """Start the process of a provider, the gateway, the authority or the keeper."""
        arguments, folder = self._command(name)
        path = folder / "process.log"
        if self._preloaded:
            self.processes[name] = start_preloaded(
                arguments, log=path, environment=self._environment(name)
            )
            return
        with path.open("ab") as log:
            self.processes[name] = subprocess.Popen(  # noqa: S603  our own command
                [sys.executable, "-m", "landbridge.commands.main", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env=self._environment(name),
            )

    def _command(self, name: str) -> tuple[list[str], Path]:
        """Return a process's command, and the folder of its log."""
        federation = self.folder / "federation.toml"
        if name == AUTHORITY:
            listen = self._addresses[self._identity(self.gateway, Role.AUTHORITY)]
            folder = self.authority_folder
            return ["cert", "serve", str(folder), "--listen", listen], folder
        if name == KEEPER:
            kept = [
                str(party.folder)
                for identity, party in (self._pki.parties if self._pki else {}).items()
                if identity.role in _KEPT
            ]
            return ["cert", "renew", "--keep", *kept], self.home_folder
        role = Role.GATEWAY if name == self.gateway else Role.NODE
        state = self.state(name, role)
        config = self.folder / "agencies" / name / "node.toml"
        arguments = (
            [
                *("gateway", "serve", str(federation), "--enrolment-listen", self.enrolment),
                *(("--workers", str(self._workers)) if self._workers > 1 else ()),
            ]
            if role is Role.GATEWAY
            else ["node", "serve", str(config), "--federation", str(federation)]
        )
        listen = self._addresses[self._identity(name, role)]
        return [*arguments, "--state", str(state), "--listen", listen], state

    def _environment(self, name: str) -> Mapping[str, str]:  # noqa: ARG002  tests differ by it
        return {**os.environ, "PYTHONUNBUFFERED": "1"}

    def start_all(self) -> None:
        """Start every node, the gateway and the authority."""
        for name in [*self.providers, self.gateway, AUTHORITY]:
            self.start(name)

    async def wait_ready(self) -> None:
        """Wait until the gateway has reached every node and the authority listens.

        Only then the keeper starts: certificates are fresh, and the others have more to do.

        Raises:
            LandbridgeError: LB-2001 with the process's own last words when one ended or is not
                ready in a minute.
        """
        from landbridge.client import Client  # noqa: PLC0415  gRPC is needed from here on only

        client = Client.from_home(self.home_folder)
        deadline = asyncio.get_running_loop().time() + _READY_S
        try:
            while True:
                for name, process in self.processes.items():
                    if process.poll() is not None:
                        raise self._not_ready(name)
                reached = await _reached(client)
                missing = [agency for agency in self.providers if agency not in reached]
                if not await self._authority_listens():
                    missing.append(AUTHORITY)
                if reached and not missing:
                    break
                if asyncio.get_running_loop().time() > deadline:
                    raise self._not_ready(missing[0] if reached else self.gateway)
                await asyncio.sleep(_POLL_S)
        finally:
            await client.close()
        if KEEPER not in self.processes:
            self.start(KEEPER)

    async def _authority_listens(self) -> bool:
        if AUTHORITY not in self.processes:
            return True
        address = self._addresses[self._identity(self.gateway, Role.AUTHORITY)]
        host, _, port = address.rpartition(":")
        try:
            _, writer = await asyncio.open_connection(host, int(port))
        except OSError:
            return False
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        return True

    def _not_ready(self, name: str) -> LandbridgeError:
        arguments, folder = self._command(name)
        words = (folder / "process.log").read_text(errors="replace").strip().splitlines()
        kind = arguments[0]
        return refuse(
            Reason.UNREACHABLE,
            f"{name} is not ready. Its last words: " + " / ".join(words[-4:] or ["none"]),
            next_step="see its process.log"
            if kind == "cert"
            else f"check it with `landbridge {kind} check`",
        )

    def stop(self, name: str, *, kill: bool = False) -> None:
        """Stop one process: by SIGTERM, or by SIGKILL."""
        process = self.processes.pop(name)
        if kill:
            process.kill()
        else:
            process.terminate()
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def __enter__(self) -> Self:
        """Prepare and start everything."""
        try:
            self.prepare()
            self.start_all()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop everything and remove the home folder."""
        self.close()

    def close(self) -> None:
        """Stop every process, give the addresses back and remove the home folder."""
        for process in self.processes.values():
            process.terminate()
        for name in list(self.processes):
            self.stop(name)
        self.reserved.close()
        if self._claimed is not None:
            # Only what this very sandbox has made is ever removed.
            self._claimed.remove()
            self._claimed = None


async def _reached(client: "Client") -> set[str]:  # type: ignore[name-defined]  # noqa: F821
    try:
        return {catalogue.agency for catalogue in await client.directory(timeout=1.0)}
    except LandbridgeError:
        return set()
