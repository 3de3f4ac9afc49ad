"""A federation under a drill's conditions: real processes, with what bench/served.py adds."""

import asyncio
import itertools
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from certs.federation import FederationPki
from landbridge.agency import Role
from landbridge.commands.sandbox import AUTHORITY, KEEPER, Sandbox
from landbridge.commands.sandbox_pki import ADMINS, PASSPHRASE_FILE
from landbridge.errors import Reason, refuse
from landbridge.party import PartyFolder
from landbridge.rpc.credentials import Credential

_ROOT: Final = Path(__file__).parents[1]
_POLL_S: Final = 0.05
_RENEWED_S: Final = 20.0
_DONE: Final = 0
_TO_BE_SIGNED: Final = 3
_MOST_TURNS: Final = 8
_LAST_WORDS: Final = 1500


@dataclass(frozen=True, slots=True)
class Conditions:
    """Connection age and longest lag, in seconds."""

    age_s: float = 1.5
    lag_s: float = 1.0
    seed: int = 1


class DrillSandbox(Sandbox):
    """A sandbox whose processes run under a drill's conditions."""

    def __init__(self, folder: Path, home: Path, conditions: Conditions) -> None:
        super().__init__(folder, home)
        self._conditions = conditions

    def start(self, name: str) -> None:
        """Start one of the processes."""
        arguments, folder = self._command(name)
        with (folder / "process.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", "bench.served", *self._added(name), "--", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env=self._environment(name),
                cwd=_ROOT,
            )

    def _added(self, name: str) -> list[str]:
        wanted = self._conditions
        added = ["--age", str(wanted.age_s), "--seed", str(wanted.seed + len(self.processes))]
        if name not in {AUTHORITY, KEEPER}:
            added += ["--lag", str(wanted.lag_s)]
        return added

    @property
    def pki(self) -> FederationPki:
        """All keys of the federation, once it is prepared.

        Raises:
            LandbridgeError: LB-1106 before that.
        """
        if self._pki is None:
            raise refuse(Reason.USAGE, "the sandbox is not prepared yet")
        return self._pki

    @property
    def serving(self) -> list[str]:
        """The gateway and the providers."""
        return [self.gateway, *self.providers]

    async def renew_leaf(self, agency: str) -> None:
        """Have a node or the gateway renew its certificate, and wait until it shows the new one.

        Raises:
            LandbridgeError: LB-2002 when it does not within some time.
        """
        role = Role.GATEWAY if agency == self.gateway else Role.NODE
        before = self._serial(agency, role)
        self.processes[agency].send_signal(signal.SIGUSR1)
        deadline = asyncio.get_running_loop().time() + _RENEWED_S
        while self._serial(agency, role) == before:
            if asyncio.get_running_loop().time() > deadline:
                raise refuse(Reason.LATE, f"{agency} does not show another certificate")
            await asyncio.sleep(_POLL_S)

    def _serial(self, agency: str, role: Role) -> int:
        party = PartyFolder.open(self.state(agency, role))
        return Credential.read(party.credential, party.trust.current).leaf.serial

    async def rotate(self, level: str) -> None:
        """Rotate a root or the issuing authority by commands, both administrators in turn.

        Raises:
            LandbridgeError: LB-2004 with what a command said when it failed, or when it is not at
                its end after some turns.
        """
        for admin in itertools.islice(itertools.cycle(ADMINS), _MOST_TURNS):
            if await self._rotate_as(level, admin):
                return
        raise refuse(Reason.SOURCE_FAILED, f"the rotation of the {level} does not come to its end")

    async def _rotate_as(self, level: str, admin: str) -> bool:
        """Run the command for one administrator; return whether the rotation is at its end."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "landbridge.commands.main", "cert", "rotate", level),
            *("--as", admin, "--home", str(self.home_folder), "-o", "json"),
            *("--passphrase-file", str(self.home_folder / PASSPHRASE_FILE), "--wait", "2m"),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=_ROOT,
        )
        try:
            out, err = await process.communicate()
        except asyncio.CancelledError:
            process.kill()
            raise
        code = process.returncode
        if code not in {_DONE, _TO_BE_SIGNED}:
            said = (err + out).decode(errors="replace")[-_LAST_WORDS:]
            raise refuse(Reason.SOURCE_FAILED, f"cert rotate {level} ended with {code}: {said}")
        return code == _DONE
