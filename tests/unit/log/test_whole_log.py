"""A whole log verified from outside: its file while it grows, forks, smaller trees, damage."""

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from landbridge.errors import LandbridgeError, Reason
from landbridge.keys import KeyUse, SigningKey
from landbridge.log.checkpoint import Checkpoint
from landbridge.log.note import NoteSigner, NoteVerifier
from landbridge.log.pass_through import PassThrough
from landbridge.log.publishing import load_tree
from landbridge.log.reading import open_reader
from landbridge.log.store import LogStore
from landbridge.log.whole_log import VerifiedLog, verify_log
from tests.unit.log.conftest import ORIGIN
from tests.vectors import generate

OpenLog = Callable[..., LogStore]
DAMAGES = {
    Reason.LOG_DAMAGED,
    Reason.LOG_UNAVAILABLE,
    Reason.BAD_LOG_EVIDENCE,
    Reason.BAD_SIGNATURE,
    Reason.UNTRUSTED_KEY,
}
ENTRIES = [generate.entry(number) for number in range(700)]


def verify(path: Path, key: SigningKey, *earlier: bytes) -> VerifiedLog:
    with open_reader(path) as reader:
        return verify_log(reader, [NoteVerifier(ORIGIN, key.public)], earlier)


def refusal(call: Callable[[], object]) -> LandbridgeError:
    with pytest.raises(LandbridgeError) as caught:
        call()
    return caught.value


def test_a_log_is_verified_while_it_grows(open_log: OpenLog, path: Path, key: SigningKey) -> None:
    log, heads = open_log(), []
    for size in (0, 1, 256, 700):
        log.append(ENTRIES[log.size : size])
        heads.append(log.head())
        assert verify(path, key, *heads).head.size == size
    with open_reader(path.parent) as reader:
        log.append([b"while it is read"])
        assert (reader.size, PassThrough(reader).finish().size) == (700, 700)
        assert list(reader.entries(698)) == ENTRIES[698:]
        reader.refresh()
        assert list(reader.entries(700)) == [b"while it is read"]
        assert load_tree(reader, 300).frontier.root() == generate.mth(ENTRIES[:300])


@settings(max_examples=15, deadline=None)
@given(st.sets(st.integers(0, 700)))
def test_roots_on_the_way_are_those_of_the_definition(
    tmp_path_factory: pytest.TempPathFactory, key: SigningKey, sizes: set[int]
) -> None:
    log = LogStore.open(tmp_path_factory.mktemp("log") / "log.sqlite", ORIGIN, key)
    log.append(ENTRIES)
    log.close()
    with open_reader(log_path(log)) as reader:
        through = PassThrough(reader, sizes)
        seen = [entry for _, page in through.pages() for entry in page]
    assert seen == ENTRIES
    for size in sizes:
        assert through.roots[size] == generate.mth(ENTRIES[:size])


def log_path(log: LogStore) -> Path:
    return log._writer.path


def test_another_process_writes_while_this_one_reads(
    open_log: OpenLog, path: Path, key: SigningKey, tmp_path: Path
) -> None:
    open_log().append([b"first"])
    key.save(tmp_path / "log.key")
    program = textwrap.dedent(f"""
        from pathlib import Path
        from landbridge.keys import SigningKey
        from landbridge.log.store import LogStore
        log = LogStore.open(Path({str(path)!r}), {ORIGIN!r}, SigningKey.load(
            Path({str(tmp_path / "log.key")!r})))
        for number in range(200):
            log.append([b"%d" % number])
    """)
    writer = subprocess.Popen([sys.executable, "-c", program])
    try:
        with open_reader(path) as reader:
            while writer.poll() is None:
                reader.refresh()
                assert PassThrough(reader).finish().size == reader.size
            reader.refresh()
            assert reader.size == 201
    finally:
        writer.kill()
        writer.wait()
    assert writer.returncode == 0
    assert verify(path, key).head.size == 201


def test_a_fork_is_named_with_both_roots(
    open_log: OpenLog, path: Path, tmp_path: Path, key: SigningKey
) -> None:
    log, fork = open_log(), open_log(tmp_path / "fork.sqlite")
    log.append(ENTRIES[:300])
    fork.append([b"hidden", *ENTRIES[1:300]])
    shown = fork.head()
    for more in ([], [b"more"]):
        log.append(more)
        error = refusal(lambda: verify(path, key, shown))
        assert error.reason is Reason.LOG_FORKED
        for entries in (ENTRIES[:300], [b"hidden", *ENTRIES[1:300]]):
            assert generate.mth(entries).hex()[:16] in error.message
    assert verify(path, key, log.head()).continued[0].size == 301


def test_a_smaller_log_is_told(open_log: OpenLog, path: Path, key: SigningKey) -> None:
    log = open_log()
    log.append(ENTRIES[:10])
    log.close()
    copy = path.with_name("copy.sqlite")
    shutil.copy(path, copy)
    log = open_log()
    log.append([b"after the copy"])
    error = refusal(lambda: verify(copy, key, log.head()))
    assert error.reason is Reason.LOG_ROLLED_BACK
    assert "11 entries, and shows 10" in error.message


