"""What a part of a call costs, beside the noise of the same measurement."""

from bench.commands.options import SUBJECTS, Output, OutputOption, Positive
from bench.commands.outcome import measured, say, show
from bench.federation import Plan
from bench.guard import Rounds, measure_guard
from bench.predicates import Rounds as PredicateRounds
from bench.predicates import measure_predicates
from bench.sealing import Rounds as SealedRounds
from bench.sealing import measure_sealing


def guard(
    *, output: OutputOption = Output.TABLE, rounds: Positive = 15, calls: Positive = 1000
) -> int:
    """Measure what the guard costs a call, beside the noise of the same measurement.

    Args:
        output: `json` prints one JSON object as the last line of stdout; `table` is for people.
        rounds: How many times each kind of call is measured; the rounds are interleaved.
        calls: Calls of each kind in a round.
    """
    show(measured(measure_guard(Rounds(rounds, calls), say)), output)
    return 0


def sealing(
    *,
    output: OutputOption = Output.TABLE,
    rounds: Positive = 9,
    queries: Positive = 100,
    nodes: Positive = 8,
    seed: int = 1,
) -> int:
    """Measure what sealed answers add to a query, beside the noise of the same measurement.

    Args:
        output: `json` prints one JSON object as the last line of stdout; `table` is for people.
        rounds: How many times each kind of query is measured; the kinds take turns.
        queries: Queries of each kind in a round, one after the other.
        nodes: Agencies with a node.
        seed: Another seed makes other records.
    """
    plan = Plan(nodes, SUBJECTS, seed)
    show(measured(measure_sealing(SealedRounds(plan, rounds, queries), say)), output)
    return 0


def predicates(
    *,
    output: OutputOption = Output.TABLE,
    rounds: Positive = 9,
    queries: Positive = 100,
    nodes: Positive = 8,
    seed: int = 1,
) -> int:
    """Measure what predicates cost, beside the values of the same fields and the noise of both.

    Args:
        output: `json` prints one JSON object as the last line of stdout; `table` is for people.
        rounds: How many times each kind of query is measured; the kinds take turns.
        queries: Queries of each kind in a round, one after the other.
        nodes: Agencies with a node.
        seed: Another seed makes other records, and asks otherwise.
    """
    plan = Plan(nodes, SUBJECTS, seed)
    show(measured(measure_predicates(PredicateRounds(plan, rounds, queries), say)), output)
    return 0
