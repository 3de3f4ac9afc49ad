"""How large the nodes' logs were seen to be, across restarts of the gateway.

What answers showed stands in the gateway's own log with each profile, and is written down once a
second beside it, so that a start reads only the newest entries.
"""

from typing import Final

from google.protobuf.message import DecodeError

from landbridge.log.checkpoint import Checkpoint, stated
from landbridge.log.seen_sizes import SeenSizes
from landbridge.log.store import LogStore
from landbridge.log.witness_file import WitnessFile
from landbridge.v1 import log_pb2

_MOST_READ: Final = 1 << 16
"""Entries that a start reads at most: far more than a second gives."""


class SeenHeads:
    """The sizes that the gateway goes by, and their place on the disk."""

    def __init__(self, log: LogStore, file: WitnessFile) -> None:
        """Read what was seen before.

        Raises:
            LandbridgeError: LB-5001, LB-5002 when it cannot be read.
        """
        self._log = log
        self._file = file
        kept, until = file.heard()
        self.sizes = SeenSizes(kept)
        for seen in file.all_seen():
            self.sizes.saw(seen.origin, seen.size)
        for data in log.entries(max(until, log.size - _MOST_READ)):
            for head in _heard(data):
                self.sizes.saw(head.origin, head.size)
        self._kept = self.sizes.sizes

    def keep(self) -> None:
        """Write down what was seen since.

        Raises:
            LandbridgeError: LB-5001, LB-5002 when it cannot be written.
        """
        # In this order: what the entries before `until` tell is among the sizes.
        until = self._log.size
        sizes = self.sizes.sizes
        if sizes is not self._kept:
            self._file.keep_heard(sizes, until)
            self._kept = sizes


def _heard(data: bytes) -> list[Checkpoint]:
    try:
        entry = log_pb2.LogEntry.FromString(data)
    except DecodeError:
        return []
    return [head for heard in entry.heard if (head := stated(heard.checkpoint))]
