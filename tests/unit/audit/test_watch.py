"""A monitor tells each thing once, goes on where it ended, and outlives logs that are away."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from landbridge.audit.fact_store import FactStore
from landbridge.audit.finding import Kind
from landbridge.audit.watch import Watch
from landbridge.errors import LandbridgeError, Reason
from landbridge.v1 import log_pb2
from tests.compared_logs import (
    FSA,
    GATEWAY,
    LATER,
    History,
    digest_of,
    history_of,
    list_logs,
    make_keys,
    write_log,
)

KEYS = make_keys()
SHOWN = (GATEWAY, FSA)


class Watched:
    """Two logs that grow, and a monitor that can be started again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.paths = [folder / origin.replace("/", "-") for origin in SHOWN]
        self.history = History(KEYS)
        self.told: list[Mapping[str, Any]] = []
        self.now = LATER
        self._written = dict.fromkeys(SHOWN, 0)
        self.start()

    def start(self) -> None:
        self.store = FactStore.open(self.folder / "monitor.sqlite")
        self.watch = Watch(
            self.store,
            self.paths,
            listed=lambda: list_logs(KEYS),
            grace_ms=60_000,
            clock=lambda: self.now,
            tell=self.told.append,
        )

    def grow(self, numbers: Sequence[int]) -> None:
        for number in numbers:
            self.history.ask(number)
        self.write(*SHOWN)

    def write(self, *origins: str) -> None:
        for origin in origins:
            entries = self.history.entries[origin]
            write_log(self.folder, KEYS[origin], origin, entries[self._written[origin] :])
            self._written[origin] = len(entries)

    def look(self) -> list[tuple[str, str]]:
        """Look once; return event and what it is about, of what was told by it."""
        before = len(self.told)
        self.watch.look()
        return [
            (told["event"], told.get("kind") or told.get("code", "")) for told in self.told[before:]
        ]


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    found = Watched(tmp_path)
    found.grow(range(3))
    return found


def test_what_fits_is_silent_and_only_what_is_new_is_read(watched: Watched) -> None:
    assert watched.look() == []
    watched.grow(range(3, 6))
    look = watched.watch.look()
    assert (watched.told, look.queries) == ([], 3)
    assert [log.size for log in look.logs] == [6, 6]


def test_a_hidden_access_is_told_once_also_after_a_restart(watched: Watched) -> None:
    watched.look()
    watched.history.ask(3)
    hidden = watched.history.entries[FSA].pop()
    watched.write(*SHOWN)
    # The head that was heard lies behind the end of the log as well.
    assert set(watched.look()) == {("found", "hidden")}
    assert {told["query_digest"] for told in watched.told} == {digest_of(3).hex(), ""}
    assert watched.look() == []
    watched.store.close()
    watched.start()
    assert watched.look() == []
    assert set(watched.watch.standing()) == {Kind.HIDDEN}
    watched.history.entries[FSA].append(hidden)
    watched.write(FSA)
    assert set(watched.look()) == {("over", "hidden")}
    assert watched.watch.standing() == []


def test_what_is_in_flight_is_not_told_before_its_grace_is_over(watched: Watched) -> None:
    watched.look()
    watched.history.ask(3)
    late = watched.history.entries[GATEWAY].pop()
    watched.write(*SHOWN)
    watched.now = late.logged_at_unix_ms + 1000
    assert watched.look() == []
    watched.now = late.logged_at_unix_ms + 60_000
    assert watched.look() == [("found", "differs")]


def test_a_log_that_is_away_is_an_alarm_and_nothing_is_said_of_it(watched: Watched) -> None:
    watched.look()
    away = watched.folder / "away"
    watched.paths[1].rename(away)
    assert watched.look() == [("alarm", "LB-1106")]
    watched.history.ask(3)
    watched.history.entries[FSA].pop()
    watched.write(GATEWAY)
    assert watched.look() == []
    away.rename(watched.paths[1])
    assert watched.look() == [("alarm over", ""), ("found", "hidden"), ("found", "hidden")]


def test_a_log_that_was_set_back_is_an_alarm_until_it_is_whole_again(watched: Watched) -> None:
    copy = watched.folder / "copy"
    shutil.copytree(watched.paths[1], copy)
    watched.grow(range(3, 5))
    newest = watched.folder / "newest"
    shutil.copytree(watched.paths[1], newest)
    watched.look()
    for source, told in ((copy, [("alarm", "LB-5003")]), (newest, [("alarm over", "")])):
        shutil.rmtree(watched.paths[1])
        shutil.copytree(source, watched.paths[1])
        assert watched.look() == told


@pytest.mark.parametrize("size", [2, 3, 4])
def test_a_log_that_was_rewritten_between_two_looks_is_forked(watched: Watched, size: int) -> None:
    watched.look()
    shutil.rmtree(watched.paths[1])
    other = history_of(size + 1, KEYS).entries[FSA][1:]
    write_log(watched.folder, KEYS[FSA], FSA, other)
    assert ("found", "forked") in watched.look()
    heads = next(told["heads"] for told in watched.told if told.get("kind") == "forked")
    assert {head["size"] for head in heads} == {3, size}
    assert len({head["root"] for head in heads}) == len(heads)
    assert watched.look() == []


def test_a_log_that_holds_what_no_head_covers_is_damaged(watched: Watched) -> None:
    watched.look()
    watched.grow([3])
    file = watched.paths[1] / "log.sqlite"
    file.write_bytes(file.read_bytes().replace(b"case-3", b"case-9"))
    assert watched.look() == [("alarm", "LB-5002")]


def test_a_file_of_another_kind_is_left_alone(tmp_path: Path) -> None:
    place = write_log(tmp_path, KEYS[FSA], FSA, [log_pb2.LogEntry()])
    before = (place / "log.sqlite").read_bytes()
    with pytest.raises(LandbridgeError) as caught:
        FactStore.open(place / "log.sqlite")
    assert caught.value.reason is Reason.USAGE
    assert (place / "log.sqlite").read_bytes() == before
