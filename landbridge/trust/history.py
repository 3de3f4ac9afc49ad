"""The trust bundles that a party's folder took lately, for processes that look at it only later.

A bundle carries the approvals of its own acts alone. Two processes may follow one folder: what one
takes in two steps, the other would see as one step that nobody approved.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from landbridge.errors import LandbridgeError
from landbridge.keys import read_public_file

_FOLDER = "trust-history"
_KEPT = 100


def keep(folder: Path, number: int, document: bytes, write: Callable[[Path, bytes], None]) -> None:
    """Keep a bundle that is about to be taken into use, and drop those of long ago.

    Raises:
        LandbridgeError: what `write` raises.
    """
    history = folder / _FOLDER
    write(history / f"{number:08}.json", document)
    for path in sorted(history.glob("*.json"))[:-_KEPT]:
        path.unlink(missing_ok=True)


def since(folder: Path, number: int) -> Iterator[bytes]:
    """Yield the bundles after a number, in order, as far as they can be read."""
    for path in sorted((folder / _FOLDER).glob("*.json")):
        if path.stem.isdecimal() and int(path.stem) > number:
            try:
                yield read_public_file(path)
            except LandbridgeError:
                return
