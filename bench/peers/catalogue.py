"""Which peers there are, in the order of the table."""

import json
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Final

from bench.peers import node_js
from bench.peers.ground import COLUMNS, Ground, Peer, Running, python_module
from bench.peers.http_client import post_json
from bench.peers.http_peer import Servers, get_profile, start_http
from bench.peers.postgres_peers import Direct, Foreign
from bench.peers.whole_job import Floor, WholeJob
from landbridge.errors import Reason, refuse
from landbridge.subject import SubjectId

_QUERY: Final = f"query($n: ID!) {{ profile(number: $n) {{ {' '.join(COLUMNS)} }} }}"


@dataclass(frozen=True, slots=True)
class OnPython:
    """Gateway and providers on uvicorn, by one module of this package."""

    name: str
    module: str
    packages: tuple[str, ...]

    def lacks(self) -> str:
        """Say why it cannot run here."""
        wanted = (*self.packages, "uvicorn", "httptools", "orjson")
        lacking = [name for name in wanted if find_spec(name) is None]
        return f"{', '.join(lacking)} not installed: run `make peers`" if lacking else ""

    async def start(self, ground: Ground, stack: AsyncExitStack) -> Running:
        """Start its nine processes."""
        program = python_module(self.module)
        servers = Servers((*program, "provider"), (*program, "gateway"))
        return await start_http(ground, stack, servers)


@dataclass(frozen=True, slots=True)
class OnNodeJs:
    """Providers on fastify, and one gateway over them."""

    name: str
    script: str
    graphql: bool = False

    def lacks(self) -> str:
        """Say why it cannot run here."""
        return node_js.lacks()

    async def start(self, ground: Ground, stack: AsyncExitStack) -> Running:
        """Start its nine processes."""
        servers = Servers(
            provider=node_js.command("provider.cjs"),
            gateway=node_js.command(self.script),
            write=_graphql if self.graphql else get_profile,
            read=_from_graphql if self.graphql else json.loads,
        )
        return await start_http(ground, stack, servers)


def _graphql(subject: SubjectId, host: str) -> bytes:
    body = json.dumps({"query": _QUERY, "variables": {"n": subject.value}})
    return post_json("/graphql", host, body.encode())


def _from_graphql(body: bytes) -> list[dict[str, Any]]:
    document = json.loads(body)
    if document.get("errors"):
        raise refuse(Reason.SOURCE_FAILED, f"Mercurius answered {document['errors']}")
    records: list[dict[str, Any]] = document["data"]["profile"]
    return records


FLOOR: Final = Floor()
PEERS: Final[tuple[Peer, ...]] = (
    WholeJob("landbridge"),
    WholeJob("landbridge-streamed", streamed=True),
    OnPython("starlette-aiohttp", "bench.peers.starlette_aiohttp", ("starlette", "aiohttp")),
    OnPython("fastapi-httpx", "bench.peers.fastapi_httpx", ("fastapi", "httpx")),
    OnNodeJs("fastify-undici", "fastify_undici.cjs"),
    OnNodeJs("mercurius", "mercurius.cjs", graphql=True),
    Foreign(),
    Direct(),
)


def choose(names: str, among: Sequence[Peer] = PEERS) -> tuple[Peer, ...]:
    """Return the named peers (joined by commas), or all; the floor is measured in any case.

    Raises:
        LandbridgeError: LB-1106 for a name that no peer has.
    """
    wanted = [name.strip() for name in names.split(",")] if names else []
    known = [peer.name for peer in among]
    for name in wanted:
        if name not in {*known, FLOOR.name}:
            raise refuse(
                Reason.USAGE,
                f"there is no peer {name!r}",
                where="--peers",
                next_step=f"name some of {', '.join(known)}",
            )
    return tuple(peer for peer in among if not wanted or peer.name in wanted)
