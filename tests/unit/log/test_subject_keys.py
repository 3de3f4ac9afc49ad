"""Pseudonyms: stable for a month, unlike for two subjects, and unfindable once erased."""

import hashlib
import hmac
import resource
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from landbridge.errors import LandbridgeError, Reason
from landbridge.keys import SigningKey
from landbridge.log import erasure_list, named_places, subject_keys, subject_notes, subject_tables
from landbridge.log.database import LogDatabase
from landbridge.log.erasure_list import read_erased
from landbridge.log.merkle import leaf_hash, verify_inclusion
from landbridge.log.pseudonym import Concealment, masked_with, write_subject
from landbridge.log.store import LogStore
from landbridge.log.subject_keys import SubjectKeys, load_look_up_key, pseudonym
from tests.named_entries import append_on, append_written, names_at
from tests.unit.log.conftest import ORIGIN
from tests.unit.log.test_store import check_evidence, head_of

KEY = bytes(range(32))
text = st.text(max_size=12)


def at(month: str) -> int:
    moment = datetime.fromisoformat(f"{month}-15").replace(tzinfo=UTC)
    return int(moment.timestamp() * 1000)


NOVEMBER, DECEMBER = at("2026-11"), at("2026-12")


@pytest.fixture
def log(open_naming: Callable[..., LogStore]) -> LogStore:
    return open_naming()


def name_in(log: LogStore, subject: str, when: int = NOVEMBER) -> bytes:
    """Append an entry on a subject, and return its pseudonym."""
    ((name,),) = append_on(log, names_at(when, subject))
    return name.value


def bytes_on_disk(path: Path) -> bytes:
    return b"".join(file.read_bytes() for file in sorted(path.parent.glob("log.sqlite*")))


def test_the_definition() -> None:
    message = b"\x00\x00\x00\x09\x00\x00\x00\x08us-ope-id00100500"
    expected = hmac.new(KEY, message, hashlib.sha256).digest()[:16]
    assert pseudonym(KEY, "us-ope-id", "00100500") == expected


@given(st.binary(min_size=32, max_size=32), text, text)
def test_a_key_is_found_by_half_of_a_secret_and_masked_by_all_of_it(
    key: bytes, scheme: str, value: str
) -> None:
    written = write_subject(scheme, value)
    secret = hmac.new(key, b"2026-11" + written, hashlib.sha256).digest()
    mask = hashlib.sha256(secret).digest()
    assert Concealment(key).conceal("2026-11", written) == (secret[:16], mask)
    assert masked_with(masked_with(key, mask), mask) == key


@given(st.tuples(text, text), st.tuples(text, text))
def test_two_subjects_never_share_a_pseudonym(one: tuple[str, str], other: tuple[str, str]) -> None:
    assert (pseudonym(KEY, *one) == pseudonym(KEY, *other)) == (one == other)


def test_a_subject_keeps_its_pseudonym_for_a_month(
    log: LogStore, open_naming: Callable[..., LogStore]
) -> None:
    ((first, again),) = append_on(log, names_at(NOVEMBER, "1", "1"))
    assert first.period == "2026-11"
    assert again == first
    assert append_on(open_naming(), names_at(NOVEMBER, "1")) == [[first]]
    ((december, other),) = append_on(log, [("ope", "1", DECEMBER), ("opd", "1", NOVEMBER)])
    assert (december.period, december.value == first.value) == ("2026-12", False)
    assert other.value != first.value


def test_many_are_named_with_one_look(log: LogStore, open_naming: Callable[..., LogStore]) -> None:
    asked = names_at(NOVEMBER, *(str(number % 700) for number in range(1500)))
    (names,) = append_on(log, asked)
    assert names[:700] == names[700:1400]
    assert len({name.value for name in names}) == 700
    assert append_on(open_naming(), asked) == [names]


@pytest.mark.parametrize(
    ("moment", "month"),
    [
        ("2026-11-30T23:59:59.999+00:00", "2026-11"),
        ("2026-12-01T00:00:00+00:00", "2026-12"),
        ("2024-02-29T12:00:00+00:00", "2024-02"),
        ("1969-12-31T23:00:00+00:00", "1969-12"),
    ],
)
def test_months_are_those_of_utc(log: LogStore, moment: str, month: str) -> None:
    when = int(datetime.fromisoformat(moment).timestamp() * 1000)
    ((name,),) = append_on(log, names_at(when, "1"))
    assert name.period == month


def test_what_is_found_is_the_newest_month_first(log: LogStore) -> None:
    written = [name_in(log, "1", at(month)) for month in ("2026-09", "2026-11", "2026-10")]
    found = log.subjects.find("ope", "1")
    assert [name.period for name in found] == ["2026-11", "2026-10", "2026-09"]
    assert sorted(name.value for name in found) == sorted(written)
    assert log.subjects.find("ope", "2") == []
    assert {pseudonym(key.key, "ope", "1") for key in log.subjects.keys("ope", "1")} == {*written}


