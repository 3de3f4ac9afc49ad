"""`landbridge memo show`: a memorandum in sentences, for readers and for those who sign."""

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

from cyclopts import Parameter

from landbridge.clock import system_clock
from landbridge.commands.memo.memo_file import MemoFile, open_memorandum
from landbridge.commands.output import (
    Output,
    OutputOption,
    data_console,
    print_json,
    talk,
    visible,
)
from landbridge.keys import split_key_id
from landbridge.memorandum.rendering import to_html, to_markdown
from landbridge.memorandum.sentences import sentences

_COMPLETE: Final = 0


class Form(StrEnum):
    """In which form a memorandum is shown."""

    TEXT = "text"
    MARKDOWN = "markdown"
    HTML = "html"


def show(
    file: Path,
    /,
    *,
    as_: Annotated[Form, Parameter(name="--as")] = Form.TEXT,
    output: OutputOption = Output.TABLE,
) -> int:
    """Show a memorandum in sentences: who may read what about whom, why and until when.

    Args:
        file: The memorandum (YAML), or its signed form (.json).
        as_: As text, or as a page for those who sign: markdown or html (ready to print).
        output: How to print: table, json or ndjson.

    Raises:
        LandbridgeError: LB-4101 for a malformed memorandum.
    """
    opened = open_memorandum(file)
    signatures = _signatures(opened)
    if output is not Output.TABLE:
        document: dict[str, Any] = json.loads(opened.memorandum.to_json())
        lines = list(sentences(opened.memorandum, system_clock()))
        shown = {"sentences": lines, "document": document, "signatures": signatures}
        print_json(shown | {"digest": opened.memorandum.digest}, output)
    elif as_ is Form.TEXT:
        for line in sentences(opened.memorandum, system_clock()):
            _print(line)
        for signature in signatures:
            _print(f"Signed by {signature['agency']} with the key {signature['key_id']}.")
    else:
        keys = {signature["agency"]: signature["key_id"] for signature in signatures}
        write = to_markdown if as_ is Form.MARKDOWN else to_html
        sys.stdout.write(write(opened.memorandum, keys))
        sys.stdout.flush()
    if opened.form:
        missing = opened.form.missing()
        talk(f"still to sign: {', '.join(missing)}" if missing else "every party has signed")
        talk("signatures are not verified here: nodes and gateway hold them against their bundle")
    return _COMPLETE


def _signatures(opened: MemoFile) -> list[dict[str, str]]:
    if opened.form is None:
        return []
    return [
        {"agency": split_key_id(each.key_id)[0], "key_id": each.key_id}
        for each in opened.form.signatures
    ]


def _print(line: str) -> None:
    data_console().print(visible(line), markup=False)
