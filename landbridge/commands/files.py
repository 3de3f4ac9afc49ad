"""Reading and writing the files that a command line names."""

from pathlib import Path

from landbridge.errors import Reason, refuse
from landbridge.keys import write_whole
from landbridge.trust.bundle import TrustBundle


def open_bundle(path: Path) -> TrustBundle:
    """Read a trust bundle that the reader names, and so trusts as a file.

    Raises:
        LandbridgeError: LB-1106 when the file cannot be read, LB-4010 when it is not sound.
    """
    # The file is the reader's own trust anchor: it may state the key that signed it.
    return TrustBundle.parse(read_named(path, "trust bundle"), None)


def read_named(path: Path, what: str) -> bytes:
    """Read a file that the command line names.

    Raises:
        LandbridgeError: LB-1106 when it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise refuse(
            Reason.USAGE,
            f"the {what} cannot be read: {error.strerror}",
            where=str(path),
            next_step="name a file that is there and may be read",
        ) from error


def write_named(path: Path, data: bytes, what: str) -> None:
    """Write a file that the command line names, whole or not at all.

    Raises:
        LandbridgeError: LB-1106 when it cannot be written.
    """
    try:
        write_whole(path, data, mode=0o644)
    except OSError as error:
        raise refuse(
            Reason.USAGE,
            f"the {what} cannot be written: {error.strerror}",
            where=str(path),
            next_step="name a file in a folder that may be written",
        ) from error
