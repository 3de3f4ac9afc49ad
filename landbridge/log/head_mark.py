"""`log.head` beside a log's database: the newest head that this party has signed, within a second.

Who puts an older copy of the database back leaves this file as it is, and the log is not opened.
"""

from contextlib import suppress
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Final

from landbridge.keys import read_private, write_whole
from landbridge.log import erasure_list

FILE_NAME: Final = "log.head"
_EVERY_S: Final = 1.0


class HeadMark:
    """Writes the file from a thread of its own, which begins with the first head. Thread-safe.

    The append path waits for no disk here. A disk that refuses is tried again with the next head:
    the file then says less than it could, and nothing that is wrong.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = Lock()
        self._newest = b""
        self._written = b""
        self._changed = Event()
        self._ending = Event()
        self._writer: Thread | None = None

    @property
    def erasures(self) -> Path:
        """The list of erased keys, which lies beside the mark."""
        return self.path.with_name(erasure_list.FILE_NAME)

    def read(self) -> bytes | None:
        """Return the checkpoint in the file, or None where there is no file.

        Raises:
            LandbridgeError: LB-1101 when it cannot be read.
        """
        return read_mark(self.path)

    def keep(self, checkpoint: bytes) -> None:
        """Have a head written within a second."""
        self._newest = checkpoint
        if self._writer is None:
            with self._lock:
                if self._writer is None:
                    self._ending.clear()
                    self._writer = Thread(target=self._write_on, name="log.head", daemon=True)
                    self._writer.start()
        if not self._changed.is_set():
            self._changed.set()

    def close(self) -> None:
        """Write what is not written yet, and end the thread."""
        with self._lock:
            self._ending.set()
            self._changed.set()
            writer, self._writer = self._writer, None
        if writer is not None:
            writer.join()
        self._write()

    def _write_on(self) -> None:
        while not self._ending.is_set():
            self._changed.wait()
            self._changed.clear()
            self._write()
            self._ending.wait(_EVERY_S)

    def _write(self) -> None:
        newest = self._newest
        if newest != self._written:
            with suppress(OSError):
                write_whole(self.path, newest)
                self._written = newest


def read_mark(path: Path) -> bytes | None:
    """Return the checkpoint in a mark file, or None where there is no file.

    Raises:
        LandbridgeError: LB-1101 when it cannot be read.
    """
    return read_private(path) if path.exists() else None
