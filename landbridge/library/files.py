"""The files of a party's documents: looked at often, read when they change, one by one.

A file that is odd, a pipe, a folder, one that may not be read or is far too large, is refused by
itself: it keeps no other from being read, so that nobody can hold up a suspension with it.
"""

import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from stat import S_ISREG
from typing import Final

from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.file_state import FileState, state_of
from landbridge.library.kinds import SUFFIX, Kind
from landbridge.memorandum.signed_form import MAX_DOCUMENT

Files = dict[Path, FileState]
"""The files and what tells whether they have changed."""
Contents = dict[Path, bytes | LandbridgeError]
"""What each file holds, or why it cannot be read."""

_UNKNOWN: FileState = ()
_REMEMBERED: Final = 4096


def look(state: Path) -> Files:
    """Return the documents in a folder and what tells whether one has changed."""
    files: Files = {}
    for kind in Kind:
        try:
            with os.scandir(f"{state}/{kind.folder}") as entries:
                found = {one.name: one for one in entries if one.name.endswith(SUFFIX)}
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            continue  # what may not be looked at holds nothing for this party
        for name in sorted(found):
            stamp = _stamp(found[name])
            if stamp is not None:
                files[_path(found[name].path)] = stamp
    return files


def _stamp(entry: "os.DirEntry[str]") -> FileState | None:
    try:
        found = entry.stat()
    except FileNotFoundError:
        return None  # gone meanwhile
    except OSError:
        return _UNKNOWN
    return state_of(found)


@lru_cache(_REMEMBERED)
def _path(name: str) -> Path:
    """Make a path once of a name that is looked at again and again."""
    return Path(name)


def read_all(
    files: Files, before: Mapping[Path, FileState], contents: Mapping[Path, bytes | LandbridgeError]
) -> Contents:
    """Read the files that are not as they were before, and those that could not be read."""
    read: Contents = {}
    for path, stamp in files.items():
        held = contents.get(path)
        unchanged = isinstance(held, bytes) and before.get(path) == stamp
        try:
            read[path] = held if unchanged and held is not None else _read(path)
        except FileNotFoundError:
            continue
        except OSError as error:
            read[path] = _unreadable(path, error.strerror or type(error).__name__)
        except LandbridgeError as error:
            read[path] = error
    return read


def _read(path: Path) -> bytes:
    # Without waiting: to open a pipe would, and for ever.
    with open(path, "rb", opener=_open_at_once) as file:
        found = os.fstat(file.fileno())
        if not S_ISREG(found.st_mode):
            raise _unreadable(path, "it is no plain file")
        if found.st_size > MAX_DOCUMENT:
            raise _unreadable(path, f"it is larger than {MAX_DOCUMENT} bytes")
        return file.read(MAX_DOCUMENT + 1)


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)


def _unreadable(path: Path, why: str) -> LandbridgeError:
    return refuse(
        Reason.INVALID_CONFIGURATION,
        f"the file cannot be read: {why}",
        where=str(path),
        next_step="remove it, or make it a file that this user may read",
    )
