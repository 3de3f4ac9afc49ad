"""How large the nodes' logs were seen to be, across restarts of the gateway.

What answers showed stands in the gateway's own log with each profile, and is written down once a
second beside it, so that a start reads only the newest entries.
"""

from collections.abc import Callable, Iterator
from typing import Final

from google.protobuf.message import DecodeError

from landbridge.log.checkpoint import stated
from landbridge.log.seen_sizes import SeenSizes
from landbridge.log.signed_head import PastKeys, is_still_signed
from landbridge.log.store import LogStore
from landbridge.log.witness_file import WitnessFile
from landbridge.v1 import log_pb2

_MOST_READ: Final = 1 << 16
"""Entries that a start reads at most: far more than a second gives."""


class SeenHeads:
    """The sizes that the gateway goes by, and their place on the disk.

    What a tainted key has signed counts no more.
    """

    def __init__(self, log: LogStore, file: WitnessFile, past_keys: PastKeys) -> None:
        """Read what was seen before.

        Raises:
            LandbridgeError: LB-5001, LB-5002 when it cannot be read.
        """
        self._log = log
        self._file = file
        self._past_keys = past_keys
        self.read_until: Callable[[], int] = lambda: log.size
        """Up to which entry what the log tells is among the sizes."""
        self.sizes = SeenSizes(past_keys=past_keys, floor=self._cosigned)
        kept, until = file.heard()
        for origin, (size, head) in kept.items():
            if is_still_signed(head, past_keys):
                self.sizes.saw(origin, size, head)
            else:
                file.drop_heard(origin)
        newest = {seen.origin: self._cosigned(seen.origin) for seen in file.all_seen()}
        for data in log.entries(max(until, log.size - _MOST_READ)):
            for origin, size, head in heads_heard(data):
                if size > newest.get(origin, (0, b""))[0] and is_still_signed(head, past_keys):
                    newest[origin] = (size, head)
        for origin, (size, head) in newest.items():
            self.sizes.saw(origin, size, head)
        self._kept = self.sizes.sizes

    def keep(self) -> None:
        """Write down what was seen since.

        Raises:
            LandbridgeError: LB-5001, LB-5002 when it cannot be written.
        """
        # In this order: what the entries before `until` tell is among the sizes.
        until = self.read_until()
        sizes = self.sizes.sizes
        if sizes is not self._kept:
            heads = self.sizes.heads
            heard = {origin: (size, heads.get(origin, b"")) for origin, size in sizes.items()}
            self._file.keep_heard(heard, until)
            self._kept = sizes

    def _cosigned(self, origin: str) -> tuple[int, bytes]:
        """Return size and head of what one has cosigned of a log, as far as it still counts."""
        for one in self._file.cosigned_of(origin):
            if is_still_signed(one.checkpoint, self._past_keys, one.at):
                return one.size, one.checkpoint
        return 0, b""


def heads_heard(data: bytes) -> Iterator[tuple[str, int, bytes]]:
    """Give origin, size and signed head of each log that an entry has heard of."""
    try:
        entry = log_pb2.LogEntry.FromString(data)
    except DecodeError:
        return
    for heard in entry.heard:
        head = stated(heard.checkpoint)
        if head is not None:
            yield head.origin, head.size, heard.checkpoint
