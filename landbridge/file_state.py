"""What tells whether a file has changed, at a look that does not read it."""

import os
from pathlib import Path

FileState = tuple[int, ...]
"""Empty where there is no file, or none that may be looked at."""


def file_state(path: Path) -> FileState:
    """Return what changes whenever a file or its mode does."""
    try:
        found = os.stat(path)  # noqa: PTH116  at every signature
    except OSError:
        return ()
    return state_of(found)


def state_of(found: os.stat_result) -> FileState:
    """Return the same of a file that was looked at already."""
    # Of its times the one that nobody sets back. The mode, so that a key that others could read is
    # taken as soon as it is put right.
    return found.st_ino, found.st_ctime_ns, found.st_size, found.st_mode
