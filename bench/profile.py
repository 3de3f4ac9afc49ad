"""`python -m bench profile`: where the twin jobs spend their processor time, step by step.

py-spy looks at the stacks of gateway and one node many times a second while clients ask. Each look
counts for the innermost step that stands in its stack; a step's time a query is its share of what
the process used. A flame graph of each can be drawn beside the figures.
"""

import asyncio
import itertools
import os
import platform
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from shutil import which
from typing import Any, Final

from bench.federation import Plan, subjects_in_random_order, write_federation
from bench.load import drive
from bench.processes import ProcessorTime
from bench.sample import profile_check
from bench.shapes import STREAM, stream, unary
from bench.throughput import Say
from landbridge.client import Client
from landbridge.commands.sandbox import Sandbox
from landbridge.errors import Reason, refuse

_RATE: Final = 250
_US: Final = 1_000_000
_OTHER: Final = "the rest: event loop, threads, start of tasks"
_WIRE: Final = ("grpc/", "landbridge/rpc/", "landbridge/evidenced.py")
GATEWAY: Final[Mapping[str, tuple[str, ...]]] = {
    "check the query": ("federator.py:_check", "landbridge/query.py", "landbridge/replay.py"),
    "plan": ("gateway/planner.py", "landbridge/policy/"),
    "verify answers": ("gateway/verifier.py", "landbridge/answer"),
    "verify signatures and paths": ("landbridge/envelope.py",),
    "follow links": ("landbridge/links.py",),
    "assemble": ("landbridge/assembler.py", "landbridge/comparison.py"),
    "ask nodes": (
        "gateway/executor.py",
        "gateway/inquiry.py",
        "gateway/node_",
        "gateway/questions.py",
        "gateway/waves.py",
    ),
    "write the log entry": ("gateway/trace.py", "landbridge/log/subject_keys.py"),
    "log and sign": ("landbridge/log/",),
    "write and read the wire": (*_WIRE, "gateway/service.py"),
}
NODE: Final[Mapping[str, tuple[str, ...]]] = {
    "verify the query": ("landbridge/envelope.py", "landbridge/query", "responder.py:_verify"),
    "prove aliases": ("node/aliases.py", "landbridge/links.py"),
    "judge": (
        "node/judge",
        "node/verdict.py",
        "node/consents.py",
        "node/predicates.py",
        "landbridge/policy/",
    ),
    "refuse replays, count quotas": ("node/turnstile.py", "node/quota", "landbridge/replay.py"),
    "read the database": ("node/sources/",),
    "fill answers": ("node/reader.py", "node/task.py", "node/flags.py"),
    "write the answer": ("responder.py:_write",),
    "write the log entry": ("node/trace.py", "landbridge/log/subject_keys.py"),
    "log and sign": ("landbridge/log/",),
    "write and read the wire": (*_WIRE, "node/service.py"),
    "gather batches": ("node/dispatcher.py",),
}
"""Each step by the files, or the functions of a file, that it is made of."""


@dataclass(frozen=True, slots=True)
class Look:
    """What to look at: how many queries in flight, in which shape, for how long."""

    plan: Plan
    shape: str = STREAM
    in_flight: int = 64
    seconds: float = 10.0
    graphs: Path | None = None


async def measure_profile(look: Look, say: Say) -> dict[str, Any]:
    """Return the microseconds a query of each step, of the gateway and of one node.

    Raises:
        LandbridgeError: LB-1106 where py-spy is missing or may not look; the first query that
            failed, or profile that did not verify.
    """
    subjects = itertools.cycle(subjects_in_random_order(look.plan))
    with tempfile.TemporaryDirectory(prefix="landbridge-bench-") as work:
        folder = Path(work) / "federation"
        write_federation(folder, look.plan)
        with Sandbox(folder, Path(work) / "home") as sandbox:
            await sandbox.wait_ready()
            check = profile_check(sandbox)
            client = Client.from_home(sandbox.home_folder)
            ask = stream(client) if look.shape == STREAM else unary(client)
            looked_at = {
                "gateway": sandbox.processes[sandbox.gateway].pid,
                "node": sandbox.processes[sandbox.providers[0]].pid,
            }
            document: dict[str, Any] = {
                "shape": look.shape,
                "in_flight": look.in_flight,
                "nodes": look.plan.nodes,
                "python": platform.python_version(),
            }
            try:
                for name, pid in looked_at.items():
                    say(f"profile: looking at the {name}")
                    spent = ProcessorTime({name: [pid]})
                    stacks = Path(work) / f"{name}.stacks"
                    looking = asyncio.create_task(_record(pid, look.seconds, stacks, "raw"))
                    measured = await drive(
                        ask, subjects, in_flight=look.in_flight, seconds=look.seconds
                    )
                    await looking
                    check.check(measured.kept)
                    used = spent.since_last()[name] / measured.asked * _US
                    steps = GATEWAY if name == "gateway" else NODE
                    document[name] = {
                        "cpu_us_per_query": round(used),
                        "qps": round(measured.qps),
                        "steps": _share_out(stacks.read_text().splitlines(), steps, used),
                    }
                    if look.graphs:
                        look.graphs.mkdir(parents=True, exist_ok=True)
                        graph = look.graphs / f"{name}-{look.shape}.svg"
                        drawing = asyncio.create_task(
                            _record(pid, look.seconds, graph, "flamegraph")
                        )
                        await drive(ask, subjects, in_flight=look.in_flight, seconds=look.seconds)
                        await drawing
            finally:
                await client.close()
    document["verified"] = check.verified
    return document


async def _record(pid: int, seconds: float, target: Path, form: str) -> None:
    places = (str(Path(sys.executable).parent), os.environ.get("PATH", ""))
    spy = which("py-spy", path=os.pathsep.join(places))
    if spy is None:
        raise refuse(Reason.USAGE, "py-spy is not installed", next_step="run `make setup`")
    process = await asyncio.create_subprocess_exec(
        *(spy, "record", "--pid", str(pid), "--duration", str(max(1, round(seconds)))),
        *("--rate", str(_RATE), "--format", form, "--output", str(target), "--threads"),
        *("--nonblocking",),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    _, said = await process.communicate()
    if process.returncode or not target.exists():  # noqa: ASYNC240  one look
        raise refuse(
            Reason.USAGE,
            f"py-spy cannot look at the process: {said.decode(errors='replace').strip()[-300:]}",
            next_step="run it as a user who may trace the process",
        )


def _share_out(
    stacks: Iterable[str], steps: Mapping[str, tuple[str, ...]], used_us: float
) -> list[dict[str, Any]]:
    """Give each sample to the innermost step in its stack; most expensive step first."""
    counts: Counter[str] = Counter()
    for line in stacks:
        frames, _, count = line.rpartition(" ")
        counts[_step_of(frames.split(";"), steps)] += int(count)
    total = counts.total() or 1
    return [
        {"step": step, "share": round(count / total, 3), "us": round(used_us * count / total, 1)}
        for step, count in counts.most_common()
    ]


def _step_of(frames: list[str], steps: Mapping[str, tuple[str, ...]]) -> str:
    for frame in reversed(frames):
        function, _, place = frame.partition(" (")
        named = f"{place.rpartition(':')[0]}:{function}"
        for step, parts in steps.items():
            if any(part in named for part in parts):
                return step
    return _OTHER
