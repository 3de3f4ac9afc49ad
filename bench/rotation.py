"""`python -m bench rotation`: every level of certificate rotates while callers ask; none may fail.

A gateway, nodes and the authority run as processes. Leaves, issuing authorities and a root rotate
in random order while callers go on; then two rounds do it wrongly on purpose, and must fail.
"""

import asyncio
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from time import perf_counter
from typing import Any, Final

from bench.callers import Callers, Tally, calling
from bench.controls import close_hard, swap_without_overlap
from bench.drill import Conditions, DrillSandbox
from bench.federation import Plan, subjects_in_random_order, write_federation
from landbridge.errors import Reason, refuse

LEAF: Final = "leaf"
ISSUING: Final = "issuing"
ROOT: Final = "root"
_SETTLED_S: Final = 3.0
_CAUSES: Final = 10
Say = Callable[[str], None]
Span = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Drill:
    """What rotates, under how many callers; `seconds` is the time measured before the first."""

    plan: Plan
    conditions: Conditions
    leaves: int = 20
    issuing: int = 3
    roots: int = 1
    callers: int = 16
    streams: int = 3
    pause_s: float = 0.1
    seconds: float = 15.0

    @property
    def schedule(self) -> list[str]:
        """What rotates, one after the other: the same seed gives the same order."""
        what = [LEAF] * self.leaves + [ISSUING] * self.issuing + [ROOT] * self.roots
        Random(self.conditions.seed).shuffle(what)
        return what


async def measure_rotation(drill: Drill, say: Say) -> dict[str, Any]:
    """Run the drill and both negative controls; return the document.

    Raises:
        LandbridgeError: when a rotation does not come to its end.
    """
    with tempfile.TemporaryDirectory(prefix="landbridge-bench-") as work:
        folder = Path(work) / "federation"
        write_federation(folder, drill.plan)
        document = await _rotate_all(folder, Path(work) / "home", drill, say)
        # Without a pause there is always something under way that can fail.
        controls = [_callers(drill, pause_s=0) for _ in range(2)]
        hard = await close_hard(folder, Path(work) / "hard", drill.conditions, controls[0], say)
        bare = await swap_without_overlap(
            folder, Path(work) / "bare", drill.conditions, controls[1], say
        )
    return {
        **document,
        "control_hard_close_failed": hard.failed,
        "control_no_overlap_failed": bare.failed,
        "control_calls": len(hard.calls) + len(bare.calls),
    }


async def _rotate_all(folder: Path, home: Path, drill: Drill, say: Say) -> dict[str, Any]:
    with DrillSandbox(folder, home, drill.conditions) as sandbox:
        await sandbox.wait_ready()
        callers = _callers(drill, pause_s=drill.pause_s)
        async with calling(home, callers, unary=drill.callers, streams=drill.streams) as tally:
            await asyncio.sleep(_SETTLED_S)
            begin = perf_counter()
            await asyncio.sleep(drill.seconds)
            before = (begin, perf_counter())
            spans = await _rotations(sandbox, drill, tally, say)
            await asyncio.sleep(_SETTLED_S)
        say(f"{len(tally.calls)} calls, {tally.failed} failed; {tally.streams} streams")
        for alarm in dict.fromkeys(tally.alarms):
            say(f"a caller's alarm: {alarm}")
        return _document(tally, before, spans)


async def _rotations(
    sandbox: DrillSandbox, drill: Drill, tally: Tally, say: Say
) -> list[tuple[str, Span]]:
    random = Random(drill.conditions.seed)
    spans: list[tuple[str, Span]] = []
    for what in drill.schedule:
        begin = perf_counter()
        who = ""
        if what == LEAF:
            who = random.choice(sandbox.serving)
            await sandbox.renew_leaf(who)
        else:
            await sandbox.rotate(what)
        spans.append((what, (begin, perf_counter())))
        say(
            f"{len(spans)} of {len(drill.schedule)}: {what} {who} in"
            f" {perf_counter() - begin:.1f} s; {len(tally.calls)} calls, {tally.failed} failed"
        )
    return spans


def _document(tally: Tally, before: Span, spans: list[tuple[str, Span]]) -> dict[str, Any]:
    p99_before = tally.p99_ms([before])
    during = (spans[0][1][0], spans[-1][1][1])
    p99_during = tally.p99_ms([during])
    done = Counter(what for what, _ in spans)
    leaves = [span for what, span in spans if what == LEAF]
    return {
        "calls": len(tally.calls),
        "failed": tally.failed,
        "streams": tally.streams,
        "cut": tally.cut,
        "rotations": {what: done[what] for what in (LEAF, ISSUING, ROOT)},
        "p99_ratio": round(p99_during / p99_before, 2),
        "p99_before_ms": round(p99_before, 1),
        "p99_during_ms": round(p99_during, 1),
        "leaf_p99_ratio": round(tally.p99_ms(leaves) / p99_before, 2) if leaves else None,
        "longest_ms": round(max(c.ended - c.began for c in tally.calls) * 1000, 1),
        "seconds": round(during[1] - during[0], 1),
        "alarms": len(tally.alarms),
        "failures": dict(list(tally.causes().items())[:_CAUSES]),
    }


def _callers(drill: Drill, *, pause_s: float) -> Callers:
    return Callers(subjects_in_random_order(drill.plan), sources=drill.plan.nodes, pause_s=pause_s)


def check(document: dict[str, Any]) -> None:
    """Hold the result against what is promised; timing is for the reader to judge.

    Raises:
        LandbridgeError: LB-2004 when a call failed, a stream was cut, or a control did not fail.
    """
    for key, wrong in (
        ("failed", document["failed"]),
        ("cut", document["cut"]),
        ("control_hard_close_failed", not document["control_hard_close_failed"]),
        ("control_no_overlap_failed", not document["control_no_overlap_failed"]),
    ):
        if wrong:
            raise refuse(Reason.SOURCE_FAILED, f"the drill ended with {key} = {document[key]}")
