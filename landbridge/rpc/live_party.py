"""What a running process shows and trusts: it follows its files, and no call notices.

The files are the truth. A new credential or new trust is checked first; what does not hold never
takes the place of what does, and raises one alarm. Then servers show it to new connections, and
every channel is followed by one that is proven to work.
"""

import asyncio
import threading
from typing import Final

import grpc

from landbridge.agency import Identity
from landbridge.alarm import Alarms
from landbridge.clock import Clock, system_clock
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.file_state import file_state
from landbridge.party import PartyFolder
from landbridge.rpc.channel import RotatingChannel
from landbridge.rpc.credential_file import replace_credential
from landbridge.rpc.credentials import Credential
from landbridge.rpc.lines import Lines, Shown
from landbridge.rpc.server_certificates import ServerCertificates
from landbridge.trust.store import BUNDLE_FILE, LISTS_FOLDER, Trust, TrustStore

_REFRESH_S: Final = 45 * 60.0
_SETTLE_S: Final = 2.0
_CREDENTIAL: Final = "credential"
_TRUST: Final = "trust files"


class LiveParty:
    """One party as it is now: its credential, its trust, its servers' and its channels' TLS.

    Trust may change on any thread; all else is used on one event loop.
    """

    def __init__(self, folder: PartyFolder, *, alarms: Alarms, clock: Clock = system_clock) -> None:
        """Read the party's credential.

        Raises:
            LandbridgeError: as for `Credential.read`.
        """
        self.folder = folder
        self.store: TrustStore = folder.trust
        self._clock = clock
        self._alarms = alarms
        self._seen = file_state(folder.credential)
        self._not_taken = self._trust_not_taken = False
        credential = Credential.read(folder.credential, self.trust, clock=clock)
        self._shown = Shown(credential, self._roots())
        self._servers: list[ServerCertificates] = []
        self._lines = Lines(lambda: self._shown, alarms=alarms, clock=clock)
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._unsubscribe = self.store.subscribe(self._trust_changed)

    @property
    def identity(self) -> Identity:
        """Who this party is."""
        return self._shown.credential.leaf.identity

    @property
    def trust(self) -> Trust:
        """The trust in use."""
        return self.store.current

    @property
    def credential(self) -> Credential:
        """The credential in use."""
        return self._shown.credential

    def server_credentials(self, *, ask_client: bool = True) -> grpc.ServerCredentials:
        """Return credentials for one server; they follow what this party shows and trusts.

        Every client must show a certificate, unless `ask_client` is false.
        """
        with self._lock:
            server = ServerCertificates(self._shown.credential, self._shown.roots)
            self._servers.append(server)
        return server.credentials(ask_client=ask_client)

    def channel(self, address: str, dns_name: str) -> RotatingChannel:
        """Open a channel to `host:port` that follows what this party shows and trusts.

        Only the holder of that DNS name's certificate can serve it. Close it when it is done with.
        """
        self._loop = asyncio.get_running_loop()
        return self._lines.open(address, dns_name)

    async def install(self, pem: bytes) -> None:
        """Take a new credential into use: check, write, show; erase the former key's bytes.

        Every channel has been tried with it when this returns; one whose peer does not take it goes
        on with the former one, raises an alarm, and is tried again by `follow`.

        Raises:
            LandbridgeError: as for `Credential.parse`; LB-4017 when it is another party's; LB-1101
                when it cannot be written. The credential in use stays.
        """
        self._loop = asyncio.get_running_loop()
        new = Credential.parse(pem, self.trust, where="the new credential", clock=self._clock)
        self._check_owner(new, "the new credential")
        self._seen = await asyncio.to_thread(replace_credential, self.folder.credential, pem)
        self._not_taken = False
        self._show(new)
        self._alarms.cleared(_CREDENTIAL)
        if tasks := self._lines.bring_up():
            await asyncio.wait(tasks)

    async def follow(self, interval: float = 0.5) -> None:
        """Follow the party's files until cancelled, looking every `interval` seconds."""
        self._loop = loop = asyncio.get_running_loop()
        refresh_at = loop.time() + _REFRESH_S
        while True:
            await self._follow_trust()
            self._follow_credential()
            # A root may come to its end while no file changes; and tickets for resumption end
            # only with a new configuration.
            if loop.time() >= refresh_at or self._shown.roots != self._roots():
                refresh_at = loop.time() + _REFRESH_S
                self._show(self.credential)
            self._lines.bring_up()
            await asyncio.sleep(interval)

    async def drained(self, settle_s: float = _SETTLE_S) -> None:
        """Wait until no former certificate is in use: no former channel owes anything.

        Another process may follow the same folder: it is given `settle_s` seconds to take up what
        was written.
        """
        await asyncio.sleep(settle_s)
        await self._lines.drained()

    async def close(self) -> None:
        """Follow nothing any more, and close every channel."""
        self._unsubscribe()
        await self._lines.close()

    def _roots(self) -> bytes:
        return self.trust.bundle.roots_at(self._clock())

    async def _follow_trust(self) -> None:
        if not self._trust_not_taken and not self.store.is_behind_files():
            return
        try:
            # On a thread, as the store may be at work for another.
            changed = await asyncio.to_thread(self.store.follow_files)
        except LandbridgeError as error:
            self._alarms.raised(_TRUST, f"the changed files are not taken into use: {error}")
            self._trust_not_taken = True
            return
        if self._trust_not_taken and (changed or self._files_hold_the_trust()):
            self._trust_not_taken = False
            self._alarms.cleared(_TRUST)

    def _files_hold_the_trust(self) -> bool:
        """Whether the files have been put right, and hold what is in use."""
        folder, trust = self.store.folder, self.trust
        held = {folder / BUNDLE_FILE: trust.bundle.document}
        for key_id, known in trust.lists.items():
            held[folder / LISTS_FOLDER / f"{key_id}.crl"] = known.der
        try:
            return all(path.read_bytes() == data for path, data in held.items())
        except OSError:
            return False

    def _follow_credential(self) -> None:
        path = self.folder.credential
        state = file_state(path)
        if state == self._seen:
            return
        self._seen = state
        try:
            new = Credential.read(path, self.trust, clock=self._clock)
            self._check_owner(new, str(path))
        except LandbridgeError as error:
            self._alarms.raised(_CREDENTIAL, f"the changed file is not taken into use: {error}")
            self._not_taken = True
            return
        self._not_taken = False
        self._alarms.cleared(_CREDENTIAL)
        self._show(new)

    def _check_owner(self, new: Credential, where: str) -> None:
        if new.leaf.identity != self.identity:
            raise refuse(
                Reason.BAD_CREDENTIAL,
                f"it is the credential of {new.leaf.identity.uri}, and this is {self.identity.uri}",
                where=where,
            )

    def _trust_changed(self, _: Trust) -> None:
        """Use the new trust; on the thread that brought it."""
        self._show(None)
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._after_trust_changed)

    def _after_trust_changed(self) -> None:
        self._lines.bring_up()
        if self._not_taken:
            self._seen = ()  # what came too early may be right now
        try:
            self.credential.check(self.trust, self._clock())
        except LandbridgeError as error:
            self._alarms.raised(_CREDENTIAL, f"the certificate in use: {error}")

    def _show(self, new: Credential | None) -> None:
        """Show a credential, or the same as before, under the roots of the present trust."""
        with self._lock:
            credential, roots = self._shown.credential, self._roots()
            # What `install` writes may come by the file as well, and is the same credential.
            if new is not None and new.pem != credential.pem:
                credential = new
            if credential is not self._shown.credential or roots != self._shown.roots:
                self._shown = Shown(credential, roots)
            for server in self._servers:
                server.publish(credential, roots)
