"""Signing keys that change in a running federation, and revocation data that grow too old."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from certs.federation import FederationPki
from landbridge.agency import Role
from landbridge.clock import system_clock, to_datetime
from landbridge.envelope import PROFILE_TYPE, digest
from landbridge.errors import Reason
from landbridge.keys import KeyUse, SigningKey, write_whole
from landbridge.log.note import NoteVerifier, parse_note
from landbridge.party import PartyFolder
from landbridge.profile import profile_document
from landbridge.trust.authority import subject_key_id
from landbridge.trust.store import TrustStore
from landbridge.v1 import answer_pb2, envelope_pb2, log_pb2, profile_pb2
from landbridge.verification import verify_profile
from tests.market import BAKERY, PURPOSE, TAX, Market, market, outcomes
from tests.moving_trust import ACTIVE, REMOVED, RETIRING, MovingTrust

EXCHANGE = "exchange"


def pki_of(running: Market) -> FederationPki:
    pki = running.sandbox._pki
    assert pki is not None
    return pki


def stores(running: Market) -> list[TrustStore]:
    return [running.gateway.live.store, *(node.live.store for node in running.nodes.values())]


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0.01)


@dataclass(slots=True)
class Traffic:
    """Queries, one after the other in several lines, and every profile that came."""

    running: Market
    profiles: list[envelope_pb2.Envelope] = field(default_factory=list)
    stopping: bool = False

    async def line(self) -> None:
        while not self.stopping:
            self.profiles.append(await self.running.client.ask(BAKERY, PURPOSE, "M-1", timeout=10))

    async def more(self) -> None:
        """Wait for some profiles of queries that begin now."""
        enough = len(self.profiles) + 8
        await until(lambda: len(self.profiles) >= enough)


def publish(running: Market, trust: MovingTrust) -> None:
    for store in stores(running):
        store.offer([trust.bundle.document])


def log_folders(running: Market) -> Iterable[tuple[str, Path]]:
    yield EXCHANGE, running.sandbox.state(EXCHANGE, Role.GATEWAY)
    for agency in running.nodes:
        yield agency, running.sandbox.state(agency, Role.NODE)


def signer_of(running: Market, agency: str) -> bytes:
    log = running.gateway.log if agency == EXCHANGE else running.nodes[agency].log
    return log.signer.public_bytes_raw()


def hashes(origin: str, *keys: SigningKey) -> set[bytes]:
    return {NoteVerifier(origin, key.public).key_hash for key in keys}


def change_log_key(folder: Path, trust: MovingTrust) -> tuple[SigningKey, SigningKey]:
    """Put the next key of a requester's log in its place, as its own process or a person does."""
    keys = folder / "keys"
    old = SigningKey.load(keys / "log.key")
    new = SigningKey.generate(old.agency, KeyUse.LOG)
    new.save(keys / "log.next.key")
    trust.introduce(old, new)
    document = trust.move({new.key_id: ACTIVE, old.key_id: RETIRING}).document
    write_whole(folder / "trust-bundle.json", document, mode=0o644)
    (keys / "log.next.key").replace(keys / "log.key")
    return old, new


