"""The gateway's line to one node: one stream after the other, each for batches of questions."""

import asyncio

import grpc

from gateway.node_catalogue import check_catalogue
from gateway.node_stream import NodeStream
from gateway.questions import Deliver, Outcome, Questions
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.rpc.channel import RotatingChannel
from landbridge.rpc.options import STREAM_LIFE_S
from landbridge.rpc.status import from_rpc_error
from landbridge.rpc.succession import Succession
from landbridge.v1 import catalogue_pb2, node_service_pb2, node_service_pb2_grpc

__all__ = ["Deliver", "NodeClient", "Outcome"]

_CATALOGUE_TIMEOUT_S = 5.0
_RETRY_S = 0.25
_MAX_WAITING = 8192


class NodeClient:
    """Asks one node, and keeps a stream to it open.

    A stream gives way to a new one when the channel does, and after `stream_life_s` seconds, which
    must be less than the node's server lets a stream stand on a connection that has come of age.
    """

    def __init__(
        self, agency: str, channel: RotatingChannel, *, stream_life_s: float = STREAM_LIFE_S
    ) -> None:
        self.agency = agency
        self.catalogue: catalogue_pb2.Catalogue | None = None
        self.failure: LandbridgeError = refuse(Reason.UNREACHABLE, f"{agency} was not reached yet")
        self._channel = channel
        self._stream_life_s = stream_life_s
        self._questions = Questions(agency)
        self._connected = False
        self._keeper = asyncio.create_task(self._keep_open())

    @property
    def connected(self) -> bool:
        """Whether a stream is open."""
        return self._connected

    @property
    def channel(self) -> grpc.aio.Channel:
        """The channel to start another call on; read it for each call anew."""
        return self._channel.channel

    def ask(self, question: bytes, deadline: float, deliver: Deliver) -> int:
        """Ask a Question, as bytes; its outcome is delivered once, unless it is given up before.

        `deadline` is in the event loop's own time, in seconds. Returns the number under which the
        question can be given up.
        """
        number = self._questions.next_number()
        if not self._connected:
            deliver(self.agency, self.failure)
        elif len(self._questions) >= _MAX_WAITING:
            deliver(
                self.agency, refuse(Reason.BUSY, f"{_MAX_WAITING} questions wait for {self.agency}")
            )
        else:
            self._questions.add(number, question, deadline, deliver)
        return number

    def give_up(self, number: int) -> None:
        """Forget a question; an answer that still comes is dropped."""
        self._questions.give_up(number)

    async def close(self) -> None:
        """End the streams and the channel."""
        self._keeper.cancel()
        await asyncio.gather(self._keeper, return_exceptions=True)
        self._fail(refuse(Reason.UNREACHABLE, "the gateway ended the stream"))
        await self._channel.close()

    async def _keep_open(self) -> None:
        """Keep a stream open, and open one again whenever the last one breaks."""
        while True:
            try:
                self.catalogue = await self._fetch_catalogue()
                await self._run_streams()
                error = refuse(Reason.UNREACHABLE, "it closed the stream")
            except grpc.aio.AioRpcError as broken:
                error = from_rpc_error(broken, peer="its node")
            except LandbridgeError as stated:
                error = stated
            except Exception as unforeseen:  # noqa: BLE001  gRPC yields None for what is no message
                error = refuse(
                    Reason.SOURCE_FAILED,
                    f"its node sent what cannot be read ({type(unforeseen).__name__})",
                )
            self._fail(error)
            await asyncio.sleep(_RETRY_S)

    def _fail(self, error: LandbridgeError) -> None:
        self._connected = False
        self.failure = self._questions.named(error)
        self._questions.fail_waiting(error)

    async def _fetch_catalogue(self) -> catalogue_pb2.Catalogue:
        stub: node_service_pb2_grpc.NodeServiceAsyncStub = node_service_pb2_grpc.NodeServiceStub(
            self._channel.channel
        )
        response = await stub.GetCatalogue(
            node_service_pb2.GetCatalogueRequest(), timeout=_CATALOGUE_TIMEOUT_S
        )
        check_catalogue(response.catalogue, self.agency)
        return response.catalogue

    async def _run_streams(self) -> None:
        streams = Succession(
            self._channel,
            lambda channel: NodeStream(channel, self._questions),
            life_s=self._stream_life_s,
        )
        await streams.opened()
        self._connected = True
        await streams.run()
