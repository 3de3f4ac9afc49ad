"""A log file that was edited, cut, mixed or put back is found out, when opened or when used."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from landbridge.errors import LandbridgeError, Reason
from landbridge.keys import KeyUse, SigningKey
from landbridge.log.checkpoint import Checkpoint
from landbridge.log.merkle import EMPTY_ROOT
from landbridge.log.note import NoteSigner
from landbridge.log.store import LogStore
from tests.unit.log.conftest import ORIGIN

OpenLog = Callable[..., LogStore]
SIZE = 700
ENTRIES = [b"entry %d" % number for number in range(SIZE)]


@pytest.fixture
def filled(path: Path, key: SigningKey) -> Path:
    """A closed log of two full tiles and a tail, written in two batches."""
    log = LogStore.open(path, ORIGIN, key)
    log.append(ENTRIES[:500])
    log.append(ENTRIES[500:])
    log.close()
    return path


def refusal(open_it: Callable[[], object]) -> LandbridgeError:
    with pytest.raises(LandbridgeError) as caught:
        open_it()
    assert caught.value.reason is Reason.LOG_DAMAGED
    return caught.value


@pytest.mark.parametrize(
    "edit",
    [
        "UPDATE entry SET body = x'00' WHERE position = 3",
        "UPDATE entry SET body = x'00' WHERE position = 511",
        "UPDATE entry SET body = x'00' WHERE position = 512",
        "UPDATE entry SET body = x'00' WHERE position = 699",
        "DELETE FROM entry WHERE position = 0",
        "DELETE FROM entry WHERE position = 699",
        "DELETE FROM entry WHERE position >= 500",
        "DELETE FROM entry",
        "INSERT INTO entry VALUES (700, x'00')",
        "INSERT INTO entry VALUES (-1, x'00')",
        "UPDATE entry SET position = 5000 WHERE position = 20",
        "UPDATE entry SET position = -position",
        "UPDATE tile SET hashes = zeroblob(8192) WHERE position = 0",
        "UPDATE tile SET hashes = zeroblob(8192) WHERE position = 1",
        "UPDATE tile SET hashes = substr(hashes, 1, 8191)",
        "DELETE FROM tile",
        "DELETE FROM head",
        "UPDATE head SET checkpoint = substr(checkpoint, 1, 100)",
        "DROP TABLE entry",
        "DROP TABLE head",
        "PRAGMA user_version = 1",
        "PRAGMA application_id = 7",
    ],
)
def test_an_edit_is_found_when_the_log_is_opened(
    filled: Path, open_log: OpenLog, edit: str
) -> None:
    with closing(sqlite3.connect(filled, isolation_level=None)) as connection:
        connection.execute(edit)
    assert str(filled) in refusal(open_log).where


def set_head(path: Path, checkpoint: bytes) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE head SET checkpoint = ?", (checkpoint,))


def test_a_head_that_the_entries_do_not_have_is_found(
    filled: Path, open_log: OpenLog, key: SigningKey
) -> None:
    signer = NoteSigner(ORIGIN, key)
    for size in (0, 1, 500, SIZE, SIZE + 1, 10**15):
        set_head(filled, signer.sign(Checkpoint(ORIGIN, size, EMPTY_ROOT).text()))
        refusal(open_log)


def test_the_log_of_another_origin_or_key_is_not_continued(
    filled: Path, open_log: OpenLog, key: SigningKey
) -> None:
    refusal(lambda: open_log(origin="va.institutions.example/node/main"))
    other = SigningKey.generate("fsa.ed", KeyUse.LOG)
    refusal(lambda: LogStore.open(filled, ORIGIN, other))
    text = Checkpoint("va.institutions.example/node/main", 0, EMPTY_ROOT).text()
    set_head(filled, NoteSigner(ORIGIN, key).sign(text))
    assert "log of va." in refusal(open_log).message


def test_no_flipped_bit_in_the_file_changes_what_is_read(filled: Path, key: SigningKey) -> None:
    whole = filled.read_bytes()
    reasons = []
    for number in range(120):
        place = number * len(whole) // 120
        damaged = bytearray(whole)
        damaged[place] ^= 1 << number % 8
        filled.write_bytes(damaged)
        try:
            log = LogStore.open(filled, ORIGIN, key)
        except LandbridgeError as error:
            reasons.append(error.reason)
        else:
            assert [entry for _, entry in log.entries_backwards()] == ENTRIES[::-1]
            log.close()
        for leftover in filled.parent.glob("log.sqlite-*"):
            leftover.unlink()
    assert set(reasons) <= {Reason.LOG_DAMAGED, Reason.LOG_UNAVAILABLE}
    assert len(reasons) > 40


@pytest.mark.parametrize("kept", [0, 1, 100, 4096, 8192, 40_000])
def test_a_cut_file_is_found(filled: Path, open_log: OpenLog, kept: int) -> None:
    filled.write_bytes(filled.read_bytes()[:kept])
    refusal(open_log)


def test_a_file_that_is_no_database_is_found(path: Path, open_log: OpenLog) -> None:
    path.write_bytes(b"not a log\n" * 1000)
    refusal(open_log)
    path.unlink()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("CREATE TABLE somebody_else (things TEXT)")
    refusal(open_log)


def test_an_old_copy_with_the_new_journal_is_found(
    filled: Path, open_log: OpenLog, tmp_path: Path, key: SigningKey
) -> None:
    old = filled.read_bytes()
    log = open_log()
    log.append([b"later %d" % number for number in range(900)])
    log.close()
    log.append([b"newest"])
    mixed = tmp_path / "mixed.sqlite"
    shutil.copy(filled.with_name("log.sqlite-wal"), tmp_path / "mixed.sqlite-wal")
    mixed.write_bytes(old)
    refusal(lambda: LogStore.open(mixed, ORIGIN, key))


def put_in_place(new: Path, old: Path) -> None:
    """Replace a log by another, with its journal."""
    new.replace(old)
    for journal in ("-wal", "-shm"):
        old.with_name(old.name + journal).unlink(missing_ok=True)


def copy_log(log: Path, to: Path) -> Path:
    with closing(sqlite3.connect(log)) as source, closing(sqlite3.connect(to)) as copy:
        source.backup(copy)
    return to


def test_an_old_copy_under_a_running_log_is_not_continued(
    filled: Path, open_log: OpenLog, tmp_path: Path
) -> None:
    old = copy_log(filled, tmp_path / "old.sqlite")
    log = open_log()
    evidence = log.append([b"newest"])
    newest = copy_log(filled, tmp_path / "newest.sqlite")
    put_in_place(old, filled)
    for _ in range(2):
        refusal(lambda: log.append([b"after the restore"]))
    put_in_place(newest, filled)
    assert log.append([b"after the repair"])[0].index == evidence[0].index + 1


def test_a_fork_under_a_running_log_is_not_continued(
    filled: Path, open_log: OpenLog, tmp_path: Path
) -> None:
    fork = copy_log(filled, tmp_path / "fork.sqlite")
    other = open_log(fork)
    other.append([b"one history"] * 10)
    other.close()
    log = open_log()
    log.append([b"another history"])
    put_in_place(fork, filled)
    refusal(lambda: log.append([b"which?"]))


def test_a_replaced_file_that_meets_the_old_journal_is_read_again(
    filled: Path, open_log: OpenLog, tmp_path: Path
) -> None:
    empty = open_log(tmp_path / "empty.sqlite")
    empty.close()
    log = open_log()
    log.append([b"newest"])
    # SQLite plays the journal that stayed behind into this file: its head fits, the rest does not.
    (tmp_path / "empty.sqlite").replace(filled)
    refusal(lambda: log.append([b"which?"]))


def test_a_file_that_vanished_is_not_begun_anew(
    filled: Path, open_log: OpenLog, tmp_path: Path
) -> None:
    log = open_log()
    away = tmp_path / "away.sqlite"
    filled.rename(away)
    for _ in range(2):
        with pytest.raises(LandbridgeError) as caught:
            log.append([b"lost?"])
        assert caught.value.reason is Reason.LOG_UNAVAILABLE
        assert not filled.exists()
    away.rename(filled)
    assert log.append([b"back"])[0].index == SIZE


def test_damage_after_opening_is_found_by_check_and_by_reading(
    filled: Path, open_log: OpenLog
) -> None:
    log = open_log()
    log.check()
    with closing(sqlite3.connect(filled, isolation_level=None)) as connection:
        connection.execute("UPDATE entry SET body = x'00' WHERE position = 3")
        connection.execute("DELETE FROM entry WHERE position = 650")
    refusal(log.check)
    refusal(lambda: log.entry(650))
    refusal(lambda: list(log.entries_backwards()))
