"""`landbridge log audit`: two or more logs held against one another."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter

from landbridge.audit.audit import Report, audit
from landbridge.audit.finding import Finding
from landbridge.audit.listed_logs import ListedLogs
from landbridge.audit.look import END_OF_TIME, Terms
from landbridge.clock import system_clock
from landbridge.commands.files import open_bundle, read_named
from landbridge.commands.moment import read_moment
from landbridge.commands.options import read_duration
from landbridge.commands.output import Output, OutputOption, data_console, print_json, talk
from landbridge.commands.table import heading, plain
from landbridge.counted import counted
from landbridge.errors import Reason, refuse
from landbridge.party import PartyFolder
from landbridge.trust.bundle import TrustBundle

EXITS: Final = {"clean": 0, "unfinished": 3, "findings": 1}
_FEWEST: Final = 2


def audit_logs(  # noqa: PLR0913  each is an option of its own
    *logs: Path,
    bundle: Path | None = None,
    heads: Annotated[tuple[Path, ...], Parameter(consume_multiple=True)] = (),
    since: str = "",
    until: str = "",
    grace: str = "60s",
    output: OutputOption = Output.TABLE,
) -> int:
    """Hold logs against one another, and name every access that one of them hides.

    Each log is verified by itself first: head, signature, every entry. Then entries are matched by
    query, and what one log names of another is looked up there. Exits with 0 when all fits, with 3
    when queries are only unfinished, with 1 when something is hidden, forked or differs.

    Args:
        logs: Logs of requester, gateway and nodes: each a log.sqlite, a party's folder, or a folder
            of published tiles.
        bundle: The federation's trust bundle; without it, that of the first party's folder.
        heads: Files, or folders of files, with signed heads of these logs that others hold, such as
            `landbridge log witnesses --save` writes.
        since: Leave out queries that were asked before.
        until: Leave out queries that were asked then or later: when copies are of different age.
        grace: How long something that is missing may still be on its way: so long it is waited for.
        output: How to print: table, json or ndjson.

    Raises:
        LandbridgeError: LB-1106 when a log is not there; LB-4001, LB-4002, LB-4008 and LB-5002 when
            a log does not hold what its signed head says; LB-5001 when it cannot be read.
    """
    if len(logs) + len(heads) < _FEWEST:
        raise refuse(
            Reason.USAGE,
            "one log alone has nothing to be held against",
            next_step="name two logs or more, or --heads of the log",
        )
    terms = Terms(
        system_clock(),
        read_grace(grace),
        since=read_moment(since, "--since") if since else -END_OF_TIME,
        until=read_moment(until, "--until") if until else END_OF_TIME,
        heads={str(path): read_named(path, "head") for path in _files(heads)},
    )
    report = audit(
        logs,
        ListedLogs.of(find_bundle(logs, bundle)),
        terms,
        clock=system_clock,
        sleep=time.sleep,
        waiting=lambda count: talk(f"{_queries(count)} may still be in flight: looking again"),
    )
    if output is Output.JSON:
        print_json(report.document(), output)
    elif output is Output.NDJSON:
        for finding in report.findings:
            print_json(finding.document(), output)
    else:
        _print(report)
    return EXITS[report.result]


def read_grace(text: str) -> int:
    """Read a duration, or 0, in milliseconds.

    Raises:
        LandbridgeError: LB-1106 when it is none.
    """
    return 0 if text in ("0", "0s") else int(read_duration(text, "--grace") * 1000)


def find_bundle(logs: tuple[Path, ...], named: Path | None) -> TrustBundle:
    """Read the trust bundle that is named, or that of the first party's folder among the logs.

    Raises:
        LandbridgeError: LB-1106 when there is none; LB-4010 when it is not sound.
    """
    if named is not None:
        return open_bundle(named)
    for log in logs:
        folder = log if log.is_dir() else log.parent
        if (folder / "trust-bundle.json").is_file():
            return PartyFolder.open(folder).bundle
    raise refuse(
        Reason.USAGE,
        "no log lies in a party's folder, so there is no trust bundle to go by",
        next_step="name the federation's trust bundle with --bundle",
    )


def _files(named: tuple[Path, ...]) -> Iterator[Path]:
    """Give the files that are named, and those in the folders that are."""
    for path in named:
        if path.is_dir():
            yield from sorted(one for one in path.iterdir() if one.is_file())
        else:
            yield path


def _print(report: Report) -> None:
    console = data_console()
    for log in report.logs:
        console.print(plain(f"[ok] {log.origin}: {counted(log.size, 'entry')}"), soft_wrap=True)
    for kind in dict.fromkeys(finding.kind for finding in report.findings):
        heading(kind.value.capitalize(), console)
        for finding in report.findings:
            if finding.kind is kind:
                console.print(plain(line(finding)), soft_wrap=True)
    console.print()
    console.print(plain(_summary(report)))


def line(finding: Finding) -> str:
    """Write a finding as one line, with its proof."""
    proof = ", ".join(
        f"{one.origin} entry {one.index} (leaf {one.leaf_hash.hex()[:16]})" for one in finding.proof
    )
    return f"{finding.code} {finding.sentence}" + (f"; proof: {proof}" if proof else "")


def _summary(report: Report) -> str:
    found = len(report.findings) + report.more
    more = f", {report.more} of them not listed" if report.more else ""
    return f"{_queries(report.queries)}, {counted(found, 'finding')}{more}: {report.result}"


def _queries(count: int) -> str:
    return counted(count, "query")
