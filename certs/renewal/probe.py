"""Shows a trial certificate to the peers, and takes such a certificate from a peer.

Both directions are tried with real handshakes, so that an authority is used only when everybody
has accepted it: as a client against every peer's own port, and as a server on the loopback,
reached with this party's own trust.
"""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Final

import grpc

from landbridge.agency import Identity, Role
from landbridge.errors import LandbridgeError
from landbridge.rpc.channel import prove
from landbridge.rpc.credentials import Credential, open_channel
from landbridge.rpc.serving import Health
from landbridge.trust.bundle import Endpoint, TrustBundle

_AT_ONCE: Final = 16
_DIALS: Final = {
    Role.NODE: (Role.GATEWAY,),
    Role.GATEWAY: (Role.NODE, Role.AUTHORITY),
    Role.AUTHORITY: (Role.GATEWAY,),
    Role.REQUESTER: (Role.GATEWAY,),
    Role.ADMIN: (Role.GATEWAY,),
}


def peers_of(identity: Identity, bundle: TrustBundle) -> tuple[Endpoint, ...]:
    """Return the servers that a party speaks to."""
    return tuple(endpoint for role in _DIALS[identity.role] for endpoint in bundle.endpoints(role))


async def probe(
    identity: Identity,
    *,
    trial: Credential,
    own: Credential,
    roots: bytes,
    peers: Iterable[Endpoint],
) -> str:
    """Try a certificate in both directions; return why somebody refused it, or nothing.

    `own` is the credential in use, `roots` the PEM of all that this party trusts. A peer that the
    credential in use does not reach either is passed over.
    """
    failure = await _as_server(identity, trial=trial, own=own, roots=roots)
    return failure or await _as_client(trial, own, roots, tuple(peers))


async def _as_client(
    trial: Credential, own: Credential, roots: bytes, peers: Sequence[Endpoint]
) -> str:
    free = asyncio.Semaphore(_AT_ONCE)

    async def greet(peer: Endpoint) -> str:
        async with free:
            failure = await _greet(trial, roots, peer.address, peer.dns_name)
            # A peer that is off has refused nothing. While it may come back with a certificate, it
            # is itself waited for; without one, nobody speaks to it before it enrols again.
            if failure and await _greet(own, roots, peer.address, peer.dns_name):
                return ""
        return f"{peer.agency}: {failure}" if failure else ""

    return "; ".join(filter(None, await asyncio.gather(*map(greet, peers))))


async def _as_server(
    identity: Identity, *, trial: Credential, own: Credential, roots: bytes
) -> str:
    """Serve health on the loopback with the trial certificate, for this one handshake."""
    server = grpc.aio.server()
    health = Health(server, ())
    port = server.add_secure_port(
        "127.0.0.1:0",
        grpc.ssl_server_credentials([(trial.key, trial.chain)], roots, require_client_auth=True),
    )
    await server.start()
    try:
        await health.serving(yes=True)
        failure = await _greet(own, roots, f"127.0.0.1:{port}", identity.dns_name)
    finally:
        await server.stop(None)
    return f"this party itself: {failure}" if failure else ""


async def _greet(credential: Credential, roots: bytes, address: str, dns_name: str) -> str:
    channel = open_channel(address, dns_name, credential, roots)
    try:
        await prove(channel, patient=False)
    except LandbridgeError as error:
        return error.message
    finally:
        await channel.close()
    return ""
