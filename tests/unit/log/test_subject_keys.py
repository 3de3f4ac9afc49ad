"""Pseudonyms: stable for a month, unlike for two subjects, and unfindable once erased."""

import hashlib
import hmac
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from landbridge.errors import LandbridgeError, Reason
from landbridge.keys import SigningKey
from landbridge.log import subject_keys, subject_notes, subject_tables
from landbridge.log.database import LogDatabase
from landbridge.log.merkle import leaf_hash, verify_inclusion
from landbridge.log.pseudonym import Concealment, masked_with, write_subject
from landbridge.log.store import LogStore
from landbridge.log.subject_keys import SubjectKeys, load_look_up_key, pseudonym
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
    named = log.subjects.name("ope", subject, when)
    log.append([b"on " + named.value.hex().encode()], [(named,)])
    return named.value


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
    first = log.subjects.name("ope", "1", at("2026-11"))
    assert first.period == "2026-11"
    assert log.subjects.name("ope", "1", at("2026-11")) == first
    log.append([b"one"], [(first,)])
    again = open_naming()
    assert again.subjects.name("ope", "1", at("2026-11")).value == first.value
    december = log.subjects.name("ope", "1", at("2026-12"))
    assert (december.period, december.value == first.value) == ("2026-12", False)
    assert log.subjects.name("opd", "1", at("2026-11")).value != first.value


def test_many_are_named_with_one_look(log: LogStore, open_naming: Callable[..., LogStore]) -> None:
    asked = [("ope", str(number % 700), NOVEMBER) for number in range(1500)]
    names = log.subjects.names(asked)
    assert names[:700] == names[700:1400]
    assert len({name.value for name in names}) == 700
    log.append([b"all"], [names[:600]])
    again = open_naming().subjects.names(asked)
    same = [one.value == other.value for one, other in zip(names, again, strict=True)]
    assert same == [number % 700 < 600 for number in range(1500)]
    assert log.subjects.names(()) == []


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
    assert log.subjects.name("ope", "1", when).period == month


def test_a_key_that_no_append_named_is_not_kept(
    log: LogStore, open_naming: Callable[..., LogStore]
) -> None:
    unused = log.subjects.name("ope", "1", NOVEMBER)
    assert log.subjects.find("ope", "1") == []
    assert open_naming().subjects.name("ope", "1", NOVEMBER).value != unused.value


def test_what_is_found_is_the_newest_month_first(log: LogStore) -> None:
    written = [name_in(log, "1", at(month)) for month in ("2026-09", "2026-11", "2026-10")]
    found = log.subjects.find("ope", "1")
    assert [name.period for name in found] == ["2026-11", "2026-10", "2026-09"]
    assert sorted(name.value for name in found) == sorted(written)
    assert log.subjects.find("ope", "2") == []
    assert {pseudonym(key.key, "ope", "1") for key in log.subjects.keys("ope", "1")} == {*written}


def test_positions(log: LogStore) -> None:
    one, two = (log.subjects.name("ope", each, NOVEMBER) for each in "12")
    log.append(
        [b"%d" % number for number in range(6)], [(one,), (two,), (), (one, two), (), (one,)]
    )
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
        patch.setattr(subject_tables, "_RUN", 5)
        patch.setattr(subject_notes, "_EVERY", 3)
        for batch in batches:
            named = [
                log.subjects.names(("ope", str(one), NOVEMBER) for one in ids) for ids in batch
            ]
            log.append([b"x"] * len(batch), named)
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
    (one,) = log.subjects.names([("ope", "2", NOVEMBER)])
    assert (
        log.positions([one], limit=999)
        == [index for index, ids in enumerate(entries) if 2 in ids][::-1]
    )
    log.close()


def test_the_names_must_be_as_many_as_the_entries(log: LogStore) -> None:
    one = log.subjects.name("ope", "1", NOVEMBER)
    with pytest.raises(ValueError, match="shorter"):
        log.append([b"one", b"two"], [(one,)])
    assert (log.size, log.subjects.find("ope", "1")) == (0, [])


def test_a_failed_append_stores_no_key_and_the_next_one_does(log: LogStore) -> None:
    one = log.subjects.name("ope", "1", NOVEMBER)
    with pytest.raises(LandbridgeError):
        log.append([bytes(70_000)], [(one,)])
    assert log.subjects.find("ope", "1") == []
    assert name_in(log, "1") == one.value
    assert [name.value for name in log.subjects.find("ope", "1")] == [one.value]


