"""The guard in front of real servers: roles, expiry, deny list, suspension, open connections."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest
from cryptography import x509
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from landbridge.agency import Identity, Role
from landbridge.errors import LandbridgeError, Reason
from landbridge.rpc.status import from_rpc_error
from landbridge.trust import TrustBundle
from tests.hostile import Recipe
from tests.integration.tls_server import METHODS, call, raw_tls, serve, tls_folder, tls_of
from tests.pki import BOARD, FEDERATION, GATEWAY, make_federation, shared_federation

CALLER = Identity(GATEWAY, FEDERATION, Role.GATEWAY, "main")
DAY_MS = 24 * 60 * 60 * 1000


async def refusal(
    channel: grpc.aio.Channel, method: str = "Unary"
) -> tuple[grpc.StatusCode, LandbridgeError]:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call(channel, method)
    return caught.value.code(), from_rpc_error(caught.value)


def changed_bundle(folder: Path, *, suspended: bool = False, denied: bool = False) -> TrustBundle:
    """Make a bundle of the same names that suspends the gateway's agency or denies its leaf."""
    serial = x509.load_pem_x509_certificate((tls_folder(GATEWAY) / "chain.pem").read_bytes())
    issuer = tls_of(GATEWAY).leaf.issuer_key_id
    return make_federation(folder).publish(
        suspended=[GATEWAY] if suspended else [],
        denied=[(issuer, serial.serial_number)] if denied else [],
    )


ANSWERS = {
    "Unary": f"{CALLER.uri} x".encode(),
    "Gather": b"xx",
    "Generate": b"x" + GATEWAY.encode(),
    "Write": b"xx",
    "Converse": b"xx",
}


@pytest.mark.parametrize("method", METHODS)
async def test_permitted_role_is_let_through_in_every_kind_of_call(method: str) -> None:
    async with serve() as node, node.channel() as channel:
        for _ in range(2):
            assert await call(channel, method) == ANSWERS[method]


@pytest.mark.parametrize("method", METHODS)
async def test_wrong_role_is_refused_in_every_kind_of_call(method: str) -> None:
    async with serve() as node, node.channel(tls_of(BOARD)) as channel:
        code, error = await refusal(channel, method)
    assert code is grpc.StatusCode.PERMISSION_DENIED
    assert error.reason is Reason.CALLER_REFUSED
    assert "may be called by gateway" in error.message
    assert error.next_step


@pytest.mark.parametrize("method", ["Unlisted", "Nobody"])
async def test_method_without_permitted_roles_serves_nobody(method: str) -> None:
    async with serve() as node, node.channel() as channel:
        code, error = await refusal(channel, method)
    assert (code, error.reason) == (grpc.StatusCode.PERMISSION_DENIED, Reason.CALLER_REFUSED)
    assert "nobody" in error.message


async def test_method_that_does_not_exist_is_told_apart() -> None:
    async with serve() as node, node.channel() as channel:
        code, error = await refusal(channel, "Missing")
    assert (code, error.reason) == (grpc.StatusCode.UNIMPLEMENTED, Reason.SOURCE_FAILED)


async def test_handler_that_the_guard_cannot_wrap_is_not_served() -> None:
    async with serve() as node, node.channel() as channel:
        with pytest.raises(grpc.aio.AioRpcError):
            await call(channel, "Plain")


async def test_expiry_ends_an_open_connection() -> None:
    async with serve() as node, node.channel() as channel:
        assert await call(channel, "Unary")
        node.now_ms_ahead = DAY_MS + 1000
        code, error = await refusal(channel)
        assert (code, error.reason) == (
            grpc.StatusCode.PERMISSION_DENIED,
            Reason.CERTIFICATE_REFUSED,
        )
        assert "valid from" in error.message
        node.now_ms_ahead = 0
        assert await call(channel, "Unary")


