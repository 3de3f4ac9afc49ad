"""Runs a command of `landbridge` that serves, under a drill's conditions.

    python -m bench.served --age 1.5 --lag 1 --seed 3 -- node serve node.toml ...

It is the product that serves; what the drill adds is put around it here, so that production code
has no knob for it: connections come of age early, whatever the process takes over comes late by a
random time, and SIGUSR1 makes it renew its certificate now.
"""

import argparse
import asyncio
import signal
import sys
import time
from collections.abc import Sequence
from functools import partial
from random import Random

import landbridge.rpc.serving
from certs.renewal.agent import RenewalAgent
from landbridge.commands.main import run
from landbridge.errors import LandbridgeError
from landbridge.rpc.live_party import LiveParty
from landbridge.trust.store import TrustStore


def main() -> int:
    """Put the conditions in place, then run the command."""
    parser = argparse.ArgumentParser(prog="python -m bench.served")
    parser.add_argument("--age", type=float, help="seconds after which a connection is of age")
    parser.add_argument("--lag", type=float, default=0.0, help="longest lag in seconds")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("command", nargs="+")
    given = parser.parse_args()
    if given.age:
        _come_of_age(given.age)
    if given.lag:
        _lag(given.lag, Random(given.seed))
    _renew_by_signal()
    return run(given.command)


def _come_of_age(seconds: float) -> None:
    # The modules that serve take the function by name, and are not loaded yet.
    options = partial(landbridge.rpc.serving.server_options, max_connection_age_s=seconds)
    setattr(landbridge.rpc.serving, "server_options", options)  # noqa: B010  mypy forbids the other


def _lag(longest: float, random: Random) -> None:
    """Take over new trust and new certificates late."""
    offer, install = TrustStore.offer, LiveParty.install

    def offer_late(
        store: TrustStore, bundles: Sequence[bytes] = (), lists: Sequence[bytes] = ()
    ) -> bool:
        # The agent offers on a thread of its own.
        time.sleep(random.random() * longest)
        return offer(store, bundles, lists)

    async def install_late(live: LiveParty, pem: bytes) -> None:
        await asyncio.sleep(random.random() * longest)
        await install(live, pem)

    setattr(TrustStore, "offer", offer_late)  # noqa: B010
    setattr(LiveParty, "install", install_late)  # noqa: B010


def _renew_by_signal() -> None:
    start = RenewalAgent.start
    renewals: set[asyncio.Task[None]] = set()

    def start_and_listen(agent: RenewalAgent) -> None:
        start(agent)

        async def renew() -> None:
            try:
                await agent.leaf.renew()
            except LandbridgeError as error:
                sys.stderr.write(f"the drill's renewal failed: {error}\n")

        def begin() -> None:
            task = asyncio.create_task(renew())
            renewals.add(task)
            task.add_done_callback(renewals.discard)

        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, begin)

    setattr(RenewalAgent, "start", start_and_listen)  # noqa: B010


if __name__ == "__main__":
    sys.exit(main())
