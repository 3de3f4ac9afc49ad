"""What it costs that identifiers have to be found first: plans of two stages beside plans of one.

In the second federation all nodes but one know the subjects by a number which only that one can
tell: it is asked for the number, its answer is proven to the others, and then all are asked.
"""

import tempfile
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any, Final

from bench.federation import Plan
from bench.turns import Say, start_side, take_turns

_ONE: Final = "one-stage"
_TWO: Final = "two-stage"


async def measure_stages(plan: Plan, *, rounds: int, seconds: float, say: Say) -> dict[str, Any]:
    """Return what a query of two stages costs, as a multiple of one stage.

    Raises:
        LandbridgeError: the first query that failed, or profile that did not verify.
    """
    with tempfile.TemporaryDirectory(prefix="landbridge-bench-") as work:
        async with AsyncExitStack() as stack:
            two_stage = replace(plan, two_stage=True)
            sides = {
                _ONE: await start_side(stack, Path(work), _ONE, plan),
                _TWO: await start_side(stack, Path(work), _TWO, two_stage, resolving=1),
            }
            found = await take_turns(sides, rounds=rounds, seconds=seconds, say=say)
    costs = [each[_TWO].cpu_us / each[_ONE].cpu_us for each in found]
    return {
        "cost_ratio": round(median(costs), 2),
        "cost_spread": [round(min(costs), 2), round(max(costs), 2)],
        "time_ratio": round(median(each[_ONE].qps / each[_TWO].qps for each in found), 2),
        "cpu_us": {
            name: round(median(each[name].cpu_us for each in found)) for name in (_ONE, _TWO)
        },
    }
