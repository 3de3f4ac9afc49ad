"""Reading a CSV file as it was published: preamble, byte order mark, encoding, broken rows.

A file that does not have the form that node.toml describes is refused whole, with the line at
fault: a register with some rows left out would say "no record" of subjects that it holds.
"""

import codecs
import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from landbridge.errors import LandbridgeError, Reason, refuse
from node.node_file import FileTable

Row = tuple[int | str, ...]
"""The line on which a row begins, then its cells."""

_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def read_csv(path: Path, table: FileTable) -> tuple[tuple[str, ...], Iterator[Row]]:
    """Open a CSV file: its columns, and its rows, which are read as they are asked for.

    Column names are kept as they are, blanks and line breaks included. A second column of the same
    name is called `name (2)`, a column without a name `column 9` by its position. Lines without any
    character are passed over.

    Raises:
        LandbridgeError: LB-1105 naming file and line; from the rows too.
    """
    _check_mark(path, table)
    rows = _read_rows(path, table)
    header = next(rows, None)
    if header is None:
        raise _broken(
            path,
            table.header_line,
            "the file ends before its header",
            "set header_line to the line that names the columns",
        )
    columns = _name_columns(header[1:])
    return columns, _check_widths(path, rows, len(columns))


def _read_rows(path: Path, table: FileTable) -> Iterator[Row]:
    # Python's utf-8-sig is utf-8 that takes a byte order mark.
    encoding = "utf-8-sig" if _is_utf8(table.encoding) else table.encoding
    begins = table.header_line
    try:
        with path.open(encoding=encoding, newline="") as file:
            for _ in range(table.header_line - 1):
                file.readline()
            reader = csv.reader(file, delimiter=table.delimiter, strict=True)
            for cells in reader:
                if cells:
                    yield (begins, *cells)
                begins = reader.line_num + table.header_line
    except csv.Error as error:
        raise _broken(
            path, begins, f"the row cannot be read: {error}", "check quotation marks and delimiter"
        ) from None
    except UnicodeDecodeError:
        raise _undecodable(path, encoding) from None
    except OSError as error:
        raise refuse(
            Reason.UNREADABLE_FILE, f"the file cannot be read: {error.strerror}", where=str(path)
        ) from None


def _check_widths(path: Path, rows: Iterator[Row], columns: int) -> Iterator[Row]:
    width = columns + 1
    for row in rows:
        if len(row) != width:
            raise _broken(
                path,
                int(row[0]),
                f"the row has {len(row) - 1} cells where the header names {columns} columns",
                "correct the row, or header_line or delimiter if they are at fault",
            )
        yield row


def _name_columns(header: tuple[int | str, ...]) -> tuple[str, ...]:
    names: list[str] = []
    taken: set[str] = set()
    for position, cell in enumerate(header, start=1):
        name = wanted = str(cell) if str(cell).strip() else f"column {position}"
        count = 1
        # SQLite tells column names apart without regard to case.
        while name.casefold() in taken:
            count += 1
            name = f"{wanted} ({count})"
        taken.add(name.casefold())
        names.append(name)
    return tuple(names)


def _check_mark(path: Path, table: FileTable) -> None:
    try:
        with path.open("rb") as file:
            start = file.read(4)
    except OSError as error:
        raise refuse(
            Reason.UNREADABLE_FILE,
            f"the file cannot be read: {error.strerror}",
            where=str(path),
            next_step="put the file there, or correct `path` or `records` in node.toml",
        ) from None
    for mark, encoding in _MARKS:
        if start.startswith(mark):
            if codecs.lookup(table.encoding).name.startswith(encoding):
                return
            raise _broken(
                path,
                1,
                f"the file begins with the byte order mark of {encoding}, not {table.encoding}",
                f'set encoding = "{encoding}"',
            )


def _undecodable(path: Path, encoding: str) -> LandbridgeError:
    """Find the first line that is not text in the encoding."""
    encoding = encoding.removesuffix("-sig")
    number = 1
    with path.open("rb") as file:
        lines = file if "\n".encode(encoding) == b"\n" else ()
        for number, line in enumerate(lines, start=1):
            try:
                line.decode(encoding)
            except UnicodeDecodeError as error:
                return _broken(
                    path,
                    number,
                    f"byte {error.start + 1} of the line, 0x{line[error.start]:02x}, is not text in"
                    f" {encoding}",
                    "set the encoding that the file is written in, such as 'cp1252' or 'latin-1'",
                )
    return _broken(path, number, f"the file is not text in {encoding}", "set the right encoding")


def _broken(path: Path, line: int, message: str, next_step: str) -> LandbridgeError:
    return refuse(Reason.UNREADABLE_FILE, message, where=f"{path}:{line}", next_step=next_step)


def _is_utf8(encoding: str) -> bool:
    return codecs.lookup(encoding).name == "utf-8"
