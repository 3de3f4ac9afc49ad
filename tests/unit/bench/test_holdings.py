"""The comparison behind the crash bench: it finds every entry that is missing or another one."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench.holdings import Holdings, Shown, compare
from landbridge.agency import Identity
from landbridge.alarm import Alarms
from landbridge.errors import LandbridgeError, Reason
from landbridge.keys import KeyUse
from landbridge.log.store import LogStore
from landbridge.party import PartyFolder
from landbridge.requester_log import RequesterLog
from tests.small_town import Town

Change = Callable[[list[bytes]], list[bytes]]
HALL, BOARD, REGISTRY = "hall", "board", "registry"


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    made = Town(tmp_path)
    yield made
    made.close()


async def hold_profiles(town: Town, *, times: int = 3) -> Holdings:
    """Ask, receive and verify as a client does."""
    party = town.parties[BOARD]
    log = RequesterLog.of(
        PartyFolder.open(party.folder), party.identity, alarms=Alarms(lambda *_: None)
    )
    assert log is not None
    holdings = Holdings(town.bundle, town.federation)
    for _ in range(times):
        query = town.query()
        pending = await log.asked(query)
        profile = town.profile_for(query)
        await log.received(pending, profile)
        holdings.take(profile, query)
    await log.close()
    return holdings


def shown(town: Town, holdings: Holdings, changes: dict[str, Change]) -> Shown:
    """Compare with the town's logs; some are written anew with other entries."""

    def logs() -> Iterator[tuple[Identity, Path]]:
        for agency, party in town.parties.items():
            if agency == BOARD and agency not in changes:
                yield party.identity, party.folder
                continue
            log = town.logs[agency] if agency != BOARD else own_log(town)
            entries = changes.get(agency, list)(list(log.entries()))
            folder = town.folder / "shown" / agency
            ignored = shutil.ignore_patterns("log.head", "log.sqlite*")
            shutil.copytree(party.folder, folder, ignore=ignored)
            key = party.keys[KeyUse.LOG]
            written = LogStore.open(folder / "log.sqlite", party.origin, key)
            written.append(entries)
            written.close()
            log.close()
            yield party.identity, folder

    return compare(holdings, logs())


def own_log(town: Town) -> LogStore:
    party = town.parties[BOARD]
    return PartyFolder.open(party.folder).open_log(party.identity)


def without(place: int) -> Change:
    return lambda entries: entries[:place] + entries[place + 1 :]


def altered(place: int) -> Change:
    return lambda entries: [*entries[:place], entries[place] + b"\xf8", *entries[place + 1 :]]


async def test_nothing_is_missing_where_all_hold_all(town: Town) -> None:
    found = shown(town, await hold_profiles(town), {})
    assert (found.missing, found.damaged) == ([], [])
    assert found.entries["hall.town.example/gateway/main"] == 3
    assert found.entries["board.town.example/requester/main"] == 6


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({HALL: without(2)}, 1),
        ({HALL: without(0)}, 3),
        ({HALL: lambda entries: [entries[1], entries[0], entries[2]]}, 2),
        ({HALL: lambda _: []}, 3),
        ({REGISTRY: without(5)}, 1),
        ({BOARD: without(4)}, 1),
        ({BOARD: without(5)}, 1),
        ({HALL: without(2), BOARD: without(0)}, 2),
        ({"permits": lambda entries: [entries[0], entries[1], entries[1]]}, 1),
    ],
)
async def test_what_is_missing_or_another_is_counted(
    town: Town, changes: dict[str, Change], missing: int
) -> None:
    found = shown(town, await hold_profiles(town), changes)
    assert (len(found.missing), found.damaged) == (missing, [])


async def test_a_damaged_log_is_told(town: Town) -> None:
    holdings = await hold_profiles(town)
    path = town.parties[BOARD].folder / "log.sqlite"
    path.write_bytes(path.read_bytes()[:4096] + bytes(4096))
    found = shown(town, holdings, {})
    assert len(found.damaged) == 1
    assert len(found.missing) == 6


async def test_only_what_verifies_is_held(town: Town) -> None:
    query = town.query()
    profile = town.profile_for(query)
    profile.log.index += 1
    holdings = Holdings(town.bundle, town.federation)
    with pytest.raises(LandbridgeError) as caught:
        holdings.take(profile, query)
    assert caught.value.reason is Reason.BAD_LOG_EVIDENCE
    assert holdings.held == []
