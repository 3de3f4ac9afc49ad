"""What decisions by policy take."""

from bench.commands.options import Output, OutputOption, Positive
from bench.commands.outcome import say, show
from bench.decisions import Agreements, measure_decisions


def decisions(
    *, output: OutputOption = Output.TABLE, memoranda: Positive = 500, grants: Positive = 20
) -> int:
    """Measure one decision by policy, and the exact difference of two federations.

    Args:
        output: `json` prints one JSON object as the last line of stdout; `table` is for people.
        memoranda: How many memoranda are loaded.
        grants: Grants of each.
    """
    show(measure_decisions(Agreements(memoranda, grants), say), output)
    return 0
