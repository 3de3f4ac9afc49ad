"""The gateway's lines follow the trust bundle: agencies join, are suspended and leave."""

import asyncio
from pathlib import Path

import pytest

from certs.federation import FederationPki
from gateway.node_client import NodeClient
from gateway.node_lines import NodeLines
from landbridge.agency import Identity, Role
from landbridge.alarm import Alarms
from landbridge.party import PartyFolder
from landbridge.rpc.live_party import LiveParty
from landbridge.trust.bundle import Endpoint
from tests.pki import FEDERATION, GATEWAY, REGISTRY, SCHOOLS, make_federation

NODES = {agency: Identity(agency, FEDERATION, Role.NODE, "main") for agency in (REGISTRY, SCHOOLS)}


@pytest.fixture
def pki(tmp_path: Path) -> FederationPki:
    made = make_federation(tmp_path)
    made.publish(addresses={NODES[REGISTRY]: "127.0.0.1:1"})
    return made


class Opened:
    """Lines to addresses where nobody listens."""

    def __init__(self, pki: FederationPki) -> None:
        party = PartyFolder.open(pki.state(GATEWAY, Role.GATEWAY))
        self.live = LiveParty(party, alarms=Alarms(lambda *_: None))
        self.store = party.trust
        self.addresses: list[str] = []

    def line(self, endpoint: Endpoint) -> NodeClient:
        self.addresses.append(endpoint.address)
        return NodeClient(endpoint.agency, self.live.channel(endpoint.address, endpoint.dns_name))


async def followed(opened: Opened) -> None:
    opened.store.follow_files()
    await asyncio.sleep(0)


async def test_lines_come_and_go_with_the_bundle(pki: FederationPki) -> None:
    opened = Opened(pki)
    lines = NodeLines(opened.store, opened.line)
    try:
        assert list(lines) == [REGISTRY]
        kept = lines[REGISTRY]
        pki.publish(addresses={NODES[SCHOOLS]: "127.0.0.1:2"})
        await followed(opened)
        assert list(lines) == [REGISTRY, SCHOOLS]
        assert lines[REGISTRY] is kept
        pki.publish(suspended=[REGISTRY])
        await followed(opened)
        assert list(lines) == [SCHOOLS]
        assert REGISTRY not in lines
        pki.publish()
        await followed(opened)
        assert set(lines) == {REGISTRY, SCHOOLS}
    finally:
        await lines.close()
    assert len(lines) == 0
    assert opened.addresses == ["127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:1"]


async def test_a_node_that_moves_is_dialled_at_its_new_address(pki: FederationPki) -> None:
    opened = Opened(pki)
    lines = NodeLines(opened.store, opened.line)
    try:
        pki.publish(addresses={NODES[REGISTRY]: "127.0.0.1:9"})
        await followed(opened)
        assert len(lines) == 1
        assert opened.addresses == ["127.0.0.1:1", "127.0.0.1:9"]
    finally:
        await lines.close()
