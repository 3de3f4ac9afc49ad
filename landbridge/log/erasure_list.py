"""`log.erased` beside a log's database: which subjects' keys were erased, as digests.

A copy of the database that is put back may be older than an erasure. By this list its keys are
erased again (`landbridge log restore`); of nobody does it say that anybody looked.
"""

import errno
import os
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Final

from landbridge.errors import Reason, refuse
from landbridge.keys import read_private

FILE_NAME: Final = "log.erased"


def key_digest(masked: bytes) -> str:
    """Return the digest of a masked key: of 32 random bytes it gives nothing away."""
    return sha256(masked).hexdigest()


def read_erased(path: Path) -> frozenset[str]:
    """Return the digests of the keys that were erased.

    Raises:
        LandbridgeError: LB-1101 when the file cannot be read; LB-4011 when others may read it.
    """
    if not path.exists():
        return frozenset()
    return frozenset(read_private(path).decode("ascii", "replace").split())


def note_erased(path: Path, masked: Iterable[bytes]) -> None:
    """Add keys to the list; it is on the disk when this returns.

    Raises:
        LandbridgeError: LB-5001 when the disk refuses.
    """
    # A line of its own each, also behind one that a full disk has cut off.
    lines = "".join(f"\n{key_digest(each)}\n" for each in masked).encode()
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
        try:
            if os.write(descriptor, lines) < len(lines):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise refuse(
            Reason.LOG_UNAVAILABLE,
            f"the list of erased keys cannot be written: {error.strerror}",
            where=str(path),
        ) from error
