"""A node's log and the gateway's, put back to an older copy in a running federation."""

import asyncio
import json
import shutil
from pathlib import Path

import pytest

from gateway.server import build_gateway
from landbridge.agency import Role
from landbridge.commands.log.backup import restore
from landbridge.commands.log.witnesses import witnesses
from landbridge.commands.output import Output
from landbridge.errors import LandbridgeError, Reason
from landbridge.keys import KeyUse
from landbridge.log.checkpoint import Checkpoint
from landbridge.log.note import NoteSigner
from landbridge.log.signed_head import kept_head
from landbridge.party import PartyFolder
from landbridge.rpc.log_service import add_checkpoint, get_checkpoint, tell_witnessed
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


async def quiet(running: Market) -> None:
    """Let the gateway go round only when it is told to, however slow this machine is."""
    await running.gateway.witnessing.stop()
    running.gateway.witnessing._patience_s = 60


async def restart_gateway(running: Market) -> None:
    (front,) = running.bundle.endpoints(Role.GATEWAY)
    running.gateway = build_gateway(
        running.sandbox.folder / "federation.toml",
        state=running.sandbox.state("exchange", Role.GATEWAY),
        listen=front.address,
    )
    await running.gateway.start()
    await running.connected()


async def ask_witnesses(
    running: Market, capsys: pytest.CaptureFixture[str]
) -> tuple[int, dict[str, set[str]]]:
    """Run the command as a requester would; returns its exit code, and what does not fit where."""
    capsys.readouterr()
    home, saved = running.sandbox.home_folder, running.sandbox.home_folder / "heads"
    code = await asyncio.to_thread(witnesses, home=home, save=saved, output=Output.JSON)
    logs = json.loads(capsys.readouterr().out)["logs"]
    assert len(logs) == 4
    assert len(list(saved.iterdir())) == 12
    stands = {log["log"]: {each["stands"] for each in log["witnesses"]} for log in logs}
    return code, {log: found for log, found in stands.items() if found != {"fits"}}


async def only_gateways_and_nodes_bring_heads(running: Market) -> None:
    (front,) = running.bundle.endpoints(Role.GATEWAY)
    head = running.nodes[FOOD].log.head()
    async with running.channel(front, FOOD, Role.NODE) as channel:
        assert (await add_checkpoint(channel, head, 0, ())).seen_size > 0
        with pytest.raises(LandbridgeError) as caught:
            await tell_witnessed(channel, head)
        assert caught.value.reason is Reason.MALFORMED_REQUEST
    async with running.channel(front, "city", Role.REQUESTER) as channel:
        assert (await get_checkpoint(channel)).cosigned
        for call in (add_checkpoint(channel, head, 0, ()), tell_witnessed(channel, head)):
            with pytest.raises(LandbridgeError) as caught:
                await call
            assert caught.value.reason is Reason.CALLER_REFUSED


async def a_log_that_has_signed_two_histories(running: Market) -> None:
    """Its node is asked nothing more, until administrators have tainted the key."""
    node, gateway = running.nodes[FOOD], running.gateway
    key = PartyFolder.open(running.sandbox.state(FOOD, Role.NODE)).signing_key(KeyUse.LOG)
    head = kept_head(node.log.head())
    other = Checkpoint(head.origin, head.size, bytes(32))
    note = NoteSigner(head.origin, key).sign(other.text())
    gateway.witness.witness.fork(head, kept_head(note))
    for at in range(2):
        await gateway.witnessing.go_round()
        size = node.log.size
        assert outcomes(await running.profile())[FOOD] == Reason.LOG_FORKED
        assert node.log.size == size
        if not at:
            await gateway.stop()
            await restart_gateway(running)
            gateway = running.gateway
            await quiet(running)
    with gateway.witness.file.writing() as connection:
        connection.execute("DELETE FROM fork")


async def a_gateway_that_was_put_back(running: Market) -> None:
    """Its client refuses what it gives at once, and it stops at the first contact."""
    await running.gateway.stop()
    old = keep(running, "exchange", Role.GATEWAY, "old")
    await restart_gateway(running)
    await running.profile()
    await quiet(running)
    await running.gateway.witnessing.go_round()
    await running.gateway.stop()
    put_back(running, "exchange", Role.GATEWAY, old)
    await restart_gateway(running)
    await quiet(running)
    for _ in range(2):
        with pytest.raises(LandbridgeError) as caught:
            await running.client.send(running.query())
        assert caught.value.reason is Reason.LOG_ROLLED_BACK
        await running.gateway.witnessing.go_round()
        assert running.gateway.log.halted is not None


async def test_a_log_that_was_put_back_is_refused_at_once_and_stops(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with market(tmp_path) as running:
        await running.profile()
        await running.nodes.pop(FOOD).stop()
        old = keep(running, FOOD, Role.NODE, "old")
        await running.restart(FOOD)
        assert outcomes(await running.profile())[FOOD] == Reason.ANSWERED
        assert outcomes(await running.profile())[FOOD] == Reason.ANSWERED
        await quiet(running)
        await running.gateway.witnessing.go_round()
        assert await ask_witnesses(running, capsys) == (0, {})
        await running.nodes.pop(FOOD).stop()
        newest = keep(running, FOOD, Role.NODE, "newest")
        # The whole machine of an older day, before anybody has told it anything.
        put_back(running, FOOD, Role.NODE, old)
        await running.restart(FOOD)
        assert running.nodes[FOOD].log.halted is None
        code, stands = await ask_witnesses(running, capsys)
        assert code == 1
        assert stands.pop("food.gov.market.example/node/main") == {"rolled back"}
        # The older machine has forgotten what it had seen as a witness, and no other has.
        assert all(found == {"fits", "unseen"} for found in stands.values())
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
        folder = running.sandbox.state(FOOD, Role.NODE)
        put_back(running, FOOD, Role.NODE, old)
        with pytest.raises(LandbridgeError) as caught:
            await asyncio.to_thread(restore, old / "log.sqlite", state=folder)
        assert caught.value.reason is Reason.LOG_ROLLED_BACK
        assert await asyncio.to_thread(restore, newest / "log.sqlite", state=folder) == 0
        await running.restart(FOOD)
        await running.gateway.witnessing.go_round()
        assert outcomes(await running.profile())[FOOD] == Reason.ANSWERED

        await a_log_that_has_signed_two_histories(running)
        await only_gateways_and_nodes_bring_heads(running)
        await a_gateway_that_was_put_back(running)
