"""What an append takes and hands back: an entry, and the proof that the signed log holds it."""

from collections.abc import Iterable
from dataclasses import dataclass

from landbridge.errors import Reason, refuse

MAX_ENTRY_BYTES = 65_535
"""What the entry bundles of C2SP tlog-tiles can hold."""


def check_sizes(entries: Iterable[bytes]) -> None:
    """Check that entries may stand in a log.

    Raises:
        LandbridgeError: LB-1001 for one of more than 65,535 bytes.
    """
    check_size(max(map(len, entries), default=0))


def check_size(size: int) -> None:
    """Check that an entry of so many bytes may stand in a log.

    Raises:
        LandbridgeError: LB-1001 for one of more than 65,535 bytes.
    """
    if size > MAX_ENTRY_BYTES:
        raise refuse(
            Reason.MALFORMED_REQUEST,
            f"a log entry of {size} bytes is longer than the {MAX_ENTRY_BYTES} that fit",
        )


@dataclass(slots=True)
class Evidence:
    """An entry, its place, its inclusion path, and the signed head that the path leads to."""

    entry: bytes
    index: int
    path: tuple[bytes, ...]
    checkpoint: bytes
