"""The line of those who have no certificate yet: only the server shows one, under known roots."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import grpc

from landbridge.rpc.status import from_rpc_error
from landbridge.v1 import authority_service_pb2_grpc

TIMEOUT_S: Final = 30.0


@asynccontextmanager
async def enrolment_stub(address: str, dns_name: str, roots: str) -> AsyncIterator[Any]:
    """Open a stub of the enrolment service that only the holder of that DNS name serves.

    Raises:
        LandbridgeError: the service's refusal; LB-2001 and LB-2002 when it is not reached.
    """
    credentials = grpc.ssl_channel_credentials(roots.encode())
    options = (("grpc.ssl_target_name_override", dns_name),)
    # The scheme is stated, so that no address can name another kind of resolver.
    async with grpc.aio.secure_channel(f"dns:///{address}", credentials, options) as channel:
        try:
            yield authority_service_pb2_grpc.EnrolmentServiceStub(channel)
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error, peer="the federation") from error
