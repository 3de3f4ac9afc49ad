"""A party follows its files: what is good is shown with no call lost, what is bad is not used."""

import asyncio
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import grpc
import pytest

from certs.bundle import authority_record
from certs.party import issue_credential
from landbridge.clock import system_clock
from landbridge.errors import LandbridgeError, Reason
from landbridge.keys import write_whole
from landbridge.rpc.live_party import LiveParty
from landbridge.trust.approval import Act
from landbridge.trust.authority import AuthorityState
from tests.hostile import Recipe
from tests.integration.live_pair import Pair, pair, renewed
from tests.integration.tls_server import NODE, call
from tests.pki import REGISTRY, SCHOOLS


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


async def test_no_call_fails_while_both_renew_and_connections_come_of_age(tmp_path: Path) -> None:
    async with pair(tmp_path) as it:
        for _ in range(6):
            for party in it.parties:
                before = party.credential.leaf.serial
                await party.install(renewed(party, it.pki.issuing))
                assert party.credential.leaf.serial != before
            await asyncio.sleep(0.1)
        await it.gateway.drained(0)
        assert it.channel.generation == 6
        assert it.calls > 100
    assert not it.failures
    assert not it.told_gateway + it.told_node


async def test_no_call_fails_while_a_root_takes_the_place_of_another(tmp_path: Path) -> None:
    async with pair(tmp_path) as it:
        former = it.gateway.credential
        await rotate_root(it)
        assert it.gateway.trust.bundle.number == it.node.live.trust.bundle.number == 4
        # Who was away and trusts the first root alone still finds the way; but not with a
        # certificate under it.
        async with it.node.channel(it.gateway.credential) as late:
            assert await call(late, "Unary")
        async with it.node.channel(former) as late:
            with pytest.raises(grpc.aio.AioRpcError):
                await call(late, "Unary")
        assert it.calls > 100
    assert not it.failures
    assert not it.told_gateway + it.told_node


async def rotate_root(it: Pair) -> None:
    """Publish, activate, renew, remove; each party lags behind the other at each step."""
    pki = it.pki
    root = pki.root.create_next(pki.clock)
    second = root.create_issuing(pki.clock, generation=2)
    now = datetime.now(UTC)
    states = {"root-1": pki.authorities["root-1"], "issuing-1": pki.authorities["issuing-1"]}
    published = AuthorityState.PUBLISHED
    states["root-2"] = authority_record(root.certificate, published, now, cross=root.cross)
    states["issuing-2"] = authority_record(second.certificate, published, now, issuer="root-2")

    async def move(to: dict[str, AuthorityState], *acts: Act) -> None:
        approvals = [pki.approve(act, f"root-{1 + (n + 1) % 2}") for n, act in enumerate(acts)]
        for name, record in states.items():
            state = to.get(name[-1], record.state)
            states[name] = record.model_copy(update={"state": state})
        pki.authorities = dict(states)
        document = pki.sign_next(approvals=approvals)
        for party in it.parties:
            await it.offer(document, to=[party])
            await asyncio.sleep(0.15)

    await move({})
    await move({"1": AuthorityState.RETIRING, "2": AuthorityState.ACTIVE}, Act.AUTHORITY_ACTIVATE)
    for party in it.parties:
        await party.install(renewed(party, second))
        await asyncio.sleep(0.15)
    await until(lambda: it.channel.generation >= 2)
    await it.gateway.drained(0)
    approvals = [pki.approve(Act.AUTHORITY_REMOVE, "root-1")]
    for name in ("root-1", "issuing-1"):
        states[name] = states[name].model_copy(update={"state": AuthorityState.REMOVED})
    pki.authorities = dict(states)
    await it.offer(pki.sign_next(approvals=approvals))
    await asyncio.sleep(0.3)


async def test_a_credential_written_by_hand_is_taken_within_a_second(tmp_path: Path) -> None:
    async with pair(tmp_path) as it:
        for party in it.parties:
            before = party.credential.pem
            path = party.folder.credential
            async with asyncio.timeout(1):
                issue_credential(
                    path.parent, party.identity, issuing=it.pki.issuing, clock=system_clock
                )
                while party.credential.pem == before:
                    await asyncio.sleep(0.01)
        await until(lambda: it.channel.generation == 1)
    assert not it.failures


BadFile = Callable[[LiveParty, Pair], None]


def write(party: LiveParty, pem: bytes, mode: int = 0o600) -> None:
    write_whole(party.folder.credential, pem, mode=mode)


def earlier_bundle(it: Pair) -> bytes:
    """Sign a bundle with the number of the one in use, and other content."""
    it.pki.number -= 1
    return it.pki.sign_next(suspended=[SCHOOLS])


