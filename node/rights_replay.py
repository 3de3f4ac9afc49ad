"""Refuses signed requests of subjects that were answered before, across restarts too.

They are few and good for minutes: each is a line of a small file before its answer leaves.
"""

import os
from pathlib import Path
from threading import Lock
from typing import Final

from landbridge.errors import Reason, refuse
from landbridge.keys import write_whole

_MOST: Final = 100_000
_MARGIN_MS: Final = 60_000
"""Kept beyond a request's end, for clocks that step."""


class SpentRequests:
    """Which requests were answered; thread-safe. Times are Unix milliseconds."""

    def __init__(self, path: Path, *, at: int) -> None:
        """Read the file, and forget what has expired.

        Raises:
            LandbridgeError: LB-5001 when it cannot be read or written.
        """
        self._path = path
        self._lock = Lock()
        self._spent = {digest: end for digest, end in _read(path).items() if end + _MARGIN_MS > at}
        self._write()

    def admit(self, digest: bytes, expires_at: int, at: int) -> None:
        """Admit a request, once; that is on the disk when this returns.

        Raises:
            LandbridgeError: LB-4004 when it was admitted before; LB-2003 when too many are
                remembered; LB-5001 when the disk refuses.
        """
        with self._lock:
            if digest in self._spent:
                raise refuse(Reason.REPLAYED_QUERY, "this request was answered already")
            if len(self._spent) >= _MOST:
                self._spent = {
                    one: end for one, end in self._spent.items() if end + _MARGIN_MS > at
                }
                if len(self._spent) >= _MOST:
                    raise refuse(Reason.BUSY, f"{_MOST} requests are remembered already")
                self._write()
            try:
                with self._path.open("a", encoding="ascii") as file:
                    file.write(f"{digest.hex()} {expires_at}\n")
                    file.flush()
                    os.fsync(file.fileno())
            except OSError as error:
                raise _unwritable(self._path, error) from error
            self._spent[digest] = expires_at

    def forget(self, digest: bytes) -> None:
        """Take back an admission whose answer never left; after a restart it counts again."""
        with self._lock:
            self._spent.pop(digest, None)

    def _write(self) -> None:
        lines = (f"{digest.hex()} {end}\n" for digest, end in self._spent.items())
        try:
            write_whole(self._path, "".join(lines).encode("ascii"))
        except OSError as error:
            raise _unwritable(self._path, error) from error


def _read(path: Path) -> dict[bytes, int]:
    try:
        text = path.read_text("ascii", errors="replace") if path.exists() else ""
    except OSError as error:
        raise _unwritable(path, error) from error
    found: dict[bytes, int] = {}
    for line in text.splitlines():
        digest, _, end = line.partition(" ")
        try:
            found[bytes.fromhex(digest)] = int(end)
        except ValueError:
            # A crash in the middle of a line: its answer never left.
            continue
    return found


def _unwritable(path: Path, error: OSError) -> Exception:
    return refuse(
        Reason.LOG_UNAVAILABLE,
        f"the file of answered requests: {error.strerror}",
        where=str(path),
    )
