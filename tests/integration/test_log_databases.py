"""The log in SQLite and in PostgreSQL: the same promises, kept by real databases."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.keys import KeyUse, SigningKey
from landbridge.log.checkpoint import verify_checkpoint
from landbridge.log.connection import Database
from landbridge.log.database import LogDatabase
from landbridge.log.merkle import leaf_hash, verify_consistency, verify_inclusion
from landbridge.log.note import NoteVerifier
from landbridge.log.own_database import own_database
from landbridge.log.pass_through import PassThrough
from landbridge.log.postgres import PostgresDatabase
from landbridge.log.publishing import Publisher
from landbridge.log.reading import LogTables, open_reader
from landbridge.log.store import LogStore
from landbridge.log.subject_notes import keys_in, read_notes
from landbridge.log.whole_log import verify_log
from tests.integration.servers import PostgresServer
from tests.named_entries import append_on, append_written, names_at
from tests.vectors import generate

ORIGIN = "fsa.ed.institutions.example/node/main"
KEY = SigningKey.generate("fsa.ed", KeyUse.LOG)
LOOK_UP_KEY = bytes(range(32))
NOVEMBER = 1_795_000_000_000
_NUMBERS = count()


def url_of_new(postgres: PostgresServer) -> str:
    return postgres.create(f"log{next(_NUMBERS)}").replace("+psycopg", "")


def postgres_database(postgres: PostgresServer) -> PostgresDatabase:
    return PostgresDatabase(url_of_new(postgres), "log.toml")


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    made: Database = LogDatabase(tmp_path / "log.sqlite")
    if request.param == "postgresql":
        made = postgres_database(request.getfixturevalue("postgres"))
    yield made
    made.close()


@pytest.fixture
def open_log(database: Database) -> Iterator[Callable[..., LogStore]]:
    opened: list[LogStore] = []

    def open_one(origin: str = ORIGIN, key: SigningKey = KEY) -> LogStore:
        store = LogStore.open(
            database.another(), origin, key, [KEY.public], look_up_key=LOOK_UP_KEY
        )
        opened.append(store)
        return store

    yield open_one
    for store in opened:
        store.close()


def check(log: LogStore, entries: list[bytes]) -> None:
    """Check that a log proves these entries, and that every size is continued by the last."""
    log.refresh()
    head = verify_checkpoint(log.head(), lambda _: NoteVerifier(ORIGIN, log.signer))
    assert (head.size, head.root) == (len(entries), generate.mth(entries))
    assert list(log.entries()) == entries
    for index in {0, len(entries) // 2, len(entries) - 1}:
        path = log.inclusion_proof(index, head.size)
        verify_inclusion(leaf_hash(entries[index]), index, head.size, path, head.root)
        old_root = generate.mth(entries[: index + 1])
        path = log.consistency_proof(index + 1, head.size)
        verify_consistency(index + 1, head.size, old_root, head.root, path)
    log.check()


def test_what_is_appended_is_proven_and_found_again(open_log: Callable[..., LogStore]) -> None:
    log, entries = open_log(), []
    for size in (1, 255, 1, 300, 7):
        batch = [generate.entry(len(entries) + number) for number in range(size)]
        evidence = log.append(batch)
        assert [one.index for one in evidence] == [*range(len(entries), len(entries) + size)]
        assert {one.checkpoint for one in evidence} == {log.head()}
        entries += batch
    check(log, entries)
    check(open_log(), entries)
    assert [index for index, _ in log.entries_backwards()] == [*range(len(entries))][::-1]


def test_replicas_append_in_turn(open_log: Callable[..., LogStore]) -> None:
    replicas = [open_log() for _ in range(3)]
    batches = [[b"%d/%d" % (batch, number) for number in range(batch % 40)] for batch in range(60)]

    def append(number: int) -> list[tuple[int, bytes]]:
        log = replicas[number % len(replicas)]
        return [(one.index, one.entry) for one in log.append(batches[number])]

    with ThreadPoolExecutor(len(replicas)) as threads:
        placed = dict(pair for pairs in threads.map(append, range(60)) for pair in pairs)
    entries = [placed[index] for index in range(len(placed))]
    assert sorted(entries) == sorted(entry for batch in batches for entry in batch)
    for log in replicas:
        check(log, entries)


def test_subjects_are_named_found_and_erased(open_log: Callable[..., LogStore]) -> None:
    here, there = open_log(), open_log()
    groups = [names_at(NOVEMBER, *subjects) for subjects in ("1", "2", "12")]
    (one,), (two,), both = append_on(here, *groups)
    assert both == [one, two]
    found = there.subjects.find("ope", "1")
    assert [(name.period, name.value) for name in found] == [("2026-11", one.value)]
    there.refresh()
    assert there.positions(found, limit=9) == [2, 0]
    assert there.subjects.erase("ope", "1") == 1
    assert here.subjects.find("ope", "1") == []
    assert here.positions([two], limit=9) == [2, 1]
    ((other,),) = append_on(here, names_at(NOVEMBER, "1"))
    assert other != one
    assert here.subjects.find("ope", "1") == [other]
    check(here, [one.value, two.value, one.value + two.value, other.value])


def test_a_changed_key_takes_over(open_log: Callable[..., LogStore]) -> None:
    log = open_log()
    log.append([b"one"])
    new = SigningKey.generate("fsa.ed", KeyUse.LOG)
    again = open_log(key=new)
    assert len(again.handovers()) == 1
    again.append([b"two"])
    check(again, [b"one", b"two"])


def test_another_origin_is_refused(open_log: Callable[..., LogStore]) -> None:
    open_log()
    with pytest.raises(LandbridgeError) as caught:
        open_log(origin="other.agency/node/main")
    assert caught.value.reason is Reason.LOG_DAMAGED


SPOILING: list[tuple[str, tuple[object, ...]]] = [
    ("UPDATE entry SET body = ? WHERE position = 299", (b"other",)),
    ("UPDATE entry SET body = ? WHERE position = 3", (b"other",)),
    ("DELETE FROM entry WHERE position = 299", ()),
    ("DELETE FROM entry WHERE position = 0", ()),
    ("INSERT INTO entry VALUES (300, ?)", (b"more",)),
    ("INSERT INTO entry VALUES (-1, ?)", (b"more",)),
    ("UPDATE tile SET hashes = ?", (bytes(8192),)),
    ("UPDATE tile SET hashes = ?", (b"short",)),
    ("DELETE FROM tile", ()),
    ("UPDATE head SET checkpoint = ?", (b"nothing",)),
    ("DELETE FROM head", ()),
    ("DROP TABLE tile", ()),
]


@pytest.mark.parametrize(("statement", "parameters"), SPOILING)
def test_a_damaged_database_is_refused(
    open_log: Callable[..., LogStore],
    database: Database,
    statement: str,
    parameters: tuple[object, ...],
) -> None:
    log = open_log()
    log.append([b"%d" % number for number in range(300)])
    log.close()
    with database.writing() as connection:
        connection.execute(statement, parameters)
    database.close()
    with pytest.raises(LandbridgeError) as caught:
        open_log()
    assert caught.value.reason is Reason.LOG_DAMAGED
    assert caught.value.where


def test_an_older_state_under_a_running_log_is_noticed(
    open_log: Callable[..., LogStore], database: Database
) -> None:
    log = open_log()
    log.append([b"one"])
    with database.reading() as connection:
        (old,) = connection.execute("SELECT checkpoint FROM head").fetchone()
    log.append([b"two"])
    with database.writing() as connection:
        connection.execute("UPDATE head SET checkpoint = ?", (old,))
        connection.execute("DELETE FROM entry WHERE position = 1")
    with pytest.raises(LandbridgeError) as caught:
        log.append([b"three"])
    assert caught.value.reason is Reason.LOG_DAMAGED


def test_an_error_within_a_batch_leaves_nothing(
    open_log: Callable[..., LogStore], database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = open_log()
    log.append([b"one"])
    about = names_at(NOVEMBER, "1")

    def fail(*_: object) -> None:
        raise refuse(Reason.LOG_UNAVAILABLE, "no space left")

    with monkeypatch.context() as patch:
        patch.setattr("landbridge.log.store.write_note", fail)
        with pytest.raises(LandbridgeError):
            append_written(log, b"two", about)
    assert log.subjects.find("ope", "1") == []
    with database.reading() as connection:
        assert connection.execute("SELECT count(*) FROM entry").fetchone()[0] == 1
    append_written(log, b"two", about)
    check(log, [b"one", b"two"])


def test_a_server_that_goes_away_is_no_damage_and_comes_back(postgres: PostgresServer) -> None:
    database = postgres_database(postgres)
    log = LogStore.open(database, ORIGIN, KEY)
    log.append([b"one"])
    name = database._url.split("?")[0].rpartition("/")[2]
    postgres.admit(name, yes=False)
    with pytest.raises(LandbridgeError) as caught:
        log.append([b"two"])
    assert caught.value.reason is Reason.LOG_UNAVAILABLE
    postgres.admit(name, yes=True)
    log.append([b"two"])
    check(log, [b"one", b"two"])
    log.close()


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("postgresql://nobody:secret@127.0.0.1:1/none", Reason.LOG_UNAVAILABLE),
        ("postgresql://nobody:secret@[nonsense", Reason.INVALID_CONFIGURATION),
        ("postgresql://nobody:secret@host/x?nonsense=1", Reason.INVALID_CONFIGURATION),
    ],
)
def test_no_server_and_no_url_are_told_without_the_password(url: str, reason: Reason) -> None:
    with pytest.raises(LandbridgeError) as caught:
        LogStore.open(PostgresDatabase(url, "log.toml"), ORIGIN, KEY)
    assert caught.value.reason is reason
    assert "secret" not in str(caught.value)
    assert "log.toml" in caught.value.where


WRITER = """
import sys
from pathlib import Path
from landbridge.keys import SigningKey
from landbridge.log.pass_through import PassThrough
from landbridge.log.postgres import PostgresDatabase
from landbridge.log.publishing import Publisher
from landbridge.log.reading import LogTables, open_reader
from landbridge.log.store import LogStore
from landbridge.log.whole_log import verify_log

