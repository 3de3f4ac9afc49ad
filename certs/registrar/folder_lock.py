"""One process at a time: the lock on the authority's folder."""

import fcntl
import os
from pathlib import Path
from typing import Final

from landbridge.errors import Reason, refuse

_LOCK_FILE: Final = ".in-use"


def lock_folder(folder: Path) -> int:
    """Lock a folder until the returned file descriptor is closed, or the process ends.

    Raises:
        LandbridgeError: LB-1101 when another process holds it, or it cannot be written.
    """
    try:
        descriptor = os.open(folder / _LOCK_FILE, os.O_CREAT | os.O_RDWR, 0o600)
    except OSError as error:
        raise refuse(
            Reason.INVALID_CONFIGURATION,
            f"the authority's folder cannot be used: {error.strerror}",
            where=str(folder),
            next_step="give the folder that `landbridge cert init` made",
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise refuse(
            Reason.INVALID_CONFIGURATION,
            "another process runs this authority",
            where=str(folder),
            next_step="stop it, or leave it to its work",
        ) from error
    return descriptor
