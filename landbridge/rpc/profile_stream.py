"""One stream of queries and profiles between a requester and a gateway, correlated by number."""

import asyncio

import grpc

from landbridge.errors import Reason, refuse
from landbridge.rpc.failure import from_failure
from landbridge.rpc.outbox import Outbox
from landbridge.rpc.status import from_rpc_error
from landbridge.rpc.succession import wait_for_admission
from landbridge.v1 import envelope_pb2, gateway_service_pb2, gateway_service_pb2_grpc

_PEER = "the gateway"


class ProfileStream:
    """Sends queries, those that gather in one message, and settles each by its number."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        stub: gateway_service_pb2_grpc.GatewayServiceAsyncStub = (
            gateway_service_pb2_grpc.GatewayServiceStub(channel)
        )
        self._asked: dict[int, asyncio.Future[envelope_pb2.Envelope]] = {}
        self._outbox: Outbox[gateway_service_pb2.StreamedQuery] = Outbox(
            gateway_service_pb2.StreamedQuery.ByteSize
        )
        self._next_id = 0
        self._failure = refuse(Reason.UNREACHABLE, "the gateway closed the stream")
        self._call = stub.StreamProfiles()
        self._writer = asyncio.create_task(self._write())
        self._ended = asyncio.create_task(self._read())
        # Here, as a task that is cancelled before its first step runs nothing of its own.
        self._ended.add_done_callback(self._settle_all)

    @property
    def ended(self) -> asyncio.Future[None]:
        """Done when the stream is over; raises why, when it broke."""
        return self._ended

    async def opened(self) -> None:
        """Wait until the gateway has let the stream through.

        Raises:
            LandbridgeError: why it has not.
        """
        try:
            await wait_for_admission(self._call)
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error, peer=_PEER) from error

    async def ask(self, query: envelope_pb2.Envelope, timeout: float) -> envelope_pb2.Envelope:
        """Send a query and wait for its profile, `timeout` seconds at most.

        Raises:
            LandbridgeError: the gateway's reason, LB-2002 when it is late, LB-2001 when the stream
                breaks.
        """
        self._next_id += 1
        number = self._next_id
        loop = asyncio.get_running_loop()
        arrived: asyncio.Future[envelope_pb2.Envelope] = loop.create_future()
        self._asked[number] = arrived
        self._outbox.expect()
        self._outbox.put(
            gateway_service_pb2.StreamedQuery(
                correlation_id=number, query=query, timeout_ms=max(1, int(timeout * 1000))
            )
        )
        late = loop.call_later(timeout, _give_up, arrived)
        try:
            return await arrived
        finally:
            late.cancel()
            del self._asked[number]

    def retire(self) -> None:
        """Take no more queries, and end when every profile that is owed has come."""
        self._outbox.close()

    def cancel(self) -> None:
        """End at once; queries that are open fail."""
        self._ended.cancel()

    async def _read(self) -> None:
        try:
            async for response in self._call:
                for item in response.profiles:
                    self._settle(item)
        except grpc.aio.AioRpcError as broken:
            self._failure = from_rpc_error(broken, peer=_PEER)
            raise self._failure from broken
        except Exception as unforeseen:  # gRPC yields None for what is no message
            self._failure = refuse(
                Reason.SOURCE_FAILED,
                f"the gateway sent what cannot be read ({type(unforeseen).__name__})",
            )
            raise self._failure from unforeseen
        if self._asked:
            raise self._failure

    async def _write(self) -> None:
        while queries := await self._outbox.take():
            await self._call.write(gateway_service_pb2.StreamProfilesRequest(queries=queries))
        await self._call.done_writing()

    def _settle(self, item: gateway_service_pb2.StreamedProfile) -> None:
        arrived = self._asked.get(item.correlation_id)
        if arrived is None or arrived.done():
            return
        if item.HasField("profile"):
            arrived.set_result(item.profile)
        else:
            arrived.set_exception(from_failure(item.failure, may_refuse=True))

    def _settle_all(self, ended: asyncio.Task[None]) -> None:
        _heard(ended)
        # After a failure of this side's own making the gateway would still hold it open.
        self._call.cancel()
        self._writer.cancel()
        self._writer.add_done_callback(_heard)
        for arrived in self._asked.values():
            if not arrived.done():
                arrived.set_exception(self._failure)


def _give_up(arrived: asyncio.Future[envelope_pb2.Envelope]) -> None:
    if not arrived.done():
        arrived.set_exception(refuse(Reason.LATE, "the gateway did not answer before the deadline"))


def _heard(task: asyncio.Task[None]) -> None:
    """Take note of how a task ended, which the reading side has told already."""
    if not task.cancelled():
        task.exception()
