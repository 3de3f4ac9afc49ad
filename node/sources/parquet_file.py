"""Reading a Parquet file through DuckDB, which is loaded only where a node serves such a file."""

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from landbridge.errors import Reason, refuse
from node.sources.csv_file import Row
from node.sources.native import native_text

_ROWS = 5000


def read_parquet(path: Path) -> tuple[tuple[str, ...], Iterator[Row]]:
    """Open a Parquet file: its columns, and its rows as text with their number from 1.

    Raises:
        LandbridgeError: LB-1105 when DuckDB is not installed or cannot read the file.
    """
    duckdb = load_duckdb(path)
    rows = _read(path, duckdb)
    header = next(rows)
    return tuple(str(name) for name in header), rows


def load_duckdb(path: Path) -> Any:  # noqa: ANN401 - an optional library
    """Import DuckDB.

    Raises:
        LandbridgeError: LB-1105 naming the file that needs it, when it is not installed.
    """
    try:
        return importlib.import_module("duckdb")
    except ImportError:
        raise refuse(
            Reason.UNREADABLE_FILE,
            "reading this needs DuckDB, which is not installed",
            where=str(path),
            next_step="`pip install 'landbridge[parquet]'`, or publish the file as CSV",
        ) from None


def _read(path: Path, duckdb: Any) -> Iterator[Row]:  # noqa: ANN401 - an optional library
    """Read the column names, then the rows."""
    try:
        with duckdb.connect(":memory:") as connection:
            # Whatever the file may hold, it reads nothing else and loads no extension.
            connection.execute("SET allowed_paths = [$path]", {"path": str(path)})
            connection.execute("SET enable_external_access = false")
            connection.execute("SET lock_configuration = true")
            found = connection.execute("SELECT * FROM read_parquet($path)", {"path": str(path)})
            yield tuple(column[0] for column in found.description)
            number = 0
            while chunk := found.fetchmany(_ROWS):
                for cells in chunk:
                    number += 1
                    yield (number, *(native_text(cell) for cell in cells))
    except duckdb.Error as error:
        raise refuse(
            Reason.UNREADABLE_FILE,
            f"the file cannot be read as Parquet: {str(error).partition(chr(10))[0]}",
            where=str(path),
        ) from None
