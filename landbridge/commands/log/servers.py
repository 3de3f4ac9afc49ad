"""A party's own lines to every server of the federation, with nobody in between."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import grpc

from landbridge.agency import Identity, Role
from landbridge.alarm import Alarms
from landbridge.commands.admin_line import tell_alarm
from landbridge.errors import LandbridgeError
from landbridge.party import PartyFolder
from landbridge.rpc.live_party import LiveParty
from landbridge.rpc.log_service import get_witnessed
from landbridge.trust.bundle import TrustBundle

_SERVERS: Final = (Role.GATEWAY, Role.NODE)
_TIMEOUT_S: Final = 3.0


@dataclass(frozen=True, slots=True)
class Servers:
    """The gateway and the nodes, by the origins of their logs."""

    channels: Mapping[str, grpc.aio.Channel]
    bundle: TrustBundle


@asynccontextmanager
async def open_servers(party: PartyFolder) -> AsyncIterator[Servers]:
    """Open a line to each server that the party's trust bundle lists, and close them after.

    Raises:
        LandbridgeError: what the party's credential is refused for.
    """
    live = LiveParty(party, alarms=Alarms(tell_alarm))
    bundle = live.trust.bundle
    channels = {}
    for role in _SERVERS:
        for place in bundle.endpoints(role):
            identity = Identity(place.agency, bundle.federation, role, place.name)
            origin = identity.uri.removeprefix("spiffe://")
            channels[origin] = live.channel(place.address, place.dns_name)
    try:
        yield Servers({origin: line.channel for origin, line in channels.items()}, bundle)
    finally:
        for line in channels.values():
            await line.close()
        await live.close()


async def heads_seen(party: PartyFolder, origin: str) -> tuple[list[bytes], list[str]]:
    """Ask all others what they have seen of a log: their heads, and who did not answer.

    Nothing of it is verified.

    Raises:
        LandbridgeError: as for `open_servers`.
    """
    async with open_servers(party) as servers:
        witnesses = [witness for witness in servers.channels if witness != origin]
        outcomes = await asyncio.gather(
            *(
                get_witnessed(servers.channels[witness], origin, timeout=_TIMEOUT_S)
                for witness in witnesses
            ),
            return_exceptions=True,
        )
    found = dict(zip(witnesses, outcomes, strict=True))
    for outcome in outcomes:
        if isinstance(outcome, BaseException) and not isinstance(outcome, LandbridgeError):
            raise outcome
    return (
        [head for head in found.values() if isinstance(head, bytes) and head],
        [witness for witness, head in found.items() if not isinstance(head, bytes)],
    )
