"""The node's status list: signed anew when the log has grown or a correction notice was issued.

It follows from the correction notices in the node's folder alone.
"""

import threading

from landbridge.library.store import Library
from landbridge.log.store import LogStore
from landbridge.rights.correction import Correction
from landbridge.rights.status_list import VALID_MS, write_status_list

_AGAIN_MS = VALID_MS // 2
"""When a list of which nothing has changed is signed anew all the same."""


class StatusLists:
    """Gives the list as it is now. Thread-safe."""

    def __init__(self, library: Library, log: LogStore) -> None:
        self._library = library
        self._log = log
        self._lock = threading.Lock()
        self._noticed: tuple[Correction, ...] | None = None
        self._superseded: frozenset[int] = frozenset()
        self._made_of: tuple[int, frozenset[int]] | None = None
        self._made_at = 0
        self._signed = b""

    def signed(self, at: int) -> bytes:
        """Return the signed list; `at` is Unix milliseconds.

        Raises:
            LandbridgeError: LB-4204 when the log is too long for a list.
        """
        with self._lock:
            made_of = (self._log.size, self._find_superseded())
            age = at - self._made_at
            if made_of != self._made_of or not 0 <= age < _AGAIN_MS:
                size, superseded = made_of
                text = write_status_list(self._log.origin, size, superseded, at)
                self._signed = self._log.sign_note(text)
                self._made_of, self._made_at = made_of, at
            return self._signed

    def _find_superseded(self) -> frozenset[int]:
        corrections = self._library.shelf.corrections
        if corrections is not self._noticed:
            agency, origin = self._library.agency, self._log.origin
            self._superseded = frozenset(
                entry
                for correction in corrections
                if correction.provider == agency and correction.log == origin
                for entry, _ in correction.answers
            )
            self._noticed = corrections
        return self._superseded
