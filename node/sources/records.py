"""Loading native files into the node's own SQLite file, unaltered, every cell as text.

The SQLite file is written whole beside its final place and then renamed, so that a broken file
leaves what was loaded before. It is kept from one start to the next while nothing has changed.
"""

import hashlib
import json
import os
import sqlite3
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateIndex, CreateTable

from landbridge.errors import Reason, refuse
from landbridge.rights.erratum import Erratum
from node.config import NodeConfig
from node.node_file import DatasetTable, FileTable
from node.sources.csv_file import Row, read_csv
from node.sources.errata import Errata, Lists, apply_errata, correct_sqlite
from node.sources.parquet_file import read_parquet
from node.sources.parsers import split_cell
from node.sources.tables import ITEM, LINE

_FORM: Final = 1
"""Raised when what this module writes changes."""
_MAKE_STATE: Final = 'CREATE TABLE "~loaded" (state TEXT)'
_WRITE_STATE: Final = 'INSERT INTO "~loaded" VALUES (?)'
_CHANGE_STATE: Final = 'UPDATE "~loaded" SET state = ?'
_READ_STATE: Final = 'SELECT state FROM "~loaded"'
_DIALECT: Final = sqlite.dialect()
_NO_ERRATA: Final = Errata()


@dataclass(frozen=True, slots=True)
class RecordsFile:
    """A file to load: which of its columns are keys, and which hold several identifiers a cell."""

    table: FileTable
    path: Path
    keys: tuple[str, ...]
    lists: tuple[tuple[str, str], ...]
    """Column and separator."""


def side_table(table: str, column: str, separator: str) -> str:
    """Name the table that holds the single identifiers of a column of lists."""
    return f"{table}~{column}~{separator}"


def find_file(config: NodeConfig, number: int) -> RecordsFile:
    """Find one of the files that a node serves, by its position in node.toml.

    Raises:
        LandbridgeError: LB-1105 when it is not there.
    """
    table = config.files[number]
    path = config.records_folder() / table.path
    if not path.is_file():
        raise refuse(
            Reason.UNREADABLE_FILE,
            f"the file is not there: {path}",
            where=config.place("files", number, "path"),
            next_step="put the file there, or correct `path` or `records` in node.toml",
        )
    datasets = [dataset for dataset in config.datasets if dataset.table == table.table]
    return RecordsFile(table, path, _single_keys(datasets), _list_keys(datasets))


def load_records(files: Sequence[RecordsFile], target: Path, errata: Errata = _NO_ERRATA) -> None:
    """Load files, corrected, into the SQLite file, unless it holds just these already.

    Raises:
        LandbridgeError: LB-1105 when a file does not have its form; nothing is changed then.
    """
    state = state_of(files, errata.all)
    if _loaded_state(target) == state:
        return
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f"{target.stem}-", suffix=".part", dir=target.parent)
    os.close(handle)
    written = Path(name)
    try:
        with closing(sqlite3.connect(written, isolation_level=None)) as connection:
            # The file is not in use until it is renamed: a crash leaves nothing to repair.
            connection.execute("PRAGMA journal_mode = OFF")
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute("BEGIN")
            for file in files:
                _load(connection, file)
            apply_errata(connection, errata.all, lists_of(files), errata.told)
            _write_state(connection, state)
            connection.execute("COMMIT")
        written.replace(target)
        # A correction that was killed leaves its journal, which is none of the new file.
        target.with_name(f"{target.name}-journal").unlink(missing_ok=True)
    except sqlite3.Error as error:
        raise refuse(
            Reason.UNREADABLE_FILE, f"the files cannot be loaded: {error}", where=str(target)
        ) from error
    finally:
        written.unlink(missing_ok=True)


