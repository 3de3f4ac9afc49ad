"""Loading native files into the node's own DuckDB file: CSV as text, Parquet with its own types.

The file is written whole in a folder beside its final place and then renamed, so that a broken file
leaves what was loaded before. It is kept from one start to the next while nothing has changed.
"""

import csv
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from landbridge.errors import Reason, refuse
from landbridge.rights.erratum import Erratum
from node.sources.csv_file import read_csv
from node.sources.errata import Errata, apply_errata
from node.sources.native import native_text
from node.sources.parquet_file import load_duckdb
from node.sources.parsers import split_cell
from node.sources.records import RecordsFile, lists_of, side_table, state_of
from node.sources.tables import ITEM, LINE

_FORM: Final = 1
"""Raised when what this module writes changes."""
_STATE: Final = "~loaded"
_NO_ERRATA: Final = Errata()
_LONGEST_LINE: Final = 2**24
_COPY: Final = (
    "(FORMAT csv, AUTO_DETECT false, HEADER false, DELIMITER ',', QUOTE '\"', ESCAPE '\"',"
    f" ALLOW_QUOTED_NULLS false, PARALLEL false, MAX_LINE_SIZE {_LONGEST_LINE})"
)


def load_duckdb_records(
    files: Sequence[RecordsFile], target: Path, errata: Errata = _NO_ERRATA
) -> None:
    """Load files, corrected, into the DuckDB file, unless it holds just these already.

    Raises:
        LandbridgeError: LB-1105 when DuckDB is not installed or a file does not have its form;
            nothing is changed then.
    """
    duckdb = load_duckdb(target)
    state = f"{_FORM} {state_of(files, errata.all)}"
    if _loaded_state(duckdb, target) == state:
        return
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(prefix=f"{target.stem}-", dir=target.parent) as folder:
            written = Path(folder) / target.name
            with duckdb.connect(str(written)) as connection:
                _lock_down(connection, folder, files)
                for file in files:
                    _load(connection, file, Path(folder) / "rows.csv")
                apply_errata(connection, errata.all, lists_of(files), errata.told)
                connection.execute(f"CREATE TABLE {_quoted(_STATE)} (state VARCHAR)")
                connection.execute(f"INSERT INTO {_quoted(_STATE)} VALUES (?)", [state])  # noqa: S608 - a constant
            written.chmod(0o600)
            written.replace(target)
    except duckdb.Error as error:
        raise refuse(
            Reason.UNREADABLE_FILE,
            f"the files cannot be loaded: {str(error).partition(chr(10))[0]}",
            where=str(target),
        ) from error


def correct_duckdb_records(
    files: Sequence[RecordsFile], target: Path, before: Sequence[Erratum], errata: Errata
) -> None:
    """Correct what is loaded already; `before` are the errata that it has.

    DuckDB lets nobody write a file that a node has open: a copy takes its place, and the node's
    next look-up opens that.

    Raises:
        LandbridgeError: LB-1105 when it cannot be read or written; nothing is changed then.
    """
    duckdb = load_duckdb(target)
    is_newest = _loaded_state(duckdb, target) == f"{_FORM} {state_of(files, before)}"
    state = f"{_FORM} {state_of(files, errata.all)}" if is_newest else ""
    new = [one for one in errata.all if one not in before]
    try:
        with tempfile.TemporaryDirectory(prefix=f"{target.stem}-", dir=target.parent) as folder:
            written = Path(shutil.copyfile(target, Path(folder) / target.name))
            with duckdb.connect(str(written)) as connection:
                _lock_down(connection, folder, files)
                apply_errata(connection, new, lists_of(files), errata.told)
                connection.execute(f"UPDATE {_quoted(_STATE)} SET state = ?", [state])  # noqa: S608 - a constant
            written.chmod(0o600)
            written.replace(target)
    except (duckdb.Error, OSError) as error:
        raise refuse(
            Reason.UNREADABLE_FILE,
            f"the loaded file cannot be corrected: {str(error).partition(chr(10))[0]}",
            where=str(target),
            next_step="correct it again; the erratum is kept, and is applied at the next start",
        ) from error


