"""`python -m bench COMMAND`: measures on this machine, and tries what is promised under load."""

import signal
import sys
from collections.abc import Coroutine
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter
from cyclopts.validators import Number

from bench.audit import Traffic, measure_audit
from bench.crash import Ordeal, measure_crash
from bench.crash_report import check_crash
from bench.decisions import Agreements, measure_decisions
from bench.drill import Conditions
from bench.enrolment import Newcomers, measure_enrolment
from bench.federation import Plan
from bench.guard import Rounds, measure_guard
from bench.log_append import Turns, measure_log
from bench.log_proof import Size, measure_proof
from bench.peers.catalogue import choose
from bench.peers.measure import Match, measure_peers
from bench.peers.table import print_peers
from bench.predicates import Rounds as PredicateRounds
from bench.predicates import measure_predicates
from bench.profile import Look, measure_profile
from bench.report import print_figures, print_line, print_steps, print_tables
from bench.revocation import Trial, measure_revocation
from bench.rotation import Drill, check, measure_rotation
from bench.sealing import Rounds as SealedRounds
from bench.sealing import measure_sealing
from bench.throughput import Settings, measure_throughput
from landbridge.commands.loop import run_on_fast_loop
from landbridge.errors import LandbridgeError, Reason, refuse

_USAGE = 2
_SUBJECTS = 2_000

app = App(
    name="python -m bench",
    help="Measures Landbridge on this machine, and tries its promises under load.",
)


class Output(StrEnum):
    """In which form a result is printed."""

    TABLE = "table"
    JSON = "json"


OutputOption = Annotated[Output, Parameter(name=["--output", "-o"])]
Positive = Annotated[int, Parameter(validator=Number(gt=0))]
Count = Annotated[int, Parameter(validator=Number(gte=0))]
Seconds = Annotated[float, Parameter(validator=Number(gt=0))]


@app.command
def throughput(  # noqa: PLR0913  each is an option of its own
    *,
    output: OutputOption = Output.TABLE,
    rounds: Positive = 3,
    seconds: Seconds = 5.0,
    in_flight: str = "1,16,64",
    rate: str = "",
    memory_queries: Count = 50_000,
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
        rate: Queries a second that arrive at random, likewise; nothing leaves them out.
        memory_queries: Queries between the first and the last reading of memory; 0 leaves it out.
        nodes: Agencies with a node.
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
    )
    result = _measured(measure_throughput(settings, _say))
    if output is Output.TABLE:
        print_tables(result)
    else:
        print_line(result)
    return 0


@app.command
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
    result = _measured(measure_peers(match, _say))
    if output is Output.TABLE:
        print_peers(result)
    else:
        print_line(result)
    return 0


@app.command
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
    result = _measured(measure_profile(look, _say))
    if output is Output.TABLE:
        print_steps(result)
    else:
        print_line(result)
    return 0


@app.command
def rotation(  # noqa: PLR0913  each is an option of its own
    *,
    output: OutputOption = Output.TABLE,
    nodes: Positive = 4,
    callers: Positive = 16,
    streams: Positive = 3,
    leaves: Positive = 20,
    issuing: Count = 3,
    roots: Count = 1,
    age: Seconds = 1.5,
    lag: Seconds = 1.0,
    pause: Seconds = 0.1,
    seconds: Seconds = 15.0,
    seed: int = 1,
) -> int:
    """Rotate every level of certificate while callers ask: no call may fail, no stream be cut.

    Args:
        output: `json` prints one JSON object as the last line of stdout; `table` is for people.
        nodes: Agencies with a node.
        callers: Callers by single calls.
        streams: Callers with a stream each.
        leaves: How many leaves rotate.
        issuing: How many issuing authorities rotate.
        roots: How many roots rotate.
        age: Seconds after which servers ask for a new connection.
        lag: How late, at most, gateway and nodes take over what is new, in seconds.
        pause: Seconds between a caller's calls.
        seconds: How long is measured before the first rotation.
        seed: Another seed makes another order, and other lags.
    """
    result = _measured(
        measure_rotation(
            Drill(
                Plan(nodes, _SUBJECTS, seed),
                Conditions(age, lag, seed),
                leaves=leaves,
                issuing=issuing,
                roots=roots,
                callers=callers,
                streams=streams,
                pause_s=pause,
                seconds=seconds,
            ),
            _say,
        )
    )
    _print(result, output)
    check(result)
    return 0


@app.command
def revocation(
    *, output: OutputOption = Output.TABLE, seconds: Seconds = 5.0, seed: int = 1
) -> int:
    """Revoke one of three agencies that ask: its last success counts, the others notice nothing.

    Args:
        output: `json` prints one JSON object as the last line of stdout; `table` is for people.
        seconds: How long they ask before, and after.
        seed: Another seed makes other records.
    """
    plan = Plan(nodes=2, subjects=_SUBJECTS, seed=seed, requesters=3)
    _print(_measured(measure_revocation(Trial(plan, seconds=seconds), _say)), output)
    return 0