def test_positions(log: LogStore) -> None:
    groups = [names_at(NOVEMBER, *subjects) for subjects in ("1", "2", "", "12", "", "1")]
    (one,), (two,), *_ = append_on(log, *groups)
    log.append([b"nobody"])
    assert log.positions([one], limit=9) == [5, 3, 0]
    assert log.positions([one, two], limit=9) == [5, 3, 1, 0]
    assert log.positions([one, two, one], limit=2) == [5, 3]
    assert log.positions([one, two], before=3, limit=9) == [1, 0]
    assert log.positions([], limit=9) == []
    assert log.positions([one], before=0, limit=9) == []


@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    batches=st.lists(st.lists(st.lists(st.integers(0, 3), max_size=3), max_size=12), max_size=12),
    before=st.integers(0, 150),
    limit=st.integers(1, 20),
)
def test_positions_are_those_that_name_a_subject(
    tmp_path_factory: pytest.TempPathFactory,
    key: SigningKey,
    batches: list[list[list[int]]],
    before: int,
    limit: int,
) -> None:
    path = tmp_path_factory.mktemp("log") / "log.sqlite"
    log = LogStore.open(path, ORIGIN, key, look_up_key=KEY)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(named_places, "_RUN", 5)
        patch.setattr(named_places, "_ROW", 2)
        patch.setattr(subject_notes, "_EVERY", 3)
        for batch in batches:
            append_on(log, *(names_at(NOVEMBER, *map(str, ids)) for ids in batch))
    entries = [ids for batch in batches for ids in batch]
    for subject in range(4):
        expected = [index for index, ids in enumerate(entries) if subject in ids][::-1]
        found = log.subjects.find("ope", str(subject))
        assert log.positions(found, limit=999) == expected
        assert (
            log.positions(found, before=before, limit=limit)
            == [index for index in expected if index < before][:limit]
        )
    log.subjects.erase("ope", "1")
    assert (
        log.positions(log.subjects.find("ope", "2"), limit=999)
        == [index for index, ids in enumerate(entries) if 2 in ids][::-1]
    )
    log.close()


def test_a_failed_append_stores_no_key_and_the_next_one_does(log: LogStore) -> None:
    with pytest.raises(LandbridgeError):
        append_written(log, bytes(70_000), names_at(NOVEMBER, "1"))
    assert log.subjects.find("ope", "1") == []
    stored = name_in(log, "1")
    assert [name.value for name in log.subjects.find("ope", "1")] == [stored]


def test_where_a_month_has_two_keys_both_are_found_and_erased(
    open_naming: Callable[..., LogStore], path: Path
) -> None:
    here = open_naming()
    first = name_in(here, "1")
    take_apart(path)
    look_up, _ = Concealment(KEY).conceal("2026-11", write_subject("ope", "1"))
    with closing(LogDatabase(path)) as database, database.writing() as connection:
        subject_tables.write_keys(connection, [(b"2026-11", look_up, KEY)])
    there = open_naming()
    assert first in [name.value for name in there.subjects.find("ope", "1")]
    assert len(there.subjects.find("ope", "1")) == 2
    assert name_in(there, "1") == first
    assert there.subjects.erase("ope", "1") == 2
    assert there.subjects.find("ope", "1") == []


def test_the_database_alone_names_nobody(log: LogStore, path: Path) -> None:
    name_in(log, "1")
    (key,) = log.subjects.keys("ope", "1")
    assert key.key not in bytes_on_disk(path)
    stranger = SubjectKeys(LogDatabase(path), bytes(32))
    assert stranger.find("ope", "1") == []
    stranger.close()


def take_apart(path: Path) -> None:
    with closing(LogDatabase(path)) as database, database.writing() as connection:
        subject_notes.take_apart(connection)


