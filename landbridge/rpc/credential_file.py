"""The file that holds a party's credential: replaced whole, and its former bytes erased."""

import os
from pathlib import Path

from landbridge.errors import Reason, refuse
from landbridge.file_state import FileState, file_state
from landbridge.keys import write_whole


def replace_credential(path: Path, pem: bytes) -> FileState:
    """Write a new credential with mode 0600, then erase the former key; return the file's state.

    Raises:
        LandbridgeError: LB-1101 when it cannot be written; the former one stays.
    """
    former = _open(path)
    try:
        try:
            write_whole(path, pem)
        except OSError as error:
            raise refuse(
                Reason.INVALID_CONFIGURATION,
                f"the credential cannot be written: {error.strerror}",
                where=str(path),
                next_step="make room on the disk and let the party's owner write to its folder",
            ) from error
        state = file_state(path)
        if former is not None:
            _erase(former)
    finally:
        if former is not None:
            os.close(former)
    return state


def _open(path: Path) -> int | None:
    try:
        return os.open(path, os.O_WRONLY | getattr(os, "O_NOFOLLOW", 0))
    except OSError:
        return None


def _erase(former: int) -> None:
    """Overwrite a file that has no name any more; a disk may still keep copies of its own."""
    size = os.fstat(former).st_size
    if os.fstat(former).st_nlink == 0:
        os.pwrite(former, b"\0" * size, 0)
        os.fsync(former)
