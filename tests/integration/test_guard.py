"""The guard in front of real servers: roles, expiry, revocation, suspension, open streams."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from certs.bundle import authority_record
from landbridge.agency import Identity, Role
from landbridge.errors import LandbridgeError, Reason
from landbridge.rpc.status import from_rpc_error
from landbridge.trust.authority import AuthorityState
from tests.hostile import Recipe
from tests.integration.tls_server import METHODS, call, credential_of, serve
from tests.pki import BOARD, FEDERATION, GATEWAY, make_federation, shared_federation

CALLER = Identity(GATEWAY, FEDERATION, Role.GATEWAY, "main")
DAY_MS = 24 * 60 * 60 * 1000


async def refusal(
    channel: grpc.aio.Channel, method: str = "Unary"
) -> tuple[grpc.StatusCode, LandbridgeError]:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call(channel, method)
    return caught.value.code(), from_rpc_error(caught.value)


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
    async with serve() as node, node.channel(credential_of(BOARD)) as channel:
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
            Reason.CERTIFICATE_EXPIRED,
        )
        assert "valid from" in error.message
        node.now_ms_ahead = 0
        assert await call(channel, "Unary")


async def test_denied_certificate_is_refused_on_its_open_connection(tmp_path: Path) -> None:
    pki = make_federation(tmp_path)
    again = Recipe.true_to(CALLER).shown(pki.issuing)
    async with serve(pki) as node, node.channel() as channel, node.channel(again) as other:
        assert await call(channel, "Unary")
        node.deny(credential_of(GATEWAY, pki))
        _, error = await refusal(channel)
        assert error.reason is Reason.CERTIFICATE_REVOKED
        assert await call(other, "Unary")


async def test_certificate_on_the_list_of_its_issuer_is_refused(tmp_path: Path) -> None:
    pki = make_federation(tmp_path)
    leaf = credential_of(GATEWAY, pki).certificate
    async with serve(pki) as node, node.channel() as channel:
        assert await call(channel, "Unary")
        revoked = (leaf.serial_number, datetime.now(UTC), leaf.not_valid_after_utc)
        node.live.store.offer(lists=[pki.publish_list([revoked])])
        _, error = await refusal(channel)
    assert error.reason is Reason.CERTIFICATE_REVOKED


async def test_issuer_that_is_removed_takes_its_certificates_along(tmp_path: Path) -> None:
    pki = make_federation(tmp_path)
    second = pki.root.create_issuing(pki.clock, generation=2)
    now = datetime.now(UTC)
    listed = authority_record(second.certificate, AuthorityState.PUBLISHED, now, issuer="root-1")
    first = pki.authorities["issuing-1"]
    again = Recipe.true_to(CALLER).shown(second)
    async with serve(pki) as node, node.channel() as channel, node.channel(again) as other:

        def move(**states: AuthorityState) -> None:
            known = {"issuing-1": first, "issuing-2": listed}
            for name, state in states.items():
                id_ = name.replace("_", "-")
                pki.authorities[id_] = known[id_].model_copy(update={"state": state})
            node.live.store.offer([pki.sign_next()])

        assert (await refusal(other))[1].reason is Reason.ISSUER_REFUSED
        move(issuing_2=AuthorityState.PUBLISHED)
        assert await call(other, "Unary")
        move(issuing_1=AuthorityState.RETIRING, issuing_2=AuthorityState.ACTIVE)
        assert await call(channel, "Unary")
        move(issuing_1=AuthorityState.REMOVED)
        assert (await refusal(channel))[1].reason is Reason.ISSUER_REFUSED
        assert await call(other, "Unary")


async def test_suspended_agency_is_refused_on_its_open_connection(tmp_path: Path) -> None:
    async with serve(make_federation(tmp_path)) as node, node.channel() as channel:
        assert await call(channel, "Unary")
        node.suspend(GATEWAY)
        _, error = await refusal(channel)
    assert error.reason is Reason.CALLER_REFUSED
    assert "suspended" in error.message


async def test_an_answer_that_was_begun_before_the_revocation_does_not_leave(
    tmp_path: Path,
) -> None:
    async with serve(make_federation(tmp_path)) as node, node.channel() as channel:
        slow = asyncio.create_task(call(channel, "Slow"))
        await asyncio.sleep(0.1)
        node.deny(credential_of(GATEWAY, node.pki))
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await slow
    assert from_rpc_error(caught.value).reason is Reason.CERTIFICATE_REVOKED


@pytest.mark.parametrize(
    "identity",
    [
        Identity("nobody.known", FEDERATION, Role.GATEWAY, "main"),
        Identity(BOARD, FEDERATION, Role.GATEWAY, "main"),
    ],
)
async def test_role_that_the_bundle_does_not_know_is_refused(identity: Identity) -> None:
    shown = Recipe.true_to(identity).shown(shared_federation().issuing)
    async with serve() as node, node.channel(shown) as channel:
        _, error = await refusal(channel)
    assert error.reason is Reason.CALLER_REFUSED
    assert "trust bundle" in error.message


async def test_callers_of_parallel_calls_are_not_mixed_up() -> None:
    second = Identity(GATEWAY, FEDERATION, Role.GATEWAY, "second")
    shown = Recipe.true_to(second).shown(shared_federation().issuing)
    async with serve() as node, node.channel() as one, node.channel(shown) as two:
        answers = await asyncio.gather(
            *(call(channel, "Unary") for _ in range(30) for channel in (one, two))
        )
    assert answers == [f"{CALLER.uri} x".encode(), f"{second.uri} x".encode()] * 30


async def test_health_and_reflection_are_guarded_too() -> None:
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    async with (
        serve() as node,
        node.channel() as channel,
        node.channel(credential_of(BOARD)) as wrong,
    ):
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
