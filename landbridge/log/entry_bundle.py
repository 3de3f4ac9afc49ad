"""Entry bundles as C2SP tlog-tiles writes them: up to 256 entries, each after its own length.

A length is two bytes, the higher one first, so that no entry is longer than 65,535 bytes.
"""

from collections.abc import Sequence
from typing import Final

from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.log.evidence import check_sizes
from landbridge.log.tiles import TILE_WIDTH, tile_number

_LENGTH_BYTES: Final = 2


def bundle_path(index: int, width: int = TILE_WIDTH) -> str:
    """Return the path under which a bundle is published, such as `tile/entries/x001/067.p/5`."""
    return f"tile/entries/{tile_number(index, width)}"


def write_bundle(entries: Sequence[bytes]) -> bytes:
    """Write entries, at most 256, as one bundle.

    Raises:
        LandbridgeError: LB-1001 for an entry of more than 65,535 bytes.
    """
    check_sizes(entries)
    return b"".join(len(entry).to_bytes(_LENGTH_BYTES) + entry for entry in entries)


def read_bundle(data: bytes, width: int) -> list[bytes]:
    """Take a bundle of exactly that many entries apart.

    Raises:
        LandbridgeError: LB-5002 when it is cut off, or holds fewer or more.
    """
    entries: list[bytes] = []
    place = 0
    while place < len(data):
        start = place + _LENGTH_BYTES
        place = start + int.from_bytes(data[place:start])
        if start > len(data) or place > len(data):
            raise _broken("is cut off")
        entries.append(data[start:place])
    if len(entries) != width:
        raise _broken(f"holds {len(entries)} entries, not {width}")
    return entries


def _broken(what: str) -> LandbridgeError:
    return refuse(Reason.LOG_DAMAGED, f"an entry bundle {what}")
