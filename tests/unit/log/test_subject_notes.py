"""Entries on subjects that are named within the append: found, kept and erased like any others."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from landbridge.errors import LandbridgeError, Reason
from landbridge.log import subject_notes, subject_tables
from landbridge.log.store import LogStore
from landbridge.log.subject_keys import Pseudonym
from tests.unit.log.conftest import ORIGIN

NOVEMBER = 1_795_000_000_000
OpenLog = Callable[..., LogStore]


def values(named: list[list[Pseudonym]]) -> list[bytes]:
    return [b"".join(name.value for name in names) or b"nobody" for names in named]


def append(log: LogStore, *groups: str) -> list[bytes]:
    """Append an entry on each group of subjects, named by letters; return the entries."""
    about = [[("ope", subject, NOVEMBER) for subject in group] for group in groups]
    return [one.entry for one in log.append_about(about, values)]


def count(path: Path, table: str) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


@pytest.fixture(params=[1, 4, 1 << 11])
def every(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """After so many entries what was noted is taken apart."""
    monkeypatch.setattr(subject_notes, "_EVERY", request.param)
    return int(request.param)


def test_they_are_found_wherever_they_stand(open_naming: OpenLog, path: Path, every: int) -> None:
    log = open_naming()
    entries = append(log, "a", "bc", "", "a") + append(log, "c") + append(log, "ad", "a")
    assert entries[0] == entries[3] == entries[6]
    assert entries[2] == b"nobody"
    assert list(log.entries()) == entries
    expected = {"a": [6, 5, 3, 0], "b": [1], "c": [4, 1], "d": [5]}
    for reader in (log, open_naming()):
        for subject, places in expected.items():
            (found,) = reader.subjects.find("ope", subject)
            assert reader.positions([found], limit=9) == places
            assert reader.positions([found], before=places[0], limit=1) == places[1:2]
        assert reader.positions([], limit=9) == []
        log.check()
    noted, stored = {1: (0, 4), 4: (2, 3)}.get(every, (3, 0))
    assert (count(path, "noted"), count(path, "subject_name")) == (noted, stored)


def test_of_what_the_writer_raises_nothing_is_kept(open_naming: OpenLog) -> None:
    log = open_naming()
    append(log, "a")

    def fail(named: list[list[Pseudonym]]) -> list[bytes]:
        assert [len(names) for names in named] == [1, 1]
        raise ZeroDivisionError

    about = [[("ope", each, NOVEMBER)] for each in "ab"]
    with pytest.raises(ZeroDivisionError):
        log.append_about(about, fail)
    with pytest.raises(ValueError, match="longer"):
        log.append_about(about, lambda _: [b"one"])
    with pytest.raises(LandbridgeError) as caught:
        log.append_about(about, lambda _: [b"one", bytes(70_000)])
    assert caught.value.reason is Reason.MALFORMED_REQUEST
    assert (log.size, log.subjects.find("ope", "b")) == (1, [])
    append(log, "b")
    (found,) = log.subjects.find("ope", "b")
    assert log.positions([found], limit=9) == [1]
    assert log.append_about([], fail) == []


@pytest.mark.usefixtures("every")
def test_processes_in_turn_call_a_subject_the_same(open_naming: OpenLog) -> None:
    here, there = open_naming(), open_naming()
    entries = [append(log, subject) for subject in "abcd" for log in (here, there, here)]
    for number in range(0, len(entries), 3):
        assert entries[number] == entries[number + 1] == entries[number + 2]
    assert len(here.subjects.find("ope", "a")) == 1
    assert append(there, "d") == entries[-1]
    here.check()


@pytest.mark.usefixtures("every")
def test_an_erasure_elsewhere_is_noticed_by_the_very_next_append(open_naming: OpenLog) -> None:
    here, there = open_naming(), open_naming()
    before = append(here, "a", "b")
    assert there.subjects.erase("ope", "a") == 1
    after = append(here, "a", "b")
    assert (after[0] == before[0], after[1] == before[1]) == (False, True)
    (found,) = there.subjects.find("ope", "a")
    assert here.positions([found], limit=9) == [2]


def test_no_byte_of_a_noted_key_is_left_once_it_is_erased(open_naming: OpenLog, path: Path) -> None:
    log = open_naming()
    for number in range(150):
        append(log, *(chr(0x4E00 + 10 * number + place) for place in range(1 + number % 7)))
    with closing(sqlite3.connect(path)) as connection:
        notes = [note for _, note in subject_notes.read_notes(connection)]
    masked = [masked for note in notes for _, _, masked in subject_notes.keys_in(note)]
    assert log.subjects.erase("ope", chr(0x4E00)) == 1
    on_disk = b"".join(file.read_bytes() for file in path.parent.glob("log.sqlite*"))
    assert masked[0][:16] not in on_disk
    assert masked[0][16:] not in on_disk
    # What is kept stands in one place: not in pages that were let go as well.
    assert [on_disk.count(key[16:]) for key in masked[1:-1]] == [1] * (len(masked) - 2)


def test_a_note_that_was_damaged_is_noticed(open_naming: OpenLog, path: Path) -> None:
    append(open_naming(), "a", "b")
    with closing(sqlite3.connect(path)) as connection:
        (whole,) = connection.execute("SELECT names FROM noted").fetchone()
    for wrong in (b"", whole[:3], whole[:-1], whole[:60], b"\xff" * 4 + whole[4:]):
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("UPDATE noted SET names = ?", (wrong,))
        with pytest.raises(LandbridgeError) as caught:
            open_naming().subjects.find("ope", "a")
        assert caught.value.reason is Reason.LOG_DAMAGED


def test_a_log_without_notes_goes_on(open_naming: OpenLog, path: Path) -> None:
    """An earlier version wrote keys and positions straight into their tables."""
    log = open_naming()
    (before,) = append(log, "a")
    log.close()
    with closing(sqlite3.connect(path)) as connection, connection:
        subject_notes.take_apart(connection)
        connection.execute("DROP TABLE noted")
    again = open_naming()
    assert append(again, "a", "b")[0] == before
    (found,) = again.subjects.find("ope", "a")
    assert again.positions([found], limit=9) == [1, 0]
    assert {"noted", "subject_key"} < {*subject_tables._ALL}
    assert again.origin == ORIGIN
