"""Checking that a node can serve what it is configured to serve, before it does.

    for finding in check(Path("agencies/fsa.ed/node.toml"), Path("federation.toml")):
        print(finding.verdict, finding.place, finding.message)

Nothing is written but a temporary copy of the files, and nothing stops at the first fault.
"""

import tempfile
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path

from landbridge.clock import system_clock
from landbridge.errors import LandbridgeError
from landbridge.federation import Federation
from landbridge.memorandum.document import Memorandum
from node.config import NodeConfig, load_node_config
from node.executable import check_executable, check_expiries
from node.expiry import expiries
from node.sources.binding import bind
from node.sources.inspection import Finding, Verdict, inspect_database, inspect_dataset
from node.sources.opening import load_files, open_database
from node.sources.records import RecordsFile, find_file
from node.sources.source import Source
from node.sources.tables import DatabaseTables

__all__ = ["Finding", "Verdict", "check"]


def check(
    config_path: Path, federation_path: Path, memoranda: Iterable[Memorandum] = ()
) -> list[Finding]:
    """Look at everything that a node would serve, and say what fits and what does not.

    Of memoranda, signed or not, say whether the node can execute them as they are written.
    """
    try:
        federation = Federation.load(federation_path)
        config = load_node_config(config_path, federation)
    except LandbridgeError as error:
        return [_failure(error, str(config_path))]
    findings = [Finding(Verdict.PASS, str(config_path), "the configuration has its form")]
    with tempfile.TemporaryDirectory(prefix="landbridge-check-") as folder, ExitStack() as opened:
        database = _open_database(config, findings, opened)
        records, broken = _open_files(config, Path(folder), findings, opened)
        found, problems = bind(config, database, records)
        for problem in problems:
            table = config.datasets[int(problem.keys[1])].table
            # Whatever hangs on a file or database that could not be opened is said already.
            if table not in broken and (database or config.node.database is None):
                findings.append(
                    Finding(
                        Verdict.FAIL,
                        config.place(*problem.keys),
                        problem.message,
                        "correct node.toml, or the table",
                    )
                )
        for bound in found:
            tables = records if bound.native.file else database
            if tables is not None:
                findings += inspect_dataset(bound, tables, federation.schemes)
    if not any(finding.verdict is Verdict.FAIL for finding in findings):
        findings += _try_rules(tuple(memoranda), config, federation)
    return findings


def _try_rules(
    memoranda: Sequence[Memorandum], config: NodeConfig, federation: Federation
) -> list[Finding]:
    """Say whether the node can execute its own terms and each memorandum exactly as written."""
    terms = expiries(config.datasets)
    if not memoranda and not terms:
        return []
    findings = []
    with tempfile.TemporaryDirectory(prefix="landbridge-check-") as folder:
        source = Source.open(config, federation, Path(folder))
        try:
            check_expiries(config, terms, source, system_clock())
        except LandbridgeError as error:
            findings.append(_failure(error, str(config.path)))
        try:
            for memorandum in memoranda:
                place = f"memorandum {memorandum.id}"
                try:
                    check_executable(memorandum, config, source)
                except LandbridgeError as error:
                    findings.append(_failure(error, place))
                else:
                    what = f"each clause of {config.node.agency} can be executed as it is written"
                    findings.append(Finding(Verdict.PASS, place, what))
        finally:
            source.close()
    return findings


def _open_database(
    config: NodeConfig, findings: list[Finding], opened: ExitStack
) -> DatabaseTables | None:
    try:
        tables = open_database(config, _never)
        if tables is not None:
            opened.callback(tables.database.close)
            findings.append(inspect_database(tables.database, config.place("node", "database")))
    except LandbridgeError as error:
        findings.append(_failure(error, str(config.path)))
        return None
    return tables


def _open_files(
    config: NodeConfig, folder: Path, findings: list[Finding], opened: ExitStack
) -> tuple[DatabaseTables | None, set[str]]:
    """Load each file by itself first, so that one that is broken hides no other."""
    whole: list[RecordsFile] = []
    broken: set[str] = set()
    for number, table in enumerate(config.files):
        try:
            file = find_file(config, number)
            load_files(config, [file], folder / str(number), _never).database.close()
            whole.append(file)
        except LandbridgeError as error:
            findings.append(_failure(error, table.path))
            broken.add(table.table)
    if not whole:
        return None, broken
    tables = load_files(config, whole, folder, _never)
    opened.callback(tables.database.close)
    return tables, broken


def _never(_label: str, _native: object) -> bool:
    """Stand in for row conditions, of which a check runs none."""
    return False


def _failure(error: LandbridgeError, place: str) -> Finding:
    return Finding(
        Verdict.FAIL, error.where or place, f"{error.code} {error.message}", error.next_step
    )
