"""`python -m bench guard`: what the guard costs a call, beside the noise of the same measurement.

One process serves the same bare handler on three ports: with the guard, without it, and without it
once more. The difference between the last two is noise, and nothing else.
"""

import argparse
import asyncio
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from random import Random
from statistics import median
from time import perf_counter
from typing import Any, Final

import grpc

from bench.federation import Plan, write_federation
from bench.floor import ANSWER_BYTES, METHOD, Tls, node_handler
from landbridge.agency import Role
from landbridge.commands.loop import run_on_fast_loop
from landbridge.commands.sandbox import Sandbox
from landbridge.party import PartyFolder
from landbridge.rpc.guard import Guard
from landbridge.rpc.server_certificates import ServerCertificates
from landbridge.rpc.serving import bind, server_options, stop_signal

GUARDED: Final = "guarded"
BARE: Final = "bare"
BARE_AGAIN: Final = "bare again"
_WAYS: Final = (GUARDED, BARE, BARE_AGAIN)
_READY_S: Final = 30.0
_WARM_UP: Final = 200
_US: Final = 1_000_000
Say = Callable[[str], None]
_Call = grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]


@dataclass(frozen=True, slots=True)
class Rounds:
    """How many rounds there are, and how many calls of each kind in one."""

    rounds: int = 15
    calls: int = 1000
    seed: int = 1


async def measure_guard(rounds: Rounds, say: Say) -> dict[str, Any]:
    """Measure calls one after the other, the kinds in random order; return the document.

    Raises:
        LandbridgeError: when the federation cannot be made.
    """
    with tempfile.TemporaryDirectory(prefix="landbridge-bench-") as work:
        folder = Path(work) / "federation"
        write_federation(folder, Plan(nodes=1, subjects=1))
        sandbox = Sandbox(folder, Path(work) / "home")
        try:
            sandbox.prepare()
            found = await _measure(sandbox, rounds, say)
        finally:
            sandbox.close()
    bare = [each[BARE] for each in found]
    costs = [each[GUARDED] - each[BARE] for each in found]
    noise = [abs(each[BARE_AGAIN] - each[BARE]) for each in found]
    return {
        "guard_us": round(median(costs) * _US, 1),
        "noise_us": round(max(noise) * _US, 1),
        "bare_us": round(median(bare) * _US, 1),
        "rounds": rounds.rounds,
        "calls": rounds.rounds * rounds.calls * len(_WAYS),
    }


async def _measure(sandbox: Sandbox, rounds: Rounds, say: Say) -> list[dict[str, float]]:
    """Return the median seconds of a call of each kind, for every round."""
    random = Random(rounds.seed)
    state = sandbox.state(sandbox.gateway, Role.GATEWAY)
    command = [sys.executable, "-m", "bench.guard", str(state)]
    server = subprocess.Popen(  # noqa: ASYNC220  nothing else goes on yet
        command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1]
    )
    try:
        line = server.stdout.readline() if server.stdout else ""
        async with AsyncExitStack() as stack:
            calls = await _open(stack, sandbox, dict(zip(_WAYS, line.split(), strict=True)))
            found = []
            for number in range(rounds.rounds):
                each = {
                    way: await _median_s(calls[way], rounds.calls)
                    for way in random.sample(_WAYS, len(_WAYS))
                }
                found.append(each)
                say(f"round {number + 1}: {_shown(each)}")
            return found
    finally:
        server.terminate()
        server.wait()
        if server.stdout:
            server.stdout.close()


async def _open(
    stack: AsyncExitStack, sandbox: Sandbox, ports: Mapping[str, str]
) -> dict[str, _Call]:
    tls = Tls.read(sandbox.state(sandbox.requesters[0], Role.REQUESTER))
    name = sandbox.federation.gateway.name
    dns_name = f"{name}.{Role.GATEWAY}.{sandbox.gateway}.{sandbox.federation.name}"
    calls: dict[str, _Call] = {}
    for way, port in ports.items():
        channel = tls.open_channel(f"127.0.0.1:{port}", dns_name)
        stack.push_async_callback(channel.close)
        await asyncio.wait_for(channel.channel_ready(), _READY_S)
        calls[way] = channel.unary_unary(METHOD)
        await _median_s(calls[way], _WARM_UP)
    return calls


async def _median_s(call: _Call, times: int) -> float:
    taken: list[float] = []
    for _ in range(times):
        began = perf_counter()
        answer = await call(b"")
        taken.append(perf_counter() - began)
        assert len(answer) == ANSWER_BYTES
    return median(taken)


def _shown(each: Mapping[str, float]) -> str:
    return ", ".join(f"{way} {seconds * _US:.0f} us" for way, seconds in sorted(each.items()))


async def _serve(state: Path) -> None:
    party, tls = PartyFolder.open(state), Tls.read(state)
    service, _, name = METHOD[1:].partition("/")
    servers: list[grpc.aio.Server] = []
    ports: list[int] = []
    for way in _WAYS:
        guard = Guard({METHOD: frozenset({Role.REQUESTER})}, party.trust)
        interceptors = [guard] if way == GUARDED else []
        server = grpc.aio.server(interceptors=interceptors, options=server_options())
        handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(
            node_handler()
        )
        server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(service, {name: handler}),)
        )
        shown = ServerCertificates(tls.credential, tls.roots).credentials()
        ports.append(bind(server, "127.0.0.1:0", shown))
        await server.start()
        servers.append(server)
    async with stop_signal() as stopping:
        print(*ports, flush=True)
        await stopping.wait()
    for server in servers:
        await server.stop(0)


def _main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.guard")
    parser.add_argument("state", type=Path)
    given = parser.parse_args()
    run_on_fast_loop(lambda: _serve(given.state))


if __name__ == "__main__":
    _main()
