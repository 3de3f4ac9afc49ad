"""`python -m bench enrolment`: parties enrol over the wire, each with its one-time invitation.

All of it is measured: the party makes its key and request, the gateway passes it on, the authority
checks, issues, lints and logs, and the party checks what comes and writes its folder.
"""

import asyncio
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, Final

from bench.federation import NAME, REQUESTER, Plan, write_federation
from bench.load import percentile
from certs.invitation import Invitation, InvitationBox
from certs.renewal.admission import enrol
from landbridge.agency import Identity, Role
from landbridge.commands.admin_line import open_line
from landbridge.commands.sandbox import Sandbox
from landbridge.commands.sandbox_pki import ADMINS
from landbridge.errors import Reason, refuse
from landbridge.trust.approval import Act

_MINUTE_S: Final = 60.0
_EVERY: Final = 100
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Newcomers:
    """How many parties enrol, and how many at once."""

    plan: Plan
    parties: int = 500
    at_once: int = 16


async def measure_enrolment(newcomers: Newcomers, say: Say) -> dict[str, Any]:
    """Invite parties, then have them enrol; return the document.

    Raises:
        LandbridgeError: when an invitation or an enrolment is refused.
    """
    with tempfile.TemporaryDirectory(prefix="landbridge-bench-") as work:
        folder, home = Path(work) / "federation", Path(work) / "home"
        write_federation(folder, newcomers.plan)
        with Sandbox(folder, home) as sandbox:
            await sandbox.wait_ready()
            began = perf_counter()
            documents = await _invite(home, newcomers.parties, say)
            inviting_s = perf_counter() - began
            began = perf_counter()
            latencies = await _enrol_all(Path(work) / "newcomers", documents, newcomers.at_once)
            seconds = perf_counter() - began
    return {
        "per_minute": round(len(latencies) / seconds * _MINUTE_S),
        "enrolments": len(latencies),
        "at_once": newcomers.at_once,
        "p50_ms": round(percentile(latencies, 50), 1),
        "p99_ms": round(percentile(latencies, 99), 1),
        "seconds": round(seconds, 2),
        "invitations_per_minute": round(len(documents) / inviting_s * _MINUTE_S),
    }


async def _invite(home: Path, parties: int, say: Say) -> list[bytes]:
    documents: list[bytes] = []
    async with open_line(home, ADMINS[0]) as line:
        for number in range(parties):
            identity = Identity(REQUESTER, NAME, Role.REQUESTER, f"desk-{number}")
            box = InvitationBox()
            response = await line.submit(
                line.statement(Act.INVITE, identity.uri, attachment=box.public), box.public
            )
            if not response.done:
                raise refuse(Reason.NOT_APPROVED, "; ".join(response.obstacles))
            invitation: Invitation = box.open(response.result, identity.uri)
            documents.append(invitation.to_bytes())
            if len(documents) % _EVERY == 0:
                say(f"{len(documents)} of {parties} invitations")
    return documents


async def _enrol_all(folder: Path, documents: Sequence[bytes], at_once: int) -> list[float]:
    """Enrol all, so many at once; return how long each took, in milliseconds, ascending."""
    latencies: list[float] = []
    waiting = iter(enumerate(documents))

    async def enrol_on() -> None:
        for number, document in waiting:
            began = perf_counter()
            await enrol(document, folder / str(number))
            latencies.append((perf_counter() - began) * 1000)

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(enrol_on())
    return sorted(latencies)
