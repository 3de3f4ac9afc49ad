"""A line that resumes does resume: else the revocation bench would prove nothing about it."""

from pathlib import Path

import grpc

from bench.floor import Tls
from bench.resumption import ResumingLine
from certs.federation import PartyPlan, create_federation
from landbridge.agency import Role
from landbridge.keys import KeyUse
from landbridge.rpc.server_certificates import ServerCertificates
from landbridge.rpc.serving import bind, server_options

METHOD = "/landbridge.bench.Floor/Ask"


async def test_the_second_connection_resumes_the_session_of_the_first(tmp_path: Path) -> None:
    pki = create_federation(
        tmp_path,
        "f.example",
        [
            PartyPlan("exchange", Role.GATEWAY, "Exchange", (KeyUse.LOG,)),
            PartyPlan("asking", Role.REQUESTER, "Asking", (KeyUse.QUERY,)),
        ],
    )
    tls = Tls.read(pki.state("exchange", Role.GATEWAY))
    reused: list[bytes] = []

    async def ask(request: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
        reused.extend(context.auth_context()["ssl_session_reused"])
        return request

    server = grpc.aio.server(options=server_options())
    service, _, name = METHOD[1:].partition("/")
    handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(ask)
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(service, {name: handler}),)
    )
    port = bind(server, "127.0.0.1:0", ServerCertificates(tls.credential, tls.roots).credentials())
    await server.start()
    identity = next(each for each in pki.parties if each.role is Role.GATEWAY)
    line = ResumingLine(pki.state("asking", Role.REQUESTER), f"127.0.0.1:{port}", identity.dns_name)
    for _ in range(2):
        async with line.open() as channel:
            assert await channel.unary_unary(METHOD)(b"x", timeout=10) == b"x"
    await server.stop(None)
    assert reused == [b"false", b"true"]
