"""The line that makes a node slow, and a run of the bench that is too short to measure anything."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bench.federation import Plan
from bench.slow_line import SlowLine
from bench.slow_node import (
    QUICK,
    SLOW,
    TRICKLING,
    Slowness,
    measure_slow_node,
)

Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def line_to_an_echo() -> AsyncIterator[tuple[SlowLine, Ends]]:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            writer.write(data)
        writer.close()

    target = await asyncio.start_server(echo, "127.0.0.1", 0)
    line = SlowLine(f"127.0.0.1:{target.sockets[0].getsockname()[1]}")
    before = await asyncio.start_server(line.connected, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*before.sockets[0].getsockname())
    try:
        yield line, (reader, writer)
    finally:
        writer.close()
        await writer.wait_closed()
        for server in (before, target):
            server.close()
            await server.wait_closed()
        connections = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.wait(connections, timeout=10)


async def test_a_line_passes_all_on_in_order() -> None:
    async with line_to_an_echo() as (_, (reader, writer)):
        sent = bytes(range(256)) * 2_000
        writer.write(sent)
        assert await reader.readexactly(len(sent)) == sent


async def test_a_slow_line_holds_what_comes_back_for_so_long() -> None:
    async with line_to_an_echo() as (line, (reader, writer)):
        line.set(0.4, 0)
        loop = asyncio.get_running_loop()
        began = loop.time()
        writer.write(b"one")
        assert await reader.readexactly(3) == b"one"
        assert loop.time() - began >= 0.4
        # What is held already keeps its place; the rest comes as quickly as ever.
        writer.write(b"two")
        await asyncio.sleep(0.1)
        line.set(0.0, 0)
        writer.write(b"three")
        assert await reader.readexactly(8) == b"twothree"


async def test_a_trickling_line_passes_so_many_bytes_a_second() -> None:
    async with line_to_an_echo() as (line, (reader, writer)):
        line.set(0.0, 1_000)
        loop = asyncio.get_running_loop()
        began = loop.time()
        writer.write(bytes(300))
        await reader.readexactly(300)
        assert loop.time() - began >= 0.2
        # Whatever is left comes at once when the line is quick again.
        writer.write(bytes(100_000))
        await reader.readexactly(100)
        line.set(0.0, 0)
        async with asyncio.timeout(10):
            await reader.readexactly(99_900)


async def test_those_who_need_a_slow_node_get_gaps_and_the_others_whole_profiles() -> None:
    said: list[str] = []
    slowness = Slowness(
        Plan(nodes=2, subjects=200),
        rounds=1,
        seconds=0.4,
        in_flight=2,
        delay_s=1.6,
        needing=5,
        deadline_s=1.5,
    )
    found = await measure_slow_node(slowness, said.append)
    assert len(said) == 1
    ways = found["ways"]
    assert ways[QUICK]["needing_whole"] > 0
    assert ways[QUICK]["needing_gap"] == 0
    assert ways[SLOW]["needing_whole"] == 0
    assert ways[SLOW]["needing_gap"] > 0
    assert ways[TRICKLING]["qps"] > 0
    assert found["verified"] >= 5
    assert found["p50_ratio"] > 0
