"""A line that can be made slow: it stands before a node and forwards bytes, TLS and all.

    python -m bench.slow_line 127.0.0.1:7001 127.0.0.1:7002

Whoever calls the first address talks to the second. Lines of stdin say how what comes back goes on
from now on: seconds of delay, and bytes a second (0 for as many as come). So a node is slow to its
gateway while the product that serves is the product as it is.
"""

import argparse
import asyncio
import sys
from collections import deque
from typing import Final

from landbridge.commands.loop import run_on_fast_loop

_CHUNK: Final = 65_536
_TICK_S: Final = 0.05


class SlowLine:
    """Forwards connections, and holds back what the node says."""

    def __init__(self, target: str) -> None:
        self._host, _, port = target.rpartition(":")
        self._port = int(port)
        self._delay_s = 0.0
        self._rate = 0

    def set(self, delay_s: float, rate: int) -> None:
        """Delay what comes from now on by seconds, and pass so many bytes a second; 0: all."""
        self._delay_s, self._rate = delay_s, rate

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until either side ends it."""
        try:
            ends, starts = await asyncio.open_connection(self._host, self._port)
        except OSError:
            # The node does not listen yet, or no more: so says the line.
            writer.close()
            return
        ways = [
            asyncio.create_task(_pass_on(reader, starts)),
            asyncio.create_task(self._hold_back(ends, writer)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            for end in (writer, starts):
                end.close()
            await asyncio.gather(*ways, return_exceptions=True)

    async def _hold_back(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        held: deque[tuple[float, bytes]] = deque()
        came = asyncio.Event()

        async def release() -> None:
            while True:
                if not held:
                    came.clear()
                    await came.wait()
                due, data = held.popleft()
                await asyncio.sleep(max(0.0, due - loop.time()))
                await self._write(writer, data)

        releasing = asyncio.create_task(release())
        try:
            while data := await reader.read(_CHUNK):
                held.append((loop.time() + self._delay_s, data))
                came.set()
        finally:
            releasing.cancel()

    async def _write(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        while data:
            step = max(1, int(self._rate * _TICK_S)) if self._rate else len(data)
            writer.write(data[:step])
            await writer.drain()
            data = data[step:]
            if data:
                await asyncio.sleep(_TICK_S)


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(_CHUNK):
        writer.write(data)
        await writer.drain()


async def serve(listen: str, target: str) -> None:
    """Forward until stdin ends, and take commands from it."""
    line = SlowLine(target)
    host, _, port = listen.rpartition(":")
    server = await asyncio.start_server(line.connected, host, int(port))
    commands = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(commands), sys.stdin
    )
    async with server:
        print("ready", flush=True)
        while command := (await commands.readline()).split():
            line.set(float(command[0]), int(command[1]))


def _main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.slow_line")
    parser.add_argument("listen")
    parser.add_argument("target")
    given = parser.parse_args()
    run_on_fast_loop(lambda: serve(given.listen, given.target))


if __name__ == "__main__":
    _main()
