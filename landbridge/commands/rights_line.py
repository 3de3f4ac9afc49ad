"""A party's line to the gateway for the subjects' rights, and who speaks on it for a subject."""

from pathlib import Path
from typing import Self

import grpc

from landbridge.alarm import Alarms
from landbridge.commands.admin_line import tell_alarm
from landbridge.consent.binding import Introduced
from landbridge.consent.person_key import PersonKey
from landbridge.errors import Reason, refuse
from landbridge.home import Home
from landbridge.keys import KeyUse, SigningKey
from landbridge.party import PartyFolder
from landbridge.rights.speaker import OwnKey, Voice
from landbridge.rpc.live_party import LiveParty
from landbridge.trust.bundle import TrustBundle


class RightsLine:
    """Carries what subjects sign, as a requester of the home. Used on one event loop."""

    def __init__(self, home: Home, agency: str | None = None) -> None:
        """Open the line; the home's own requester where none is named.

        Raises:
            LandbridgeError: LB-1106 when the home holds no keys of that agency; what the folder's
                files are refused for.
        """
        self.agency, self.folder = home.state_of(agency)
        self._live = LiveParty(PartyFolder.open(self.folder), alarms=Alarms(tell_alarm))
        self._channel = self._live.channel(home.gateway_address, home.gateway_dns_name)

    @property
    def channel(self) -> grpc.aio.Channel:
        """The channel to start the next call on."""
        return self._channel.channel

    @property
    def bundle(self) -> TrustBundle:
        """The trust by which this party verifies."""
        return self._live.trust.bundle

    async def __aenter__(self) -> Self:
        """Use the line."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the line."""
        await self._channel.close()
        await self._live.close()


def read_voice(home: Home, agency: str | None, key: Path | None, binding: Path | None) -> Voice:
    """Load what signs for a subject: its own key with its binding, or the desk's key.

    Raises:
        LandbridgeError: LB-1106 when only one of key and binding is named, or the agency is no
            desk; LB-1101, LB-4105 and LB-4011 for the files.
    """
    if (key is None) is not (binding is None):
        raise refuse(
            Reason.USAGE,
            "a subject's own key and its binding belong together",
            next_step="give --key and --binding, which `landbridge consent bind` wrote; or neither,"
            " and let a desk sign (--as)",
        )
    if key is not None and binding is not None:
        return OwnKey(PersonKey.load(key), Introduced.load(binding))
    name, state = home.state_of(agency)
    path = state / "keys" / f"{KeyUse.CONSENT}.key"
    if not path.exists():
        raise refuse(
            Reason.USAGE,
            f"{name} is no desk: it has no key for consent, and cannot say who a subject is",
            where=str(path),
            next_step="name a desk with --as, or sign with the subject's own key: --key and"
            " --binding",
        )
    return SigningKey.load(path)
