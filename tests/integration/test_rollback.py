"""A node's log and the gateway's, put back to an older copy in a running federation."""

import shutil
from pathlib import Path

import pytest

from gateway.server import build_gateway
from landbridge.agency import Role
from landbridge.errors import LandbridgeError, Reason
from tests.market import FOOD, Market, market, outcomes


def keep(running: Market, agency: str, role: Role, name: str) -> Path:
    """Copy a party's folder, as a backup of its machine would."""
    target = running.sandbox.folder.parent / f"{agency}-{name}"
    shutil.copytree(running.sandbox.state(agency, role), target)
    return target


def put_back(running: Market, agency: str, role: Role, copy: Path) -> None:
    folder = running.sandbox.state(agency, role)
    shutil.rmtree(folder)
    shutil.copytree(copy, folder)


async def restart_gateway(running: Market) -> None:
    (front,) = running.bundle.endpoints(Role.GATEWAY)
    running.gateway = build_gateway(
        running.sandbox.folder / "federation.toml",
        state=running.sandbox.state("exchange", Role.GATEWAY),
        listen=front.address,
    )
    await running.gateway.start()
    await running.connected()


async def test_a_node_that_was_put_back_is_refused_at_once_and_stops(tmp_path: Path) -> None:
    async with market(tmp_path) as running:
        await running.profile()
        await running.nodes.pop(FOOD).stop()
        old = keep(running, FOOD, Role.NODE, "old")
        await running.restart(FOOD)
        assert outcomes(await running.profile())[FOOD] == Reason.ANSWERED
        assert outcomes(await running.profile())[FOOD] == Reason.ANSWERED
        await running.gateway.witnessing.stop()
        await running.gateway.witnessing.go_round()
        await running.nodes.pop(FOOD).stop()
        newest = keep(running, FOOD, Role.NODE, "newest")
        # The whole machine of an older day, before anybody has told it anything.
        put_back(running, FOOD, Role.NODE, old)
        await running.restart(FOOD)
        assert running.nodes[FOOD].log.halted is None
        found = outcomes(await running.profile())
        assert found.pop(FOOD) == Reason.LOG_ROLLED_BACK
        assert set(found.values()) == {Reason.ANSWERED}
        # The first contact tells the node, which answers nothing any more, after a restart too.
        await running.gateway.witnessing.go_round()
        size = running.nodes[FOOD].log.size
        for _ in range(2):
            assert outcomes(await running.profile())[FOOD] == Reason.LOG_ROLLED_BACK
            assert running.nodes[FOOD].log.size == size
            await running.nodes.pop(FOOD).stop()
            await running.restart(FOOD)
            assert running.nodes[FOOD].log.halted is not None
        # A person restores the newest copy.
        await running.nodes.pop(FOOD).stop()
        put_back(running, FOOD, Role.NODE, newest)
        await running.restart(FOOD)
        await running.gateway.witnessing.go_round()
        assert outcomes(await running.profile())[FOOD] == Reason.ANSWERED

        # The gateway: its client refuses what it gives at once, and it stops at the first contact.
        await running.gateway.stop()
        old = keep(running, "exchange", Role.GATEWAY, "old")
        await restart_gateway(running)
        await running.profile()
        await running.gateway.witnessing.stop()
        await running.gateway.witnessing.go_round()
        await running.gateway.stop()
        put_back(running, "exchange", Role.GATEWAY, old)
        await restart_gateway(running)
        await running.gateway.witnessing.stop()
        for _ in range(2):
            with pytest.raises(LandbridgeError) as caught:
                await running.client.send(running.query())
            assert caught.value.reason is Reason.LOG_ROLLED_BACK
            await running.gateway.witnessing.go_round()
            assert running.gateway.log.halted is not None