def test_two_processes_that_meet_a_subject_at_once(open_naming: Callable[..., LogStore]) -> None:
    here, there = open_naming(), open_naming()
    named = [log.subjects.name("ope", "1", NOVEMBER) for log in (here, there)]
    here.append([b"here"], [(named[0],)])
    there.append([b"there"], [(named[1],)])
    assert named[0].value != named[1].value
    found = open_naming().subjects.find("ope", "1")
    assert {name.value for name in found} == {name.value for name in named}
    assert here.positions(found, limit=9) == [0]
    assert there.positions(found, limit=9) == [1, 0]


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
        named = {each: log.subjects.name("ope", each, NOVEMBER) for each in subjects}
        names |= named
        evidence += log.append(
            [name.value for name in named.values()], [(name,) for name in named.values()]
        )
    with closing(sqlite3.connect(path)) as connection:
        notes = [note for _, note in subject_notes.read_notes(connection)]
    noted = {key.masked for note in notes for key in subject_notes.keys_in(note)}
    assert noted == {name.unstored_key for name in names.values()}
    chosen = {str(number % len(names)) for number in erased}
    for subject in chosen:
        assert log.subjects.erase("ope", subject) == 1
        assert log.subjects.erase("ope", subject) == 0
    after = bytes_on_disk(path)
    for subject, name in names.items():
        # A page may end within a key.
        halves = (name.unstored_key[:16], name.unstored_key[16:])
        assert any(half in after for half in halves) == (subject not in chosen)
        found = log.subjects.find("ope", subject)
        assert [each.value for each in found] == ([] if subject in chosen else [name.value])
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
        names = log.subjects.names(("ope", str(each), at(month)) for each in range(20))
        log.append([name.value for name in names], [(name,) for name in names])
    assert log.subjects.erase("ope", "7") == 3
    entries = list(log.entries())
    with closing(sqlite3.connect(path)) as connection:
        dump = {
            table: connection.execute(f"SELECT * FROM {table}").fetchall()
            for table in subject_tables._ALL
        }
    keys = dict(dump["subject_key"])
    assert sorted(place for _, place in dump["subject_name"]) == sorted(keys) == [*range(60)]
    assert len({*keys.values()}) == 60
    assert not any(bytes(key).count(0) > 8 for key in keys.values())
    assert sorted(name for _, name, _ in dump["named_lately"]) == sorted(entries)
    assert not {*entries} & {digest for (digest,) in dump["erased"]}


def test_after_erasure_the_subject_gets_a_new_key(log: LogStore) -> None:
    before = name_in(log, "1")
    log.subjects.erase("ope", "1")
    assert name_in(log, "1") != before
    (found,) = log.subjects.find("ope", "1")
    assert log.positions([found], limit=9) == [1]


def test_another_process_takes_notice_of_an_erasure(
    open_naming: Callable[..., LogStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subject_keys, "_LOOK_AGAIN_S", 0.0)
    here, there = open_naming(), open_naming()
    before = name_in(here, "1")
    there.subjects.erase("ope", "1")
    assert name_in(here, "1") != before


@pytest.mark.parametrize("stored", [False, True])
def test_an_append_under_way_brings_no_erased_key_back(log: LogStore, *, stored: bool) -> None:
    under_way = log.subjects.name("ope", "1", NOVEMBER)
    log.append([b"first"], [(under_way,)])
    if stored:
        under_way = log.subjects.name("ope", "1", NOVEMBER)
    assert log.subjects.erase("ope", "1") == 1
    log.append([b"second"], [(under_way,)])
    assert log.subjects.find("ope", "1") == []


def test_an_append_long_after_brings_no_erased_key_back(
    log: LogStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subject_keys, "_MOST_KNOWN", 1)
    erased, other = (log.subjects.name("ope", each, NOVEMBER) for each in "12")
    log.append([b"first"], [(erased,)])
    log.subjects.erase("ope", "1")
    log.append([b"second"], [(other,)])
    # By now nothing in memory tells that its key was stored before.
    assert [key.pseudonym for key in log.subjects.unstored([erased])] == [erased.value]
    log.append([b"third"], [(erased,)])
    assert log.subjects.find("ope", "1") == []
    assert [name.value for name in log.subjects.find("ope", "2")] == [other.value]


def test_memory_is_bounded(log: LogStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject_keys, "_MOST_KNOWN", 10)
    names = [log.subjects.name("ope", str(number), NOVEMBER) for number in range(30)]
    assert len(log.subjects._known) == 10
    assert len(log.subjects._unstored) == 10
    log.append([b"%d" % number for number in range(30)], [(name,) for name in names])
    for number, name in enumerate(names):
        assert log.subjects.name("ope", str(number), NOVEMBER).value == name.value


def test_a_key_that_was_changed_in_the_file_is_noticed(log: LogStore, path: Path) -> None:
    name_in(log, "1")
    take_apart(path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM subject_key")
    with pytest.raises(LandbridgeError) as caught:
        log.subjects.find("ope", "1")
    assert caught.value.reason is Reason.LOG_DAMAGED


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
