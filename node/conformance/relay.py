"""A relay between callers and the node, so that their connections can be cut while in use."""

import asyncio
from typing import Final, Self

_CHUNK: Final = 64 * 1024
_LET_GO_S: Final = 5.0


class Relay:
    """Passes bytes on in both directions until it is cut. Used on one event loop."""

    def __init__(self, to: str) -> None:
        """`to` is the address, host:port, to which callers are passed on."""
        self._host, _, self._port = to.rpartition(":")
        self._server: asyncio.Server | None = None
        self._callers: dict[asyncio.StreamWriter, asyncio.Future[None]] = {}
        """Those who are passed on, each with what is done when the node has let go of it."""
        self._came = asyncio.Event()

    async def __aenter__(self) -> Self:
        """Begin to listen on this machine."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Cut what is left."""
        self.close()
        await self.cut_and_wait(_LET_GO_S)

    @property
    def address(self) -> str:
        """Where the relay listens, while it is open."""
        sockets = self._server.sockets if self._server else ()
        host, port = sockets[0].getsockname()
        return f"{host}:{port}"

    def close(self) -> None:
        """Take no more callers; those who are here stay."""
        if self._server is not None:
            self._server.close()

    async def cut_and_wait(self, timeout_s: float) -> bool:
        """End all callers' connections at once, as when their machines fail.

        Waits until the node has let go of its ends, and says whether it has.
        """
        let_go = list(self._callers.values())
        self.cut()
        if let_go:
            await asyncio.wait(let_go, timeout=timeout_s)
        return all(each.done() for each in let_go)

    def cut(self) -> None:
        """End all callers' connections at once, and wait for nothing."""
        for caller in self._callers:
            caller.transport.abort()

    async def next_bytes(self, timeout_s: float) -> None:
        """Wait until a caller says more than it has said so far.

        Raises:
            TimeoutError: when none does.
        """
        self._came.clear()
        async with asyncio.timeout(timeout_s):
            await self._came.wait()

    def passed(self, _data: bytes) -> None:
        """Take note of what a caller has said, as it is passed on."""
        self._came.set()

    async def _accept(self, reader: asyncio.StreamReader, caller: asyncio.StreamWriter) -> None:
        let_go = self._callers[caller] = asyncio.get_running_loop().create_future()
        try:
            node_reader, node = await asyncio.open_connection(self._host, int(self._port))
            try:
                await asyncio.gather(
                    self._pass(reader, node, tell=True), self._pass(node_reader, caller)
                )
            finally:
                node.close()
        except OSError:
            pass  # the caller is told by the end of its connection
        finally:
            caller.close()
            del self._callers[caller]
            let_go.set_result(None)

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, tell: bool = False
    ) -> None:
        """Pass on until one side ends, and tell the other side of it."""
        try:
            while data := await reader.read(_CHUNK):
                writer.write(data)
                if tell:
                    self.passed(data)
                await writer.drain()
            if writer.can_write_eof():
                writer.write_eof()
        except OSError:
            return  # gone; the other direction ends by its own
