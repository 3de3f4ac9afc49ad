"""A guarded server of a real party, and its parts as files, for judges that are other programs."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2

from certs.federation import FederationPki
from landbridge.agency import Identity, Role
from landbridge.alarm import Alarms
from landbridge.party import PartyFolder
from landbridge.rpc.credentials import Credential
from landbridge.rpc.guard import Context, Guard
from landbridge.rpc.live_party import LiveParty
from landbridge.rpc.server_certificates import ServerCertificates
from landbridge.rpc.serving import HEALTH_METHODS, server_options
from tests.pki import FEDERATION, REGISTRY

NODE = Identity(REGISTRY, FEDERATION, Role.NODE, "main")
CHECK = HEALTH_METHODS[0]


@dataclass(frozen=True)
class Parts:
    """A party's credential and anchors in files of their own, as other programs take them."""

    key: Path
    leaf: Path
    chain: Path
    roots: Path


def parts_of(state: Path, folder: Path) -> Parts:
    """Write the parts of the credential in a party's folder to another folder."""
    party = PartyFolder.open(state)
    credential = Credential.read(party.credential, party.trust.current)
    folder.mkdir(parents=True, exist_ok=True)
    parts = Parts(*(folder / f"{name}.pem" for name in ("key", "leaf", "chain", "roots")))
    parts.key.write_bytes(credential.key)
    parts.chain.write_bytes(credential.chain)
    end = b"-----END CERTIFICATE-----\n"
    parts.leaf.write_bytes(credential.chain.split(end)[0] + end)
    parts.roots.write_bytes(party.bundle.roots_pem)
    return parts


@dataclass
class Judged:
    """A running server, with what each call that came through its guard had agreed on."""

    port: int
    live: LiveParty
    groups: list[str] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"


@contextlib.asynccontextmanager
async def serve(
    pki: FederationPki, *, follows: bool = True, ask_client: bool = True
) -> AsyncIterator[Judged]:
    """Serve health as the registry's node does.

    `follows`: its TLS follows the party's trust; `ask_client`: every client shows a certificate.
    """
    live = LiveParty(PartyFolder.open(pki.state(REGISTRY, Role.NODE)), alarms=Alarms(_no_alarm))
    judged = Judged(0, live)

    async def check(_: bytes, context: Context) -> bytes:
        (group,) = context.auth_context()["ssl_negotiated_key_exchange_group"]
        judged.groups.append(group.decode())
        serving = health_pb2.HealthCheckResponse.SERVING
        return health_pb2.HealthCheckResponse(status=serving).SerializeToString()

    server = grpc.aio.server(
        interceptors=[Guard({CHECK: frozenset(Role)}, live.store)], options=server_options()
    )
    service, _, method = CHECK[1:].partition("/")
    handlers = {method: grpc.unary_unary_rpc_method_handler(check)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))
    shown = ServerCertificates(live.credential, live.trust.bundle.roots_pem)
    credentials = (live.server_credentials if follows else shown.credentials)(ask_client=ask_client)
    judged.port = server.add_secure_port("127.0.0.1:0", credentials)
    await server.start()
    try:
        yield judged
    finally:
        await server.stop(None)


def _no_alarm(kind: str, why: object) -> None:
    raise AssertionError(f"alarm {kind}: {why}")
