"""Copies of a log: made while it is written, and never put back behind what was signed."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from landbridge.errors import LandbridgeError, Reason
from landbridge.keys import SigningKey
from landbridge.log.backup import back_up, restore
from landbridge.log.head_mark import HeadMark, read_mark
from landbridge.log.signed_head import kept_head
from landbridge.log.store import LogStore
from landbridge.log.subject_keys import open_subject_keys
from landbridge.log.subject_notes import keys_in
from landbridge.log.witness_file import WitnessFile
from tests.named_entries import append_on, names_at
from tests.unit.log.conftest import ORIGIN

LOOK_UP_KEY = bytes(range(32))
NOVEMBER = 1_795_000_000_000
OpenLog = Callable[[], LogStore]


@dataclass
class Desk:
    """A party's folder, as far as its log needs one."""

    folder: Path
    key: SigningKey

    def open(self) -> LogStore:
        return LogStore.open(
            self.folder / "log.sqlite",
            ORIGIN,
            self.key,
            look_up_key=LOOK_UP_KEY,
            mark=HeadMark(self.folder / "log.head"),
        )

    def append(self, *subjects: str) -> None:
        with closing(self.open()) as log:
            append_on(log, *(names_at(NOVEMBER, each) for each in subjects))

    def restore(self, copy: Path) -> int:
        def open_copy(path: Path) -> LogStore:
            return LogStore.open(path, ORIGIN, self.key)

        return restore(self.folder, copy, open_copy).size

    def refused(self, call: Callable[[], object]) -> Reason:
        with pytest.raises(LandbridgeError) as caught:
            call()
        assert caught.value.where or caught.value.message
        return caught.value.reason

    def found(self, subject: str) -> int:
        with closing(open_subject_keys(self.folder)) as keys:
            return len(keys.find("ope", subject))

    def files(self) -> set[str]:
        return {file.name for file in self.folder.iterdir()}


@pytest.fixture
def desk(tmp_path: Path, key: SigningKey) -> Iterator[Desk]:
    folder = tmp_path / "party"
    folder.mkdir()
    (folder / "pseudonym.key").write_text(LOOK_UP_KEY.hex())
    (folder / "pseudonym.key").chmod(0o600)
    desk = Desk(folder, key)
    desk.append("1", "2", "3")
    yield desk
    assert [name for name in desk.files() if name.startswith(".")] == []


def test_a_copy_is_the_log(desk: Desk, tmp_path: Path) -> None:
    head = back_up(desk.folder, tmp_path / "copy", with_keys=True)
    assert (head.origin, head.size) == (ORIGIN, 3)
    assert (tmp_path / "copy").stat().st_mode & 0o777 == 0o600
    shutil.move(desk.folder / "log.sqlite", tmp_path / "lost")
    assert desk.restore(tmp_path / "copy") == 3
    assert desk.found("2") == 1
    desk.append("4")


def test_a_copy_is_made_while_the_log_grows(desk: Desk, tmp_path: Path) -> None:
    with closing(desk.open()) as log:
        for number in range(5):
            log.append([bytes(500)] * 100)
            assert back_up(desk.folder, tmp_path / str(number), with_keys=True).size == log.size
            log.append([b"later"])


def test_a_copy_without_keys_names_nobody_and_proves_all(desk: Desk, tmp_path: Path) -> None:
    with closing(sqlite3.connect(desk.folder / "log.sqlite")) as connection:
        notes = connection.execute("SELECT names FROM noted").fetchall()
        keys = [masked for (note,) in notes for _, _, masked in keys_in(note)]
    back_up(desk.folder, tmp_path / "copy", with_keys=False)
    content = (tmp_path / "copy").read_bytes()
    assert len(keys) == 3
    assert not any(key in content for key in keys)
    assert desk.restore(tmp_path / "copy") == 3
    assert desk.found("2") == 0
    with closing(desk.open()) as log:
        log.check()


@pytest.mark.parametrize("without", ["log.head", "log.sqlite"])
def test_an_older_copy_is_not_put_back(desk: Desk, tmp_path: Path, without: str) -> None:
    back_up(desk.folder, tmp_path / "copy", with_keys=True)
    desk.append("4")
    (desk.folder / without).unlink()
    before = desk.files()
    assert desk.refused(lambda: desk.restore(tmp_path / "copy")) is Reason.LOG_ROLLED_BACK
    assert desk.files() == before
    back_up_now = tmp_path / "newer"
    if without == "log.head":
        back_up(desk.folder, back_up_now, with_keys=True)
        assert desk.restore(back_up_now) == 4


def test_an_older_copy_is_not_put_back_where_others_have_shown_a_newer_head(
    desk: Desk, tmp_path: Path
) -> None:
    back_up(desk.folder, tmp_path / "older", with_keys=True)
    desk.append("4")
    back_up(desk.folder, tmp_path / "copy", with_keys=True)
    with closing(WitnessFile.open(desk.folder)) as file:
        newest = read_mark(desk.folder / "log.head")
        assert newest is not None
        file.claim(kept_head(newest))
    for lost in ("log.head", "log.sqlite"):
        (desk.folder / lost).unlink()
    assert desk.refused(lambda: desk.restore(tmp_path / "older")) is Reason.LOG_ROLLED_BACK
    assert not (desk.folder / "log.sqlite").exists()
    assert desk.restore(tmp_path / "copy") == 4


