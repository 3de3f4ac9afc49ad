"""The memoranda that a command is about: of a file, a folder, a federation or a party.

Where every party's signature is looked at and where not, `note` says.
"""

from collections.abc import Iterable, Sized
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Final

from landbridge.clock import to_iso
from landbridge.commands.files import read_named
from landbridge.commands.memo.known_then import read_known, read_present_shelf
from landbridge.commands.memo.memo_file import SIGNED, open_memorandum
from landbridge.errors import Reason, refuse
from landbridge.memorandum.document import Memorandum
from landbridge.memorandum.life import Notice
from landbridge.policy.authorization import Policy

_FEDERATION: Final = "federation.toml"
_MAX_REMEMBERED: Final = 2000
_remembered: dict[tuple[str, bytes], Memorandum] = {}
"""What was read already, by the bytes: of two federations most memoranda are the same."""


@dataclass(frozen=True)
class Agreed:
    """Memoranda, and what was said of them since."""

    memoranda: tuple[Memorandum, ...]
    notices: tuple[Notice, ...]
    note: str
    """Where they come from, and whose signatures were looked at."""

    @cached_property
    def policy(self) -> Policy:
        """What they allow.

        Raises:
            LandbridgeError: LB-4101 when two of them have the same id.
        """
        return Policy(self.memoranda, self.notices)

    def with_draft(self, draft: Memorandum) -> "Agreed":
        """Return the same with a draft put in: beside what it amends, instead of its own id."""
        others = tuple(one for one in self.memoranda if one.id != draft.id)
        return Agreed((*others, draft), self.notices, self.note)


def read_agreed(place: Path) -> Agreed:
    """Read memoranda from where they are: a file, or the folder of a federation or a party.

    Raises:
        LandbridgeError: LB-1106 when nothing is there; LB-4101 for a malformed memorandum.
    """
    if place.is_dir() and (place / _FEDERATION).exists():
        return _of_files(sorted((place / "memoranda").glob("*.yaml")))
    if place.is_dir() and (place / "memoranda").is_dir():
        return read_state(place)
    if place.is_dir():
        files = sorted([*place.glob("*.yaml"), *place.glob(f"*{SIGNED}")])
        if not files:
            raise refuse(
                Reason.USAGE,
                "the folder holds no memorandum",
                where=str(place),
                next_step=f"name a folder with files that end in .yaml or {SIGNED}",
            )
        return _of_files(files)
    return _of_files([place])


def read_state(state: Path, known: int | None = None) -> Agreed:
    """Read what counts for a party, from its folder; or what counted as it knew then.

    Raises:
        LandbridgeError: LB-1101 when a file is missing; LB-5002 when one is not what was logged.
    """
    if known is not None:
        found = read_known(state, known)
        note = f"judged by {_count(found.memoranda)} that the party knew at {to_iso(known)}"
        return Agreed(found.memoranda, found.notices, note)
    shelf = read_present_shelf(state)
    note = f"judged by {_count(shelf.memoranda)} in {state} that every party has signed"
    return Agreed(tuple(shelf.memoranda), tuple(shelf.notices), note)


def _of_files(files: Iterable[Path]) -> Agreed:
    memoranda = {memorandum.id + memorandum.digest: memorandum for memorandum in map(_read, files)}
    note = f"judged by {_count(memoranda)} as if every party had signed"
    return Agreed(tuple(memoranda.values()), (), note)


def _count(memoranda: Sized) -> str:
    return "1 memorandum" if len(memoranda) == 1 else f"{len(memoranda)} memoranda"


def _read(file: Path) -> Memorandum:
    key = file.suffix, sha256(read_named(file, "memorandum")).digest()
    if key not in _remembered:
        if len(_remembered) >= _MAX_REMEMBERED:
            _remembered.clear()
        _remembered[key] = open_memorandum(file).memorandum
    return _remembered[key]