class LoadedFile:
    """The loaded file, under a name of its own for each that took the place of the one before.

    DuckDB keeps one database for each name that a process has open, whatever file it names now.
    """

    def __init__(self, target: Path) -> None:
        self._target = target.resolve()
        self._first = self._target.stat().st_ino
        self._named = self._target
        for left in target.parent.glob(f"{target.stem}.*{target.suffix}"):
            left.unlink(missing_ok=True)  # by a process before this one

    def __call__(self) -> Path:
        """Name the file as it is now."""
        try:
            found = self._target.stat().st_ino
        except FileNotFoundError:
            return self._named
        if found == self._first:
            self._named = self._target
            return self._named
        name = self._target.with_suffix(f".{found}{self._target.suffix}")
        if not name.exists():
            with suppress(FileExistsError):
                name.hardlink_to(self._target)
        self._named = name
        return name


def _lock_down(connection: Any, folder: str, files: Sequence[RecordsFile]) -> None:  # noqa: ANN401 - an optional library
    """Let it read the files to load and nothing else, and load no extension."""
    connection.execute("SET temp_directory = ''")
    connection.execute("SET allowed_directories = [$folder]", {"folder": folder})
    connection.execute(
        "SET allowed_paths = $paths", {"paths": [str(file.path.resolve()) for file in files]}
    )
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def _load(connection: Any, file: RecordsFile, rows: Path) -> None:  # noqa: ANN401
    table = _quoted(file.table.table)
    if file.table.format == "parquet":
        connection.execute(
            f"CREATE TABLE {table} AS"  # noqa: S608 - quoted
            f" SELECT file_row_number + 1 AS {_quoted(LINE)}, * EXCLUDE (file_row_number)"
            " FROM read_parquet($path, file_row_number = true)",
            {"path": str(file.path.resolve())},
        )
    else:
        columns, lines = read_csv(file.path, file.table)
        _fill(connection, table, [f"{_quoted(name)} VARCHAR" for name in columns], lines, rows)
    found = {
        name
        for (name,) in connection.execute(
            "SELECT column_name FROM duckdb_columns() WHERE table_name = ?", [file.table.table]
        ).fetchall()
    }
    for name in file.keys:
        if name in found:
            index = _quoted(f"{file.table.table}~{name}")
            connection.execute(f"CREATE INDEX {index} ON {table} ({_quoted(name)})")
    for name, separator in file.lists:
        if name in found:
            cells = connection.execute(
                f"SELECT {_quoted(LINE)}, {_quoted(name)} FROM {table}"  # noqa: S608 - quoted
            ).fetchall()
            items = (
                (line, item)
                for line, cell in cells
                for item in split_cell(native_text(cell), separator)
            )
            side = _quoted(side_table(file.table.table, name, separator))
            _fill(connection, side, [f"{_quoted(ITEM)} VARCHAR"], items, rows)


def _fill(
    connection: Any,  # noqa: ANN401
    table: str,
    columns: Sequence[str],
    lines: Iterable[Sequence[object]],
    rows: Path,
) -> None:
    """Make a table and fill it with lines by way of a file, as DuckDB takes single rows slowly."""
    with rows.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(lines)
    connection.execute(f"CREATE TABLE {table} ({_quoted(LINE)} BIGINT, {', '.join(columns)})")
    connection.execute(f"COPY {table} FROM $path {_COPY}", {"path": str(rows)})
    rows.unlink()


def _loaded_state(duckdb: Any, target: Path) -> str:  # noqa: ANN401
    if target.is_file():
        with (
            suppress(duckdb.Error),
            duckdb.connect(str(target), read_only=True) as connection,
        ):
            found = connection.execute(f"SELECT state FROM {_quoted(_STATE)}").fetchone()  # noqa: S608 - a constant
            return str(found[0])
    return ""


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
