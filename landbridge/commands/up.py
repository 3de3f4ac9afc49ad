"""`landbridge up DIR`: a whole federation folder as real processes, until Ctrl-C."""

import asyncio
import signal
import time
from pathlib import Path

from landbridge.commands.output import talk
from landbridge.commands.sandbox import Sandbox
from landbridge.counted import counted
from landbridge.home import FOLDER


def up(folder: Path, /, *, home: Path = Path(FOLDER)) -> int:
    """Run every node, the gateway and the authority of a federation folder, with throw-away keys.

    Each process is real, on loopback, with real mTLS; other terminals in this folder find them by
    themselves. Ctrl-C stops all and leaves nothing.

    Args:
        folder: The federation's folder, with federation.toml, agencies/ and memoranda/.
        home: Where keys, logs and addresses lie while it runs.
    """
    started = time.monotonic()
    with Sandbox(folder, home, preloaded=True) as sandbox:
        asyncio.run(_until_stopped(sandbox, started))
    return 0


async def _until_stopped(sandbox: Sandbox, started: float) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    ready = asyncio.create_task(sandbox.wait_ready())
    stopped = asyncio.create_task(stopping.wait())
    await asyncio.wait((ready, stopped), return_when=asyncio.FIRST_COMPLETED)
    if ready.done():
        ready.result()
        talk(
            f"{sandbox.federation.title}: {counted(len(sandbox.providers), 'node')}, gateway and"
            f" authority are ready after {time.monotonic() - started:.1f} s. Ctrl-C stops them."
        )
        talk("Requesters here: " + ", ".join(sandbox.requesters))
        talk("Next, in another terminal: landbridge profile SCHEME:VALUE --purpose P --case C")
    await stopped
    ready.cancel()
    talk("stopping")
