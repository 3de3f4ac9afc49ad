"""The comparison behind the crash bench: it finds every entry that is missing or another one."""

import asyncio
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bench.holdings import Holdings, Shown, compare, count_controls
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


@dataclass(frozen=True, slots=True)
class Story:
    """Three profiles that the board asked for, and what each log of the town holds of it."""

    town: Town
    holdings: Holdings
    entries: dict[str, list[bytes]]


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    town = Town(tmp_path_factory.mktemp("town"))
    holdings = asyncio.run(hold_profiles(town))
    entries = {agency: list(log.entries()) for agency, log in town.logs.items()}
    board = town.parties[BOARD]
    own = PartyFolder.open(board.folder).open_log(board.identity)
    entries[BOARD] = list(own.entries())
    own.close()
    yield Story(town, holdings, entries)
    town.close()


async def hold_profiles(town: Town) -> Holdings:
    """Ask, receive and verify as a client does."""
    party = town.parties[BOARD]
    log = RequesterLog.of(
        PartyFolder.open(party.folder), party.identity, alarms=Alarms(lambda *_: None)
    )
    assert log is not None
    holdings = Holdings(town.bundle, town.federation)
    for _ in range(3):
        query = town.query()
        pending = await log.asked(query)
        profile = town.profile_for(query)
        await log.received(pending, profile)
        holdings.take(profile, query)
    await log.close()
    return holdings


def shown(
    story: Story, top: Path, changes: dict[str, Change], spoil: Callable[[Path], object] = id
) -> Shown:
    """Compare with logs in which some entries are others; `spoil` is given the board's file."""

    def logs() -> Iterator[tuple[Identity, Path]]:
        for agency, party in story.town.parties.items():
            folder = top / agency
            shutil.copytree(party.folder, folder, ignore=shutil.ignore_patterns("log.*"))
            shutil.copy(party.folder / "keys" / "log.key", folder / "keys" / "log.key")
            key = party.keys[KeyUse.LOG]
            written = LogStore.open(folder / "log.sqlite", party.origin, key)
            written.append(changes.get(agency, list)(story.entries[agency]))
            written.close()
            if agency == BOARD:
                spoil(folder / "log.sqlite")
            yield party.identity, folder

    return compare(story.holdings, logs())


def without(place: int) -> Change:
    return lambda entries: entries[:place] + entries[place + 1 :]


def test_nothing_is_missing_where_all_hold_all(story: Story, tmp_path: Path) -> None:
    found = shown(story, tmp_path, {})
    assert (found.missing, found.damaged) == ([], [])
    assert count_controls(story.holdings, found) == 0
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
def test_what_is_missing_or_another_is_counted(
    story: Story, tmp_path: Path, changes: dict[str, Change], missing: int
) -> None:
    found = shown(story, tmp_path, changes)
    assert (len(found.missing), found.damaged) == (missing, [])


def test_a_damaged_log_is_told(story: Story, tmp_path: Path) -> None:
    def spoil(path: Path) -> None:
        path.write_bytes(path.read_bytes()[:4096] + bytes(4096))

    found = shown(story, tmp_path, {}, spoil)
    assert len(found.damaged) == 1
    assert len(found.missing) == 6


def test_only_what_verifies_is_held(story: Story) -> None:
    query = story.town.query()
    profile = story.town.profile_for(query)
    profile.log.index += 1
    holdings = Holdings(story.town.bundle, story.town.federation)
    with pytest.raises(LandbridgeError) as caught:
        holdings.take(profile, query)
    assert caught.value.reason is Reason.BAD_LOG_EVIDENCE
    assert holdings.held == []