async def test_every_signing_key_changes_under_traffic_and_nothing_fails(tmp_path: Path) -> None:
    async with market(tmp_path) as running:
        trust = MovingTrust(pki_of(running))
        requester = running.sandbox.requesters[0]
        folders = {agency: (folder, KeyUse.LOG) for agency, folder in log_folders(running)}
        folders[requester] = (running.sandbox.state(requester, Role.REQUESTER), KeyUse.QUERY)
        traffic = Traffic(running)
        lines = [asyncio.create_task(traffic.line()) for _ in range(4)]
        await traffic.more()
        old, new = {}, {}
        for agency, (folder, use) in folders.items():
            present = old[agency] = SigningKey.load(folder / "keys" / f"{use}.key")
            new[agency] = SigningKey.generate(agency, use)
            new[agency].save(folder / "keys" / f"{use}.next.key")
            trust.introduce(present, new[agency])
        publish(running, trust)
        await traffic.more()
        for agency in folders:
            trust.move({new[agency].key_id: ACTIVE, old[agency].key_id: RETIRING})
            publish(running, trust)
            await traffic.more()
        logs = set(folders) - {requester}
        due = {agency: new[agency].public.public_bytes_raw() for agency in logs}
        await until(lambda: {agency: signer_of(running, agency) for agency in logs} == due)
        for agency in logs:
            folder, use = folders[agency]
            assert SigningKey.load(folder / "keys" / f"{use}.key").key_id == new[agency].key_id
        # A requester's own process, or a person, puts its next key in place: the client follows.
        folder, use = folders[requester]
        (folder / "keys" / f"{use}.next.key").replace(folder / "keys" / f"{use}.key")
        await traffic.more()
        log_before, log_after = change_log_key(folder, trust)
        await traffic.more()
        for agency in folders:
            trust.move({old[agency].key_id: REMOVED}, ends=to_datetime(system_clock()))
            publish(running, trust)
        await traffic.more()
        traffic.stopping = True
        await asyncio.gather(*lines)

    for envelope in traffic.profiles:
        document = profile_document(envelope)
        verify_profile(document, trust.bundle, federation=running.sandbox.federation)
    queries = {
        profile_pb2.Profile.FromString(one.payload).query.batch.key_id for one in traffic.profiles
    }
    assert queries == {old[requester].key_id, new[requester].key_id}
    own = PartyFolder.open(folder).open_log(running.identity(requester, Role.REQUESTER))
    handed_over = parse_note(own.handovers()[0]).signatures
    assert {one.key_hash for one in handed_over} == hashes(own.origin, log_before, log_after)
    receipts = [log_pb2.LogEntry.FromString(entry).payload_digest for entry in own.entries()]
    assert {digest(PROFILE_TYPE, one.payload) for one in traffic.profiles} <= set(receipts)
    own.close()
    origin = f"{EXCHANGE}.{running.sandbox.federation.name}/gateway/main"
    lines_of = [parse_note(one.log.checkpoint).signatures for one in traffic.profiles]
    used = {line.key_hash for signatures in lines_of for line in signatures}
    assert used == hashes(origin, old[EXCHANGE], new[EXCHANGE])


async def test_stale_revocation_data_refuse_until_they_are_fresh_again(tmp_path: Path) -> None:
    async with market(tmp_path) as running:
        pki = pki_of(running)
        key_id = subject_key_id(pki.issuing.certificate)

        async def overdue(store: TrustStore) -> None:
            pki.list_number += 1
            life = timedelta(milliseconds=1100)
            store.offer(lists=[pki.issuing.sign_crl(pki.list_number, (), pki.clock, life)])
            await until(lambda: store.current.stale_since(system_clock()) is not None)

        node = running.nodes[TAX].live.store
        assert set(outcomes(await running.profile()).values()) == {Reason.ANSWERED}
        await overdue(node)
        profile = await running.profile()
        found = outcomes(profile)
        assert [found.pop(TAX), set(found.values())] == [Reason.STALE_REVOCATION, {Reason.ANSWERED}]
        answers = [answer_pb2.Answer.FromString(one.payload) for one in profile.answers]
        (refusal,) = [
            (Reason(one.reason), one.memorandum, one.clause)
            for answer in answers
            if answer.agency == TAX
            for dataset in answer.datasets
            for one in dataset.refusals
        ]
        assert refusal == (Reason.STALE_REVOCATION, "stalls-2026", "1.2")
        await overdue(running.gateway.live.store)
        sources = (await running.profile()).sources
        assert [Reason(source.outcome) for source in sources] == [Reason.STALE_REVOCATION] * 3
        assert all(source.not_asked for source in sources)
        fresh = pki.publish_list()
        for store in stores(running):
            store.offer(lists=[fresh])
            assert store.current.lists[key_id].number == pki.list_number
        assert set(outcomes(await running.profile()).values()) == {Reason.ANSWERED}
