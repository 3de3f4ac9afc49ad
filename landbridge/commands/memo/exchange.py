"""`landbridge memo export|import`: memoranda as ODRL agreements."""

import sys
from pathlib import Path

from landbridge.commands.files import read_named
from landbridge.commands.memo.memo_file import open_memorandum
from landbridge.commands.output import Output, print_json, talk
from landbridge.errors import LandbridgeError, refuse
from landbridge.exchange.draft import write_draft
from landbridge.exchange.odrl import write_agreement
from landbridge.exchange.odrl_import import read_agreement


def export(file: Path, /) -> int:
    """Write a memorandum as an ODRL agreement (JSON-LD), on stdout.

    Args:
        file: The memorandum (YAML), or its signed form (.json).

    Raises:
        LandbridgeError: LB-4101 for a malformed memorandum.
    """
    opened = open_memorandum(file)
    print_json(write_agreement(opened.memorandum), Output.JSON)
    if opened.form is not None and opened.form.signatures:
        talk("note: the signatures stay behind: they sign the memorandum, not this writing of it")
    return 0


def import_(file: Path, /) -> int:
    """Write the memorandum that an ODRL agreement says, as a draft (YAML), on stdout.

    Args:
        file: An agreement of the profile urn:landbridge:odrl (JSON-LD).

    Raises:
        LandbridgeError: LB-4106, with its place, for anything that no memorandum says.
    """
    try:
        memorandum = read_agreement(read_named(file, "agreement"))
    except LandbridgeError as error:
        place = f"{file}: {error.where}" if error.where else str(file)
        raise refuse(error.reason, error.message, where=place, next_step=error.next_step) from error
    sys.stdout.write(write_draft(memorandum))
    return 0
