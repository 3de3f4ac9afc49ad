"""What an answer takes: the whole job, beside other ways to do it, and step by step."""

from pathlib import Path

from bench.commands.options import (
    Count,
    Output,
    OutputOption,
    Positive,
    Seconds,
    read_in_flight,
    read_rates,
)
from bench.commands.outcome import measured, say, show
from bench.federation import Plan
from bench.peers.catalogue import choose
from bench.peers.measure import Match, measure_peers
from bench.peers.table import print_peers
from bench.profile import Look, measure_profile
from bench.report import print_line, print_steps, print_tables
from bench.slow_node import Slowness, measure_slow_node
from bench.throughput import Settings, measure_throughput


def throughput(  # noqa: PLR0913  each is an option of its own
    *,
    output: OutputOption = Output.TABLE,
    rounds: Positive = 5,
    seconds: Seconds = 3.0,
    in_flight: str = "1,16,64",
    rate: str = "1500",
    memory_queries: Count = 20_000,
    nodes: Positive = 8,
    many_nodes: Count = 64,
    subjects: Positive = 10_000,
    seed: int = 1,
) -> int:
    """Measure the whole job, by single calls and streamed, beside a bare unary gRPC fan-out.

    Args:
        output: `json` prints one JSON object as the last line of stdout; `table` is for people.
        rounds: How many times each point is measured; the rounds are interleaved.
        seconds: How long one point is measured.
        in_flight: Numbers of queries in flight, joined by commas.
        rate: Queries a second that arrive at random, likewise; "" leaves them out.
        memory_queries: Queries between the first and the last reading of memory; 0 leaves it out.
        nodes: Agencies with a node.
        many_nodes: Nodes of a larger federation beside it; 0 leaves it out, and what else needs
            federations of its own: plans of two stages, and the run without logs.
        subjects: Records in each agency's database.
        seed: Another seed makes other records.
    """
    settings = Settings(
        Plan(nodes, subjects, seed),
        rounds,
        seconds,
        read_in_flight(in_flight),
        memory_queries,
        read_rates(rate),
        many_nodes,
    )
    result = measured(measure_throughput(settings, say))
    if output is Output.TABLE:
        print_tables(result)
    else:
        print_line(result)
    return 0


def peers(  # noqa: PLR0913  each is an option of its own
    *,
    output: OutputOption = Output.TABLE,
    peers: str = "",
    rounds: Positive = 5,
    seconds: Seconds = 5.0,
    in_flight: str = "1,16,64",
    rate: str = "100",
    nodes: Positive = 8,
    subjects: Positive = 10_000,
    seed: int = 1,
) -> int:
    """Measure Landbridge beside other ways to do the look-up; `make peers` installs these.

    Args:
        output: `json` prints one JSON object as the last line of stdout; `table` is for people.
        peers: Names of peers, joined by commas; all where none is given.
        rounds: How many times each point is measured; the rounds are interleaved.
        seconds: How long one point is measured.
        in_flight: Numbers of queries in flight, joined by commas.
        rate: Queries a second that arrive at random, likewise; nothing leaves them out.
        nodes: Providers.
        subjects: Records of each provider.
        seed: Another seed makes other records, and other arrivals.
    """
    match = Match(
        Plan(nodes, subjects, seed),
        choose(peers),
        rounds,
        seconds,
        read_in_flight(in_flight),
        read_rates(rate),
    )
    result = measured(measure_peers(match, say))
    if output is Output.TABLE:
        print_peers(result)
    else:
        print_line(result)
    return 0


def profile(  # noqa: PLR0913  each is an option of its own
    *,
    output: OutputOption = Output.TABLE,
    shape: str = "stream",
    in_flight: Positive = 64,
    seconds: Seconds = 10.0,
    nodes: Positive = 8,
    subjects: Positive = 10_000,
    seed: int = 1,
    graphs: Path | None = None,
) -> int:
    """Look where gateway and node spend their processor time, step by step, with py-spy.

    Args:
        output: `json` prints one JSON object as the last line of stdout; `table` is for people.
        shape: How queries come: `stream` or `unary`.
        in_flight: Queries in flight.
        seconds: How long each process is looked at.
        nodes: Agencies with a node.
        subjects: Records in each agency's database.
        seed: Another seed makes other records.
        graphs: Also draw a flame graph of each process into this folder.
    """
    look = Look(Plan(nodes, subjects, seed), shape, in_flight, seconds, graphs)
    result = measured(measure_profile(look, say))
    if output is Output.TABLE:
        print_steps(result)
    else:
        print_line(result)
    return 0


def slow(  # noqa: PLR0913  each is an option of its own
    *,
    output: OutputOption = Output.TABLE,
    rounds: Positive = 5,
    seconds: Seconds = 4.0,
    in_flight: Positive = 16,
    delay: Seconds = 2.0,
    deadline: Seconds = 1.0,
    needing: Positive = 8,
    nodes: Positive = 8,
    subjects: Positive = 10_000,
    seed: int = 1,
) -> int:
    """Measure what those who do not need a slow node notice of it, beside the noise.

    Args:
        output: `json` prints one JSON object as the last line of stdout; `table` is for people.
        rounds: How many times each way is measured; the ways take turns.
        seconds: How long one turn is measured.
        in_flight: Queries in flight that do not need the node.
        delay: Seconds by which the node is slow.
        deadline: Seconds that a query which needs the node waits.
        needing: Queries a second that need it.
        nodes: Agencies with a node; the last one is slow.
        subjects: Records in each agency's database.
        seed: Another seed makes other records.
    """
    slowness = Slowness(
        Plan(nodes, subjects, seed), rounds, seconds, in_flight, delay, needing, deadline
    )
    show(measured(measure_slow_node(slowness, say)), output)
    return 0