def test_heads_that_the_log_did_not_sign_prove_nothing(
    open_log: OpenLog, path: Path, key: SigningKey
) -> None:
    open_log().append(ENTRIES[:10])
    other = NoteSigner(ORIGIN, SigningKey.generate("fsa.ed", KeyUse.LOG))
    foreign = other.sign(Checkpoint(ORIGIN, 5, bytes(32)).text())
    assert refusal(lambda: verify(path, key, foreign)).reason is Reason.UNTRUSTED_KEY
    elsewhere = NoteSigner("x/node/main", key).sign(Checkpoint("x/node/main", 5, bytes(32)).text())
    assert refusal(lambda: verify(path, key, elsewhere)).reason is Reason.BAD_LOG_EVIDENCE
    assert refusal(lambda: verify(path, key, b"text")).reason is Reason.BAD_LOG_EVIDENCE
    stranger = SigningKey.generate("fsa.ed", KeyUse.LOG)
    assert refusal(lambda: verify(path, stranger)).reason is Reason.UNTRUSTED_KEY


def test_a_change_of_key_is_part_of_what_is_verified(
    open_log: OpenLog, path: Path, key: SigningKey
) -> None:
    log = open_log()
    log.append(ENTRIES[:3])
    before = log.head()
    second = SigningKey.generate("fsa.ed", KeyUse.LOG)
    log.sign_with(second)
    log.append(ENTRIES[3:6])
    now, then = (NoteVerifier(ORIGIN, one.public) for one in (second, key))
    with open_reader(path) as reader:
        verified = verify_log(reader, [now], [before], former=[then])
        assert (verified.handovers, verified.head.size) == (1, 6)
        assert refusal(lambda: verify_log(reader, [then])).reason is Reason.UNTRUSTED_KEY
    log.close()
    forged = NoteSigner(ORIGIN, key).sign(Checkpoint(ORIGIN, 2, bytes(32)).text())
    execute(path, "UPDATE handover SET checkpoint = ?", forged)
    with open_reader(path) as reader:
        error = refusal(lambda: verify_log(reader, [now], former=[then]))
        assert error.reason is Reason.LOG_FORKED


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE entry SET body = x'00' WHERE position = 5",
        "DELETE FROM entry WHERE position = 5",
        "DELETE FROM entry WHERE position = 599",
        "UPDATE tile SET hashes = zeroblob(8192) WHERE level = 0 AND position = 1",
        "DELETE FROM tile WHERE position = 0",
        "UPDATE tile SET hashes = x'00' WHERE position = 0",
    ],
)
def test_a_damaged_file_is_told(
    open_log: OpenLog, path: Path, key: SigningKey, damage: str
) -> None:
    log = open_log()
    log.append(ENTRIES[:600])
    log.close()
    execute(path, damage)
    error = refusal(lambda: verify(path, key))
    assert error.reason is Reason.LOG_DAMAGED
    assert error.where


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_no_changed_bit_of_the_file_goes_unseen(
    whole_file: bytes, key: SigningKey, data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "log.sqlite"
        changed = bytearray(whole_file)
        for _ in range(data.draw(st.integers(1, 4))):
            place = data.draw(st.integers(0, len(changed) - 1))
            changed[place] ^= 1 << data.draw(st.integers(0, 7))
        path.write_bytes(changed[: data.draw(st.sampled_from([None, None, len(changed) // 2]))])
        try:
            with open_reader(path) as reader:
                verify_log(reader, [NoteVerifier(ORIGIN, key.public)])
                # Room that holds nothing may be changed: what is read is what was signed.
                assert list(reader.entries()) == ENTRIES
        except LandbridgeError as error:
            assert error.reason in DAMAGES  # noqa: PT017  no other error is raised


@pytest.fixture(scope="module")
def whole_file(tmp_path_factory: pytest.TempPathFactory, key: SigningKey) -> bytes:
    path = tmp_path_factory.mktemp("whole") / "log.sqlite"
    log = LogStore.open(path, ORIGIN, key)
    log.append(ENTRIES)
    log.close()
    return path.read_bytes()


def test_what_is_no_log_is_refused(tmp_path: Path) -> None:
    assert refusal(lambda: open_reader(tmp_path / "nowhere")).reason is Reason.USAGE
    assert refusal(lambda: open_reader(tmp_path)).reason is Reason.USAGE
    (tmp_path / "text").write_text("no database " * 1000)
    assert refusal(lambda: open_reader(tmp_path / "text")).reason is Reason.LOG_DAMAGED
    sqlite3.connect(tmp_path / "other.sqlite").execute("CREATE TABLE one (two)").connection.close()
    assert refusal(lambda: open_reader(tmp_path / "other.sqlite")).reason is Reason.LOG_DAMAGED
    (tmp_path / "tiles").mkdir()
    (tmp_path / "tiles" / "checkpoint").write_bytes(b"\xff")
    assert refusal(lambda: open_reader(tmp_path / "tiles")).reason is Reason.BAD_LOG_EVIDENCE


def test_a_copy_in_a_folder_that_nobody_may_write_is_read(
    open_log: OpenLog, path: Path, key: SigningKey
) -> None:
    log = open_log()
    log.append(ENTRIES[:10])
    log.close()
    with tempfile.TemporaryDirectory() as name:
        archive = Path(name)
        shutil.copy(path, archive / "log.sqlite").chmod(0o444)
        archive.chmod(0o555)
        with nobody():
            assert verify(archive, key).head.size == 10
        archive.chmod(0o755)
        assert [one.name for one in archive.iterdir()] == ["log.sqlite"]


@contextmanager
def nobody() -> Iterator[None]:
    """Have no right to write what others may not, even where the tests run as root."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(before)


def execute(path: Path, statement: str, *parameters: bytes) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute(statement, parameters)
    connection.close()
