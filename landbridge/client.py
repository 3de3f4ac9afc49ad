"""Asks a gateway for profiles, as a requester that signs its own queries.

client = Client.from_home(find_home())
profile = await client.ask(SubjectId("us-ope-id", "00100200"), "approval-review", "C-1")

Each query is in the requester's own log before it leaves, and each profile before it is handed on.
With `sealed=True` the nodes seal what they answer to a key that the client makes and holds in
memory alone; `client.open` opens the profile once it is verified, and forgets the key.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

import grpc

from landbridge.alarm import Alarms
from landbridge.clock import Clock, system_clock
from landbridge.envelope import QUERY_TYPE, sign_batch
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.federation import Federation
from landbridge.home import Home
from landbridge.keys import KeyUse, SigningKey
from landbridge.live_key import LiveKey
from landbridge.opened_profile import OpenedProfile
from landbridge.party import PartyFolder
from landbridge.process_log import ProcessLog
from landbridge.profile import SignedProfile
from landbridge.query import Wanted
from landbridge.query_signer import QuerySigner
from landbridge.query_writer import LIFETIME_MS, QueryWriter
from landbridge.requester_log import RequesterLog
from landbridge.rpc.channel import RotatingChannel
from landbridge.rpc.live_party import LiveParty
from landbridge.rpc.options import STREAM_LIFE_S
from landbridge.rpc.profile_stream import ProfileStream
from landbridge.rpc.status import from_rpc_error
from landbridge.rpc.succession import Succession
from landbridge.subject import SubjectId
from landbridge.v1 import (
    catalogue_pb2,
    envelope_pb2,
    gateway_service_pb2,
    gateway_service_pb2_grpc,
)

if TYPE_CHECKING:
    _Stub = gateway_service_pb2_grpc.GatewayServiceAsyncStub

_LEAST_S: Final = 0.001
_Send = Callable[[envelope_pb2.Envelope, float], Awaitable[envelope_pb2.Envelope]]
"""Sends a signed query, with the seconds that are left for it."""


class Client:
    """One requester's line to a gateway. Used on one event loop; close it with `close`.

    No query fails because a certificate or the trust changes: `live` follows its files, and calls
    and streams go on on a channel that follows it.
    """

    def __init__(  # noqa: PLR0913  built once, by name
        self,
        *,
        federation: Federation,
        key: SigningKey | LiveKey,
        channel: RotatingChannel,
        live: LiveParty | None = None,
        log: RequesterLog | None = None,
        stream_life_s: float = STREAM_LIFE_S,
        clock: Clock = system_clock,
    ) -> None:
        self.federation = federation
        self._key: Callable[[], SigningKey] = key if isinstance(key, LiveKey) else lambda: key
        self._agency = self._key().agency
        self._writer = QueryWriter(federation, self._agency, clock)
        self._signer = QuerySigner(self._key)
        self._channel = channel
        self._live = live
        self._log = log
        self._stream_life_s = stream_life_s
        self._clock = clock
        self._streams: Succession[ProfileStream] | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False
        self._stub_of: tuple[grpc.aio.Channel, _Stub] | None = None
        if live is not None:
            self._run(live.follow)

    @classmethod
    def from_home(
        cls,
        folder: Path,
        agency: str | None = None,
        *,
        alarms: Alarms | None = None,
        clock: Clock = system_clock,
    ) -> Self:
        """Build a client from a home folder, for one of its requesters; call it on its event loop.

        Alarms are told on stderr where none are given.

        Raises:
            LandbridgeError: LB-11xx when the folder is not complete, LB-4011 for an exposed key;
                what its certificate and trust bundle are refused for.
        """
        home = Home.read(folder)
        name, state = home.state_of(agency)
        federation = Federation.load(home.federation)
        telling = ProcessLog({"agency": name, "role": "requester"})
        alarms = alarms or Alarms(telling.alarm)
        party = PartyFolder.open(state)
        live = LiveParty(party, alarms=alarms)
        return cls(
            federation=federation,
            key=LiveKey(state / "keys" / f"{KeyUse.QUERY}.key", alarms=alarms),
            channel=live.channel(home.gateway_address, home.gateway_dns_name),
            live=live,
            log=RequesterLog.of(party, live.identity, alarms=alarms, clock=clock),
            clock=clock,
        )

    @property
    def agency(self) -> str:
        """The agency that asks."""
        return self._agency

    def sign(  # noqa: PLR0913  what a query is made of
        self,
        subjects: Sequence[SubjectId],
        purpose: str,
        case: str,
        wanted: Sequence[Wanted] = (),
        *,
        sealed: bool = False,
        consents: Sequence[bytes] = (),
    ) -> list[envelope_pb2.Envelope]:
        """Write one query a subject and sign them all with one signature.

        With `sealed` the answers come sealed to a key of this batch, which is kept for `open`.

        Raises:
            LandbridgeError: LB-1002, LB-1005; LB-3014 for several subjects with a person among
                them.
        """
        drafts = self._writer.write(
            subjects, purpose, case, wanted, sealed=sealed, consents=consents
        )
        if len(drafts) > 1 and any(draft.alone for draft in drafts):
            raise refuse(Reason.BULK_REFUSED, f"{len(subjects)} subjects, and a person among them")
        queries = sign_batch(QUERY_TYPE, [draft.payload for draft in drafts], self._key())
        if self._log is not None and len(queries) > 1:
            self._log.signed_together(queries, self._clock() + LIFETIME_MS)
        return queries

    def open(self, signed: SignedProfile) -> OpenedProfile:
        """Open a verified profile whose answers are sealed, and forget the key of its query.

        Raises:
            LandbridgeError: LB-4202 when the key is not kept here: another client signed the query,
                it was not sealed or was opened before.
        """
        return self._writer.open(signed)

    async def ask(  # noqa: PLR0913  what a query is made of
        self,
        subject: SubjectId,
        purpose: str,
        case: str,
        wanted: Sequence[Wanted] = (),
        timeout: float = 5.0,
        *,
        sealed: bool = False,
        consents: Sequence[bytes] = (),
        streamed: bool = False,
    ) -> envelope_pb2.Envelope:
        """Ask for one profile; `timeout` in seconds, the requester's own log and all.

        Verify what comes before relying on it.

        Queries that are ready together are signed together, whatever each asks, those on persons
        alone; each that is `sealed` has a key of its own. With `streamed` they also leave together,
        on the client's stream.

        Raises:
            LandbridgeError: LB-1002, LB-1005; the gateway's reason, LB-2001 or LB-2002 when it
                cannot be reached; what the log refuses it for, LB-2002 when that takes too long.
        """
        end = asyncio.get_running_loop().time() + timeout
        (draft,) = self._writer.write(
            [subject], purpose, case, wanted, sealed=sealed, consents=consents
        )
        send = self._call_stream if streamed else self._call_unary
        if self._log is None:
            return await send(await self._signer.sign(draft), timeout)
        query, pending = await self._log.leave(draft, self._signer.sign_all, end)
        profile = await self._send_in_time(query, end, send)
        await self._log.received(pending, profile, end)
        return profile

    async def send(
        self, query: envelope_pb2.Envelope, timeout: float = 5.0
    ) -> envelope_pb2.Envelope:
        """Send one signed query by the unary rpc."""
        return await self._send(query, timeout, self._call_unary)

    async def stream(
        self, query: envelope_pb2.Envelope, timeout: float = 5.0
    ) -> envelope_pb2.Envelope:
        """Send one signed query on the client's stream; queries that gather leave together."""
        return await self._send(query, timeout, self._call_stream)

    async def directory(self, timeout: float = 5.0) -> list[catalogue_pb2.Catalogue]:
        """List what the agencies publish."""
        try:
            response = await self._stub().GetDirectory(
                gateway_service_pb2.GetDirectoryRequest(), timeout=timeout
            )
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error, peer="the gateway") from error
        return list(response.catalogues)

    async def close(self) -> None:
        """Close the line; what is in the log stays there, and nothing leaves any more."""
        self._closed = True
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._channel.close()
        if self._live is not None:
            await self._live.close()
        if self._log is not None:
            await self._log.close()

    async def _send(
        self, query: envelope_pb2.Envelope, timeout: float, send: _Send
    ) -> envelope_pb2.Envelope:
        log = self._log
        if log is None:
            return await send(query, timeout)

        end = asyncio.get_running_loop().time() + timeout
        pending = await log.asked(query, end)
        profile = await self._send_in_time(query, end, send)
        await log.received(pending, profile, end)
        return profile

    async def _send_in_time(
        self, query: envelope_pb2.Envelope, end: float, send: _Send
    ) -> envelope_pb2.Envelope:
        """Send a query that is in the log; `end` is in the event loop's own time."""
        if self._closed:
            raise refuse(Reason.UNREACHABLE, "the line to the gateway is closed")
        left = end - asyncio.get_running_loop().time()
        return await send(query, max(_LEAST_S, left))

    async def _call_unary(
        self, query: envelope_pb2.Envelope, timeout: float
    ) -> envelope_pb2.Envelope:
        try:
            response = await self._stub().GetProfile(
                gateway_service_pb2.GetProfileRequest(query=query), timeout=timeout
            )
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error, peer="the gateway") from error
        return response.profile

    async def _call_stream(
        self, query: envelope_pb2.Envelope, timeout: float
    ) -> envelope_pb2.Envelope:
        return await self._stream().ask(query, timeout)

    def _stream(self) -> ProfileStream:
        if self._streams is None or self._streams.current.ended.done():
            if self._keeper is not None:
                self._keeper.cancel()
            self._streams = Succession(self._channel, ProfileStream, life_s=self._stream_life_s)
            self._keeper = self._run(self._streams.run)
        return self._streams.current

    def _stub(self) -> "_Stub":
        # The channel may be another one each time.
        channel = self._channel.channel
        if self._stub_of is None or self._stub_of[0] is not channel:
            self._stub_of = channel, gateway_service_pb2_grpc.GatewayServiceStub(channel)
        return self._stub_of[1]

    def _run(self, work: Callable[[], Coroutine[None, None, None]]) -> asyncio.Task[None]:
        async def run() -> None:
            with suppress(LandbridgeError):  # whoever asked on the stream has been told
                await work()

        task = asyncio.create_task(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
