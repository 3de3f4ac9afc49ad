"""Verifiable logs: what they cost, and how fast they are held together and proven."""

from pathlib import Path

from bench.audit import Traffic, measure_audit
from bench.commands.options import Output, OutputOption, Positive, Seconds
from bench.commands.outcome import measured, say, show
from bench.federation import Plan
from bench.log_append import Turns, measure_log
from bench.log_proof import Size, measure_proof


def log(  # noqa: PLR0913  each is an option of its own
    *,
    output: OutputOption = Output.TABLE,
    rounds: Positive = 9,
    seconds: Seconds = 4.0,
    in_flight: Positive = 64,
    nodes: Positive = 8,
    subjects: Positive = 10_000,
    seed: int = 1,
) -> int:
    """Measure what durable logs cost: throughput beside the same run with logs in memory.

    Args:
        output: `json` prints one JSON object as the last line of stdout; `table` is for people.
        rounds: How many times each federation is measured; they take turns.
        seconds: How long it is asked each time.
        in_flight: Queries in flight.
        nodes: Agencies with a node.
        subjects: Records in each agency's database.
        seed: Another seed makes other records.
    """
    turns = Turns(Plan(nodes, subjects, seed), rounds, seconds, in_flight)
    show(measured(measure_log(turns, say)), output)
    return 0


def audit(
    *,
    output: OutputOption = Output.TABLE,
    entries: Positive = 1_000_000,
    batch: Positive = 64,
    seed: int = 1,
) -> int:
    """Measure how long a log takes to hold against another, each hiding one access.

    Args:
        output: `json` prints one JSON object as the last line of stdout; `table` is for people.
        entries: Entries of each log.
        batch: Answers that one signed head is over.
        seed: Another seed makes other queries, and hides others.
    """
    show(measure_audit(Traffic(entries, batch, seed), say), output)
    return 0


def proof(
    *,
    output: OutputOption = Output.TABLE,
    entries: Positive = 10_000_000,
    subjects: Positive = 200_000,
    keep: Path | None = None,
    seed: int = 1,
) -> int:
    """Measure proofs of one entry, and who looked at one subject, in a large log on the disk.

    Args:
        output: `json` prints one JSON object as the last line of stdout; `table` is for people.
        entries: Entries of the log; ten million take some 5 GB.
        subjects: How many subjects they are on.
        keep: A folder to keep the log in, and to take it from the next time.
        seed: Another seed makes other entries.
    """
    show(measure_proof(Size(entries, subjects, seed=seed), say, keep), output)
    return 0
