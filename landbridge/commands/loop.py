"""Runs a program on the fastest event loop that is installed."""

import asyncio
from collections.abc import Awaitable, Callable


def run_on_fast_loop(program: Callable[[], Awaitable[None]]) -> None:
    """Run an asynchronous program to its end: on uvloop where there is one, else on asyncio."""

    async def run() -> None:
        await program()

    try:
        import uvloop  # noqa: PLC0415  not to be had everywhere
    except ImportError:
        asyncio.run(run())
    else:
        uvloop.run(run())
