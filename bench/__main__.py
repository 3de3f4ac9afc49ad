"""`python -m bench throughput`: measures on this machine, against a floor of the same round."""

import json
import signal
import sys
from enum import StrEnum
from typing import Annotated, Any

from cyclopts import App, Parameter
from cyclopts.validators import Number

from bench.federation import Plan
from bench.report import print_tables
from bench.throughput import Settings, measure_throughput
from landbridge.commands.loop import run_on_fast_loop
from landbridge.errors import LandbridgeError, Reason, refuse

_USAGE = 2

app = App(name="python -m bench", help="Measures Landbridge on this machine, as ratios.")


class Output(StrEnum):
    """In which form a result is printed."""

    TABLE = "table"
    JSON = "json"


Positive = Annotated[int, Parameter(validator=Number(gt=0))]


@app.command
def throughput(  # noqa: PLR0913  each is an option of its own
    *,
    output: Annotated[Output, Parameter(name=["--output", "-o"])] = Output.TABLE,
    rounds: Positive = 3,
    seconds: Annotated[float, Parameter(validator=Number(gt=0))] = 5.0,
    in_flight: str = "1,16,64",
    memory_queries: Annotated[int, Parameter(validator=Number(gte=0))] = 50_000,
    nodes: Positive = 8,
    subjects: Positive = 10_000,
    seed: int = 1,
) -> int:
    """Measure the whole job, by single calls and streamed, beside a bare unary gRPC fan-out.

    Args:
        output: `json` prints one JSON object as the last line of stdout; `table` is for people.
        rounds: How many times each point is measured; the rounds are interleaved.
        seconds: How long one point is measured.
        in_flight: Numbers of queries in flight, joined by commas.
        memory_queries: Queries between the first and the last reading of memory; 0 leaves it out.
        nodes: Agencies with a node.
        subjects: Records in each agency's database.
        seed: Another seed makes other records.
    """
    settings = Settings(
        Plan(nodes, subjects, seed), rounds, seconds, read_in_flight(in_flight), memory_queries
    )
    result: dict[str, Any] = {}

    async def program() -> None:
        result.update(await measure_throughput(settings, _say))

    run_on_fast_loop(program)
    if output is Output.TABLE:
        print_tables(result)
    else:
        print(json.dumps(result, separators=(",", ":")))
    return 0


def read_in_flight(text: str) -> tuple[int, ...]:
    """Read numbers joined by commas.

    Raises:
        LandbridgeError: LB-1106 when one is not a positive number.
    """
    words = [word.strip() for word in text.split(",")]
    if not all(word.isascii() and word.isdecimal() and int(word) for word in words):
        raise refuse(
            Reason.USAGE,
            f"{text!r} does not say how many queries are in flight",
            where="--in-flight",
            next_step="write it like 1,16,64",
        )
    return tuple(dict.fromkeys(int(word) for word in words))


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _main() -> None:
    # Whoever stops the bench, by whichever signal: no process of it may stay behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        code = app(result_action="return_value")
    except LandbridgeError as error:
        _say(f"{error.code}  {error.message}\nat: {error.where}\nnext: {error.next_step}")
        code = _USAGE if error.reason is Reason.USAGE else 1
    sys.exit(code)


if __name__ == "__main__":
    _main()
