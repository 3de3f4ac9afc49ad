"""What every peer stands on: the same records, the same throw-away PKI, the same client."""

import ssl
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

from bench.federation import DATASET, Plan
from bench.floor import address_of, dns_name_of, stop_process
from bench.records import FIELDS, KEY
from landbridge.agency import Role
from landbridge.commands.sandbox import Sandbox
from landbridge.errors import Reason, refuse
from landbridge.party import PartyFolder
from landbridge.subject import SubjectId

WARM_CONNECTIONS: Final = 16
"""So many connections, at most, lead from a gateway to each provider."""
COLUMNS: Final = (KEY, *(each.column for each in FIELDS))
SELECT: Final = f"SELECT {', '.join(COLUMNS)} FROM {DATASET} WHERE {KEY} ="
"""What each provider reads; the mark of the parameter follows."""
_ROOT: Final = Path(__file__).parents[2]

Ask = Callable[[SubjectId], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Ground:
    """A written federation with its keys and certificates; its processes need not run."""

    plan: Plan
    sandbox: Sandbox
    work: Path
    """A folder for what peers write."""

    @property
    def roots(self) -> Path:
        """The file of the anchors that everybody trusts."""
        path = self.work / "roots.pem"
        if not path.exists():
            party = PartyFolder.open(self.requester)
            path.write_bytes(party.bundle.roots_pem)
        return path

    @property
    def requester(self) -> Path:
        """The folder of the party that asks."""
        return self.sandbox.state(self.sandbox.requesters[0], Role.REQUESTER)

    def credential(self, agency: str, role: Role) -> Path:
        """Return the file of a party's key and chain."""
        return PartyFolder.open(self.sandbox.state(agency, role)).credential

    @property
    def gateway(self) -> Path:
        """The file of the gateway's key and chain."""
        return self.credential(self.sandbox.gateway, Role.GATEWAY)

    def name(self, agency: str, role: Role) -> str:
        """Return the DNS name in a party's certificate."""
        return dns_name_of(self.sandbox, agency, role)

    @property
    def gateway_name(self) -> str:
        """The DNS name in the gateway's certificate."""
        return self.name(self.sandbox.gateway, Role.GATEWAY)

    def records(self, agency: str) -> Path:
        """Return the SQLite file of an agency."""
        return self.sandbox.folder / "agencies" / agency / "records.sqlite"

    def client_context(self) -> ssl.SSLContext:
        """Make the TLS configuration of the party that asks."""
        return client_context(PartyFolder.open(self.requester).credential, self.roots)


@dataclass(slots=True)
class Running:
    """A peer that runs: how to ask it, and its processes by what they are."""

    ask: Ask
    processes: dict[str, list[int]]
    kept: Callable[[list[Any]], None] = field(default=lambda _: None)
    """Looks at the sample that was kept, with the clock stopped."""


class Peer(Protocol):
    """One way to do the look-up."""

    @property
    def name(self) -> str:
        """What it is called in the table and by `--peers`."""

    def lacks(self) -> str:
        """Say why it cannot run here; nothing where it can."""

    async def start(self, ground: Ground, stack: AsyncExitStack) -> Running:
        """Start it; the stack stops it."""


def client_context(credential: Path, roots: Path) -> ssl.SSLContext:
    """Make a client's TLS configuration: TLS 1.3, its own certificate shown."""
    context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=roots)
    return _with_credential(context, credential)


def server_context(credential: Path, roots: Path) -> ssl.SSLContext:
    """Make a server's TLS configuration: TLS 1.3, a certificate demanded of every client."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=roots)
    context.verify_mode = ssl.CERT_REQUIRED
    return _with_credential(context, credential)


def _with_credential(context: ssl.SSLContext, credential: Path) -> ssl.SSLContext:
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(credential)
    return context


def start_server(stack: AsyncExitStack, *command: str | Path) -> tuple[subprocess.Popen[str], str]:
    """Start a server that prints its port once it serves; return its process and address.

    Raises:
        LandbridgeError: LB-2001 when it ends before it serves.
    """
    process = subprocess.Popen(
        [*map(str, command)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        cwd=_ROOT,
        text=True,
    )
    stack.callback(stop_process, process)
    return process, address_of(process)


def python_module(name: str) -> tuple[str, str, str]:
    """Return the beginning of a command that runs a module of ours."""
    return (sys.executable, "-m", name)


def check_subjects(subject: SubjectId, found: list[str], providers: int) -> None:
    """Hold the answers' subjects against the one that was asked about.

    Raises:
        LandbridgeError: LB-2004 for an answer about another subject, or a missing one.
    """
    if found != [subject.value] * providers:
        raise refuse(
            Reason.SOURCE_FAILED,
            f"asked about {subject.value}, a peer answered about {found}",
        )
