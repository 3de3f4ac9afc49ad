"""A party's log among its witnesses: cosignatures that are kept, and a log that is put back."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from landbridge.errors import LandbridgeError, Reason
from landbridge.keys import KeyUse, SigningKey
from landbridge.log.cosignature import Cosigner
from landbridge.log.note import Note, parse_note
from landbridge.log.signed_head import read_signed_head
from landbridge.log.store import LogStore
from landbridge.log.witness_database import WITNESS_FILE
from landbridge.log.witness_file import WitnessFile, cosigned, newest_known
from tests.witnessing import NOW, Town, fill, origin_of


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    made = Town(tmp_path)
    yield made
    made.close()


def with_line(town: Town, note: bytes, agency: str, at_s: int = NOW // 1000) -> bytes:
    cosigner = Cosigner(origin_of(agency), town.key(agency))
    return note + str(cosigner.cosign(parse_note(note), at_s)).encode()


def copy_of(town: Town, log: LogStore, name: str) -> Path:
    """Copy a log's file as it is on the disk."""
    log.close()
    path = town.folder / f"{name}.copy"
    shutil.copy(town.folder / "tax.sqlite", path)
    return path


def test_cosignatures_are_kept_and_published_with_the_head(town: Town) -> None:
    log = town.log("tax")
    own = town.own(log)
    fill(log, 3)
    first = with_line(town, with_line(town, log.head(), "food"), "water")
    assert own.told(first)
    fill(log, 1)
    assert own.told(with_line(town, log.head(), "food"))
    folder = town.folder / "party-tax"
    assert cosigned(folder) == with_line(town, log.head(), "food")
    assert cosigned(folder, 2) == first
    assert cosigned(folder, 3) == b""
    assert cosigned(town.folder) == b""
    assert newest_known(folder) == [cosigned(folder)]
    words = {one.witness: one.size for one in town.files[0].cosignatures()}
    assert words == {origin_of("food"): 4, origin_of("water"): 3}