@settings(
    max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    sizes=st.lists(st.integers(1, 90), min_size=1, max_size=5),
    erased=st.lists(st.integers(0, 400), min_size=1, max_size=4, unique=True),
)
def test_erasing_leaves_every_proof_and_no_byte_of_the_key(
    tmp_path_factory: pytest.TempPathFactory, key: SigningKey, sizes: list[int], erased: list[int]
) -> None:
    path = tmp_path_factory.mktemp("log") / "log.sqlite"
    log = LogStore.open(path, ORIGIN, key, look_up_key=KEY)
    evidence, names = [], {}
    for size in sizes:
        subjects = [str(len(names) + number) for number in range(size)]
        about = [names_at(NOVEMBER, each) for each in subjects]
        written = log.append_about(about, lambda named: [name.value for (name,) in named])
        names |= dict(zip(subjects, [one.entry for one in written], strict=True))
        evidence += written
    with closing(sqlite3.connect(path)) as connection:
        notes = [note for _, note in subject_notes.read_notes(connection)]
    noted = [masked for note in notes for _, _, masked in subject_notes.keys_in(note)]
    assert len(noted) == len(names)
    chosen = {str(number % len(names)) for number in erased}
    for subject in chosen:
        assert log.subjects.erase("ope", subject) == 1
        assert log.subjects.erase("ope", subject) == 0
    after = bytes_on_disk(path)
    for (subject, name), masked in zip(names.items(), noted, strict=True):
        # A page may end within a key.
        halves = (masked[:16], masked[16:])
        assert any(half in after for half in halves) == (subject not in chosen)
        found = log.subjects.find("ope", subject)
        assert [each.value for each in found] == ([] if subject in chosen else [name])
    for one in evidence:
        check_evidence(one, key)
        head = head_of(log.head(), key)
        path_now = log.inclusion_proof(one.index, head.size)
        verify_inclusion(leaf_hash(one.entry), one.index, head.size, path_now, head.root)
    log.check()
    log.close()


def test_a_copy_of_the_database_does_not_show_whose_keys_are_gone(
    log: LogStore, path: Path
) -> None:
    for month in ("2026-05", "2026-06", "2026-07"):
        append_on(log, *(names_at(at(month), str(each)) for each in range(20)))
    assert log.subjects.erase("ope", "7") == 3
    entries = list(log.entries())
    with closing(sqlite3.connect(path)) as connection:
        dump = {
            table: connection.execute(f"SELECT * FROM {table}").fetchall()
            for table in subject_tables._ALL
        }
    ((block, masked),) = dump["subject_key"]
    keys = [masked[start : start + 32] for start in range(0, len(masked), 32)]
    places = sorted(place for _, place in dump["subject_name"])
    assert (block, places) == (0, [*range(60)])
    assert len({*keys}) == 60
    assert not any(key.count(0) > 8 for key in keys)
    ((_, packed),) = dump["named_lately"]
    names = [packed[start + 7 : start + 23] for start in range(0, len(packed), 31)]
    assert sorted(names) == sorted(entries)
    assert not {*entries} & {digest for (digest,) in dump["erased"]}


def test_after_erasure_the_subject_gets_a_new_key(log: LogStore) -> None:
    before = name_in(log, "1")
    log.subjects.erase("ope", "1")
    assert name_in(log, "1") != before
    (found,) = log.subjects.find("ope", "1")
    assert log.positions([found], limit=9) == [1]


def test_another_process_takes_notice_of_an_erasure(
    open_naming: Callable[..., LogStore],
) -> None:
    here, there = open_naming(), open_naming()
    before = name_in(here, "1")
    there.subjects.erase("ope", "1")
    assert name_in(here, "1") != before


def test_an_erasure_between_two_appends_brings_no_key_back(log: LogStore, path: Path) -> None:
    before = name_in(log, "1")
    with closing(SubjectKeys(LogDatabase(path), KEY)) as keys:
        assert keys.erase("ope", "1") == 1
    assert log.subjects.find("ope", "1") == []
    after = name_in(log, "1")
    assert after != before
    assert [name.value for name in log.subjects.find("ope", "1")] == [after]


def test_memory_is_bounded(log: LogStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject_keys, "_MOST_KNOWN", 10)
    subjects = [names_at(NOVEMBER, str(number)) for number in range(30)]
    names = append_on(log, *subjects)
    assert len(log.subjects._known) == 10
    assert append_on(log, *subjects) == names