BAD: dict[str, BadFile] = {
    "garbage": lambda party, _: write(party, b"garbage"),
    "a truncated write": lambda party, _: write(party, party.credential.pem[:-300]),
    "an exposed key": lambda party, _: party.folder.credential.chmod(0o644),
    "another party's": lambda party, it: write(
        party, it.pki.state(SCHOOLS, NODE.role).joinpath("credential.pem").read_bytes()
    ),
    "of wrong form": lambda party, it: write(
        party, Recipe.true_to(party.identity, ca=True).shown(it.pki.issuing).pem
    ),
    "no file": lambda party, _: party.folder.credential.unlink(),
    "a bundle that is none": lambda party, _: write_whole(
        party.folder.folder / "trust-bundle.json", b"{}"
    ),
    "no bundle": lambda party, _: (party.folder.folder / "trust-bundle.json").unlink(),
    "a bundle that goes backwards": lambda party, it: write_whole(
        party.folder.folder / "trust-bundle.json", earlier_bundle(it)
    ),
    "a list whose number goes down": lambda party, it: write_whole(
        party.folder.folder / "revocation" / f"{party.credential.leaf.issuer_key_id}.crl",
        it.pki.issuing.sign_crl(0, [], it.pki.clock),
    ),
    "a list that is none": lambda party, _: write_whole(
        party.folder.folder / "revocation" / f"{party.credential.leaf.issuer_key_id}.crl", b"x"
    ),
}


@pytest.mark.parametrize("name", BAD)
async def test_a_bad_file_is_not_used_and_raises_one_alarm(tmp_path: Path, name: str) -> None:
    async with pair(tmp_path) as it:
        for party, told in zip(it.parties, (it.told_gateway, it.told_node), strict=True):
            before, trust = party.credential, party.trust
            good = {path: path.read_bytes() for path in party.folder.folder.rglob("*.*")}
            BAD[name](party, it)
            await until(lambda told=told: bool(told))
            await asyncio.sleep(0.3)
            assert len(told) == 1
            assert told[0][1]
            assert party.credential is before
            assert party.trust is trust
            for path, data in good.items():
                write_whole(path, data)
            await until(lambda told=told: told[-1] == (told[0][0], ""))
    assert not it.failures


async def test_what_cannot_be_installed_leaves_everything_as_it_was(tmp_path: Path) -> None:
    async with pair(tmp_path, workers=0) as it:
        party = it.gateway
        path = party.folder.credential
        before = path.read_bytes()
        other = it.pki.state(REGISTRY, NODE.role).joinpath("credential.pem").read_bytes()
        for pem in (b"garbage", other, Recipe.true_to(NODE, ca=True).shown(it.pki.issuing).pem):
            with pytest.raises(LandbridgeError):
                await party.install(pem)
            assert path.read_bytes() == before == party.credential.pem
        await it.call()
        assert it.channel.generation == 0


async def test_the_former_key_is_erased_and_the_new_file_is_private(tmp_path: Path) -> None:
    async with pair(tmp_path, workers=0) as it:
        path = it.gateway.folder.credential
        former = os.open(path, os.O_RDONLY)
        size = os.fstat(former).st_size
        await it.gateway.install(renewed(it.gateway, it.pki.issuing))
        assert os.read(former, size + 1) == b"\0" * size
        os.close(former)
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.read_bytes() == it.gateway.credential.pem


async def test_a_peer_that_lags_keeps_the_old_channel_until_it_has_caught_up(
    tmp_path: Path,
) -> None:
    async with pair(tmp_path) as it:
        second = it.pki.root.create_issuing(it.pki.clock, generation=2)
        it.pki.authorities["issuing-2"] = authority_record(
            second.certificate, AuthorityState.PUBLISHED, datetime.now(UTC), issuer="root-1"
        )
        document = it.pki.sign_next()
        await it.offer(document, to=[it.gateway])
        await it.gateway.install(renewed(it.gateway, second))
        assert it.channel.generation == 0
        ((kind, why),) = it.told_gateway
        assert NODE.dns_name in kind
        assert Reason.ISSUER_REFUSED.code in why
        await it.offer(document, to=[it.node.live])
        await until(lambda: it.channel.generation == 1)
        await until(lambda: it.told_gateway[-1] == (kind, ""))
    assert not it.failures


async def test_a_credential_that_comes_before_its_trust_is_taken_when_that_comes(
    tmp_path: Path,
) -> None:
    async with pair(tmp_path) as it:
        second = it.pki.root.create_issuing(it.pki.clock, generation=2)
        it.pki.authorities["issuing-2"] = authority_record(
            second.certificate, AuthorityState.PUBLISHED, datetime.now(UTC), issuer="root-1"
        )
        pem = renewed(it.gateway, second)
        write(it.gateway, pem)
        await until(lambda: bool(it.told_gateway))
        assert Reason.ISSUER_REFUSED.code in it.told_gateway[0][1]
        await it.offer(it.pki.sign_next())
        await until(lambda: it.gateway.credential.pem == pem)
        assert ("credential", "") in it.told_gateway
    assert not it.failures


async def test_a_revoked_party_raises_an_alarm_of_its_own(tmp_path: Path) -> None:
    async with pair(tmp_path, workers=0) as it:
        leaf = it.gateway.credential.leaf
        await it.offer(it.pki.sign_next(denied=[(leaf.issuer_key_id, leaf.serial)]))
        await until(lambda: bool(it.told_gateway))
        assert Reason.CERTIFICATE_REVOKED.code in it.told_gateway[0][1]
        assert not it.told_node
