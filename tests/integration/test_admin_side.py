"""Health and reflection: who may ask, and what they say."""

from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from landbridge.agency import Role
from landbridge.errors import Reason
from landbridge.rpc.status import from_rpc_error
from tests.market import REGISTER, Market, market


def channel(running: Market, role: Role, *, agency: str, to: Role) -> grpc.aio.Channel:
    (endpoint,) = [
        endpoint
        for endpoint in running.bundle.endpoints(to)
        if endpoint.agency in (REGISTER, "exchange")
    ]
    return running.channel(endpoint, agency, role)


async def health(running: Market, role: Role, agency: str, to: Role, service: str) -> int:
    async with channel(running, role, agency=agency, to=to) as opened:
        stub = health_pb2_grpc.HealthStub(opened)
        response = await stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=5)
    status: int = response.status
    return status


async def reflect(running: Market, role: Role, agency: str) -> list[str]:
    async with channel(running, role, agency=agency, to=Role.GATEWAY) as opened:
        stub = reflection_pb2_grpc.ServerReflectionStub(opened)
        request = reflection_pb2.ServerReflectionRequest(list_services="")
        stream = stub.ServerReflectionInfo(iter([request]), timeout=5)
        return [
            service.name
            async for response in stream
            for service in response.list_services_response.service
        ]


@pytest.mark.parametrize(
    ("to", "service"),
    [
        (Role.GATEWAY, "landbridge.v1.GatewayService"),
        (Role.NODE, "landbridge.v1.NodeService"),
        (Role.NODE, ""),
    ],
)
async def test_health_is_told_by_service(tmp_path: Path, to: Role, service: str) -> None:
    async with market(tmp_path) as running:
        status = await health(running, Role.ADMIN, "exchange", to, service)
        assert status == health_pb2.HealthCheckResponse.SERVING


async def test_only_an_administrator_may_reflect(tmp_path: Path) -> None:
    async with market(tmp_path) as running:
        assert "landbridge.v1.GatewayService" in await reflect(running, Role.ADMIN, "exchange")
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await reflect(running, Role.REQUESTER, "city")
        assert from_rpc_error(caught.value).reason is Reason.CALLER_REFUSED


async def test_a_node_tells_a_requester_nothing(tmp_path: Path) -> None:
    async with market(tmp_path) as running:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await health(running, Role.REQUESTER, "city", Role.NODE, "")
        assert from_rpc_error(caught.value).reason is Reason.CALLER_REFUSED
