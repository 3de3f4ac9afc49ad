"""Enrolling with an invitation: once, into the right folder, and a running node takes it up."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from certs.invitation import Invitation, InvitationBox
from certs.renewal.admission import enrol
from landbridge.agency import Role
from landbridge.clock import system_clock
from landbridge.errors import LandbridgeError, Reason
from landbridge.keys import KeyUse, SigningKey
from landbridge.party import PartyFolder
from landbridge.rpc.credentials import Credential
from landbridge.trust.approval import Act
from tests.market import FOOD, TAX, Market, market, outcomes
from tests.pki import make_federation, shared_federation


async def invite(running: Market, agency: str = FOOD) -> bytes:
    """Have the administrators invite a node."""
    uri = running.identity(agency, Role.NODE).uri
    box = InvitationBox()
    response = await running.admins.act(Act.INVITE, uri, attachment=box.public)
    assert response.done
    return box.open(response.result, uri).to_bytes()


async def refused(document: bytes, folder: Path) -> Reason:
    with pytest.raises(LandbridgeError) as caught:
        await enrol(document, folder)
    return caught.value.reason


async def test_a_running_node_takes_up_what_was_enrolled_into_its_folder(tmp_path: Path) -> None:
    async with market(tmp_path, authority=True) as running:
        folder = running.sandbox.state(FOOD, Role.NODE)
        live = running.nodes[FOOD].live
        before, keys = live.credential.leaf.serial, (folder / "keys" / "log.key").read_bytes()
        document = await invite(running)
        assert await enrol(document, folder) == live.identity
        async with asyncio.timeout(10):
            while live.credential.leaf.serial == before:
                await asyncio.sleep(0.05)
        assert (folder / "keys" / "log.key").read_bytes() == keys
        assert (folder / "credential.pem").stat().st_mode & 0o777 == 0o600
        assert outcomes(await running.profile())[FOOD] == Reason.ANSWERED
        assert await refused(document, folder) is Reason.INVITATION_REFUSED


async def test_a_lost_node_enrols_into_an_empty_folder(tmp_path: Path) -> None:
    async with market(tmp_path, authority=True) as running:
        folder = tmp_path / "new host" / "food"
        await enrol(await invite(running), folder)
        party = PartyFolder.open(folder)
        assert party.bundle.number == running.admins.authority.registrar.journal.bundle.number
        leaf = Credential.read(party.credential, party.trust.current).leaf
        assert leaf.identity == running.identity(FOOD, Role.NODE)


def _of_another_federation(folder: Path) -> None:
    party = next(iter(shared_federation().parties.values()))
    for name in ("anchor.pub", "trust-bundle.json"):
        (folder / name).write_bytes((party.folder / name).read_bytes())


def _with_keys_of_another_agency(folder: Path) -> None:
    SigningKey.generate(TAX, KeyUse.LOG).save(folder / "keys" / "log.key")


def _with_an_exposed_key(folder: Path) -> None:
    SigningKey.generate(FOOD, KeyUse.LOG).save(folder / "keys" / "log.key")
    (folder / "keys" / "log.key").chmod(0o644)


def _with_a_key_that_nobody_knows(folder: Path) -> None:
    SigningKey.generate(FOOD, KeyUse.LOG).save(folder / "keys" / "log.key")


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (_of_another_federation, Reason.BAD_TRUST_BUNDLE),
        (_with_keys_of_another_agency, Reason.BAD_CREDENTIAL),
        (_with_an_exposed_key, Reason.KEY_EXPOSED),
        (_with_a_key_that_nobody_knows, Reason.UNTRUSTED_KEY),
    ],
)
async def test_the_wrong_folder_is_refused_and_the_invitation_stays_good(
    tmp_path: Path, spoil: Callable[[Path], None], reason: Reason
) -> None:
    async with market(tmp_path, authority=True) as running:
        document = await invite(running)
        wrong = tmp_path / "wrong"
        wrong.mkdir()
        spoil(wrong)
        assert await refused(document, wrong) is reason
        assert not (wrong / "credential.pem").exists()
        await enrol(document, tmp_path / "right")


async def test_an_invitation_that_is_none_or_too_old_is_refused(tmp_path: Path) -> None:
    async with market(tmp_path, authority=True) as running:
        document = await invite(running)
        folder = tmp_path / "new"
        for wrong in (b"", b"{}", b"\xff" * 100, document[:-20], document * 400):
            assert await refused(wrong, folder) is Reason.INVITATION_REFUSED
        with pytest.raises(LandbridgeError) as caught:
            await enrol(document, folder, clock=lambda: system_clock() + 25 * 3_600_000)
        assert caught.value.reason is Reason.INVITATION_REFUSED
        guessed = Invitation.read(document).model_copy(update={"secret": "0" * 64})
        assert await refused(guessed.to_bytes(), folder) is Reason.INVITATION_REFUSED
        others = make_federation(tmp_path / "others")
        roots = others.root.pem.decode()
        astray = Invitation.read(document).model_copy(update={"roots": roots})
        assert await refused(astray.to_bytes(), folder) is Reason.UNREACHABLE
        await enrol(document, folder)
