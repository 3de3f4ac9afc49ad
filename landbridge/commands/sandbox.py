"""A federation folder as real processes on this machine, with a throw-away PKI.

Nothing here knows any federation but by its folder. Every key lies in the home folder and goes with
it; only a sandbox signs for all parties in one place.
"""

import asyncio
import fcntl
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from certs.federation import FederationPki, PartyPlan, create_federation
from landbridge.agency import Identity, Role
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.federation import Federation
from landbridge.home import Home
from landbridge.keys import KeyUse, write_whole
from landbridge.memorandum import Memorandum
from landbridge.memorandum_signature import SignedForm

_READY_S: Final = 60.0
_POLL_S: Final = 0.1
_STOP_S: Final = 15.0
_MARKER: Final = ".sandbox"
_USES: Final = {
    Role.NODE: (KeyUse.LOG, KeyUse.MEMORANDUM),
    Role.REQUESTER: (KeyUse.QUERY, KeyUse.MEMORANDUM),
}


class Sandbox:
    """One federation, running. Use it as a context manager: leaving stops and removes it all."""

    def __init__(self, folder: Path, home: Path) -> None:
        self.folder = folder.resolve()
        self.home_folder = home.resolve()
        self.federation = Federation.load(self.folder / "federation.toml")
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._addresses: dict[Identity, str] = {}
        self._pki: FederationPki | None = None
        self._lock: int | None = None

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

    def prepare(self) -> None:
        """Make keys, certificates, the trust bundle, signed memoranda and the home file.

        Raises:
            LandbridgeError: LB-1101 when the home folder holds anything else, or the federation's
                files are wrong; LB-41xx for a wrong memorandum.
        """
        self._claim_home()
        gateway = self.federation.gateway
        plans = [
            PartyPlan(
                gateway.agency, Role.GATEWAY, self.federation.title, (KeyUse.LOG,), gateway.name
            ),
            PartyPlan(gateway.agency, Role.ADMIN, self.federation.title, ()),
        ]
        for agency in self.federation.agencies.values():
            sealed = False
            for role in sorted(agency.roles):
                uses = tuple(
                    use for use in _USES[role] if not (sealed and use is KeyUse.MEMORANDUM)
                )
                plans.append(PartyPlan(agency.id, role, agency.title, uses))
                sealed = True
        pki = create_federation(self.home_folder / "parties", self.federation.name, plans)
        serving = [identity for identity in pki.parties if identity.role in _SERVING]
        ports = _free_ports(len(serving))
        self._addresses = {
            identity: f"127.0.0.1:{port}" for identity, port in zip(serving, ports, strict=True)
        }
        bundle = pki.publish(addresses=self._addresses)
        self._pki = pki
        self._sign_memoranda(pki)
        write_whole(self.home_folder / "trust-bundle.json", bundle.document, mode=0o644)
        front = self._identity(gateway.agency, Role.GATEWAY)
        Home(
            folder=self.home_folder,
            federation=self.folder / "federation.toml",
            gateway_address=self._addresses[front],
            gateway_dns_name=front.dns_name,
            requester=self.requesters[0],
            requesters={agency: pki.state(agency, Role.REQUESTER) for agency in self.requesters},
        ).write()

    def _claim_home(self) -> None:
        """Take the folder: a new or empty one, or what a sandbox that is gone has left behind."""
        marker = self.home_folder / _MARKER
        if self.home_folder.exists() and any(self.home_folder.iterdir()):
            if not marker.is_file():
                raise refuse(
                    Reason.INVALID_CONFIGURATION,
                    "the folder holds things that no sandbox has made",
                    where=str(self.home_folder),
                    next_step="choose another --home DIR",
                )
            if _is_running(marker):
                raise refuse(
                    Reason.INVALID_CONFIGURATION,
                    "another sandbox is running with this folder",
                    where=str(self.home_folder),
                    next_step="stop it, or choose another --home DIR",
                )
            shutil.rmtree(self.home_folder)
        self.home_folder.mkdir(parents=True, exist_ok=True)
        self.home_folder.chmod(0o700)
        self._lock = os.open(marker, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _sign_memoranda(self, pki: FederationPki) -> None:
        seals = {
            key.agency: key
            for party in pki.parties.values()
            for key in party.keys.values()
            if key.use is KeyUse.MEMORANDUM
        }
        folders = [party.folder for party in pki.parties.values()]
        for path in sorted((self.folder / "memoranda").glob("*.yaml")):
            memorandum = Memorandum.from_yaml(path)
            missing = [party for party in memorandum.parties if party not in seals]
            if missing:
                raise refuse(
                    Reason.SIGNERS_NOT_PARTIES,
                    f"the party {missing[0]} is no agency of {self.federation.name}",
                    where=str(path),
                )
            form = SignedForm(memorandum.to_json())
            for party in memorandum.parties:
                form = form.add(seals[party], party)
            document = form.to_bytes()
            for folder, identity in zip(folders, pki.parties, strict=True):
                if identity.role is Role.GATEWAY or identity.agency in memorandum.parties:
                    write_whole(
                        folder / "memoranda" / f"{memorandum.id}.jws.json", document, mode=0o644
                    )

    def _identity(self, agency: str, role: Role) -> Identity:
        name = self.federation.gateway.name if role is Role.GATEWAY else "main"
        return Identity(agency, self.federation.name, role, name)

    def state(self, agency: str, role: Role) -> Path:
        """Return the folder of a party."""
        if self._pki is None:
            raise refuse(Reason.USAGE, "the sandbox is not prepared yet")
        return self._pki.parties[self._identity(agency, role)].folder

    def start(self, agency: str) -> None:
        """Start the process of a provider, or of the gateway."""
        role = Role.GATEWAY if agency == self.gateway else Role.NODE
        address = self._addresses[self._identity(agency, role)]
        config = self.folder / "agencies" / agency / "node.toml"
        federation = self.folder / "federation.toml"
        arguments = (
            ["gateway", "serve", str(federation)]
            if role is Role.GATEWAY
            else ["node", "serve", str(config), "--federation", str(federation)]
        )
        state = self.state(agency, role)
        with (state / "process.log").open("ab") as log:
            self.processes[agency] = subprocess.Popen(  # noqa: S603  our own command
                [
                    *(sys.executable, "-m", "landbridge.commands.main"),
                    *arguments,
                    *("--state", str(state), "--listen", address),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env=self._environment(),
            )

    def _environment(self) -> Mapping[str, str]:
        return {**os.environ, "PYTHONUNBUFFERED": "1"}

    def start_all(self) -> None:
        """Start every node and the gateway."""
        for agency in [*self.providers, self.gateway]:
            self.start(agency)

    async def wait_ready(self) -> None:
        """Wait until the gateway has reached every node.

        Raises:
            LandbridgeError: LB-2001 with the process's own last words when one ended or is not
                ready in a minute.
        """
        from landbridge.client import Client  # noqa: PLC0415  gRPC is needed from here on only

        client = Client.from_home(self.home_folder)
        deadline = asyncio.get_running_loop().time() + _READY_S
        try:
            while True:
                for agency, process in self.processes.items():
                    if process.poll() is not None:
                        raise self._not_ready(agency)
                reached = await _reached(client)
                missing = [agency for agency in self.providers if agency not in reached]
                if reached and not missing:
                    return
                if asyncio.get_running_loop().time() > deadline:
                    raise self._not_ready(missing[0] if reached else self.gateway)
                await asyncio.sleep(_POLL_S)
        finally:
            await client.close()

    def _not_ready(self, agency: str) -> LandbridgeError:
        role = Role.GATEWAY if agency == self.gateway else Role.NODE
        path = self.state(agency, role) / "process.log"
        words = path.read_text(errors="replace").strip().splitlines()
        return refuse(
            Reason.UNREACHABLE,
            f"{agency} is not ready. Its last words: " + " / ".join(words[-4:] or ["none"]),
            next_step=f"check it with `landbridge {role} check`",
        )

    def stop(self, agency: str, *, kill: bool = False) -> None:
        """Stop one process: by SIGTERM, or by SIGKILL."""
        process = self.processes.pop(agency)
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
        """Stop every process and remove the home folder."""
        for process in self.processes.values():
            process.terminate()
        for agency in list(self.processes):
            self.stop(agency)
        if self._lock is not None:
            # Only what this very sandbox has made is ever removed.
            os.close(self._lock)
            self._lock = None
            shutil.rmtree(self.home_folder, ignore_errors=True)


_SERVING: Final = (Role.NODE, Role.GATEWAY)


def _is_running(marker: Path) -> bool:
    with marker.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


async def _reached(client: "Client") -> set[str]:  # type: ignore[name-defined]  # noqa: F821
    try:
        return {catalogue.agency for catalogue in await client.directory(timeout=1.0)}
    except LandbridgeError:
        return set()


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for opened in sockets:
            opened.bind(("127.0.0.1", 0))
        return [opened.getsockname()[1] for opened in sockets]
    finally:
        for opened in sockets:
            opened.close()