async def test_denied_certificate_is_refused_on_its_open_connection(tmp_path: Path) -> None:
    again = Recipe.true_to(CALLER).write(tmp_path / "tls", shared_federation().issuing)
    async with serve() as node, node.channel() as channel, node.channel(raw_tls(again)) as other:
        assert await call(channel, "Unary")
        node.bundle = changed_bundle(tmp_path / "changed", denied=True)
        _, error = await refusal(channel)
        assert error.reason is Reason.CERTIFICATE_REFUSED
        assert "deny list" in error.message
        assert await call(other, "Unary")


async def test_suspended_agency_is_refused_on_its_open_connection(tmp_path: Path) -> None:
    async with serve() as node, node.channel() as channel:
        assert await call(channel, "Unary")
        node.bundle = changed_bundle(tmp_path, suspended=True)
        _, error = await refusal(channel)
    assert error.reason is Reason.CALLER_REFUSED
    assert "suspended" in error.message


@pytest.mark.parametrize(
    "identity",
    [
        Identity("nobody.known", FEDERATION, Role.GATEWAY, "main"),
        Identity(BOARD, FEDERATION, Role.GATEWAY, "main"),
    ],
)
async def test_role_that_the_bundle_does_not_know_is_refused(
    tmp_path: Path, identity: Identity
) -> None:
    folder = Recipe.true_to(identity).write(tmp_path / "tls", shared_federation().issuing)
    async with serve() as node, node.channel(raw_tls(folder)) as channel:
        _, error = await refusal(channel)
    assert error.reason is Reason.CALLER_REFUSED
    assert "trust bundle" in error.message


@pytest.mark.parametrize("method", ["Gather", "Converse"])
async def test_open_stream_ends_with_the_next_message_after_denial(
    tmp_path: Path, method: str
) -> None:
    denied = changed_bundle(tmp_path, denied=True)
    go_on = asyncio.Event()

    async def messages() -> AsyncIterator[bytes]:
        yield b"before"
        await go_on.wait()
        yield b"after"
        await asyncio.sleep(0.2)

    async with serve() as node, node.channel() as channel:
        name = f"/test.Service/{method}"
        if method == "Converse":
            stream = channel.stream_stream(name)(messages(), timeout=5)
            assert await stream.read() == b"before"
        else:
            stream = channel.stream_unary(name)(messages(), timeout=5)
            await stream.wait_for_connection()
            await asyncio.sleep(0.05)
        node.bundle = denied
        go_on.set()
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await (stream.read() if method == "Converse" else stream)
    assert from_rpc_error(caught.value).reason is Reason.CERTIFICATE_REFUSED


async def test_callers_of_parallel_calls_are_not_mixed_up(tmp_path: Path) -> None:
    second = Identity(GATEWAY, FEDERATION, Role.GATEWAY, "second")
    folder = Recipe.true_to(second).write(tmp_path / "tls", shared_federation().issuing)
    async with serve() as node, node.channel() as one, node.channel(raw_tls(folder)) as two:
        answers = await asyncio.gather(
            *(call(channel, "Unary") for _ in range(30) for channel in (one, two))
        )
    assert answers == [f"{CALLER.uri} x".encode(), f"{second.uri} x".encode()] * 30


async def test_health_and_reflection_are_guarded_too() -> None:
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    async with serve() as node, node.channel() as channel, node.channel(tls_of(BOARD)) as wrong:
        health = health_pb2_grpc.HealthStub(channel)
        answer = await health.Check(health_pb2.HealthCheckRequest(service="test.Service"))
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
        watch = health.Watch(health_pb2.HealthCheckRequest())
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVING
        watch.cancel()
        reflected = reflection_pb2_grpc.ServerReflectionStub(channel)
        listed = await reflected.ServerReflectionInfo(iter([request])).read()
        names = [service.name for service in listed.list_services_response.service]
        assert names == ["test.Service"]
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await health_pb2_grpc.HealthStub(wrong).Check(health_pb2.HealthCheckRequest())
        assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED
