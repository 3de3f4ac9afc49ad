"""`landbridge consent show`: a consent record in sentences."""

import json
from pathlib import Path
from typing import Final

from landbridge.commands.consent_file import open_record
from landbridge.commands.output import (
    Output,
    OutputOption,
    data_console,
    print_json,
    talk,
    visible,
)
from landbridge.consent.sentences import sentences
from landbridge.statement.form import write_payload

_COMPLETE: Final = 0


def show(file: Path, /, *, output: OutputOption = Output.TABLE) -> int:
    """Show a consent record in sentences: who may see what, why, and until when.

    Args:
        file: The consent record (.jws.json).
        output: How to print: table, json or ndjson.

    Raises:
        LandbridgeError: LB-4105 for a malformed record.
    """
    record = open_record(file).record
    lines = list(sentences(record))
    if output is Output.TABLE:
        for line in lines:
            data_console().print(visible(line), markup=False)
    else:
        print_json({"sentences": lines, "document": json.loads(write_payload(record))}, output)
    talk("the signature is not verified here: `landbridge consent verify` does that")
    return _COMPLETE
