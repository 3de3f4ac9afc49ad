"""Asks a gateway for profiles, as a requester that signs its own queries.

client = Client.from_home(find_home())
profile = await client.ask(SubjectId("us-ope-id", "00100200"), "approval-review", "C-1")
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import grpc

from landbridge.clock import Clock, system_clock
from landbridge.envelope import QUERY_TYPE, sign_batch
from landbridge.errors import Reason, refuse
from landbridge.federation import Federation
from landbridge.home import Home
from landbridge.keys import KeyUse, SigningKey
from landbridge.query import Wanted, write_query
from landbridge.rpc.credentials import TlsFiles, open_channel
from landbridge.rpc.failure import from_failure
from landbridge.rpc.outbox import Outbox
from landbridge.rpc.status import from_rpc_error
from landbridge.subject import SubjectId
from landbridge.v1 import (
    catalogue_pb2,
    envelope_pb2,
    gateway_service_pb2,
    gateway_service_pb2_grpc,
)


class Client:
    """One requester's line to a gateway. Used on one event loop; close it with `close`."""

    def __init__(
        self,
        *,
        federation: Federation,
        key: SigningKey,
        channel: grpc.aio.Channel,
        clock: Clock = system_clock,
    ) -> None:
        self.federation = federation
        self._key = key
        self._channel = channel
        self._stub: gateway_service_pb2_grpc.GatewayServiceAsyncStub = (
            gateway_service_pb2_grpc.GatewayServiceStub(channel)
        )
        self._clock = clock
        self._stream: _ProfileStream | None = None

    @classmethod
    def from_home(cls, folder: Path, agency: str | None = None) -> Self:
        """Build a client from a home folder, for one of its requesters.

        Raises:
            LandbridgeError: LB-11xx when the folder is not complete, LB-4011 for an exposed key.
        """
        home = Home.read(folder)
        _, state = home.state_of(agency)
        federation = Federation.load(home.federation)
        tls = TlsFiles.read(state / "tls", federation.name)
        return cls(
            federation=federation,
            key=SigningKey.load(state / "keys" / f"{KeyUse.QUERY}.key"),
            channel=open_channel(home.gateway_address, home.gateway_dns_name, tls),
        )

    @property
    def agency(self) -> str:
        """The agency that asks."""
        return self._key.agency

    def sign(
        self,
        subjects: Sequence[SubjectId],
        purpose: str,
        case: str,
        wanted: Sequence[Wanted] = (),
    ) -> list[envelope_pb2.Envelope]:
        """Write one query a subject and sign them all with one signature.

        Raises:
            LandbridgeError: LB-1002, LB-1005.
        """
        now = self._clock()
        payloads = [
            write_query(
                federation=self.federation,
                requester=self.agency,
                subject=subject,
                purpose=purpose,
                case_reference=case,
                wanted=wanted,
                at=now,
            )
            for subject in subjects
        ]
        return sign_batch(QUERY_TYPE, payloads, self._key)

    async def ask(
        self,
        subject: SubjectId,
        purpose: str,
        case: str,
        wanted: Sequence[Wanted] = (),
        timeout: float = 5.0,
    ) -> envelope_pb2.Envelope:
        """Ask for one profile; `timeout` in seconds. Verify what comes before relying on it.

        Raises:
            LandbridgeError: the gateway's reason, LB-2001 or LB-2002 when it cannot be reached.
        """
        (query,) = self.sign([subject], purpose, case, wanted)
        return await self.send(query, timeout)

    async def send(
        self, query: envelope_pb2.Envelope, timeout: float = 5.0
    ) -> envelope_pb2.Envelope:
        """Send one signed query by the unary rpc."""
        try:
            response = await self._stub.GetProfile(
                gateway_service_pb2.GetProfileRequest(query=query), timeout=timeout
            )
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error, peer="the gateway") from error
        return response.profile

    async def stream(
        self, query: envelope_pb2.Envelope, timeout: float = 5.0
    ) -> envelope_pb2.Envelope:
        """Send one signed query on the client's stream; queries that gather leave together."""
        if self._stream is None or self._stream.ended:
            self._stream = _ProfileStream(self._stub)
        return await self._stream.ask(query, timeout)

    async def directory(self, timeout: float = 5.0) -> list[catalogue_pb2.Catalogue]:
        """List what the agencies publish."""
        try:
            response = await self._stub.GetDirectory(
                gateway_service_pb2.GetDirectoryRequest(), timeout=timeout
            )
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error, peer="the gateway") from error
        return list(response.catalogues)

    async def close(self) -> None:
        """Close the line."""
        if self._stream is not None:
            await self._stream.close()
        await self._channel.close()


class _ProfileStream:
    """One stream of queries and profiles, correlated by number."""

    def __init__(self, stub: "gateway_service_pb2_grpc.GatewayServiceAsyncStub") -> None:
        self.ended = False
        self._asked: dict[int, asyncio.Future[envelope_pb2.Envelope]] = {}
        self._outbox: Outbox[gateway_service_pb2.StreamedQuery] = Outbox(
            gateway_service_pb2.StreamedQuery.ByteSize
        )
        self._next_id = 0
        self._call = stub.StreamProfiles()
        self._tasks = [asyncio.create_task(self._write()), asyncio.create_task(self._read())]

    async def ask(self, query: envelope_pb2.Envelope, timeout: float) -> envelope_pb2.Envelope:
        self._next_id += 1
        number = self._next_id
        arrived: asyncio.Future[envelope_pb2.Envelope] = asyncio.get_running_loop().create_future()
        self._asked[number] = arrived
        self._outbox.expect()
        self._outbox.put(
            gateway_service_pb2.StreamedQuery(
                correlation_id=number, query=query, timeout_ms=max(1, int(timeout * 1000))
            )
        )
        try:
            async with asyncio.timeout(timeout):
                return await arrived
        except TimeoutError as error:
            raise refuse(Reason.LATE, "the gateway did not answer before the deadline") from error
        finally:
            self._asked.pop(number, None)

    async def _write(self) -> None:
        while queries := await self._outbox.take():
            await self._call.write(gateway_service_pb2.StreamProfilesRequest(queries=queries))

    async def _read(self) -> None:
        error = refuse(Reason.UNREACHABLE, "the gateway closed the stream")
        try:
            async for response in self._call:
                for item in response.profiles:
                    self._settle(item)
        except grpc.aio.AioRpcError as broken:
            error = from_rpc_error(broken, peer="the gateway")
        except Exception as unforeseen:  # noqa: BLE001  gRPC yields None for what is no message
            error = refuse(
                Reason.SOURCE_FAILED,
                f"the gateway sent what cannot be read ({type(unforeseen).__name__})",
            )
        finally:
            self.ended = True
            # After a failure of this side's own making the gateway would still hold it open.
            self._call.cancel()
            for arrived in self._asked.values():
                if not arrived.done():
                    arrived.set_exception(error)

    def _settle(self, item: gateway_service_pb2.StreamedProfile) -> None:
        arrived = self._asked.get(item.correlation_id)
        if arrived is None or arrived.done():
            return
        if item.HasField("profile"):
            arrived.set_result(item.profile)
        else:
            arrived.set_exception(from_failure(item.failure, may_refuse=True))

    async def close(self) -> None:
        self._outbox.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._call.cancel()
