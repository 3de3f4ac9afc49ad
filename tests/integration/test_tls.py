"""Who can talk to whom: real servers, real TLS, real certificates, good and hostile."""

import os
import socket
import ssl
import subprocess
import sys
from pathlib import Path

import grpc
import pytest

from landbridge.agency import Identity, Role
from landbridge.errors import LandbridgeError, Reason
from landbridge.rpc.credentials import TlsFiles, open_channel
from landbridge.rpc.status import from_rpc_error
from tests.hostile import Recipe
from tests.integration.hostile_callers import CALLER, PASSING_TLS, REFUSED_BY_TLS, hostile
from tests.integration.tls_server import (
    NODE,
    call,
    raw_tls,
    serve,
    tls_folder,
    tls_of,
)
from tests.pki import (
    FEDERATION,
    GATEWAY,
    REGISTRY,
    SCHOOLS,
    make_federation,
    shared_federation,
)


async def refusal(channel: grpc.aio.Channel, method: str = "Unary") -> LandbridgeError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call(channel, method)
    return from_rpc_error(caught.value, peer="the node")


async def test_both_sides_accept_each_other() -> None:
    async with serve() as node, node.channel() as channel:
        assert await call(channel, "Unary") == f"{CALLER.uri} x".encode()


async def test_certificate_made_by_hand_but_in_form_is_accepted(tmp_path: Path) -> None:
    """What the hostile ones change is what they are refused for."""
    async with serve() as node, node.channel(hostile(tmp_path)) as channel:
        assert await call(channel, "Unary") == f"{CALLER.uri} x".encode()


@pytest.mark.parametrize("name", PASSING_TLS)
async def test_guard_refuses_what_tls_lets_in(tmp_path: Path, name: str) -> None:
    async with serve() as node, node.channel(PASSING_TLS[name](tmp_path)) as channel:
        error = await refusal(channel)
    assert error.reason in {Reason.CERTIFICATE_REFUSED, Reason.CALLER_REFUSED}, error


@pytest.mark.parametrize("name", REFUSED_BY_TLS)
async def test_handshake_refuses(tmp_path: Path, name: str) -> None:
    async with serve() as node, node.channel(REFUSED_BY_TLS[name](tmp_path)) as channel:
        error = await refusal(channel)
    assert error.reason is Reason.UNREACHABLE
    assert "may not accept this party's certificate" in error.message


async def test_client_of_another_federation_is_refused(tmp_path: Path) -> None:
    stranger = make_federation(tmp_path).state(GATEWAY, Role.GATEWAY) / "tls"
    (stranger / "roots.pem").write_bytes(tls_of(GATEWAY).roots)
    async with serve() as node, node.channel(raw_tls(stranger)) as channel:
        assert (await refusal(channel)).reason is Reason.UNREACHABLE


async def test_server_of_another_federation_is_refused(tmp_path: Path) -> None:
    stranger = make_federation(tmp_path).state(REGISTRY, Role.NODE) / "tls"
    async with serve(raw_tls(stranger)) as node, node.channel() as channel:
        error = await refusal(channel)
    assert error.reason is Reason.UNREACHABLE
    assert "not of this federation" in error.message


async def test_client_without_a_certificate_is_refused() -> None:
    credentials = grpc.ssl_channel_credentials(tls_of(GATEWAY).roots)
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
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{unused.getsockname()[1]}"
        async with open_channel(address, NODE.dns_name, tls_of(GATEWAY)) as channel:
            error = await refusal(channel)
    assert error.reason is Reason.UNREACHABLE
    assert error.message == "the node could not be reached: nothing listens at that address"


async def test_host_name_that_is_not_known_is_named() -> None:
    async with open_channel("nowhere.invalid:1", NODE.dns_name, tls_of(GATEWAY)) as channel:
        assert "host name" in (await refusal(channel)).message


def tls_client(folder: Path, version: ssl.TLSVersion) -> ssl.SSLContext:
    """Make a client that is not gRPC, as strict as OpenSSL can be."""
    context = ssl.create_default_context(cafile=str(folder / "roots.pem"))
    context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_STRICT
    context.load_cert_chain(str(folder / "chain.pem"), str(folder / "key.pem"))
    context.set_alpn_protocols(["h2"])
    context.minimum_version = context.maximum_version = version
    return context


def shake_hands(port: int, context: ssl.SSLContext) -> str | None:
    with (
        socket.create_connection(("127.0.0.1", port), 5) as plain,
        context.wrap_socket(plain, server_hostname=NODE.dns_name) as secured,
    ):
        return secured.version()


async def test_tls_1_3_is_spoken_with_openssl_in_strict_mode() -> None:
    context = tls_client(tls_folder(GATEWAY), ssl.TLSVersion.TLSv1_3)
    async with serve() as node:
        assert shake_hands(node.port, context) == "TLSv1.3"


async def test_tls_1_2_cannot_be_agreed() -> None:
    context = tls_client(tls_folder(GATEWAY), ssl.TLSVersion.TLSv1_2)
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


async def test_new_certificate_is_shown_to_new_connections_alone(tmp_path: Path) -> None:
    other = Identity(REGISTRY, FEDERATION, Role.NODE, "second")
    folder = Recipe.true_to(other).write(tmp_path / "tls", shared_federation().issuing)
    async with serve() as node, node.channel() as before:
        assert await call(before, "Unary")
        node.certificates.publish(TlsFiles.read(folder, FEDERATION))
        async with node.channel() as late, node.channel(dns_name=other.dns_name) as after:
            assert await call(after, "Unary")
            assert "another party" in (await refusal(late)).message
        assert await call(before, "Unary")


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
