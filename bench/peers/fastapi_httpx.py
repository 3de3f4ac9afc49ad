"""The servers of the peer FastAPI + httpx: `provider` reads SQLite, `gateway` asks them all."""

import asyncio
import ssl

import httpx
from fastapi import FastAPI
from fastapi.responses import Response

from bench.peers.asgi import KEPT_S, Records, Target, serve
from bench.peers.ground import WARM_CONNECTIONS

_JSON = "application/json"


def provider(records: Records) -> FastAPI:
    """Serve one provider's records."""

    async def read(number: str) -> Response:
        found = records.read(number)
        return Response(found or b"null", 200 if found else 404, media_type=_JSON)

    return _application("/enterprises/{number}", read)


def gateway(targets: list[Target], context: ssl.SSLContext) -> FastAPI:
    """Serve the fan-out; what providers answer is passed on as it is."""
    limits = httpx.Limits(
        max_connections=WARM_CONNECTIONS,
        max_keepalive_connections=WARM_CONNECTIONS,
        keepalive_expiry=KEPT_S,
    )
    # One client a provider: one that is shared searches all its connections at every request.
    lines = [
        (
            httpx.AsyncClient(
                base_url=target.url, verify=context, limits=limits, timeout=None, trust_env=False
            ),
            {"sni_hostname": target.dns_name},
        )
        for target in targets
    ]

    async def ask(number: str) -> Response:
        answers = await asyncio.gather(
            *(client.get(f"/enterprises/{number}", extensions=named) for client, named in lines)
        )
        for answer in answers:
            answer.raise_for_status()
        body = b"[" + b",".join(answer.content for answer in answers) + b"]"
        return Response(body, media_type=_JSON)

    return _application("/profiles/{number}", ask)


def _application(path: str, endpoint: object) -> FastAPI:
    application = FastAPI(openapi_url=None)
    application.add_api_route(path, endpoint, response_class=Response)
    return application


if __name__ == "__main__":
    serve(provider, gateway, "bench.peers.fastapi_httpx")
