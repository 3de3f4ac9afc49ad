"""Addresses of this machine that are kept for servers which start later, or again."""

import socket
import sys
from types import TracebackType
from typing import Final, Self

_HOST: Final = "127.0.0.1"


class ReservedAddresses:
    """Keeps addresses from everybody but a server that asks for exactly one of them.

    Each is held by a socket that is bound and never listens. Use it as a context manager, or
    close it.
    """

    def __init__(self) -> None:
        self._held: list[socket.socket] = []

    def take(self) -> str:
        """Reserve one more address.

        Raises:
            OSError: when no port is left.
        """
        holder = socket.socket()
        try:
            # While a holder lacks SO_REUSEADDR nobody shares its port, whatever the system would
            # allow those that take any port. With it, a server that has it too may listen there.
            holder.bind((_HOST, 0))
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            port = holder.getsockname()[1]
        except BaseException:
            holder.close()
            raise
        if sys.platform == "linux":
            self._held.append(holder)
        else:
            # Elsewhere a server is turned away from an address that is bound at all.
            holder.close()
        return f"{_HOST}:{port}"

    def close(self) -> None:
        """Give all addresses back; whoever listens on one goes on."""
        while self._held:
            self._held.pop().close()

    def __enter__(self) -> Self:
        """Begin with none."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give all addresses back."""
        self.close()
