"""A party's line to the gateway's documents."""

from collections.abc import Sequence

from landbridge.alarm import Alarms
from landbridge.commands.admin_line import tell_alarm
from landbridge.home import Home
from landbridge.library.kinds import digest_of
from landbridge.party import PartyFolder
from landbridge.rpc.documents import (
    MOST_AT_ONCE,
    Listed,
    Outcome,
    get_documents,
    list_documents,
    offer_documents,
)
from landbridge.rpc.live_party import LiveParty
from landbridge.trust.bundle import TrustBundle


class DocumentLine:
    """Lists, fetches and brings documents, as one party. Used on one event loop."""

    def __init__(self, home: Home, name: str = "") -> None:
        """Open the line as a requester of the home, or else as its administrator.

        Raises:
            LandbridgeError: LB-1106 when the home holds no keys of that name; what the folder's
                files are refused for.
        """
        if name in home.admins or (not home.requesters and home.admins):
            self.agency, folder = home.admin(name or None)
        else:
            self.agency, folder = home.state_of(name or None)
        self.folder = folder
        self._live = LiveParty(PartyFolder.open(folder), alarms=Alarms(tell_alarm))
        self._channel = self._live.channel(home.gateway_address, home.gateway_dns_name)

    @property
    def bundle(self) -> TrustBundle:
        """The trust by which this party verifies."""
        return self._live.trust.bundle

    async def listed(self) -> list[Listed]:
        """List the documents that this party may have.

        Raises:
            LandbridgeError: LB-2001 and LB-2002 when the gateway is not reached.
        """
        return await list_documents(self._channel.channel)

    async def fetch(self, wanted: Sequence[Listed]) -> list[bytes]:
        """Fetch documents, all that are still there.

        Raises:
            LandbridgeError: as for `listed`.
        """
        lacking = [one.digest for one in wanted]
        fetched: dict[str, bytes] = {}
        while lacking:
            asked = lacking[:MOST_AT_ONCE]
            found = await get_documents(self._channel.channel, asked)
            given = {digest_of(document): document for document in found}
            came = {digest: given[digest] for digest in asked if digest in given}
            fetched |= came
            # What was not given with others is asked for again; where nothing of it came, it is
            # given no more.
            lacking = [
                digest for digest in lacking if digest not in came and (came or digest not in asked)
            ]
        return [fetched[one.digest] for one in wanted if one.digest in fetched]

    async def offer(self, documents: Sequence[bytes]) -> list[Outcome]:
        """Bring documents.

        Raises:
            LandbridgeError: as for `listed`.
        """
        return await offer_documents(self._channel.channel, documents)

    async def close(self) -> None:
        """Close the line."""
        await self._channel.close()
        await self._live.close()
