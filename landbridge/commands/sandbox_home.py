"""The home folder of a sandbox: claimed for one, and removed only by the one that made it."""

import fcntl
import os
import shutil
from pathlib import Path
from typing import Final

from landbridge.errors import Reason, refuse

_MARKER: Final = ".sandbox"


class ClaimedHome:
    """A folder that this process has taken: a new or empty one, or what is left of a sandbox."""

    def __init__(self, folder: Path) -> None:
        """Take the folder.

        Raises:
            LandbridgeError: LB-1101 when it holds anything else, or another sandbox runs with it.
        """
        self.folder = folder
        marker = folder / _MARKER
        if folder.exists() and any(folder.iterdir()):
            if not marker.is_file():
                raise refuse(
                    Reason.INVALID_CONFIGURATION,
                    "the folder holds things that no sandbox has made",
                    where=str(folder),
                    next_step="choose another --home DIR",
                )
            if _is_running(marker):
                raise refuse(
                    Reason.INVALID_CONFIGURATION,
                    "another sandbox is running with this folder",
                    where=str(folder),
                    next_step="stop it, or choose another --home DIR",
                )
            shutil.rmtree(folder)
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        self._lock = os.open(marker, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def remove(self) -> None:
        """Remove the folder with all that is in it."""
        os.close(self._lock)
        shutil.rmtree(self.folder, ignore_errors=True)


def _is_running(marker: Path) -> bool:
    with marker.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