def test_a_key_that_was_changed_in_the_file_is_noticed(log: LogStore, path: Path) -> None:
    name_in(log, "1")
    take_apart(path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM subject_key")
    with pytest.raises(LandbridgeError) as caught:
        log.subjects.find("ope", "1")
    assert caught.value.reason is Reason.LOG_DAMAGED


def test_places_that_were_damaged_are_noticed(
    log: LogStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(named_places, "_RUN", 3)
    for each in ("11", "1", "1"):
        append_on(log, *(names_at(NOVEMBER, subject) for subject in each))
        take_apart(path)
    found = log.subjects.find("ope", "1")
    assert log.positions(found, limit=9) == [3, 2, 1, 0]
    for table in ("named", "named_lately"):
        with closing(sqlite3.connect(path)) as connection, connection:
            ((whole,),) = connection.execute(f"SELECT places FROM {table}").fetchall()
            connection.execute(f"UPDATE {table} SET places = ?", (whole[:-1],))
        with pytest.raises(LandbridgeError) as caught:
            log.positions(found, limit=9)
        assert caught.value.reason is Reason.LOG_DAMAGED
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute(f"UPDATE {table} SET places = ?", (whole,))
    assert log.positions(found, limit=9) == [3, 2, 1, 0]


def test_keys_beyond_a_row_are_found_and_erased_one_by_one(log: LogStore, path: Path) -> None:
    subjects = [str(number) for number in range(300)]
    names = [name for (name,) in append_on(log, *(names_at(NOVEMBER, one) for one in subjects))]
    take_apart(path)
    with closing(sqlite3.connect(path)) as connection:
        sizes = connection.execute("SELECT length(masked) FROM subject_key").fetchall()
    assert sizes == [(126 * 32,), (126 * 32,), (48 * 32,)]
    for erased in (0, 125, 126, 299):
        assert log.subjects.erase("ope", subjects[erased]) == 1
    found = [log.subjects.find("ope", one) for one in subjects]
    expected = [[] if one in {0, 125, 126, 299} else [names[one]] for one in range(300)]
    assert found == expected


def test_a_log_of_an_earlier_version_gets_the_tables(
    path: Path, open_log: Callable[..., LogStore], open_naming: Callable[..., LogStore]
) -> None:
    log = open_log()
    log.append([b"old"])
    log.close()
    with closing(sqlite3.connect(path)) as connection, connection:
        for table in subject_tables._ALL:
            connection.execute(f"DROP TABLE {table}")
    name_in(open_naming(), "1")


def test_a_copy_without_keys_under_a_running_log_gets_keys_of_its_own(
    log: LogStore, path: Path
) -> None:
    former = name_in(log, "1")
    other = LogDatabase(path)
    other.forget_erased()  # empties the write-ahead file
    other.close()
    copy = path.with_name("copy")
    copy.write_bytes(path.read_bytes())
    with closing(sqlite3.connect(copy)) as connection, connection:
        subject_tables.drop_keys(connection)
    copy.replace(path)
    assert name_in(log, "1") != former
    (found,) = log.subjects.find("ope", "1")
    assert log.positions([found], limit=9) == [1]


def test_an_erasure_counts_behind_one_that_was_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "log.erased"
    path.write_bytes(b"0123")
    path.chmod(0o600)
    erasure_list.note_erased(path, [KEY, KEY[::-1]])
    assert {erasure_list.key_digest(one) for one in (KEY, KEY[::-1])} < read_erased(path)


def test_an_erasure_that_a_full_disk_cuts_off_is_none(
    log: LogStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name_in(log, "1")
    keys = SubjectKeys(LogDatabase(path), KEY, erasures=path.with_name("log.erased"))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with monkeypatch.context() as patch:
        note = erasure_list.note_erased

        def note_on_a_full_disk(where: Path, masked: Iterable[bytes]) -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (40, hard))
            try:
                note(where, masked)
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

        patch.setattr(subject_keys, "note_erased", note_on_a_full_disk)
        with pytest.raises(LandbridgeError) as caught:
            keys.erase("ope", "1")
        assert caught.value.reason is Reason.LOG_UNAVAILABLE
    assert len(log.subjects.find("ope", "1")) == 1
    assert keys.erase("ope", "1") == 1
    keys.close()


def test_a_log_without_a_look_up_key_names_nobody(open_log: Callable[..., LogStore]) -> None:
    with pytest.raises(LandbridgeError) as caught:
        _ = open_log().subjects
    assert caught.value.reason is Reason.INVALID_CONFIGURATION
    assert "pseudonym.key" in caught.value.message


def test_the_key_file(tmp_path: Path) -> None:
    file = tmp_path / "pseudonym.key"
    file.write_text(KEY.hex() + "\n")
    file.chmod(0o600)
    assert load_look_up_key(file) == KEY
    file.chmod(0o640)
    with pytest.raises(LandbridgeError) as caught:
        load_look_up_key(file)
    assert caught.value.reason is Reason.KEY_EXPOSED


@pytest.mark.parametrize("content", [b"", b"abc", b"zz" * 32, b"00" * 31, b"00" * 33, b"\xff" * 64])
def test_a_malformed_key_file_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "pseudonym.key"
    file.write_bytes(content)
    file.chmod(0o600)
    with pytest.raises(LandbridgeError) as caught:
        load_look_up_key(file)
    assert caught.value.reason is Reason.INVALID_CONFIGURATION
    assert str(file) in caught.value.where
    assert content.decode("latin1")[:8] not in caught.value.message or not content


def test_a_missing_key_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LandbridgeError) as caught:
        load_look_up_key(tmp_path / "none")
    assert caught.value.reason is Reason.INVALID_CONFIGURATION
