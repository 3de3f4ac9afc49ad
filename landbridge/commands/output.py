"""What commands print: data on stdout in one of three forms, talk on stderr."""

import json
import os
import sys
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Final

from cyclopts import Parameter
from rich.console import Console

_WIDTH_OF_FILES: Final = 160


class Output(StrEnum):
    """In which form a command prints its data."""

    TABLE = "table"
    JSON = "json"
    NDJSON = "ndjson"


OutputOption = Annotated[Output, Parameter(name=["--output", "-o"])]
"""The `-o` of every command that prints data."""


def data_console() -> Console:
    """Open stdout for tables; colours only on a terminal without NO_COLOR."""
    return Console(width=_width(sys.stdout.isatty()), highlight=False, soft_wrap=False)


def talk(text: str) -> None:
    """Say something to the reader, on stderr."""
    sys.stderr.write(visible(text) + "\n")


def print_json(document: Mapping[str, Any], output: Output) -> None:
    """Print a document: on one line for ndjson, indented for json."""
    indent = 2 if output is Output.JSON else None
    separators = None if output is Output.JSON else (",", ":")
    text = json.dumps(document, ensure_ascii=False, indent=indent, separators=separators)
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def visible(text: str) -> str:
    """Write control characters out, so that no agency's data can steer the reader's terminal."""
    if text.isprintable():
        return text
    return "".join(
        character
        if character.isprintable() or character in "\n\u00a0"
        else f"\\u{ord(character):04x}"
        for character in text
    )


def _width(terminal: bool) -> int | None:  # noqa: FBT001  the one thing it depends on
    if terminal:
        return None
    columns = os.environ.get("COLUMNS", "")
    return int(columns) if columns.isdecimal() and int(columns) > 0 else _WIDTH_OF_FILES
