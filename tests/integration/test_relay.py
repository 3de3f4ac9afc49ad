"""The gateway passes calls for the authority on; it can hold them up, and nothing more."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from certs.authority_files import key_pem
from certs.csr import make_signing_request
from certs.enrolment_request import make_enrolment
from certs.invitation import InvitationBox
from certs.proof import RENEWAL_TYPE, prove
from certs.registrar.authority_rpcs import (
    AUTHORITY_SERVICE,
    ENROLMENT_SERVICE,
    PERMITTED_AT_GATEWAY,
)
from certs.renewal.office import Office
from gateway.relay import LARGEST_OF_A_NEWCOMER, Pace, Relay
from landbridge.agency import Identity
from landbridge.alarm import Alarms
from landbridge.clock import system_clock
from landbridge.errors import LandbridgeError, Reason
from landbridge.party import PartyFolder
from landbridge.rpc.credentials import Credential
from landbridge.rpc.guard import Guard
from landbridge.rpc.live_party import LiveParty
from landbridge.rpc.serving import server_options
from landbridge.rpc.status import from_rpc_error
from landbridge.trust.approval import Act, Statement
from landbridge.v1 import authority_service_pb2 as messages
from landbridge.v1 import authority_service_pb2_grpc
from tests.authority import FRONT, NODE, OTHER_NODE
from tests.pki import FEDERATION
from tests.served_authority import (
    FIRST,
    ServedAuthority,
    act_request,
    pass_over,
    served_authority,
)


@dataclass
class Front:
    """A gateway that does nothing but pass on."""

    running: ServedAuthority
    live: LiveParty
    address: str
    enrolment: str

    @asynccontextmanager
    async def called_by(self, identity: Identity) -> AsyncIterator[Any]:
        async with self.party(identity) as live:
            channel = live.channel(self.address, FRONT.dns_name).channel
            yield authority_service_pb2_grpc.AuthorityServiceStub(channel)

    def party(self, identity: Identity) -> AbstractAsyncContextManager[LiveParty]:
        return self.running.party(identity)

    @asynccontextmanager
    async def newcomer(self) -> AsyncIterator[Any]:
        """Call as one who knows the roots and has no certificate."""
        credentials = grpc.ssl_channel_credentials(self.running.pki.root.pem)
        options = (("grpc.ssl_target_name_override", FRONT.dns_name),)
        async with grpc.aio.secure_channel(self.enrolment, credentials, options) as channel:
            yield authority_service_pb2_grpc.EnrolmentServiceStub(channel)


class LyingRelay(Relay):
    """Changes what it passes on."""

    def __init__(
        self, live: LiveParty, lie: Callable[[bytes], bytes], *, about: str = "request"
    ) -> None:
        super().__init__(live)
        self._lie = lie
        self._about = about

    async def _pass_on(self, path: str, request: bytes, context: Any) -> bytes:
        if self._about == "request":
            request = self._lie(request)
        response = await super()._pass_on(path, request, context)
        return self._lie(response) if self._about == "response" else response


@asynccontextmanager
async def front(folder: Path, make: Callable[[LiveParty], Relay] = Relay) -> AsyncIterator[Front]:
    async with served_authority(folder) as running:
        party = PartyFolder.open(running.pki.parties[FRONT].folder)
        live = LiveParty(party, alarms=Alarms(pass_over))
        relay = make(live)
        server = grpc.aio.server(
            interceptors=[Guard(PERMITTED_AT_GATEWAY, party.trust)], options=server_options()
        )
        server.add_generic_rpc_handlers((relay.handlers(),))
        port = server.add_secure_port("127.0.0.1:0", live.server_credentials())
        open_server = grpc.aio.server()
        open_server.add_generic_rpc_handlers((relay.enrolment_handlers(),))
        open_port = open_server.add_secure_port(
            "127.0.0.1:0", live.server_credentials(ask_client=False)
        )
        await server.start()
        await open_server.start()
        yield Front(running, live, f"127.0.0.1:{port}", f"127.0.0.1:{open_port}")
        await relay.close()
        await server.stop(None)
        await open_server.stop(None)
        await live.close()


async def renew(stub: Any, live: LiveParty) -> bytes:
    """Renew by the rpc; return the credential that comes of it."""
    key = ec.generate_private_key(ec.SECP256R1())
    renewal = messages.Renewal(
        federation=FEDERATION,
        signing_request=make_signing_request(key),
        signed_at_unix_ms=system_clock(),
    ).SerializeToString()
    proof = prove(RENEWAL_TYPE, renewal, live.credential.private, live.credential.certificate)
    response = await stub.Renew(messages.RenewRequest(renewal=renewal, proof=proof))
    return key_pem(key) + response.chain


async def refused(call: Any) -> LandbridgeError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return from_rpc_error(caught.value)


def invite(running: ServedAuthority, identity: Identity) -> tuple[InvitationBox, Any]:
    box = InvitationBox()
    return box, act_request(running.pki, Act.INVITE, identity.uri, attachment=box.public)


async def test_a_party_renews_and_follows_the_trust_through_a_gateway(tmp_path: Path) -> None:
    async with front(tmp_path) as gate, gate.party(NODE) as live:
        channel = live.channel(gate.address, FRONT.dns_name).channel
        stub = authority_service_pb2_grpc.AuthorityServiceStub(channel)
        new = Credential.parse(await renew(stub, live), live.trust)
        assert new.leaf.identity == NODE
        watch = stub.WatchTrust(messages.WatchTrustRequest(since=live.trust.bundle.number))
        news = aiter(watch)
        assert len((await anext(news)).trust.revocation_lists) == 1
        await gate.running.act(Act.MEMBER_SUSPEND, "council.four", revision=1)
        message = await anext(news)
        assert live.store.offer(tuple(message.trust.bundles), ())
        watch.cancel()


async def test_refusals_keep_their_code_on_the_way(tmp_path: Path) -> None:
    async with (
        front(tmp_path) as gate,
        gate.party(NODE) as live,
        gate.called_by(NODE) as stub,
    ):
        error = await refused(stub.Renew(messages.RenewRequest(renewal=b"\xff")))
        assert error.reason is Reason.MALFORMED_REQUEST
        await gate.running.act(Act.MEMBER_SUSPEND, NODE.agency, revision=1)
        error = await refused(renew(stub, live))
        assert error.reason is Reason.CALLER_REFUSED
        assert "suspended" in error.message


async def test_acts_pass_for_administrators_alone(tmp_path: Path) -> None:
    async with front(tmp_path) as gate:
        async with gate.called_by(NODE) as stub:
            for call in (
                stub.Submit(messages.SubmitRequest()),
                stub.GetStanding(messages.GetStandingRequest()),
            ):
                assert (await refused(call)).reason is Reason.CALLER_REFUSED
        async with gate.called_by(FIRST) as stub:
            assert (await stub.GetStanding(messages.GetStandingRequest())).parties
            box, request = invite(gate.running, NODE)
            answer = await stub.Submit(request)
            assert box.open(answer.result, NODE.uri).identity == NODE.uri


async def test_an_invited_party_enrols_on_the_second_port(tmp_path: Path) -> None:
    async with front(tmp_path) as gate, gate.newcomer() as stub:
        box, request = invite(gate.running, NODE)
        desk = gate.running.authority.desk
        answer = await desk.run(gate.running.authority.registrar.submit, request)
        key = ec.generate_private_key(ec.SECP256R1())
        enrolled = await stub.Enrol(make_enrolment(box.open(answer.result, NODE.uri), key))
        leaf = x509.load_pem_x509_certificates(enrolled.chain)[0]
        assert leaf.public_key() == key.public_key()


async def test_the_second_port_gives_nothing_else(tmp_path: Path) -> None:
    async with front(tmp_path) as gate:
        credentials = grpc.ssl_channel_credentials(gate.running.pki.root.pem)
        options = (("grpc.ssl_target_name_override", FRONT.dns_name),)
        async with grpc.aio.secure_channel(gate.enrolment, credentials, options) as channel:
            for name in ("GetTrust", "Submit", "GetStanding"):
                with pytest.raises(grpc.aio.AioRpcError) as caught:
                    await channel.unary_unary(f"/{AUTHORITY_SERVICE}/{name}")(b"")
                assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_newcomers_are_bounded_in_size_and_pace(tmp_path: Path) -> None:
    async with front(tmp_path) as gate, gate.newcomer() as stub:
        large = messages.ApplyRequest(application=bytes(LARGEST_OF_A_NEWCOMER))
        assert (await refused(stub.Apply(large))).reason is Reason.MALFORMED_REQUEST
        reasons = [
            (await refused(stub.Apply(messages.ApplyRequest(application=b"x")))).reason
            for _ in range(30)
        ]
        assert reasons[0] is Reason.MALFORMED_REQUEST
        assert reasons[-1] is Reason.BUSY
        # One kind of request does not use up another's pace.
        error = await refused(stub.Enrol(messages.EnrolRequest(enrolment=b"\xff")))
        assert error.reason is Reason.MALFORMED_REQUEST


def test_a_pace_saves_up_no_more_than_its_burst() -> None:
    now = 0.0
    pace = Pace(2.0, lambda: now, burst_s=3.0)
    assert [pace.take() for _ in range(7)] == [True] * 6 + [False]
    now = 1.0
    assert [pace.take() for _ in range(3)] == [True, True, False]
    now = 1000.0
    assert [pace.take() for _ in range(7)] == [True] * 6 + [False]


def flipped(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


async def test_a_relay_that_changes_requests_is_found_out(tmp_path: Path) -> None:
    async with (
        front(tmp_path, lambda live: LyingRelay(live, flipped)) as gate,
        gate.party(NODE) as live,
        gate.called_by(NODE) as stub,
    ):
        logged = gate.running.authority.registrar.journal.bundle.number
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await renew(stub, live)
        assert from_rpc_error(caught.value).reason in {
            Reason.BAD_SIGNATURE,
            Reason.CERTIFICATE_REFUSED,
            Reason.MALFORMED_REQUEST,
        }
        assert gate.running.bundle.number == logged


async def test_a_relay_cannot_have_a_dry_run_carried_out(tmp_path: Path) -> None:
    def for_real(data: bytes) -> bytes:
        request = messages.SubmitRequest.FromString(data)
        request.dry_run = False
        return request.SerializeToString()

    async with (
        front(tmp_path, lambda live: LyingRelay(live, for_real)) as gate,
        gate.called_by(FIRST) as stub,
    ):
        statement = Statement(FEDERATION, Act.MEMBER_SUSPEND, NODE.agency, 1)
        request = messages.SubmitRequest(statement=statement.to_bytes(), dry_run=True)
        assert (await refused(stub.Submit(request))).reason is Reason.UNTRUSTED_KEY
        assert not gate.running.bundle.members[NODE.agency].suspended


async def test_a_relay_that_answers_with_another_s_certificate_is_found_out(
    tmp_path: Path,
) -> None:
    seen: list[bytes] = []

    def always_the_first(data: bytes) -> bytes:
        seen.append(data)
        return seen[0]

    async with front(
        tmp_path, lambda live: LyingRelay(live, always_the_first, about="response")
    ) as gate:
        async with gate.party(OTHER_NODE) as live, gate.called_by(OTHER_NODE) as stub:
            await renew(stub, live)
        async with gate.party(NODE) as live, gate.called_by(NODE) as stub:
            before = live.credential.pem
            with pytest.raises(LandbridgeError) as caught:
                await live.install(await renew(stub, live))
            assert caught.value.reason is Reason.BAD_CREDENTIAL
            assert live.credential.pem == before


async def test_a_relay_learns_no_invitation(tmp_path: Path) -> None:
    heard: list[bytes] = []

    def listen(data: bytes) -> bytes:
        heard.append(data)
        return data

    async with (
        front(tmp_path, lambda live: LyingRelay(live, listen, about="response")) as gate,
        gate.called_by(FIRST) as stub,
    ):
        box, request = invite(gate.running, NODE)
        invitation = box.open((await stub.Submit(request)).result, NODE.uri)
        assert heard
        for secret in (invitation.secret.encode(), bytes.fromhex(invitation.secret)):
            assert all(secret not in each for each in heard)


async def test_with_the_authority_gone_a_gateway_says_so(tmp_path: Path) -> None:
    async with front(tmp_path) as gate, gate.called_by(NODE) as stub:
        await stub.GetTrust(messages.GetTrustRequest())
        await gate.running.authority.server.stop(None)
        error = await refused(stub.GetTrust(messages.GetTrustRequest()))
        assert error.reason is Reason.UNREACHABLE


async def test_watching_goes_on_when_the_gateway_renews(tmp_path: Path) -> None:
    async with front(tmp_path) as gate, gate.called_by(NODE) as stub:
        office = Office(gate.live)
        watch = stub.WatchTrust(messages.WatchTrustRequest(since=gate.running.bundle.number))
        news = aiter(watch)
        await anext(news)
        await gate.live.install(await office.renew())
        # The line to the authority is swapped: the stream ends in good order, to be opened anew.
        with pytest.raises(StopAsyncIteration):
            await asyncio.wait_for(anext(news), 5)
        again = stub.WatchTrust(messages.WatchTrustRequest(since=gate.running.bundle.number))
        assert await anext(aiter(again))
        again.cancel()
        await office.close()


def test_both_services_are_named_as_in_the_contract() -> None:
    assert messages.DESCRIPTOR.services_by_name["AuthorityService"].full_name == AUTHORITY_SERVICE
    assert messages.DESCRIPTOR.services_by_name["EnrolmentService"].full_name == ENROLMENT_SERVICE
    declared = {
        f"/{AUTHORITY_SERVICE}/{method.name}"
        for method in messages.DESCRIPTOR.services_by_name["AuthorityService"].methods
    }
    assert set(PERMITTED_AT_GATEWAY) == declared
