"""Resident memory of gateway and nodes: idle, and on the way through many queries."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any, Final

from bench.load import drive_count
from bench.processes import resident_mib
from bench.sample import ProfileCheck
from bench.shapes import stream
from landbridge.client import Client
from landbridge.commands.sandbox import Sandbox
from landbridge.subject import SubjectId

IN_FLIGHT: Final = 64
_STEPS: Final = 5
_SETTLE_S: Final = 1.0


async def measure_memory(
    sandbox: Sandbox,
    subjects: Iterator[SubjectId],
    *,
    queries: int,
    check: ProfileCheck,
    say: Callable[[str], None],
) -> dict[str, Any]:
    """Ask streamed queries of processes that have answered none yet; return MiB by process.

    `after_mib` has one figure for each fifth of the queries, so that a plateau can be told from
    growth that goes on.
    """
    await asyncio.sleep(_SETTLE_S)
    # The federation's authority runs beside them; no query passes through it.
    answering = {name: sandbox.processes[name] for name in (sandbox.gateway, *sandbox.providers)}
    readings = [resident_mib(answering)]
    client = Client.from_home(sandbox.home_folder)
    try:
        ask = stream(client)
        for step in range(1, _STEPS + 1):
            share = queries * step // _STEPS - queries * (step - 1) // _STEPS
            kept = await drive_count(ask, subjects, in_flight=IN_FLIGHT, queries=share)
            readings.append(resident_mib(answering))
            check.check(kept)
            say(f"memory: {queries * step // _STEPS} of {queries} queries")
    finally:
        await client.close()
    return summary(readings, gateway=sandbox.gateway, queries=queries)


def summary(readings: list[dict[str, float]], *, gateway: str, queries: int) -> dict[str, Any]:
    """Sum the readings up: the gateway, and of the nodes the largest figure each time."""
    nodes = [name for name in readings[0] if name != gateway]
    largest = [max(reading[name] for name in nodes) for reading in readings]
    return {
        "queries": queries,
        "gateway": _figures([reading[gateway] for reading in readings]),
        "nodes": _figures(largest),
        "processes": {
            name: _figures([reading[name] for reading in readings]) for name in readings[0]
        },
    }


def _figures(readings: list[float]) -> dict[str, Any]:
    return {
        "idle_mib": round(readings[0], 1),
        "after_mib": [round(reading, 1) for reading in readings[1:]],
        "growth_mib": round(readings[-1] - readings[0], 1),
    }
