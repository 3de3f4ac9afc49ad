"""Who can talk to whom: real servers, real TLS, real certificates, good and hostile."""

import os
import socket
import ssl
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import pytest

from certs.authority import Root
from certs.bundle import authority_record
from landbridge.agency import Identity, Role
from landbridge.clock import system_clock
from landbridge.errors import LandbridgeError, Reason
from landbridge.rpc.credentials import open_channel
from landbridge.rpc.status import from_rpc_error
from landbridge.trust.authority import AuthorityState
from tests.free_address import free_address
from tests.hostile import SERVER_AUTH, Recipe
from tests.integration.hostile_callers import (
    CALLER,
    REFUSED_BY_GUARD,
    REFUSED_BY_TLS,
    hostile,
)
from tests.integration.tls_server import NODE, call, credential_of, roots, serve
from tests.pki import FEDERATION, GATEWAY, REGISTRY, SCHOOLS, make_federation, shared_federation


async def refusal(channel: grpc.aio.Channel, method: str = "Unary") -> LandbridgeError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call(channel, method)
    return from_rpc_error(caught.value, peer="the node")


def dial(address: str) -> grpc.aio.Channel:
    return open_channel(address, NODE.dns_name, credential_of(GATEWAY), roots())


async def test_both_sides_accept_each_other() -> None:
    async with serve() as node, node.channel() as channel:
        assert await call(channel, "Unary") == f"{CALLER.uri} x".encode()


async def test_certificate_made_by_hand_but_in_form_is_accepted() -> None:
    """What the hostile ones change is what they are refused for."""
    async with serve() as node, node.channel(hostile()) as channel:
        assert await call(channel, "Unary") == f"{CALLER.uri} x".encode()


@pytest.mark.parametrize("name", REFUSED_BY_GUARD)
async def test_guard_refuses_what_tls_lets_in(name: str) -> None:
    make, reason = REFUSED_BY_GUARD[name]
    async with serve() as node, node.channel(make()) as channel, node.channel() as honest:
        assert (await refusal(channel)).reason is reason
        assert await call(honest, "Unary")


@pytest.mark.parametrize("name", REFUSED_BY_TLS)
async def test_handshake_refuses(name: str) -> None:
    shown = REFUSED_BY_TLS[name]()
    async with serve() as node, node.channel(shown) as channel, node.channel() as honest:
        assert (await refusal(channel)).reason is Reason.UNREACHABLE
        assert await call(honest, "Unary")


async def test_who_is_not_accepted_is_told_what_that_may_mean() -> None:
    async with serve() as node, node.channel(hostile(extended=(SERVER_AUTH,))) as channel:
        assert "may not accept this party's certificate" in (await refusal(channel)).message


async def test_client_of_another_federation_is_refused(tmp_path: Path) -> None:
    stranger = credential_of(GATEWAY, make_federation(tmp_path))
    async with serve() as node, node.channel(stranger) as channel:
        assert (await refusal(channel)).reason is Reason.UNREACHABLE


async def test_server_of_another_federation_is_refused(tmp_path: Path) -> None:
    stranger = credential_of(REGISTRY, make_federation(tmp_path))
    async with serve(shown=stranger) as node, node.channel() as channel:
        error = await refusal(channel)
    assert error.reason is Reason.UNREACHABLE
    assert "not of this federation" in error.message


async def test_client_without_a_certificate_is_refused() -> None:
    credentials = grpc.ssl_channel_credentials(roots())
    options = [("grpc.ssl_target_name_override", NODE.dns_name)]
    async with (
        serve() as node,
        grpc.aio.secure_channel(node.address, credentials, options) as channel,
    ):
        assert (await refusal(channel)).reason is Reason.UNREACHABLE


@pytest.mark.parametrize(
    "name",
    [
        Identity(SCHOOLS, FEDERATION, Role.NODE, "main").dns_name,
        Identity(REGISTRY, FEDERATION, Role.GATEWAY, "main").dns_name,
        FEDERATION,
        "127.0.0.1",
    ],
)
async def test_client_refuses_a_server_of_another_name(name: str) -> None:
    async with serve() as node, node.channel(dns_name=name) as channel:
        error = await refusal(channel)
    assert error.reason is Reason.UNREACHABLE
    assert "another party" in error.message


async def test_where_nothing_listens_the_cause_is_named() -> None:
    async with dial(free_address()) as channel:
        error = await refusal(channel)
    assert error.reason is Reason.UNREACHABLE
    assert error.message == "the node could not be reached: nothing listens at that address"


