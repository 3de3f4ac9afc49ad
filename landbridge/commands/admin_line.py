"""An administrator's line to the authority, over the administrator's own certificate."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, TypeVar

from certs.renewal.fetched_trust import take_fetched
from certs.renewal.keeper import KeptParty
from certs.renewal.office import Office, Received
from landbridge.alarm import Alarms
from landbridge.commands.act_line import ActLine, Administrator
from landbridge.commands.output import talk
from landbridge.errors import LandbridgeError, Reason
from landbridge.home import Home, find_home
from landbridge.party import PartyFolder
from landbridge.rpc.live_party import LiveParty
from landbridge.trust.approval import Statement
from landbridge.trust.bundle import TrustBundle
from landbridge.v1 import authority_service_pb2

_TIMEOUT_S: Final = 30.0
_SILENT_AFTER_MS: Final = 6 * 60_000
"""Parties that are kept speak every five minutes."""
_TRIES: Final = 3
_FOLLOWED_S: Final = 1.5
"""Files are looked at twice a second, and channels swapped within the next one."""
_OUTDATED: Final = frozenset(
    {Reason.CERTIFICATE_REVOKED, Reason.CERTIFICATE_EXPIRED, Reason.ISSUER_REFUSED}
)
_Answer = TypeVar("_Answer")


class _AdminOffice(Office):
    """The rpcs for administrators, beside those for every party."""

    async def submit(
        self, request: authority_service_pb2.SubmitRequest
    ) -> authority_service_pb2.SubmitResponse:
        return await self._call(lambda stub: stub.Submit(request, timeout=_TIMEOUT_S))

    async def standing(self) -> authority_service_pb2.GetStandingResponse:
        request = authority_service_pb2.GetStandingRequest()
        return await self._call(lambda stub: stub.GetStanding(request, timeout=_TIMEOUT_S))


class AdminLine(ActLine):
    """Speaks to the authority for an administrator. Used on one event loop."""

    def __init__(self, live: LiveParty, admin: Administrator) -> None:
        super().__init__(admin)
        self._live = live
        self._office = _AdminOffice(live)

    @property
    def bundle(self) -> TrustBundle:
        """The newest trust bundle that is known here."""
        return self._live.trust.bundle

    async def submit(
        self, statement: Statement, attachment: bytes = b"", *, dry_run: bool = False
    ) -> authority_service_pb2.SubmitResponse:
        """Sign an act and hand it in; with `dry_run` only its effect is told.

        Raises:
            LandbridgeError: the authority's refusal; LB-2001 and LB-2002 when it is not reached.
        """
        request = self.request(statement, attachment, dry_run=dry_run)
        response = await self._patiently(lambda: self._office.submit(request))
        if response.done:
            await self.refresh()
        return response

    async def standing(self) -> authority_service_pb2.GetStandingResponse:
        """Fetch what every party holds, trusts and has acknowledged.

        Raises:
            LandbridgeError: as for `submit`.
        """
        return await self._patiently(self._office.standing)

    async def trust(self, since: int) -> Received:
        """Fetch the bundles that follow a number, and the revocation lists.

        Raises:
            LandbridgeError: as for `submit`.
        """
        return await self._patiently(lambda: self._office.trust(since))

    async def refresh(self) -> None:
        """Fetch the trust bundles that are new, and keep them in the administrator's folder.

        Raises:
            LandbridgeError: as for `submit`; LB-4010 when a bundle does not follow from ours.
        """
        while True:
            # One answer holds a few megabytes at most; who lacks more asks again.
            before = self.bundle.number
            received = await self.trust(before)
            take_fetched(self._live.store, before, received.bundles, received.lists)
            if self.bundle.number == before:
                return

    async def _patiently(self, ask: Callable[[], Awaitable[_Answer]]) -> _Answer:
        """Ask again where the certificate has just been replaced, and this line comes after."""
        for _ in range(_TRIES):
            shown = self._live.credential
            try:
                return await ask()
            except LandbridgeError as error:
                if error.reason not in _OUTDATED:
                    raise
            await asyncio.sleep(_FOLLOWED_S)
            if self._live.credential is shown:
                break
        return await ask()

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Keep the administrator's own certificate meanwhile, unless another process does.

        An administrator is a party, too: a rotation waits until it has acknowledged and proven.
        """
        own = self._live.identity.uri
        standing = await self.standing()
        heard = [each.heard_at_unix_ms for each in standing.parties if each.identity == own]
        if heard and standing.now_unix_ms - heard[0] < _SILENT_AFTER_MS:
            yield
            return
        party = KeptParty.open(self.admin.folder)
        party.agent.start()
        try:
            yield
        finally:
            await party.stop()

    async def close(self) -> None:
        """Close the line."""
        await self._office.close()
        await self._live.close()


@asynccontextmanager
async def open_line(home: Path | None, name: str | None) -> AsyncIterator[AdminLine]:
    """Open an administrator's line with the newest trust bundle at hand, and close it after.

    Raises:
        LandbridgeError: LB-1106 when there is no home or it is not said who acts; what the folder's
            files are refused for; LB-2001 when the authority cannot be reached.
    """
    admin = Administrator.of(Home.read(find_home(home)), name)
    live = LiveParty(PartyFolder.open(admin.folder), alarms=Alarms(tell_alarm))
    line = AdminLine(live, admin)
    # While this runs, another process may renew the certificate: it is followed.
    following = asyncio.create_task(live.follow())
    try:
        await line.refresh()
        yield line
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        await line.close()


def tell_alarm(kind: str, why: LandbridgeError | str) -> None:
    """Tell an administrator of a trouble; that it is over is no news in a short command."""
    if why:
        talk(f"alarm: {kind}: {why}")
