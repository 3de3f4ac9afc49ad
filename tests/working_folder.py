"""Where tests write: in memory, where there is enough.

Every key, bundle and entry is brought to the disk before anything goes on. Tests write thousands of
them, and would wait for the disk longer than they compute; nothing of it outlives the run.
"""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

_ENOUGH: Final = 2 * 1024**3
_MEMORY: Final = Path("/dev/shm")


def write_into_memory() -> None:
    """Let this process and those that it starts make their temporary folders in memory."""
    if "TMPDIR" not in os.environ and os.access(_MEMORY, os.W_OK) and _is_enough():
        os.environ["TMPDIR"] = tempfile.tempdir = str(_MEMORY)


def _is_enough() -> bool:
    return shutil.disk_usage(_MEMORY).free > _ENOUGH
