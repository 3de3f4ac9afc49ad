"""What is promised while certificates change, parties come and go, and processes are killed."""

from bench.commands.options import SUBJECTS, Count, Output, OutputOption, Positive, Seconds
from bench.commands.outcome import measured, say, show
from bench.crash import Ordeal, measure_crash
from bench.crash_report import check_crash
from bench.drill import Conditions
from bench.enrolment import Newcomers, measure_enrolment
from bench.federation import Plan
from bench.revocation import Trial, measure_revocation
from bench.rotation import Drill, check, measure_rotation


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
    result = measured(
        measure_rotation(
            Drill(
                Plan(nodes, SUBJECTS, seed),
                Conditions(age, lag, seed),
                leaves=leaves,
                issuing=issuing,
                roots=roots,
                callers=callers,
                streams=streams,
                pause_s=pause,
                seconds=seconds,
            ),
            say,
        )
    )
    show(result, output)
    check(result)
    return 0


def revocation(
    *, output: OutputOption = Output.TABLE, seconds: Seconds = 5.0, seed: int = 1
) -> int:
    """Revoke one of three agencies that ask: its last success counts, the others notice nothing.

    Args:
        output: `json` prints one JSON object as the last line of stdout; `table` is for people.
        seconds: How long they ask before, and after.
        seed: Another seed makes other records.
    """
    plan = Plan(nodes=2, subjects=SUBJECTS, seed=seed, requesters=3)
    show(measured(measure_revocation(Trial(plan, seconds=seconds), say)), output)
    return 0


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
        Plan(nodes, SUBJECTS, seed),
        kills=kills,
        least_s=least,
        most_s=most,
        callers=callers,
        streams=streams,
    )
    result = measured(measure_crash(ordeal, say))
    show(result, output)
    check_crash(result)
    return 0


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
    show(measured(measure_enrolment(Newcomers(plan, parties, at_once), say)), output)
    return 0
