"""The servers of the peer Starlette + aiohttp: `provider` reads SQLite, `gateway` asks them all."""

import asyncio
import ssl

import aiohttp
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bench.peers.asgi import KEPT_S, Records, Target, serve
from bench.peers.ground import WARM_CONNECTIONS

_JSON = "application/json"


def provider(records: Records) -> Starlette:
    """Serve one provider's records."""

    async def read(request: Request) -> Response:
        found = records.read(request.path_params["number"])
        return Response(found or b"null", 200 if found else 404, media_type=_JSON)

    return Starlette(routes=[Route("/enterprises/{number}", read)])


def gateway(targets: list[Target], context: ssl.SSLContext) -> Starlette:
    """Serve the fan-out; what providers answer is passed on as it is."""
    sessions: list[aiohttp.ClientSession] = []

    def session() -> aiohttp.ClientSession:
        # It belongs to the loop, which runs by the first request.
        if not sessions:
            connector = aiohttp.TCPConnector(
                limit=0, limit_per_host=WARM_CONNECTIONS, ssl=context, keepalive_timeout=KEPT_S
            )
            sessions.append(aiohttp.ClientSession(connector=connector, auto_decompress=False))
        return sessions[0]

    async def ask_one(target: Target, number: str) -> bytes:
        url = f"{target.url}/enterprises/{number}"
        async with session().get(url, server_hostname=target.dns_name) as answer:
            answer.raise_for_status()
            body: bytes = await answer.read()
            return body

    async def ask(request: Request) -> Response:
        number = request.path_params["number"]
        bodies = await asyncio.gather(*(ask_one(target, number) for target in targets))
        return Response(b"[" + b",".join(bodies) + b"]", media_type=_JSON)

    return Starlette(routes=[Route("/profiles/{number}", ask)])


if __name__ == "__main__":
    serve(provider, gateway, "bench.peers.starlette_aiohttp")
