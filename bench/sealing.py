"""`python -m bench sealing`: what sealed answers cost, beside answers in the clear.

The same client asks the same federation, one query after the other, in rounds of three kinds: in
the clear, sealed, and in the clear once more. The difference between the first and last is noise.
"""

import itertools
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, Final

from bench.federation import PURPOSE, Plan, subjects_in_random_order, write_federation
from bench.load import percentile
from landbridge.client import Client
from landbridge.commands.sandbox import Sandbox
from landbridge.errors import Reason, refuse
from landbridge.profile import SignedProfile, read_profile
from landbridge.subject import SubjectId

CLEAR: Final = "in the clear"
SEALED: Final = "sealed"
CLEAR_AGAIN: Final = "in the clear again"
_WAYS: Final = (CLEAR, SEALED, CLEAR_AGAIN)
_CASE: Final = "BENCH-SEALING"
_TIMEOUT_S: Final = 30.0
_WARM_UP: Final = 20
_MS: Final = 1000
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Rounds:
    """How many rounds there are, and how many queries of each kind in one."""

    plan: Plan
    rounds: int = 9
    queries: int = 100


async def measure_sealing(rounds: Rounds, say: Say) -> dict[str, Any]:
    """Measure queries one after the other, 1 in flight; return the document.

    A latency runs from before the signing until the profile is parsed, and where answers are
    sealed, until they are opened and assembled.

    Raises:
        LandbridgeError: the first query that failed, LB-2004 for a profile that lacks a source.
    """
    with tempfile.TemporaryDirectory(prefix="landbridge-bench-") as work:
        folder = Path(work) / "federation"
        write_federation(folder, rounds.plan)
        async with AsyncExitStack() as stack:
            sandbox = stack.enter_context(Sandbox(folder, Path(work) / "home"))
            await sandbox.wait_ready()
            client = Client.from_home(sandbox.home_folder)
            stack.push_async_callback(client.close)
            found = await _measure(client, rounds, say)
    added = [each[SEALED] / each[CLEAR] - 1 for each in found]
    noise = [abs(each[CLEAR_AGAIN] / each[CLEAR] - 1) for each in found]
    return {
        "added_to_p50": round(median(added), 3),
        "noise": round(median(noise), 3),
        "clear_p50_ms": round(median(each[CLEAR] for each in found), 2),
        "sealed_p50_ms": round(median(each[SEALED] for each in found), 2),
        "nodes": rounds.plan.nodes,
        "rounds": rounds.rounds,
        "queries": rounds.rounds * rounds.queries * len(_WAYS),
    }


async def _measure(client: Client, rounds: Rounds, say: Say) -> list[dict[str, float]]:
    subjects = itertools.cycle(subjects_in_random_order(rounds.plan))
    for way in (CLEAR, SEALED):
        await _p50(client, subjects, rounds.plan.nodes, way, _WARM_UP)
    found: list[dict[str, float]] = []
    for number in range(rounds.rounds):
        turn = number % len(_WAYS)
        found.append(
            {
                way: await _p50(client, subjects, rounds.plan.nodes, way, rounds.queries)
                for way in (*_WAYS[turn:], *_WAYS[:turn])
            }
        )
        say(f"round {number + 1}: {_in_words(found[-1])}")
    return found


async def _p50(
    client: Client, subjects: Iterator[SubjectId], nodes: int, way: str, queries: int
) -> float:
    """Ask so many queries; return the median latency in milliseconds."""
    latencies: list[float] = []
    for subject in itertools.islice(subjects, queries):
        began = perf_counter()
        signed = await _ask(client, subject, sealed=way == SEALED)
        latencies.append((perf_counter() - began) * _MS)
        records = sum(source.records for source in signed.profile.sources)
        if signed.profile.completeness.answered != nodes or records != nodes:
            raise refuse(Reason.SOURCE_FAILED, f"a profile {way} lacks a source or a record")
    return percentile(sorted(latencies), 50)


async def _ask(client: Client, subject: SubjectId, *, sealed: bool) -> SignedProfile:
    envelope = await client.ask(subject, PURPOSE, _CASE, timeout=_TIMEOUT_S, sealed=sealed)
    signed = read_profile(envelope)
    return client.open(signed).signed if sealed else signed


def _in_words(medians: Mapping[str, float]) -> str:
    return ", ".join(f"{way} {value:.2f} ms" for way, value in medians.items())