def test_a_line_that_does_not_count_takes_no_other_with_it(town: Town) -> None:
    log = town.log("tax")
    own = town.own(log)
    fill(log, 3)
    other = town.log("tax", "-other")
    fill(other, 3, "changed")
    head = log.head()
    over_another = str(parse_note(with_line(town, other.head(), "water")).signatures[-1]).encode()
    of_nobody = Cosigner(origin_of("nobody"), SigningKey.generate("nobody", KeyUse.LOG))
    data = head + over_another
    data += str(of_nobody.cosign(parse_note(head), NOW // 1000)).encode()
    data = with_line(town, data, "ahead", NOW // 1000 + 3600)
    data = with_line(town, data, "tax")
    assert own.told(with_line(town, data, "food"))
    assert cosigned(town.folder / "party-tax") == with_line(town, head, "food")


def test_a_log_that_was_put_back_takes_no_entry_until_the_newest_is_restored(town: Town) -> None:
    log = town.log("tax")
    fill(log, 3)
    old = copy_of(town, log, "old")
    log = town.log("tax")
    fill(log, 4)
    newest = log.head()
    new = copy_of(town, log, "new")
    shutil.copy(old, town.folder / "tax.sqlite")
    log, told = town.log("tax"), list[LandbridgeError | None]()
    own = town.own(log, told)
    assert told == []
    assert not own.told(newest)
    for _ in range(2):
        with pytest.raises(LandbridgeError, match="does not hold what others have seen") as caught:
            fill(log, 1)
        assert caught.value.reason is Reason.LOG_ROLLED_BACK
    assert log.size == 3
    assert len(log.entry(2)) > 0
    # A restart forgets nothing; and an older head, which it holds, excuses nothing.
    log.close()
    log = town.log("tax")
    own = town.own(log, told)
    assert own.told(parse_and_write(town, old)) is True
    with pytest.raises(LandbridgeError):
        fill(log, 1)
    assert not own.look_again()
    # The newest copy put in its place is taken into use while the process runs.
    log.close()
    for leftover in ("-wal", "-shm"):
        (town.folder / f"tax.sqlite{leftover}").unlink(missing_ok=True)
    (town.folder / "tax.sqlite").unlink()
    shutil.copy(new, town.folder / "tax.sqlite")
    assert own.look_again()
    fill(log, 1)
    assert log.size == 8
    assert [error and error.reason for error in told] == [
        Reason.LOG_ROLLED_BACK,
        Reason.LOG_ROLLED_BACK,
        Reason.LOG_ROLLED_BACK,
        None,
    ]
    assert town.files[-1].claimed() == b""


def parse_and_write(town: Town, copy: Path) -> bytes:
    """Return the head in a copy of the log."""
    log = LogStore.open(copy, origin_of("tax"), town.key("tax"))
    town.logs.append(log)
    return log.head()


def test_a_log_that_went_on_from_an_older_copy_is_found_out_as_well(town: Town) -> None:
    log = town.log("tax")
    fill(log, 3)
    old = copy_of(town, log, "old")
    log = town.log("tax")
    fill(log, 4)
    newest = log.head()
    log.close()
    shutil.copy(old, town.folder / "tax.sqlite")
    log = town.log("tax")
    fill(log, 9, "after")
    assert not town.own(log).told(newest)
    assert log.halted is not None


def test_a_head_that_another_process_appended_is_no_alarm(town: Town) -> None:
    first, second = town.log("tax"), town.log("tax")
    own = town.own(first)
    fill(second, 5)
    assert first.size == 0
    assert own.told(with_line(town, second.head(), "food"))
    assert first.halted is None


def test_what_cannot_be_said_of_this_log_is_refused(town: Town) -> None:
    log = town.log("tax")
    own = town.own(log)
    fill(log, 2)
    for data, reason in {
        b"": Reason.BAD_LOG_EVIDENCE,
        log.head()[:-9]: Reason.BAD_LOG_EVIDENCE,
        town.signed("food", 9): Reason.MALFORMED_REQUEST,
        town.signed("tax", 1 << 63): Reason.BAD_LOG_EVIDENCE,
        log.head().replace(b"\n2\n", b"\n3\n"): Reason.BAD_SIGNATURE,
    }.items():
        with pytest.raises(LandbridgeError) as caught:
            own.told(data)
        assert caught.value.reason is reason
    assert log.halted is None


def test_what_a_tainted_key_signed_stops_a_log_only_until_the_taint(town: Town) -> None:
    log = town.log("tax")
    fill(log, 2)
    thief = town.key("tax")
    claim = town.signed("tax", 50, bytes(32))
    own = town.own(log)
    assert not own.told(claim)
    town.keys["tax"] = [SigningKey.generate("tax", KeyUse.LOG)]
    assert thief.public not in town.keys_of(log.origin)
    assert own.look_again()
    assert log.halted is None
    # What a good key signs after that counts, though its tree is smaller than the thief's.
    log.sign_with(town.key("tax"))
    assert not own.told(town.signed("tax", 40, bytes(32)))
    head = read_signed_head(town.files[0].claimed(), town.keys_of)
    assert head.size == 40


def test_a_head_of_before_an_ordinary_change_of_the_key_counts(town: Town) -> None:
    log, fork = town.log("tax"), town.log("tax", "-fork")
    fill(fork, 3, "forgotten")
    seen = with_line(town, fork.head(), "food")
    alone = fork.head()
    town.former["tax"] = town.keys["tax"]
    town.keys["tax"] = [SigningKey.generate("tax", KeyUse.LOG)]
    log.sign_with(town.key("tax"))
    fill(log, 9)
    own = town.own(log)
    # Nobody says when it was signed: it may be a thief's of a key that is long out of use.
    with pytest.raises(LandbridgeError) as caught:
        own.told(alone)
    assert caught.value.reason is Reason.UNTRUSTED_KEY
    assert not own.told(seen)
    assert log.halted is not None
    assert not town.own(log).look_again()


def test_only_the_last_heads_are_kept_and_each_witnesss_last_word(town: Town) -> None:
    log = town.log("tax")
    own = town.own(log)
    fill(log, 1)
    own.told(with_line(town, log.head(), "water"))
    for _ in range(40):
        fill(log, 1)
        own.told(with_line(town, log.head(), "food"))
    rows = town.files[0].read("SELECT size, witness FROM cosigned ORDER BY size")
    assert rows[0] == (1, origin_of("water"))
    assert [size for size, _ in rows[1:]] == list(range(26, 42))


@pytest.mark.parametrize("damage", ["other file", "garbage", "folder"])
def test_a_file_that_is_not_one_is_refused_and_left_alone(tmp_path: Path, damage: str) -> None:
    path = tmp_path / WITNESS_FILE
    if damage == "folder":
        path.mkdir()
    elif damage == "garbage":
        path.write_bytes(b"no database " * 900)
    else:
        LogStore.open(path, origin_of("tax"), SigningKey.generate("tax", KeyUse.LOG)).close()
    with pytest.raises(LandbridgeError) as caught:
        WitnessFile.open(tmp_path)
    expected = Reason.LOG_UNAVAILABLE if damage == "folder" else Reason.LOG_DAMAGED
    assert caught.value.reason is expected
    assert caught.value.where == str(path)


def test_the_file_is_the_owners_alone_and_keeps_what_was_heard(tmp_path: Path) -> None:
    file = WitnessFile.open(tmp_path)
    assert (tmp_path / WITNESS_FILE).stat().st_mode & 0o777 == 0o600
    assert file.read("PRAGMA synchronous") == [(2,)]
    assert file.heard() == ({}, 0)
    file.keep_heard({"a": (5, b"five"), "b": (1 << 70, b"many")}, 3)
    file.keep_heard({"a": (2, b"two")}, 9)
    file.close()
    again = WitnessFile.open(tmp_path)
    assert again.heard() == ({"a": (5, b"five"), "b": ((1 << 63) - 1, b"many")}, 9)
    again.drop_heard("b")
    assert again.heard() == ({"a": (5, b"five")}, 9)
    again.close()


def test_a_note_without_its_own_log_is_no_head(town: Town) -> None:
    log = town.log("tax")
    fill(log, 1)
    cosigner = Cosigner(origin_of("food"), town.key("food"))
    note = parse_note(log.head())
    alone = Note(note.text, (cosigner.cosign(note, NOW // 1000),))
    data = f"{alone.text}\n{alone.signatures[0]}".encode()
    with pytest.raises(LandbridgeError) as caught:
        read_signed_head(data, town.keys_of)
    assert caught.value.reason is Reason.UNTRUSTED_KEY


def test_another_process_of_the_same_party_stops_as_well(town: Town) -> None:
    log, told = town.log("tax"), list[LandbridgeError | None]()
    fill(log, 2)
    first = town.own(log)
    other_log = town.log("tax")
    second = town.own(other_log, told)
    assert second.look_again()
    assert not first.told(town.signed("tax", 9, bytes(32)))
    assert other_log.halted is None
    assert not second.look_again()
    with pytest.raises(LandbridgeError):
        fill(other_log, 1)
    assert [error and error.reason for error in told] == [Reason.LOG_ROLLED_BACK]
