"""The renewal agent against a real authority: fresh in time, and never worse off by a failure."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from certs.party import issue_credential
from certs.registrar.issued import find_leaf
from certs.renewal.keeper import keep_running, renew_once
from landbridge.agency import Role
from landbridge.clock import Clock, system_clock
from landbridge.errors import LandbridgeError
from tests.kept_party import Kept, until
from tests.pki import GATEWAY
from tests.running_authority import RunningAuthority, aged, running_authority


@asynccontextmanager
async def kept(
    running: RunningAuthority, *, drawn: float = 0.0, clock: Clock = system_clock
) -> AsyncIterator[Kept]:
    party = Kept(running.pki.state(GATEWAY, Role.GATEWAY), drawn=drawn, clock=clock)
    party.agent.start()
    try:
        yield party
    finally:
        await party.agent.stop()
        await party.live.close()


async def heard(running: RunningAuthority, party: Kept) -> None:
    """Wait until the authority knows what the party shows."""
    uri = party.live.identity.uri
    async with asyncio.timeout(20):
        while (await running.admins.standing(uri)).serial != f"{party.serial:x}":
            await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    ("hours", "drawn", "renewed"), [(9, 1.0, False), (10, 1.0, True), (10, 0.0, False)]
)
async def test_a_certificate_is_renewed_at_half_of_its_life_less_the_jitter(
    tmp_path: Path, hours: float, drawn: float, *, renewed: bool
) -> None:
    async with (
        running_authority(tmp_path, leaves_made=aged(hours)) as running,
        kept(running, drawn=drawn) as party,
    ):
        first = Kept(party.folder).serial
        await heard(running, party)
        if renewed:
            await until(lambda: party.serial != first)
        assert (party.serial != first) is renewed
        assert Kept(party.folder).serial == party.serial
        assert not party.told


async def test_the_former_key_is_erased_and_the_authority_told_so(tmp_path: Path) -> None:
    async with running_authority(tmp_path, leaves_made=aged(13)) as running:
        path = running.pki.state(GATEWAY, Role.GATEWAY) / "credential.pem"
        before = path.read_bytes()
        old_key = before.partition(b"-----BEGIN CERTIFICATE")[0]
        # The file that was replaced has no name any more, but this still reads its bytes.
        with path.open("rb") as former:
            async with kept(running) as party:
                old = party.live.credential.leaf
                await until(lambda: party.serial != old.serial)
                assert old_key not in former.read()
                assert path.stat().st_mode & 0o777 == 0o600

                def is_erased() -> bool:
                    with running.authority.registrar.journal.look() as present:
                        found = find_leaf(present.connection, old.issuer_key_id, f"{old.serial:x}")
                    return found is not None and found.erased

                await until(is_erased)


async def test_a_failing_renewal_keeps_the_certificate_and_raises_one_alarm(
    tmp_path: Path,
) -> None:
    async with running_authority(tmp_path, leaves_made=aged(13)) as running:
        await running.stop()
        path = running.pki.state(GATEWAY, Role.GATEWAY) / "credential.pem"
        before = path.read_bytes()
        async with kept(running) as party:
            first = party.serial
            await until(lambda: {"renewal", "authority"} <= set(party.told))
            await asyncio.sleep(2)
            assert sorted(party.told) == ["authority", "renewal"]
            assert path.read_bytes() == before
            await running.start()
            await until(lambda: party.serial != first, 40)
            await until(lambda: {"renewal", "authority"} <= set(party.over))
            assert sorted(party.told) == ["authority", "renewal"]


@pytest.mark.parametrize(
    ("hours", "alarm"), [(17, "certificate: a third"), (21, "certificate: a sixth")]
)
async def test_little_life_left_is_an_alarm(tmp_path: Path, hours: float, alarm: str) -> None:
    async with running_authority(tmp_path, leaves_made=aged(hours)) as running:
        await running.stop()
        async with kept(running) as party:
            await until(lambda: alarm in party.told)
            await running.start()
            await until(lambda: alarm in party.over, 40)
            assert party.told.count(alarm) == 1


@pytest.mark.parametrize("minutes", [-3, 3])
async def test_a_clock_that_stands_off_is_an_alarm_that_the_administrators_see(
    tmp_path: Path, minutes: int
) -> None:
    async with (
        running_authority(tmp_path) as running,
        kept(running, clock=lambda: system_clock() + minutes * 60_000) as party,
    ):
        await until(lambda: "clock" in party.told)
        async with asyncio.timeout(20):
            while not (found := await running.admins.standing(party.live.identity.uri)).alarms:
                await asyncio.sleep(0.1)
        (alarm,) = found.alarms
        assert "180 s" in alarm or "179 s" in alarm
        assert ("ahead of" if minutes > 0 else "behind") in alarm


async def test_a_renewal_by_hand_is_taken_up_by_the_process_that_runs(tmp_path: Path) -> None:
    async with running_authority(tmp_path) as running, kept(running) as party:
        first = party.serial
        leaf = await renew_once(party.folder)
        await until(lambda: party.serial == leaf.serial, 3)
        assert leaf.serial != first
        await heard(running, party)
        assert not party.told


async def test_an_expired_folder_is_told_once_and_taken_up_when_it_is_put_right(
    tmp_path: Path,
) -> None:
    async with running_authority(tmp_path, leaves_made=aged(25)) as running:
        folder = running.pki.state(GATEWAY, Role.GATEWAY)
        with pytest.raises(LandbridgeError) as caught:
            await renew_once(folder)
        assert caught.value.code == "LB-4019"
        assert "invitation" in caught.value.next_step or "enrol" in caught.value.next_step
        async with keep_running([folder]) as parties:
            await asyncio.sleep(0.2)
            assert not parties
            issue_credential(
                folder,
                next(e for e in running.pki.parties if e.role is Role.GATEWAY),
                issuing=running.pki.issuing,
                clock=system_clock,
            )
            await until(lambda: folder in parties)
