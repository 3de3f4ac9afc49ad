"""`python -m bench predicates`: what predicates cost, beside the values of the same fields.

The same client asks the same federation, one query after the other, in rounds of three kinds: for
the values of two fields, for two predicates on these fields with other arguments in each query, and
for the values once more. The difference between the first and last is noise.
"""

import itertools
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from random import Random
from statistics import median
from time import perf_counter
from typing import Any, Final

from bench.federation import DATASET, PURPOSE, Plan, subjects_in_random_order, write_federation
from bench.load import percentile
from landbridge.client import Client
from landbridge.commands.sandbox import Sandbox
from landbridge.errors import Reason, refuse
from landbridge.heading import read_heading
from landbridge.profile import read_profile
from landbridge.query import Wanted
from landbridge.subject import SubjectId

VALUES: Final = "values"
PREDICATES: Final = "predicates"
VALUES_AGAIN: Final = "values again"
_WAYS: Final = (VALUES, PREDICATES, VALUES_AGAIN)
_FIELDS: Final = ("turnover", "opened-on")
_NAMES: Final = ("turns-over-more", "opened-by")
_CASE: Final = "BENCH-PREDICATES"
_TIMEOUT_S: Final = 30.0
_WARM_UP: Final = 20
_MS: Final = 1000
_FIRST_DAY: Final = date(1950, 1, 1)
_GRANT: Final = """\
  - clause: "1.2"
    provider: {agency}
    dataset: {dataset}
    requesters: [{requesters}]
    predicates:
      - name: turns-over-more
        title: Does the enterprise turn over more than an amount?
        asks: {{amount: {{type: decimal}}}}
        when: [{{field: turnover, gt: {{asked: amount}}}}]
      - name: opened-by
        title: Was the enterprise open by a day?
        asks: {{day: {{type: date}}}}
        when: [{{field: opened-on, le: {{asked: day}}}}]
    purposes: [{purpose}]
    subject_kinds: [legal-entity]
"""
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Rounds:
    """How many rounds there are, and how many queries of each kind in one."""

    plan: Plan
    rounds: int = 9
    queries: int = 100


def write_predicates(folder: Path, plan: Plan) -> None:
    """Write the federation of the other measurements, whose agencies answer predicates, too."""
    write_federation(folder, plan)
    for agency in plan.agencies:
        grant = _GRANT.format(
            agency=agency, dataset=DATASET, requesters=", ".join(plan.asking), purpose=PURPOSE
        )
        with (folder / "memoranda" / f"{agency}.yaml").open("a", encoding="utf-8") as file:
            file.write(grant)


async def measure_predicates(rounds: Rounds, say: Say) -> dict[str, Any]:
    """Measure queries one after the other, 1 in flight; return the document.

    A latency runs from before the signing until the profile is parsed.

    Raises:
        LandbridgeError: the first query that failed, LB-2004 for a profile that lacks a source.
    """
    with tempfile.TemporaryDirectory(prefix="landbridge-bench-") as work:
        folder = Path(work) / "federation"
        write_predicates(folder, rounds.plan)
        async with AsyncExitStack() as stack:
            sandbox = stack.enter_context(Sandbox(folder, Path(work) / "home"))
            await sandbox.wait_ready()
            client = Client.from_home(sandbox.home_folder)
            stack.push_async_callback(client.close)
            found = await _Asking(client, rounds).measure(say)
    added = [each[PREDICATES] / each[VALUES] - 1 for each in found]
    noise = [abs(each[VALUES_AGAIN] / each[VALUES] - 1) for each in found]
    return {
        "added_to_p50": round(median(added), 3),
        "noise": round(median(noise), 3),
        "values_p50_ms": round(median(each[VALUES] for each in found), 2),
        "predicates_p50_ms": round(median(each[PREDICATES] for each in found), 2),
        "nodes": rounds.plan.nodes,
        "rounds": rounds.rounds,
        "queries": rounds.rounds * rounds.queries * len(_WAYS),
    }


class _Asking:
    """One client that asks for either kind."""

    def __init__(self, client: Client, rounds: Rounds) -> None:
        self._client = client
        self._rounds = rounds
        self._subjects: Iterator[SubjectId] = itertools.cycle(subjects_in_random_order(rounds.plan))
        self._random = Random(rounds.plan.seed)

    async def measure(self, say: Say) -> list[dict[str, float]]:
        """Return the median latency of each kind, for every round."""
        for way in (VALUES, PREDICATES):
            await self._p50(way, _WARM_UP)
        found: list[dict[str, float]] = []
        for number in range(self._rounds.rounds):
            turn = number % len(_WAYS)
            ways = (*_WAYS[turn:], *_WAYS[:turn])
            found.append({way: await self._p50(way, self._rounds.queries) for way in ways})
            say(f"round {number + 1}: {_in_words(found[-1])}")
        return found

    async def _p50(self, way: str, queries: int) -> float:
        """Ask so many queries; return the median latency in milliseconds."""
        latencies: list[float] = []
        for subject in itertools.islice(self._subjects, queries):
            wanted = self._wanted(way)
            began = perf_counter()
            envelope = await self._client.ask(subject, PURPOSE, _CASE, wanted, timeout=_TIMEOUT_S)
            signed = read_profile(envelope)
            latencies.append((perf_counter() - began) * _MS)
            asked = _NAMES if way == PREDICATES else _FIELDS
            released = [
                read_heading(extract.heading).fields
                for answer in signed.answers
                for dataset in answer.datasets
                for extract in dataset.extracts
            ]
            if released != [asked] * self._rounds.plan.nodes:
                raise refuse(Reason.SOURCE_FAILED, f"a profile of {way} lacks a source or a record")
        return percentile(sorted(latencies), 50)

    def _wanted(self, way: str) -> list[Wanted]:
        agencies = self._rounds.plan.agencies
        if way != PREDICATES:
            return [Wanted(agency, DATASET, _FIELDS) for agency in agencies]
        day = _FIRST_DAY + timedelta(self._random.randrange(25_000))
        amount = f"{self._random.randrange(90_000_000)}.{self._random.randrange(100):02}"
        arguments = (("amount", amount), ("day", day.isoformat()))
        return [Wanted(agency, DATASET, _NAMES, arguments) for agency in agencies]


def _in_words(medians: Mapping[str, float]) -> str:
    return ", ".join(f"{way} {value:.2f} ms" for way, value in medians.items())
