"""An address of this machine on which nobody listens, kept for whom it is given to."""

import atexit
from typing import Final

from landbridge.commands.reserved_addresses import ReservedAddresses

_RESERVED: Final = ReservedAddresses()
atexit.register(_RESERVED.close)


def free_address() -> str:
    """Reserve an address until this process ends."""
    return _RESERVED.take()
