"""The file of a memorandum: as people write it, or in its signed form."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from landbridge.clock import system_clock
from landbridge.commands.files import read_named
from landbridge.commands.output import talk
from landbridge.errors import LandbridgeError, refuse
from landbridge.memorandum.document import Memorandum
from landbridge.memorandum.problems import Locate, json_path
from landbridge.memorandum.sentences import standing
from landbridge.memorandum.signature import SignedForm

SIGNED: Final = ".jws.json"
"""How the file of a signed form ends; it lies beside the YAML and is named after the id."""


@dataclass(frozen=True, slots=True)
class MemoFile:
    """A memorandum as a file holds it; `form` where that is the signed form."""

    memorandum: Memorandum
    form: SignedForm | None
    locate: Locate
    """Says where a value stands, for messages."""


def open_memorandum(path: Path) -> MemoFile:
    """Read a memorandum in either of its forms, told apart by `.json`.

    Raises:
        LandbridgeError: LB-1106 when the file cannot be read, LB-4101 when it is malformed.
    """
    if path.suffix != ".json":
        memorandum, places = Memorandum.with_places(path)
        return MemoFile(memorandum, None, places.place_of_value)
    document = read_named(path, "memorandum")
    try:
        form = SignedForm.parse(document)
        memorandum = Memorandum.from_json(form.payload)
    except LandbridgeError as error:
        place = f"{path}: {error.where}" if error.where else str(path)
        raise refuse(error.reason, error.message, where=place, next_step=error.next_step) from error
    return MemoFile(memorandum, form, lambda way: f"{path}: {json_path(way)}")


def talk_of_validity(memorandum: Memorandum) -> None:
    """Say on stderr when a memorandum is not in force now."""
    if state := standing(memorandum.valid, system_clock()):
        talk(f"note: {memorandum.id} is {state} in force, and grants nothing at present")
