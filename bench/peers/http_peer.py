"""What the peers over HTTP share: nine server processes, and how the client asks them."""

import json
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bench.peers.ground import Ground, Running, check_subjects, start_server
from bench.peers.http_client import HttpClient, get
from bench.records import KEY
from landbridge.agency import Role
from landbridge.subject import SubjectId

CLIENT_CONNECTIONS: Final = 64
"""Between the client and a peer's gateway: one for each query in flight."""

Command = Sequence[str | Path]
WriteRequest = Callable[[SubjectId, str], bytes]
ReadRecords = Callable[[bytes], list[dict[str, Any]]]


def get_profile(subject: SubjectId, host: str) -> bytes:
    """Ask for a profile by GET."""
    return get(f"/profiles/{subject.value}", host)


@dataclass(frozen=True, slots=True)
class Servers:
    """The commands of a peer's servers, and the form of its requests and answers.

    A provider's command goes on with credential, anchors and database; the gateway's with
    credential, anchors and, for each provider, ADDRESS=DNS_NAME.
    """

    provider: Command
    gateway: Command
    write: WriteRequest = get_profile
    read: ReadRecords = json.loads


async def start_http(ground: Ground, stack: AsyncExitStack, servers: Servers) -> Running:
    """Start providers, then the gateway over them, then the client's connections."""
    providers, targets = [], []
    for agency in ground.sandbox.providers:
        process, address = start_server(
            stack,
            *(*servers.provider, ground.credential(agency, Role.NODE), ground.roots),
            ground.records(agency),
        )
        providers.append(process.pid)
        targets.append(f"{address}={ground.name(agency, Role.NODE)}")
    front, address = start_server(stack, *servers.gateway, ground.gateway, ground.roots, *targets)
    client = await HttpClient.connect(
        address, ground.gateway_name, ground.client_context(), CLIENT_CONNECTIONS
    )
    stack.push_async_callback(client.close)

    async def ask(subject: SubjectId) -> bytes:
        body = await client.request(servers.write(subject, ground.gateway_name))
        check_subjects(subject, [each[KEY] for each in servers.read(body)], len(targets))
        return body

    return Running(ask, {"gateway": [front.pid], "nodes": providers})
