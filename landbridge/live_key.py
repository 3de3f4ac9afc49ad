"""A signing key that follows its file, so that a running process signs with the key that is due.

Whoever puts the next key in its place, the renewal agent or a person with a command, replaces
`keys/<use>.key` by a rename. A file that cannot be taken never replaces the key in use, and raises
one alarm.
"""

from pathlib import Path
from threading import Lock

from landbridge.alarm import Alarms
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.file_state import FileState, file_state
from landbridge.keys import SigningKey


class LiveKey:
    """The key of one file. Call it for the key that signs now; thread-safe."""

    def __init__(self, path: Path, *, alarms: Alarms) -> None:
        """Read the key.

        Raises:
            LandbridgeError: LB-4011 when others may read the file; LB-1101 when it is missing or
                does not hold the key that its first line names.
        """
        self._path = path
        self._alarms = alarms
        self._lock = Lock()
        self._seen = file_state(path)
        self._key = SigningKey.load(path)

    def __call__(self) -> SigningKey:
        """Return the key, read anew when its file has changed: one look at the file's state."""
        if (seen := file_state(self._path)) != self._seen:
            self._read(seen)
        return self._key

    def _read(self, seen: FileState) -> None:
        kind = f"{self._key.use} key"
        with self._lock:
            if seen == self._seen:
                return
            # What is written after this look is seen by the next one.
            self._seen = seen
            try:
                self._key = self._successor(SigningKey.load(self._path))
            except LandbridgeError as error:
                self._alarms.raised(kind, error)
            else:
                self._alarms.cleared(kind)

    def _successor(self, key: SigningKey) -> SigningKey:
        if (key.agency, key.use) != (self._key.agency, self._key.use):
            raise refuse(
                Reason.INVALID_CONFIGURATION,
                f"the file holds {key.key_id} in the place of {self._key.key_id}",
                where=str(self._path),
            )
        return key
