"""A bare HTTP/1.1 client, so that the measuring side costs little: kept connections, no features.

It understands what the measured servers send, status 200 with a Content-Length, and nothing else.
"""

import asyncio
import ssl
from typing import Final, Self, cast

from bench.peers.pool import Pool
from landbridge.errors import Reason, refuse

_END_OF_HEAD: Final = b"\r\n\r\n"
_LENGTH: Final = b"\r\ncontent-length:"


class HttpClient:
    """Connections to one server, each for one request at a time; requests wait for a free one."""

    def __init__(self, connections: "list[_Connection]") -> None:
        self._all = connections
        self._free = Pool(connections)

    @classmethod
    async def connect(
        cls, address: str, dns_name: str, context: ssl.SSLContext, connections: int
    ) -> Self:
        """Open so many connections to the server of that DNS name."""
        opened = []
        host, _, port = address.rpartition(":")
        loop = asyncio.get_running_loop()
        for _ in range(connections):
            _, connection = await loop.create_connection(
                _Connection, host, int(port), ssl=context, server_hostname=dns_name
            )
            opened.append(connection)
        return cls(opened)

    async def request(self, request: bytes) -> bytes:
        """Send a whole request; return the body of its answer.

        Raises:
            LandbridgeError: LB-2001 when the connection breaks; LB-2004 for any other answer.
        """
        connection = await self._free.take()
        try:
            return await connection.request(request)
        finally:
            self._free.give_back(connection)

    async def close(self) -> None:
        """Close every connection."""
        for connection in self._all:
            connection.close()
        await asyncio.sleep(0)


def get(path: str, host: str) -> bytes:
    """Write a GET request."""
    return f"GET {path} HTTP/1.1\r\nhost: {host}\r\n\r\n".encode()


def post_json(path: str, host: str, body: bytes) -> bytes:
    """Write a POST request of a JSON document."""
    head = f"POST {path} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\n"
    return f"{head}content-length: {len(body)}\r\n\r\n".encode() + body


class _Connection(asyncio.Protocol):
    def __init__(self) -> None:
        self._transport: asyncio.WriteTransport | None = None
        self._buffer = b""
        self._answer: asyncio.Future[bytes] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are of no class of asyncio.
        self._transport = cast("asyncio.WriteTransport", transport)

    async def request(self, request: bytes) -> bytes:
        if self._transport is None or self._transport.is_closing():
            raise refuse(Reason.UNREACHABLE, "the peer's gateway has closed a connection")
        self._buffer = b""
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, end, body = self._buffer.partition(_END_OF_HEAD)
        if not end or self._answer is None or self._answer.done():
            return
        _, named, rest = head.lower().partition(_LENGTH)
        if not head.startswith(b"HTTP/1.1 200 ") or not named:
            said = self._buffer[:300].decode(errors="replace")
            self._answer.set_exception(refuse(Reason.SOURCE_FAILED, f"a peer answered {said!r}"))
        elif len(body) >= int(rest.partition(b"\r\n")[0]):
            self._answer.set_result(body)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(
                refuse(Reason.UNREACHABLE, f"the peer's gateway broke a connection: {exc}")
            )

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()
