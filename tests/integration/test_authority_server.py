"""The authority as a server: who may call what, news within a second, restarts and kills."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from certs.enrolment_request import make_enrolment
from certs.invitation import InvitationBox
from certs.registrar.job import Registrar
from certs.registrar.journal import Journal
from certs.registrar.server import build_authority
from certs.renewal.office import Office
from landbridge.agency import Identity, Role
from landbridge.alarm import Alarms
from landbridge.errors import LandbridgeError, Reason
from landbridge.party import PartyFolder
from landbridge.rpc.live_party import LiveParty
from landbridge.rpc.status import from_rpc_error
from landbridge.trust.approval import Act
from landbridge.trust.bundle import TrustBundle
from landbridge.v1 import authority_service_pb2 as messages
from landbridge.v1 import authority_service_pb2_grpc, log_pb2
from tests.authority import AUTHORITY, FRONT, NODE, Desk
from tests.free_address import free_address
from tests.pki import FEDERATION, REGISTRY
from tests.served_authority import (
    FIRST,
    ServedAuthority,
    act_request,
    founded,
    pass_over,
    served_authority,
)


@asynccontextmanager
async def stub(
    running: ServedAuthority, identity: Identity
) -> AsyncIterator["authority_service_pb2_grpc.AuthorityServiceAsyncStub"]:
    async with running.party(identity) as live:
        channel = live.channel(running.authority.address, AUTHORITY.dns_name)
        yield authority_service_pb2_grpc.AuthorityServiceStub(channel.channel)


async def test_a_party_renews_acknowledges_and_follows_the_trust(tmp_path: Path) -> None:
    async with served_authority(tmp_path) as running, running.party(NODE) as live:
        office = Office(live)
        await live.install(await office.renew())
        await office.acknowledge(erased=(), trials=(), alarms=())
        watch = aiter(office.watch(live.trust.bundle.number))
        first = await anext(watch)
        assert (first.bundles, len(first.lists)) == ((), 1)
        await running.act(Act.MEMBER_SUSPEND, "council.four", revision=1)
        second = await anext(watch)
        assert live.store.offer(second.bundles, second.lists)
        assert live.trust.bundle.members["council.four"].suspended
        await office.close()


async def _read_to_the_end(stream: Any) -> None:
    async for _ in stream:
        pass


async def test_a_revocation_ends_the_watch_of_the_revoked_and_of_nobody_else(
    tmp_path: Path,
) -> None:
    other = Identity("schools.two", FEDERATION, Role.NODE, "main")
    async with (
        served_authority(tmp_path) as running,
        stub(running, NODE) as revoked,
        stub(running, other) as innocent,
    ):
        streams = [
            each.WatchTrust(messages.WatchTrustRequest(since=running.bundle.number))
            for each in (revoked, innocent)
        ]
        for stream in streams:
            await anext(aiter(stream))
        pem = (running.pki.parties[NODE].folder / "credential.pem").read_bytes()
        leaf = x509.load_pem_x509_certificates(pem)[0]
        issuer = running.bundle.active_issuer.key_id
        await running.act(Act.CERTIFICATE_REVOKE, f"{issuer}/{leaf.serial_number:x}")
        with pytest.raises(grpc.aio.AioRpcError) as ended:
            await _read_to_the_end(streams[0])
        assert from_rpc_error(ended.value).reason is Reason.CERTIFICATE_REVOKED
        news = await anext(aiter(streams[1]))
        assert len(news.trust.bundles) == 1
        streams[1].cancel()


@pytest.mark.parametrize(
    ("identity", "allowed"), [(NODE, False), (FIRST, True)], ids=["node", "administrator"]
)
async def test_the_standing_is_for_administrators(
    tmp_path: Path, identity: Identity, *, allowed: bool
) -> None:
    async with served_authority(tmp_path) as running, stub(running, identity) as called:
        if allowed:
            assert (await called.GetStanding(messages.GetStandingRequest())).parties
            return
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await called.GetStanding(messages.GetStandingRequest())
        assert from_rpc_error(refused.value).reason is Reason.CALLER_REFUSED


async def test_enrolments_come_by_a_gateway_alone(tmp_path: Path) -> None:
    async with served_authority(tmp_path) as running, running.party(FIRST) as live:
        channel = live.channel(running.authority.address, AUTHORITY.dns_name).channel
        enrolments = authority_service_pb2_grpc.EnrolmentServiceStub(channel)
        for call in (
            enrolments.Enrol(messages.EnrolRequest()),
            enrolments.Apply(messages.ApplyRequest()),
        ):
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await call
            assert from_rpc_error(refused.value).reason is Reason.CALLER_REFUSED


async def test_oversized_requests_are_refused_and_the_service_goes_on(tmp_path: Path) -> None:
    async with served_authority(tmp_path) as running, stub(running, NODE) as called:
        with pytest.raises(grpc.aio.AioRpcError):
            await called.Renew(messages.RenewRequest(renewal=bytes(1 << 20)))
        response = await called.GetTrust(messages.GetTrustRequest(since=0))
        newest = TrustBundle.parse(response.bundles[0], running.pki.bundle_key.public)
        assert newest.number == running.bundle.number
        far = await called.GetTrust(messages.GetTrustRequest(since=(1 << 64) - 1))
        assert list(far.bundles) == []


async def test_too_much_at_once_is_refused_and_not_piled_up(tmp_path: Path) -> None:
    async with served_authority(tmp_path) as running:
        desk = running.authority.desk
        results = await asyncio.gather(
            *(desk.run(time.sleep, 0.001) for _ in range(400)), return_exceptions=True
        )
        refused = [each for each in results if isinstance(each, LandbridgeError)]
        assert {each.reason for each in refused} == {Reason.BUSY}
        # The authority's own work, such as signing lists, waits among them.
        assert 400 - 256 <= len(refused) < 400 - 250


async def test_it_certifies_itself_when_its_own_certificate_is_gone(tmp_path: Path) -> None:
    _, folder, listen = founded(tmp_path)
    credential = folder / "party" / "credential.pem"
    credential.write_bytes(b"")
    authority = build_authority(folder, listen=listen)
    await authority.start()
    assert authority.live.identity == AUTHORITY
    assert credential.stat().st_mode & 0o777 == 0o600
    await authority.stop()


async def test_it_comes_back_by_itself_when_its_own_certificate_is_revoked(
    tmp_path: Path,
) -> None:
    async with served_authority(tmp_path) as running:
        authority = running.authority
        revoked = authority.live.credential.leaf
        await running.act(Act.CERTIFICATE_REVOKE, f"{revoked.issuer_key_id}/{revoked.serial:x}")
        await authority.desk.run(authority.certify_itself)
        while authority.live.credential.leaf.serial == revoked.serial:
            await asyncio.sleep(0.05)
        async with running.party(NODE) as live:
            channel = live.channel(authority.address, AUTHORITY.dns_name).channel
            called = authority_service_pb2_grpc.AuthorityServiceStub(channel)
            trust = await called.GetTrust(messages.GetTrustRequest(since=1))
            assert live.store.offer(tuple(trust.bundles), tuple(trust.revocation_lists))


@pytest.mark.parametrize(
    "name", ["bundle.key", "issuing/issuing-1.key", "registry.sqlite", "party/credential.pem"]
)
async def test_what_others_may_read_is_refused(tmp_path: Path, name: str) -> None:
    desk = Desk(tmp_path)
    desk.close()
    (desk.folder / name).chmod(0o640)
    with pytest.raises(LandbridgeError) as caught:
        build_authority(desk.folder, listen=free_address())
    assert caught.value.reason is Reason.KEY_EXPOSED
    (desk.folder / name).chmod(0o600)
    # Nothing is locked or left open by the refusal.
    desk.open()
    desk.close()


SERVE = """
import asyncio, sys
from pathlib import Path
from typing import Any
from certs.registrar.server import serve
asyncio.run(serve(Path(sys.argv[1]), listen=sys.argv[2]))
"""


async def test_killed_in_a_storm_of_enrolments_nothing_that_was_handed_out_is_lost(
    tmp_path: Path,
) -> None:
    pki, folder, listen = founded(tmp_path)
    chains: list[bytes] = []
    front = PartyFolder.open(pki.parties[FRONT].folder)
    live = LiveParty(front, alarms=Alarms(pass_over))
    channel = live.channel(listen, AUTHORITY.dns_name).channel
    office = authority_service_pb2_grpc.AuthorityServiceStub(channel)
    enrolments = authority_service_pb2_grpc.EnrolmentServiceStub(channel)

    async def one(identity: Identity) -> None:
        box = InvitationBox()
        request = act_request(pki, Act.INVITE, identity.uri, attachment=box.public)
        answer = await office.Submit(request, wait_for_ready=True, timeout=30)
        key = ec.generate_private_key(ec.SECP256R1())
        invitation = box.open(answer.result, identity.uri)
        enrolled = await enrolments.Enrol(make_enrolment(invitation, key))
        chains.append(enrolled.chain)

    async def storm(number: int) -> None:
        for turn in range(100):
            name = f"n{number}-{turn}"
            await one(Identity(REGISTRY, FEDERATION, Role.NODE, name))

    process = subprocess.Popen(  # noqa: ASYNC220  it starts while this waits for it anyhow
        [sys.executable, "-c", SERVE, str(folder), listen]
    )
    try:
        tasks = [asyncio.create_task(storm(number)) for number in range(4)]
        while len(chains) < 20:
            await asyncio.sleep(0.01)
            assert not any(task.done() for task in tasks)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        await asyncio.gather(*tasks, return_exceptions=True)
    finally:
        process.kill()
        process.wait()
        await live.close()
    party_folder = PartyFolder.open(folder / "party")
    log = party_folder.open_log(AUTHORITY)
    registrar = Registrar(folder, Journal(folder, log, clock=pki.clock))
    entries = [log_pb2.LogEntry.FromString(log.entry(index)) for index in range(log.size)]
    logged = {entry.act.decode() for entry in entries}
    with registrar.journal.look() as present:
        rows = present.connection.execute("SELECT serial, identity FROM leaf").fetchall()
        used = present.connection.execute(
            "SELECT count(*) FROM invitation WHERE used_by IS NOT NULL"
        ).fetchone()[0]
    registered = {serial for serial, _ in rows}
    handed_out = {
        f"{x509.load_pem_x509_certificates(chain)[0].serial_number:x}" for chain in chains
    }
    assert handed_out <= registered
    for serial in registered:
        assert any(f'"serial":"{serial}"' in act for act in logged)
    assert used == sum('"invitation"' in act for act in logged)
    registrar.journal.close()
