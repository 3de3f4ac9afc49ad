"""GatewayService: signed queries in, signed profiles out."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Final

import grpc

from gateway.federator import Federator
from gateway.node_client import NodeClient
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.rpc.failure import to_failure
from landbridge.rpc.guard import caller
from landbridge.rpc.outbox import Outbox, check_batch, finished
from landbridge.rpc.status import abort
from landbridge.v1 import carried_pb2, gateway_service_pb2
from landbridge.wire import number_part, part

SERVICE: Final = "landbridge.v1.GatewayService"

_DEFAULT_TIMEOUT_S = 10.0
_MAX_TIMEOUT_S = 60.0
_Outbox = Outbox[bytes]

# Tags of the GetProfileResponse, the StreamProfilesResponse and the StreamedProfile.
_PROFILE_ALONE: Final = b"\x0a"
_PROFILES: Final = b"\x0a"
_CORRELATION_ID: Final = b"\x08"
_PROFILE: Final = b"\x12"


class GatewayService:
    """The rpcs of a gateway. Queries and profiles pass through as bytes.

    At most `capacity` queries are in work; more are refused (LB-2003). `failed` is told of errors
    that nobody foresaw.
    """

    def __init__(
        self,
        federator: Federator,
        nodes: Mapping[str, NodeClient],
        *,
        failed: Callable[[Exception], None],
        capacity: int = 2048,
    ) -> None:
        self._federator = federator
        self._nodes = nodes
        self._failed = failed
        self._capacity = capacity
        self._in_work = 0
        self._readers: set[asyncio.Task[None]] = set()

    @property
    def in_work(self) -> int:
        """How many queries are being worked on."""
        return self._in_work

    def close(self) -> None:
        """Read no more queries; each stream ends when it has given the profiles it owes."""
        for reader in self._readers:
            reader.cancel()

    def handlers(self) -> grpc.GenericRpcHandler:
        """Return what a server needs to call the rpcs."""
        return grpc.method_handlers_generic_handler(
            SERVICE,
            {
                "GetProfile": grpc.unary_unary_rpc_method_handler(
                    self.get_profile,
                    request_deserializer=carried_pb2.CarriedRequest.FromString,
                ),
                "StreamProfiles": grpc.stream_stream_rpc_method_handler(
                    self.stream_profiles,
                    request_deserializer=carried_pb2.CarriedQueries.FromString,
                ),
                "GetDirectory": grpc.unary_unary_rpc_method_handler(
                    self.get_directory,
                    request_deserializer=gateway_service_pb2.GetDirectoryRequest.FromString,
                    response_serializer=gateway_service_pb2.GetDirectoryResponse.SerializeToString,
                ),
            },
        )

    async def get_profile(
        self,
        request: carried_pb2.CarriedRequest,
        context: grpc.aio.ServicerContext[carried_pb2.CarriedRequest, bytes],
    ) -> bytes:
        """Assemble one profile; the response is a GetProfileResponse."""
        try:
            self._admit()
            try:
                profile = await self._profile(
                    request.query,
                    caller().agency,
                    context.time_remaining() or _DEFAULT_TIMEOUT_S,
                )
            finally:
                self._release()
        except LandbridgeError as error:
            await abort(context, error)
        return part(_PROFILE_ALONE, profile)

    async def stream_profiles(
        self,
        request_iterator: AsyncIterator[carried_pb2.CarriedQueries],
        context: grpc.aio.ServicerContext[carried_pb2.CarriedQueries, bytes],
    ) -> AsyncIterator[bytes]:
        """Assemble profiles for batches; what is ready together leaves together, in any order.

        Each response is a StreamProfilesResponse.
        """
        agency = caller().agency
        outbox: _Outbox = Outbox(len)
        tasks: set[asyncio.Task[None]] = set()

        async def read() -> None:
            try:
                async for request in request_iterator:
                    check_batch(len(request.queries))
                    outbox.expect(len(request.queries))
                    for item in request.queries:
                        self._begin(item, agency, outbox, tasks)
                    await outbox.room()
            finally:
                outbox.close()

        reader = asyncio.create_task(read())
        self._readers.add(reader)
        try:
            while profiles := await outbox.take():
                yield b"".join(profiles)
            await finished(reader)
        except LandbridgeError as error:
            await abort(context, error)
        finally:
            self._readers.discard(reader)
            reader.cancel()
            for task in tasks:
                task.cancel()

    def _begin(
        self,
        item: carried_pb2.CarriedQuery,
        agency: str,
        outbox: _Outbox,
        tasks: set[asyncio.Task[None]],
    ) -> None:
        """Assemble one streamed query's profile, unless there is no capacity even for a task."""
        try:
            self._admit()
        except LandbridgeError as error:
            outbox.put(_failed(item, error))
            return

        def ended(task: asyncio.Task[None]) -> None:
            tasks.discard(task)
            # Here, as a task that is cancelled before its first step runs nothing of its own.
            self._release()

        task = asyncio.create_task(self._assemble(item, agency, outbox))
        tasks.add(task)
        task.add_done_callback(ended)

    async def _assemble(self, item: carried_pb2.CarriedQuery, agency: str, outbox: _Outbox) -> None:
        timeout = item.timeout_ms / 1000 or _DEFAULT_TIMEOUT_S
        try:
            profile = await self._profile(item.query, agency, timeout)
        except LandbridgeError as error:
            outbox.put(_failed(item, error))
        else:
            streamed = number_part(_CORRELATION_ID, item.correlation_id) + part(_PROFILE, profile)
            outbox.put(part(_PROFILES, streamed))

    def _admit(self) -> None:
        """Count a query in, before anything is made for it; `_release` counts it out."""
        if self._in_work >= self._capacity:
            raise refuse(Reason.BUSY, f"{self._capacity} queries are in work already")
        self._in_work += 1

    def _release(self) -> None:
        self._in_work -= 1

    async def _profile(
        self,
        query: bytes,
        agency: str,
        timeout: float,
    ) -> bytes:
        try:
            return await self._federator.profile(
                query, caller=agency, timeout=min(timeout, _MAX_TIMEOUT_S)
            )
        except LandbridgeError:
            raise
        except Exception as error:
            self._failed(error)
            raise refuse(Reason.SOURCE_FAILED, "the gateway failed") from error

    async def get_directory(
        self,
        request: gateway_service_pb2.GetDirectoryRequest,
        context: grpc.aio.ServicerContext[
            gateway_service_pb2.GetDirectoryRequest, gateway_service_pb2.GetDirectoryResponse
        ],
    ) -> gateway_service_pb2.GetDirectoryResponse:
        """List what the agencies publish."""
        del request, context
        return gateway_service_pb2.GetDirectoryResponse(
            catalogues=[node.catalogue for node in self._nodes.values() if node.catalogue]
        )


def _failed(item: carried_pb2.CarriedQuery, error: LandbridgeError) -> bytes:
    streamed = gateway_service_pb2.StreamedProfile(
        correlation_id=item.correlation_id, failure=to_failure(error)
    )
    return part(_PROFILES, streamed.SerializeToString())
