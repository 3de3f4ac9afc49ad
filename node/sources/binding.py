"""Datasets held against the tables that are there.

Every table and column that is missing is reported at once, with its place in node.toml.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from landbridge.errors import Reason, refuse
from landbridge.suggestion import did_you_mean
from node.config import Keys, NodeConfig
from node.node_file import DatasetTable
from node.sources.records import side_table
from node.sources.tables import DatabaseTables, Naming, NativeTable, missing_column


@dataclass(frozen=True, slots=True)
class Bound:
    """A dataset with its table and the names of its rows."""

    dataset: DatasetTable
    native: NativeTable
    naming: Naming


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is configured and not there."""

    dataset: str
    reason: Reason
    keys: Keys
    message: str


def bind(
    config: NodeConfig, database: DatabaseTables | None, records: DatabaseTables | None
) -> tuple[list[Bound], list[Problem]]:
    """Find the table and the columns of every dataset."""
    found: list[Bound] = []
    problems: list[Problem] = []
    for number, dataset in enumerate(config.datasets):
        at: Keys = ("datasets", number)
        native = _find_table(config, dataset, database, records)
        if native is None:
            problems.append(_missing_table(dataset, at, config, database))
            continue
        missing = list(_missing_columns(dataset, at, native))
        naming = None if missing else native.naming(dataset.record)
        if naming is not None:
            found.append(Bound(dataset, native, naming))
        problems += missing or ([] if naming else [_nameless(dataset, at)])
    return found, problems


def refuse_problems(config: NodeConfig, problems: list[Problem]) -> None:
    """Refuse to start on a configuration that names what is not there.

    Raises:
        LandbridgeError: LB-1102 or LB-1103; the message lists every problem with its place.
    """
    if not problems:
        return
    lines = [f"{config.place(*problem.keys)}: {problem.message}" for problem in problems]
    raise refuse(problems[0].reason, "\n".join(lines))


def _find_table(
    config: NodeConfig,
    dataset: DatasetTable,
    database: DatabaseTables | None,
    records: DatabaseTables | None,
) -> NativeTable | None:
    file = next((file for file in config.files if file.table == dataset.table), None)
    tables = database if file is None else records
    table = None if tables is None else tables.find(dataset.table)
    if tables is None or table is None:
        return None
    if file is None:
        return NativeTable(tables.database, table)
    sides = {
        (key.column, key.separator): side
        for key in dataset.keys
        if key.separator is not None
        and (side := tables.find(side_table(dataset.table, key.column, key.separator))) is not None
    }
    return NativeTable(tables.database, table, file.path.rpartition("/")[2], sides)


def _missing_table(
    dataset: DatasetTable, at: Keys, config: NodeConfig, database: DatabaseTables | None
) -> Problem:
    known = [file.table for file in config.files]
    if database is not None:
        known += sorted(database.names)
    what = f"there is no table {dataset.table!r}" + did_you_mean(dataset.table, known)
    return Problem(dataset.name, Reason.MISSING_TABLE, (*at, "table"), what)


def _missing_columns(dataset: DatasetTable, at: Keys, native: NativeTable) -> Iterator[Problem]:
    wanted: list[tuple[Keys, str]] = [
        *(((*at, "keys", n, "column"), key.column) for n, key in enumerate(dataset.keys)),
        *(((*at, "fields", n, "column"), field.column) for n, field in enumerate(dataset.fields)),
        *(((*at, "record", n), column) for n, column in enumerate(dataset.record)),
    ]
    for keys, column in wanted:
        if column not in native.columns:
            yield Problem(dataset.name, Reason.MISSING_COLUMN, keys, missing_column(column, native))


def _nameless(dataset: DatasetTable, at: Keys) -> Problem:
    return Problem(
        dataset.name,
        Reason.INVALID_CONFIGURATION,
        (*at, "table"),
        f"{dataset.table!r} has no primary key; name the columns that name a record with `record`",
    )