log = LogStore.open(
    PostgresDatabase(sys.argv[1], "log.toml"), {origin!r}, SigningKey.load(Path(sys.argv[2]))
)
while True:
    log.append([b"entry %d" % (log.size + number) for number in range(1 + log.size * 7 % 90)])
    print(log.size, flush=True)
"""


def test_a_replica_that_is_killed_loses_nothing_and_blocks_nobody(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    database = postgres_database(postgres)
    KEY.save(tmp_path / "log.key")
    script = WRITER.format(origin=ORIGIN)
    command = [sys.executable, "-c", script, database._url, tmp_path / "log.key"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        size = [int(writer.stdout.readline()) for _ in range(20)][-1]
        os.kill(writer.pid, signal.SIGKILL)
        size = [size, *(int(line) for line in writer.stdout if line.endswith("\n"))][-1]
    log = LogStore.open(database, ORIGIN, KEY)
    assert log.size >= size
    entries = [b"entry %d" % number for number in range(log.size)]
    log.append([b"last"])
    check(log, [*entries, b"last"])
    log.close()


def test_a_commit_waits_for_the_disk_whatever_the_server_is_set_to(
    postgres: PostgresServer,
) -> None:
    database = postgres_database(postgres)
    with psycopg.connect(database._url, autocommit=True) as connection:
        name = sql.Identifier(connection.info.dbname)
        connection.execute(sql.SQL("ALTER DATABASE {} SET synchronous_commit = off").format(name))
    log = LogStore.open(database, ORIGIN, KEY)
    with log._writer.writing() as writer:
        found = writer.execute("SHOW synchronous_commit").fetchone()
    log.close()
    assert found == ("on",)


def files_with(database: PostgresDatabase, data: bytes) -> list[str]:
    """Name the files of a database that hold some bytes."""
    with psycopg.connect(database._url, autocommit=True) as connection:
        connection.execute("CHECKPOINT")
        query = (
            "SELECT current_setting('data_directory') || '/' || pg_relation_filepath('subject_key')"
        )
        row = connection.execute(query).fetchone()
    assert row is not None
    return [file.name for file in Path(row[0]).parent.iterdir() if data in file.read_bytes()]


def test_no_byte_of_an_erased_key_is_left_in_the_tables(postgres: PostgresServer) -> None:
    database = postgres_database(postgres)
    log = LogStore.open(database, ORIGIN, KEY, look_up_key=LOOK_UP_KEY)
    append_on(log, *(names_at(NOVEMBER, str(number)) for number in range(300)))
    with database.reading() as connection:
        ((_, note),) = read_notes(connection)
    masked = [key for _, _, key in keys_in(note)][7:9]
    log.subjects.erase("ope", "7")
    log.close()
    # What was noted lay in a table of its own, and beside it, as it was long.
    assert [len(files_with(database, key)) for key in masked] == [0, 1]


def test_what_an_older_transaction_may_still_read_is_not_called_erased(
    postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("landbridge.log.postgres._OLDER_S", 0)
    database = postgres_database(postgres)
    log = LogStore.open(database, ORIGIN, KEY, look_up_key=LOOK_UP_KEY)
    append_on(log, *(names_at(NOVEMBER, str(number)) for number in range(300)))
    with database.reading() as connection:
        ((_, note),) = read_notes(connection)
    masked = [key for _, _, key in keys_in(note)][7]
    with psycopg.connect(database._url) as other:
        other.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        other.execute("SELECT count(*) FROM entry")
        with pytest.raises(LandbridgeError) as caught:
            log.subjects.erase("ope", "7")
        assert caught.value.reason is Reason.LOG_UNAVAILABLE
    assert log.subjects.erase("ope", "7") == 0
    log.close()
    assert files_with(database, masked) == []


def test_a_log_in_postgresql_of_an_earlier_version_goes_on(postgres: PostgresServer) -> None:
    database = postgres_database(postgres)
    LogStore.open(database, ORIGIN, KEY, look_up_key=LOOK_UP_KEY).close()
    with database.writing() as connection:
        connection.execute("DROP TABLE noted")
    log = LogStore.open(database, ORIGIN, KEY, look_up_key=LOOK_UP_KEY)
    append_on(log, names_at(NOVEMBER, "1"))
    assert len(log.subjects.find("ope", "1")) == 1
    log.close()


def test_entries_are_named_as_they_are_appended(
    open_log: Callable[..., LogStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("landbridge.log.subject_notes._EVERY", 4)
    here, there = open_log(), open_log()

    def append(log: LogStore, *subjects: str) -> list[bytes]:
        about = [[("ope", subject, NOVEMBER)] for subject in subjects]
        return [
            one.entry for one in log.append_about(about, lambda named: [n.value for (n,) in named])
        ]

    first = append(here, "1", "2")
    assert append(there, "2", "1", "3")[:2] == first[::-1]
    assert append(here, "1", "2") == first
    for log in (here, there):
        log.refresh()
        (found,) = log.subjects.find("ope", "1")
        assert (found.value, log.positions([found], limit=9)) == (first[0], [5, 3, 0])
    assert there.subjects.erase("ope", "1") == 1
    after = append(here, "1", "2")
    assert (after[0] == first[0], after[1]) == (False, first[1])
    check(there, [*first, *list(there.entries())[2:7], *after])


def test_log_toml_names_the_database(
    postgres: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(own_database(tmp_path), LogDatabase)
    url = url_of_new(postgres)
    file = tmp_path / "log.toml"
    file.write_text('database = "${LANDBRIDGE_TEST_LOG}"\n')
    with pytest.raises(LandbridgeError, match="postgres"):
        own_database(tmp_path)
    file.write_text(f'database = "{url.replace("postgresql", "${SCHEME}")}"\n')
    with pytest.raises(LandbridgeError, match=r"log\.toml"):
        own_database(tmp_path)
    file.write_text(f'database = "{url}&application_name=${{LANDBRIDGE_TEST_LOG}}"\n')
    with pytest.raises(LandbridgeError, match="LANDBRIDGE_TEST_LOG"):
        own_database(tmp_path)
    monkeypatch.setenv("LANDBRIDGE_TEST_LOG", "replica")
    log = LogStore.open(own_database(tmp_path), ORIGIN, KEY)
    assert log.append([b"one"])[0].index == 0
    log.close()


def test_either_is_read_and_published_from_outside(
    open_log: Callable[..., LogStore], database: Database, tmp_path: Path
) -> None:
    log = open_log()
    log.append([generate.entry(number) for number in range(300)])
    with LogTables(database.another()) as reader:
        log.append([b"while it is read"])
        verified = verify_log(reader, [NoteVerifier(ORIGIN, KEY.public)])
        assert verified.head.size == 300
        reader.refresh()
        Publisher(reader, tmp_path / "tiles").publish()
    with open_reader(tmp_path / "tiles") as published:
        assert published.checkpoint == log.head()
        assert PassThrough(published).finish().size == 301
