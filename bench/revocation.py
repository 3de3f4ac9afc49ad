"""`python -m bench revocation`: one of three agencies is revoked while all of them ask.

What counts is its last success after the list of revoked certificates has reached the server: on an
open connection, on an open stream, and on connections that resume an earlier TLS session. The
others must not notice.
"""

import asyncio
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, Final

from bench.callers import Callers, Tally, calling
from bench.federation import Plan, subjects_in_random_order, write_federation
from bench.resumption import resuming
from landbridge.agency import Role
from landbridge.commands.admin_line import open_line
from landbridge.commands.sandbox import Sandbox
from landbridge.commands.sandbox_pki import ADMINS
from landbridge.errors import Reason, refuse
from landbridge.party import PartyFolder
from landbridge.rpc.certificate import LeafCertificate
from landbridge.rpc.credentials import Credential
from landbridge.subject import SubjectId
from landbridge.trust.approval import Act
from landbridge.trust.store import BUNDLE_FILE, LISTS_FOLDER

_POLL_S: Final = 0.01
_ARRIVES_S: Final = 20.0
_UNARY: Final = "unary"
_STREAM: Final = "stream"
_RESUMED: Final = "resumed"
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Trial:
    """How many callers each agency has, and how many seconds there are before and after."""

    plan: Plan
    callers: int = 4
    pause_s: float = 0.05
    seconds: float = 5.0


async def measure_revocation(trial: Trial, say: Say) -> dict[str, Any]:
    """Revoke the first of the asking agencies under load; return the document.

    Raises:
        LandbridgeError: when the federation does not start, or the list does not arrive.
    """
    subjects = subjects_in_random_order(trial.plan)
    with tempfile.TemporaryDirectory(prefix="landbridge-bench-") as work:
        folder, home = Path(work) / "federation", Path(work) / "home"
        write_federation(folder, trial.plan)
        with Sandbox(folder, home) as sandbox:
            await sandbox.wait_ready()
            revoked, *others = trial.plan.asking
            async with AsyncExitStack() as stack:
                mine = await _ask_in_every_way(stack, sandbox, revoked, trial, subjects)
                elsewhere = [
                    await stack.enter_async_context(
                        calling(
                            home,
                            _callers(trial, subjects),
                            unary=trial.callers,
                            streams=1,
                            agency=agency,
                        )
                    )
                    for agency in others
                ]
                await asyncio.sleep(trial.seconds)
                asked_at, reached_at = await _revoke(sandbox, revoked)
                say(f"the list reached the gateway {reached_at - asked_at:.3f} s after the act")
                await asyncio.sleep(trial.seconds)
    return _document(mine, elsewhere, asked_at, reached_at)


async def _ask_in_every_way(
    stack: AsyncExitStack,
    sandbox: Sandbox,
    agency: str,
    trial: Trial,
    subjects: Sequence[SubjectId],
) -> dict[str, Tally]:
    home = sandbox.home_folder
    ways = {
        _UNARY: calling(
            home, _callers(trial, subjects), unary=trial.callers, streams=0, agency=agency
        ),
        _STREAM: calling(home, _callers(trial, subjects), unary=0, streams=1, agency=agency),
        _RESUMED: resuming(home, _callers(trial, subjects), agency=agency),
    }
    return {way: await stack.enter_async_context(block) for way, block in ways.items()}


async def _revoke(sandbox: Sandbox, agency: str) -> tuple[float, float]:
    """Revoke what the agency shows; return when that was asked for, and when the list arrived."""
    leaf = _leaf(sandbox, agency)
    issuer, serial = leaf.issuer_key_id, leaf.serial
    gateway = sandbox.state(sandbox.gateway, Role.GATEWAY)
    paths = (gateway / LISTS_FOLDER / f"{issuer}.crl", gateway / BUNDLE_FILE)
    async with open_line(sandbox.home_folder, ADMINS[0]) as line:
        statement = line.statement(Act.CERTIFICATE_REVOKE, f"{issuer}/{serial:x}")
        # Here, as what is asked for may have reached the gateway before the answer comes.
        watching = asyncio.create_task(_arrival(gateway, paths, issuer, serial))
        asked_at = perf_counter()
        await line.submit(statement)
        return asked_at, await watching


async def _arrival(gateway: Path, paths: Sequence[Path], issuer: str, serial: int) -> float:
    """Return the moment, of `perf_counter`, at which the gateway's folder held the serial."""
    offset = perf_counter() - time.time()
    before = _written_at(paths)
    deadline = perf_counter() + _ARRIVES_S
    while perf_counter() < deadline:
        await asyncio.sleep(_POLL_S)
        written = _written_at(paths)
        if written == before:
            continue
        if PartyFolder.open(gateway).trust.current.is_revoked(issuer, serial):
            return written + offset
        before = written
    raise refuse(Reason.LATE, "the list of revoked certificates does not reach the gateway")


def _written_at(paths: Sequence[Path]) -> float:
    """Return when the newest of some files was written, in seconds of the clock on the wall."""
    return max((path.stat().st_mtime for path in paths if path.exists()), default=0.0)


def _leaf(sandbox: Sandbox, agency: str) -> LeafCertificate:
    party = PartyFolder.open(sandbox.state(agency, Role.REQUESTER))
    return Credential.read(party.credential, party.trust.current).leaf


def _callers(trial: Trial, subjects: Sequence[SubjectId]) -> Callers:
    return Callers(subjects, sources=trial.plan.nodes, pause_s=trial.pause_s)


def _document(
    mine: dict[str, Tally], elsewhere: Sequence[Tally], asked_at: float, reached_at: float
) -> dict[str, Any]:
    last = {way: _last_success(tally) - reached_at for way, tally in mine.items()}
    return {
        "last_success_after_s": round(max(last.values()), 3),
        **{f"{way}_last_success_after_s": round(after, 3) for way, after in last.items()},
        "failed_elsewhere": sum(tally.failed for tally in elsewhere),
        "calls_elsewhere": sum(len(tally.calls) for tally in elsewhere),
        "calls_refused": sum(tally.failed for tally in mine.values()),
        "list_after_s": round(reached_at - asked_at, 3),
        "failures_elsewhere": {k: v for tally in elsewhere for k, v in tally.causes().items()},
    }


def _last_success(tally: Tally) -> float:
    """Return when the last successful call ended.

    Raises:
        LandbridgeError: LB-2004 when none succeeded, so that nothing was tried, or none failed.
    """
    succeeded = [call.ended for call in tally.calls if not call.failure]
    if not succeeded or not tally.failed:
        raise refuse(Reason.SOURCE_FAILED, "the revoked agency never got in, or was never refused")
    return max(succeeded)