def test_a_copy_that_was_put_back_by_hand_is_found_out(desk: Desk, tmp_path: Path) -> None:
    back_up(desk.folder, tmp_path / "copy", with_keys=True)
    desk.append("4")
    shutil.copy(tmp_path / "copy", desk.folder / "log.sqlite")
    assert desk.refused(desk.open) is Reason.LOG_ROLLED_BACK
    (desk.folder / "log.sqlite").unlink()
    assert desk.refused(desk.open) is Reason.LOG_ROLLED_BACK
    assert not (desk.folder / "log.sqlite").exists()


def test_a_copy_that_was_continued_elsewhere_is_found_out(desk: Desk, tmp_path: Path) -> None:
    back_up(desk.folder, tmp_path / "copy", with_keys=True)
    desk.append("4")
    with closing(LogStore.open(tmp_path / "copy", ORIGIN, desk.key)) as other:
        other.append([b"another history", b"and more"])
    assert desk.refused(lambda: desk.restore(tmp_path / "copy")) is Reason.LOG_ROLLED_BACK
    shutil.copy(tmp_path / "copy", desk.folder / "log.sqlite")
    assert desk.refused(desk.open) is Reason.LOG_ROLLED_BACK


def test_a_restored_copy_brings_no_erased_key_back(desk: Desk, tmp_path: Path) -> None:
    back_up(desk.folder, tmp_path / "copy", with_keys=True)
    with closing(open_subject_keys(desk.folder)) as keys:
        assert keys.erase("ope", "2") == 1
    assert desk.restore(tmp_path / "copy") == 3
    assert [desk.found(subject) for subject in "123"] == [1, 0, 1]


@pytest.mark.parametrize("spoiled", [b"", b"nonsense", None])
def test_a_damaged_copy_is_not_put_back(desk: Desk, tmp_path: Path, spoiled: bytes | None) -> None:
    copy = tmp_path / "copy"
    back_up(desk.folder, copy, with_keys=True)
    if spoiled is not None:
        copy.write_bytes(spoiled)
    else:
        with closing(sqlite3.connect(copy)) as connection, connection:
            connection.execute("UPDATE entry SET body = x'00' WHERE position = 0")
    before = desk.files()
    assert desk.refused(lambda: desk.restore(copy)) is Reason.LOG_DAMAGED
    assert desk.files() == before
    assert desk.found("2") == 1


def test_what_cannot_be_copied_is_said(desk: Desk, tmp_path: Path) -> None:
    def copy(folder: Path = desk.folder, to: Path = tmp_path / "copy") -> Callable[[], object]:
        return lambda: back_up(folder, to, with_keys=True)

    (tmp_path / "there").touch()
    assert desk.refused(copy(to=tmp_path / "there")) is Reason.USAGE
    assert desk.refused(copy(folder=tmp_path)) is Reason.USAGE
    assert desk.refused(copy(to=tmp_path / "none" / "copy")) is Reason.LOG_UNAVAILABLE
    assert desk.refused(lambda: desk.restore(tmp_path / "none")) is Reason.USAGE
    (desk.folder / "log.toml").write_text('database = "postgresql://host/log"\n')
    assert desk.refused(copy()) is Reason.USAGE
    assert desk.refused(lambda: desk.restore(tmp_path / "there")) is Reason.USAGE


def test_the_mark_follows_the_log(desk: Desk) -> None:
    with closing(desk.open()) as log:
        log.append([b"four"])
        end = time.monotonic() + 10
        while read_mark(desk.folder / "log.head") != log.head():
            assert time.monotonic() < end
            time.sleep(0.01)
        log.append([b"five"])
    assert read_mark(desk.folder / "log.head") == log.head()
    assert (desk.folder / "log.head").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("spoiled", [b"", b"nonsense\n", b"other/log\n0\n" + b"A" * 43 + b"=\n\n"])
def test_a_spoiled_mark_is_damage(desk: Desk, spoiled: bytes) -> None:
    (desk.folder / "log.head").write_bytes(spoiled)
    assert desk.refused(desk.open) in {Reason.LOG_DAMAGED, Reason.LOG_ROLLED_BACK}


WRITER = """
import sys
from pathlib import Path
from landbridge.keys import SigningKey
from landbridge.log.head_mark import HeadMark
from landbridge.log.store import LogStore

folder = Path(sys.argv[1])
key = SigningKey.load(folder / "log.key")
mark = HeadMark(folder / "log.head")
log = LogStore.open(folder / "log.sqlite", {origin!r}, key, look_up_key=bytes(range(32)), mark=mark)
while True:
    about = [[("ope", str(log.size + number), {at})] for number in range(30)]
    log.append_about(about, lambda named: [name.value for (name,) in named])
    print(log.size, flush=True)
"""


def test_a_kill_leaves_no_mark_ahead_and_every_name_with_its_entry(desk: Desk) -> None:
    desk.key.save(desk.folder / "log.key")
    command = [sys.executable, "-c", WRITER.format(origin=ORIGIN, at=NOVEMBER), desk.folder]
    size = 0
    for rounds in (1, 40):
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            size = [int(writer.stdout.readline()) for _ in range(rounds)][-1]
            os.kill(writer.pid, signal.SIGKILL)
            writer.stdout.read()
        for leftover in desk.folder.glob(".log.head.*"):
            leftover.unlink()
    with closing(desk.open()) as log:
        assert log.size >= size
        for index in (10, log.size - 1):
            found = log.subjects.find("ope", str(index))
            assert [name.value for name in found] == [log.entry(index)]
            assert log.positions(found, limit=9) == [index]
