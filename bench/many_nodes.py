"""What a node and query cost where there are many nodes, beside few; and the gateway's memory."""

import tempfile
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any, Final

from bench.federation import Plan
from bench.processes import resident_mib
from bench.turns import Say, start_side, take_turns

_FEW: Final = "few"
_MANY: Final = "many"
_LONGER: Final = 4
"""With many nodes a wave of 64 queries takes seconds on two cores."""


async def measure_many_nodes(
    plan: Plan, *, nodes: int, rounds: int, seconds: float, say: Say
) -> dict[str, Any]:
    """Return the processor time a node and query with `nodes` nodes, by that with the plan's.

    Raises:
        LandbridgeError: the first query that failed, or profile that did not verify.
    """
    with tempfile.TemporaryDirectory(prefix="landbridge-bench-") as work:
        async with AsyncExitStack() as stack:
            sides = {
                _FEW: await start_side(stack, Path(work), _FEW, plan),
                _MANY: await start_side(stack, Path(work), _MANY, replace(plan, nodes=nodes)),
            }
            found = await take_turns(sides, rounds=rounds, seconds=seconds * _LONGER, say=say)
            many = sides[_MANY].sandbox
            gateway = resident_mib({_MANY: many.processes[many.gateway]})[_MANY]
    few_us = [each[_FEW].cpu_us / plan.nodes for each in found]
    many_us = [each[_MANY].cpu_us / nodes for each in found]
    ratios = [many / few for few, many in zip(few_us, many_us, strict=True)]
    return {
        "nodes": nodes,
        "cost_ratio": round(median(ratios), 2),
        "cost_spread": [round(min(ratios), 2), round(max(ratios), 2)],
        "us_per_node_and_query": {_FEW: round(median(few_us)), _MANY: round(median(many_us))},
        "qps": {name: round(median(each[name].qps for each in found), 1) for name in sides},
        "gateway_mib": round(gateway, 1),
    }