def correct_records(
    files: Sequence[RecordsFile], target: Path, before: Sequence[Erratum], errata: Errata
) -> None:
    """Correct what is loaded already, while a node reads it; `before` are the errata it has.

    Raises:
        LandbridgeError: LB-1105 when the file cannot be written; nothing is changed then.
    """
    # Where the files have changed since, the next start loads them, with all errata.
    is_newest = _loaded_state(target) == state_of(files, before)
    state = state_of(files, errata.all) if is_newest else ""

    def finish(connection: sqlite3.Connection) -> None:
        connection.execute(_CHANGE_STATE, (state,))

    new = [one for one in errata.all if one not in before]
    correct_sqlite(target, new, lists_of(files), errata.told, finish)


def lists_of(files: Sequence[RecordsFile]) -> Lists:
    """Name the columns of which side tables hold the single identifiers."""
    return [(file.table.table, name, separator) for file in files for name, separator in file.lists]


def _load(connection: sqlite3.Connection, file: RecordsFile) -> None:
    columns, rows = _read(file)
    metadata = sa.MetaData()
    table = sa.Table(
        file.table.table,
        metadata,
        sa.Column(LINE, sa.Integer, primary_key=True),
        *(sa.Column(name, sa.Text) for name in columns),
    )
    connection.execute(_text(CreateTable(table)))
    connection.executemany(_text(sa.insert(table)), rows)
    for name in file.keys:
        if name in columns:
            connection.execute(_text(CreateIndex(sa.Index(f"{table.name}~{name}", table.c[name]))))
    for name, separator in file.lists:
        if name in columns:
            _load_side_table(connection, table, name, separator)


def _load_side_table(
    connection: sqlite3.Connection, table: sa.Table, name: str, separator: str
) -> None:
    side = sa.Table(
        side_table(table.name, name, separator),
        table.metadata,
        sa.Column(LINE, sa.Integer),
        sa.Column(ITEM, sa.Text),
    )
    connection.execute(_text(CreateTable(side)))
    cells = connection.execute(_text(sa.select(table.c[LINE], table.c[name]))).fetchall()
    connection.executemany(
        _text(sa.insert(side)),
        ((line, item) for line, cell in cells for item in split_cell(cell, separator)),
    )
    connection.execute(_text(CreateIndex(sa.Index(f"{side.name}~index", side.c[ITEM]))))


def _read(file: RecordsFile) -> tuple[tuple[str, ...], Iterable[Row]]:
    if file.table.format == "parquet":
        return read_parquet(file.path)
    return read_csv(file.path, file.table)


def _text(statement: sa.ClauseElement) -> str:
    return str(statement.compile(dialect=_DIALECT))


def state_of(files: Sequence[RecordsFile], errata: Sequence[Erratum] = ()) -> str:
    """Write down what a loaded file follows from: the files, how they are read, and errata."""
    parts = []
    for file in files:
        with file.path.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        parts.append([file.table.model_dump(mode="json"), digest, file.keys, file.lists])
    corrected = [[one.digest for one in errata]] if errata else []
    return json.dumps([_FORM, parts, *corrected])


def _loaded_state(target: Path) -> str:
    if target.is_file():
        with (
            suppress(sqlite3.Error),
            closing(
                sqlite3.connect(f"{target.resolve().as_uri()}?mode=ro", uri=True)
            ) as connection,
        ):
            found = connection.execute(_READ_STATE).fetchone()
            return str(found[0])
    return ""


def _write_state(connection: sqlite3.Connection, state: str) -> None:
    connection.execute(_MAKE_STATE)
    connection.execute(_WRITE_STATE, (state,))


def _single_keys(datasets: Iterable[DatasetTable]) -> tuple[str, ...]:
    names = (key.column for dataset in datasets for key in dataset.keys if not key.separator)
    return tuple(dict.fromkeys(names))


def _list_keys(datasets: Iterable[DatasetTable]) -> tuple[tuple[str, str], ...]:
    keys = (key for dataset in datasets for key in dataset.keys)
    return tuple(dict.fromkeys((key.column, key.separator) for key in keys if key.separator))
