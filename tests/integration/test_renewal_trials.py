"""New authorities among real parties: tried in both directions, then used, and no call fails."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

import pytest

from certs.renewal.office import Office
from certs.renewal.probe import probe
from landbridge.agency import Role
from landbridge.alarm import Alarms
from landbridge.errors import LandbridgeError, Reason
from landbridge.party import PartyFolder
from landbridge.rpc.credentials import Credential
from landbridge.rpc.live_party import LiveParty
from landbridge.trust.approval import Act
from landbridge.trust.bundle import Endpoint
from tests.market import FOOD, REGISTER, TAX, Market, market, outcomes


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(60):
        while not await condition():
            await asyncio.sleep(0.1)


async def proven(running: Market, *names: str) -> bool:
    """Whether every party has told that it has tried these authorities with success."""
    found = await running.admins.authority.desk.run(running.admins.authority.registrar.standing)
    return all(set(names) <= set(party.proven) for party in found.parties)


async def shown(running: Market, name: str) -> bool:
    """Whether every party shows a certificate of this authority and holds none of another."""
    found = await running.admins.authority.desk.run(running.admins.authority.registrar.standing)
    return all(party.issuer == name for party in found.parties)


async def done(running: Market, act: Act, name: str) -> bool:
    """Do an act unless somebody lags; whether it was done."""
    try:
        return (await running.admins.act(act, name)).done
    except LandbridgeError as error:
        if error.reason is Reason.GATE_CLOSED:
            return False
        raise


class Asking:
    """Asks all the while; every profile must be whole."""

    def __init__(self, running: Market) -> None:
        self.running = running
        self.whole = 0
        self._task = asyncio.create_task(self._ask())

    async def _ask(self) -> None:
        while True:
            for send in (self.running.client.send, self.running.client.stream):
                await send(self.running.query())
            assert set(outcomes(await self.running.profile()).values()) == {Reason.ANSWERED}
            self.whole += 1

    async def end(self) -> None:
        self._task.cancel()
        results = await asyncio.gather(self._task, return_exceptions=True)
        assert [type(each) for each in results] == [asyncio.CancelledError], results


async def test_root_and_issuing_authority_change_under_traffic_without_a_restart(
    tmp_path: Path,
) -> None:
    async with market(tmp_path, authority=True) as running:
        admins = running.admins
        asking = Asking(running)
        await admins.publish_root("root-2")
        await admins.publish_issuing("issuing-2", "root-2")
        await until(lambda: proven(running, "root-2", "issuing-2"))
        await admins.do(Act.AUTHORITY_ACTIVATE, "root-2")
        await admins.do(Act.AUTHORITY_ACTIVATE, "issuing-2")
        # Nobody waits for half of a life: whoever shows the former one renews at once.
        await until(lambda: shown(running, "issuing-2"))
        for name in ("issuing-1", "root-1"):
            await until(lambda name=name: done(running, Act.AUTHORITY_REMOVE, name))  # type: ignore[misc]
        before = asking.whole
        await until(lambda: _went_on(asking, before + 3))
        await asking.end()
        for node in running.nodes.values():
            assert node.live.trust.bundle.active_issuer.id == "issuing-2"
        assert await running.nodes[FOOD].live.drained() is None


async def _went_on(asking: Asking, whole: int) -> bool:
    return asking.whole >= whole


async def test_a_trial_needs_every_peer_and_this_partys_own_trust(tmp_path: Path) -> None:
    async with market(tmp_path, authority=True) as running:
        folder = running.sandbox.state("exchange", Role.GATEWAY)
        # A reader of its own, that hears of nothing new by itself.
        live = LiveParty(PartyFolder.open(folder), alarms=Alarms(lambda *_: None))
        office = Office(live)
        await running.admins.publish_root("root-2")
        await running.admins.publish_issuing("issuing-2", "root-2")
        pem = await office.renew("issuing-2")
        old_roots = live.trust.bundle.roots_pem
        newest = running.admins.authority.registrar.journal.bundle.number

        async def followed() -> bool:
            live.store.follow_files()
            return live.trust.bundle.number == newest

        await until(followed)
        trial = Credential.parse(pem, live.trust)

        async def tried(
            credential: Credential, roots: bytes, peers: Iterable[Endpoint] = ()
        ) -> str:
            return await probe(
                live.identity, trial=credential, own=live.credential, roots=roots, peers=peers
            )

        nodes = running.bundle.endpoints(Role.NODE)
        new_roots = live.trust.bundle.roots_pem
        await until(lambda: proven(running, "issuing-2", "root-2"))
        assert not await tried(trial, new_roots, nodes)
        assert not await tried(trial.without_cross(), new_roots, nodes)
        # With the cross-certificate the old root is enough, without it the new one is needed.
        assert not await tried(trial, old_roots, nodes)
        assert "this party itself" in await tried(trial.without_cross(), old_roots)
        await office.close()
        await live.close()


async def test_a_peer_that_lags_holds_the_trial_up_and_one_that_is_off_does_not(
    tmp_path: Path,
) -> None:
    async with market(tmp_path, authority=True, without=(TAX,)) as running:
        lagging = running.nodes[REGISTER]
        await lagging.agent.stop()
        await running.admins.publish_issuing("issuing-2")
        gateway = running.gateway.live.identity.uri

        async def gateway_tried() -> bool:
            trials = running.gateway.agent._trials.results
            return any(REGISTER in trial.failure for trial in trials)

        await until(gateway_tried)
        (trial,) = running.gateway.agent._trials.results
        assert TAX not in trial.failure
        assert FOOD not in trial.failure
        assert "issuing-2" not in (await running.admins.standing(gateway)).proven
        with pytest.raises(LandbridgeError) as caught:
            await running.admins.act(Act.AUTHORITY_ACTIVATE, "issuing-2")
        assert caught.value.reason is Reason.GATE_CLOSED
        lagging.agent.start()

        async def gateway_proved() -> bool:
            return "issuing-2" in (await running.admins.standing(gateway)).proven

        await until(gateway_proved)
