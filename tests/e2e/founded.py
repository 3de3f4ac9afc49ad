"""A federation that was founded by the commands of docs/certificates.md, as real processes.

Nothing is made in one place: the operator's home, and each agency's folder, come by commands.
"""

import io
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, Final

import pytest

from landbridge.commands.main import run
from landbridge.commands.preloaded import PreloadedProcess, start_preloaded
from tests.free_address import free_address
from tests.market import write_market

REGISTER: Final = "register.gov"
CITY: Final = "city"
_PATIENCE_S: Final = 60.0


class Founded:
    """The operator's home, the members' folders, and every process."""

    def __init__(self, top: Path) -> None:
        self.top = top
        self.folder = write_market(top)
        self.home = top / "home"
        self.node = top / "register"
        self.city = top / "city"
        self.passphrase = top / "passphrase"
        self.passphrase.write_text("five words are a passphrase\n")
        self.passphrase.chmod(0o600)
        self.authority, self.gateway, self.enrolment = (free_address() for _ in range(3))
        self.node_address = free_address()
        self.processes: dict[str, PreloadedProcess] = {}

    def run(
        self, *arguments: str | Path, admin: str = "", exits: int | Sequence[int] = 0
    ) -> subprocess.CompletedProcess[str]:
        """Run one command, perhaps as an administrator; it must leave as expected."""
        words = [str(word) for word in arguments]
        if admin:
            words += ["--as", admin]
        told, talked = io.StringIO(), io.StringIO()
        with redirect_stdout(told), redirect_stderr(talked), pytest.MonkeyPatch.context() as patch:
            patch.setenv("LANDBRIDGE_HOME", str(self.home))
            patch.setattr("sys.stdin", io.StringIO())
            code = run(words)
        done = subprocess.CompletedProcess(words, code, told.getvalue(), talked.getvalue())
        expected = (exits,) if isinstance(exits, int) else exits
        all_of_it = f"{words} left with {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert done.returncode in expected, all_of_it + self.last_words()
        assert "Traceback" not in done.stderr, all_of_it
        return done

    def document(self, *arguments: str | Path, admin: str = "", exits: int = 0) -> dict[str, Any]:
        """Run one command with `-o json` and return what it prints."""
        done = self.run(*arguments, "-o", "json", admin=admin, exits=exits)
        read: dict[str, Any] = json.loads(done.stdout)
        return read

    def start(self, name: str, *arguments: str | Path) -> None:
        """Start a process of the command line."""
        self.processes[name] = start_preloaded(
            list(map(str, arguments)), log=self.top / f"{name}.log", environment=os.environ
        )

    def stop(self, name: str) -> None:
        """Stop a process as an operator does."""
        process = self.processes.pop(name)
        process.send_signal(signal.SIGTERM)
        process.wait(30)

    def last_words(self) -> str:
        """Return the ends of all processes' logs."""
        return "".join(
            f"--- {path.name}\n" + "\n".join(path.read_text().splitlines()[-8:]) + "\n"
            for path in sorted(self.top.glob("*.log"))
        )

    def found(self) -> None:
        """Do the first day up to a gateway that serves."""
        self.run(
            *("cert", "init", self.folder / "federation.toml", "--home", self.home),
            *("--authority", self.authority, "--gateway", self.gateway),
            *("--enrolment", self.enrolment, "--passphrase-file", self.passphrase),
        )
        self.serve_authority()
        self.serve_gateway()
        self.keep()

    def serve_authority(self) -> None:
        folder = self.home / "authority"
        self.start("authority", "cert", "serve", folder, "--listen", self.authority)

    def serve_gateway(self) -> None:
        self.start(
            *("gateway", "gateway", "serve", self.folder / "federation.toml"),
            *("--state", self.home / "gateway", "--listen", self.gateway),
            *("--enrolment-listen", self.enrolment),
        )

    def serve_node(self) -> None:
        self.start(
            *("node", "node", "serve", self.folder / "agencies" / REGISTER / "node.toml"),
            *("--federation", self.folder / "federation.toml"),
            *("--state", self.node, "--listen", self.node_address),
        )

    def keep(self, *more: Path) -> None:
        """Keep the certificates of the administrators, and of parties that serve nothing."""
        if "keeper" in self.processes:
            self.stop("keeper")
        admins = [self.home / "admins" / name for name in ("first", "second")]
        self.start("keeper", "cert", "renew", "--keep", *admins, *more)

    def apply(self, agency: str, title: str, *parties: str) -> str:
        """Apply, retried while the gateway begins; return the fingerprint that is read out."""
        words = [word for party in parties for word in ("--party", party)]
        done = self.until_reached(
            *("federation", "apply", self.home / "card.json", "--agency", agency),
            *("--title", title, *words, "-o", "json"),
        )
        return str(json.loads(done.stdout)["fingerprint"])

    def until_reached(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Run a command again and again while a server that has just started is not reached."""
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            done = self.run(*arguments, exits=(0, 5))
            if done.returncode == 0:
                return done
            assert time.monotonic() < deadline, done.stderr + self.last_words()
            time.sleep(0.2)

    def accept(self, agency: str, fingerprint: str) -> None:
        """Have both administrators accept an application."""
        words = ("federation", "accept", agency, "--fingerprint", fingerprint)
        self.run(*words, admin="first", exits=3)
        self.run(*words, admin="second")

    def enrol(self, party: str, state: Path) -> Path:
        """Invite a party and enrol it; return the used invitation."""
        invitation = self.top / f"{party.replace('/', '-')}-{time.monotonic_ns()}.json"
        self.run("cert", "issue", party, "--out", invitation, admin="first")
        self.until_reached("cert", "enrol", invitation, "--state", state)
        return invitation

    def settle(self) -> dict[str, Any]:
        """Wait until nobody lags; return the standing."""
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            done = self.run("cert", "status", "-o", "json", admin="first", exits=(0, 3, 5))
            if done.returncode == 0:
                standing: dict[str, Any] = json.loads(done.stdout)
                return standing
            assert time.monotonic() < deadline, done.stdout + self.last_words()

    def close(self) -> None:
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def states(standing: dict[str, Any]) -> dict[str, str]:
    """Return each authority's state."""
    return {each["authority"]: each["state"] for each in standing["authorities"]}


def party(standing: dict[str, Any], name: str) -> dict[str, Any]:
    """Find a party in a standing."""
    found: dict[str, Any] = next(
        each
        for agency in standing["agencies"]
        for each in agency["parties"]
        if each["party"] == name
    )
    return found


def secret_of(invitation: Path) -> str:
    """Return an invitation's secret."""
    match = re.search(r'"secret":"([0-9a-f]{64})"', invitation.read_text())
    assert match is not None
    return match[1]