@app.command
def crash(  # noqa: PLR0913  each is an option of its own
    *,
    output: OutputOption = Output.TABLE,
    kills: Positive = 200,
    nodes: Positive = 3,
    callers: Positive = 6,
    streams: Count = 2,
    least: Seconds = 0.2,
    most: Seconds = 3.0,
    seed: int = 1,
) -> int:
    """Kill nodes and gateway at random moments under load: no entry may be lost.

    Args:
        output: `json` prints one JSON object as the last line of stdout; `table` is for people.
        kills: How many times a process is killed.
        nodes: Agencies with a node.
        callers: Callers by single calls.
        streams: Callers on one stream.
        least: Seconds between two kills, at least.
        most: Seconds between two kills, at most.
        seed: Another seed kills others at other moments.
    """
    ordeal = Ordeal(
        Plan(nodes, _SUBJECTS, seed),
        kills=kills,
        least_s=least,
        most_s=most,
        callers=callers,
        streams=streams,
    )
    result = _measured(measure_crash(ordeal, _say))
    _print(result, output)
    check_crash(result)
    return 0


@app.command
def enrolment(
    *, output: OutputOption = Output.TABLE, parties: Positive = 500, at_once: Positive = 16
) -> int:
    """Enrol parties with one-time invitations, over the wire.

    Args:
        output: `json` prints one JSON object as the last line of stdout; `table` is for people.
        parties: How many enrol.
        at_once: How many do so at once.
    """
    plan = Plan(nodes=1, subjects=1)
    _print(_measured(measure_enrolment(Newcomers(plan, parties, at_once), _say)), output)
    return 0


@app.command
def guard(
    *, output: OutputOption = Output.TABLE, rounds: Positive = 15, calls: Positive = 1000
) -> int:
    """Measure what the guard costs a call, beside the noise of the same measurement.

    Args:
        output: `json` prints one JSON object as the last line of stdout; `table` is for people.
        rounds: How many times each kind of call is measured; the rounds are interleaved.
        calls: Calls of each kind in a round.
    """
    _print(_measured(measure_guard(Rounds(rounds, calls), _say)), output)
    return 0


@app.command
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
    plan = Plan(nodes, _SUBJECTS, seed)
    _print(_measured(measure_sealing(SealedRounds(plan, rounds, queries), _say)), output)
    return 0


@app.command
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
    plan = Plan(nodes, _SUBJECTS, seed)
    measured = _measured(measure_predicates(PredicateRounds(plan, rounds, queries), _say))
    _print(measured, output)
    return 0


@app.command
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
    _print(measure_audit(Traffic(entries, batch, seed), _say), output)
    return 0


@app.command
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
    _print(_measured(measure_log(turns, _say)), output)
    return 0


@app.command
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
    _print(measure_proof(Size(entries, subjects, seed=seed), _say, keep), output)
    return 0


@app.command
def decisions(
    *, output: OutputOption = Output.TABLE, memoranda: Positive = 500, grants: Positive = 20
) -> int:
    """Measure one decision by policy, and the exact difference of two federations.

    Args:
        output: `json` prints one JSON object as the last line of stdout; `table` is for people.
        memoranda: How many memoranda are loaded.
        grants: Grants of each.
    """
    _print(measure_decisions(Agreements(memoranda, grants), _say), output)
    return 0


def read_in_flight(text: str) -> tuple[int, ...]:
    """Read numbers joined by commas.

    Raises:
        LandbridgeError: LB-1106 when one is not a positive number.
    """
    return _read_numbers(text, "how many queries are in flight", "--in-flight")


def read_rates(text: str) -> tuple[int, ...]:
    """Read arrivals a second, joined by commas; nothing is none.

    Raises:
        LandbridgeError: LB-1106 when one is not a positive number.
    """
    return _read_numbers(text, "how many queries arrive in a second", "--rate") if text else ()


def _read_numbers(text: str, meaning: str, option: str) -> tuple[int, ...]:
    words = [word.strip() for word in text.split(",")]
    if not all(word.isascii() and word.isdecimal() and int(word) for word in words):
        raise refuse(
            Reason.USAGE,
            f"{text!r} does not say {meaning}",
            where=option,
            next_step="write it like 1,16,64",
        )
    return tuple(dict.fromkeys(int(word) for word in words))


def _measured(work: Coroutine[Any, Any, dict[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}

    async def program() -> None:
        result.update(await work)

    run_on_fast_loop(program)
    return result


def _print(result: dict[str, Any], output: Output) -> None:
    if output is Output.TABLE:
        print_figures(result)
    else:
        print_line(result)


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