async def test_host_name_that_is_not_known_is_named() -> None:
    async with dial("nowhere.invalid:1") as channel:
        assert "host name" in (await refusal(channel)).message


def tls_client(folder: Path, version: ssl.TLSVersion) -> ssl.SSLContext:
    """Make a client that is not gRPC, as strict as OpenSSL can be."""
    (folder / "shown.pem").write_bytes(credential_of(GATEWAY).pem)
    context = ssl.create_default_context(cadata=roots().decode())
    context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_STRICT
    context.load_cert_chain(str(folder / "shown.pem"))
    context.set_alpn_protocols(["h2"])
    context.minimum_version = context.maximum_version = version
    return context


def shake_hands(port: int, context: ssl.SSLContext) -> str | None:
    with (
        socket.create_connection(("127.0.0.1", port), 5) as plain,
        context.wrap_socket(plain, server_hostname=NODE.dns_name) as secured,
    ):
        return secured.version()


async def test_tls_1_3_is_spoken_with_openssl_in_strict_mode(tmp_path: Path) -> None:
    context = tls_client(tmp_path, ssl.TLSVersion.TLSv1_3)
    async with serve() as node:
        assert shake_hands(node.port, context) == "TLSv1.3"


async def test_tls_1_2_cannot_be_agreed(tmp_path: Path) -> None:
    context = tls_client(tmp_path, ssl.TLSVersion.TLSv1_2)
    async with serve() as node:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            shake_hands(node.port, context)


def test_cipher_list_stands_before_grpc_can_be_imported() -> None:
    """gRPC reads the list at its import, which sorts before ours in every file."""
    script = (
        "import landbridge, os, sys;"
        "print(os.environ['GRPC_SSL_CIPHER_SUITES'], 'grpc' in sys.modules)"
    )
    environment = {**os.environ, "GRPC_SSL_CIPHER_SUITES": "ECDHE-ECDSA-AES128-GCM-SHA256"}
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["ECDHE-RSA-AES256-GCM-SHA384", "False"]


async def test_insecure_port_serves_nobody() -> None:
    async with (
        serve() as node,
        grpc.aio.insecure_channel(f"127.0.0.1:{node.insecure_port}") as channel,
    ):
        error = await refusal(channel)
    assert error.reason is Reason.CERTIFICATE_REFUSED
    assert "TLS 1.3" in error.message


async def test_new_certificate_is_shown_to_new_connections_alone() -> None:
    other = Identity(REGISTRY, FEDERATION, Role.NODE, "second")
    async with serve() as node, node.channel() as before:
        assert await call(before, "Unary")
        node.live._show(Recipe.true_to(other).shown(shared_federation().issuing))
        async with node.channel() as late, node.channel(dns_name=other.dns_name) as after:
            assert await call(after, "Unary")
            assert "another party" in (await refusal(late)).message
        assert await call(before, "Unary")


async def test_a_root_that_has_expired_is_no_anchor_and_breaks_no_handshake(
    tmp_path: Path,
) -> None:
    """Two roots of one subject, the expired one first, would break every handshake."""
    pki = make_federation(tmp_path)
    long_ago = timedelta(days=3660) // timedelta(milliseconds=1)
    expired = Root.create(FEDERATION, lambda: system_clock() - long_ago, generation=2)
    record = authority_record(expired.certificate, AuthorityState.RETIRING, datetime.now(UTC))
    pki.authorities = {expired.id: record, **pki.authorities}
    pki.publish()
    async with serve(pki) as node, node.channel() as channel:
        assert node.live.trust.bundle.content.authorities[0].id == expired.id
        assert await call(channel, "Unary")


async def test_second_server_on_the_same_port_is_refused() -> None:
    async with serve() as node:
        with pytest.raises(RuntimeError, match="bind"):
            async with serve(address=node.address):
                pass


async def test_channel_finds_a_server_that_comes_back() -> None:
    async with serve() as node:
        address = node.address
        channel = node.channel()
        assert await call(channel, "Unary")
    assert (await refusal(channel)).reason is Reason.UNREACHABLE
    async with serve(address=address):
        name = "/test.Service/Unary"
        answer = await channel.unary_unary(name)(b"x", timeout=5, wait_for_ready=True)
        assert answer.endswith(b" x")
    await channel.close()
