"""The log on disk: what an append hands back is proven, and a reopened log goes on."""

import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from landbridge.errors import LandbridgeError, Reason
from landbridge.keys import KeyUse, SigningKey
from landbridge.log.checkpoint import Checkpoint, verify_checkpoint
from landbridge.log.evidence import Evidence
from landbridge.log.merkle import EMPTY_ROOT, leaf_hash, verify_consistency, verify_inclusion
from landbridge.log.note import NoteVerifier
from landbridge.log.store import LogStore
from tests.unit.log.conftest import ORIGIN
from tests.vectors import generate

OpenLog = Callable[..., LogStore]


def head_of(checkpoint: bytes, key: SigningKey) -> Checkpoint:
    return verify_checkpoint(checkpoint, lambda _: NoteVerifier(ORIGIN, key.public))


def check_evidence(evidence: Evidence, key: SigningKey) -> None:
    head = head_of(evidence.checkpoint, key)
    leaf = leaf_hash(evidence.entry)
    verify_inclusion(leaf, evidence.index, head.size, evidence.path, head.root)


def test_a_new_log_has_a_signed_empty_head(open_log: OpenLog, path: Path, key: SigningKey) -> None:
    log = open_log()
    assert head_of(log.head(), key) == Checkpoint(ORIGIN, 0, EMPTY_ROOT)
    assert log.size == 0
    assert list(log.entries_backwards()) == []
    assert path.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in path.parent.iterdir() if file.name.startswith(".")] == []


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(counts=st.lists(st.integers(1, 150), min_size=1, max_size=6), reopen=st.booleans())
def test_random_batches(
    tmp_path_factory: pytest.TempPathFactory, key: SigningKey, counts: list[int], *, reopen: bool
) -> None:
    path = tmp_path_factory.mktemp("log") / "log.sqlite"
    log, entries = LogStore.open(path, ORIGIN, key), []
    for count in counts:
        batch = [generate.entry(len(entries) + number) for number in range(count)]
        evidence = log.append(batch)
        assert [one.index for one in evidence] == list(
            range(len(entries), len(entries) + len(batch))
        )
        assert [one.entry for one in evidence] == batch
        assert {one.checkpoint for one in evidence} == {log.head()}
        for one in evidence:
            check_evidence(one, key)
        entries += batch
        head = head_of(log.head(), key)
        assert head == Checkpoint(ORIGIN, len(entries), generate.mth(entries))
        if reopen:
            log.close()
            log = LogStore.open(path, ORIGIN, key)
            assert head_of(log.head(), key) == head
    assert [log.entry(index) for index in range(log.size)] == entries
    assert list(log.entries_backwards()) == list(enumerate(entries))[::-1]
    assert list(log.entries()) == entries
    log.check()
    log.close()


def test_a_part_of_the_log_is_read_either_way(open_log: OpenLog) -> None:
    log = open_log()
    entries = [b"entry %d" % number for number in range(2500)]
    log.append(entries)
    for start in (0, 1, 1023, 1024, 1025, 2499, 2500, 9999):
        assert list(log.entries(start)) == entries[start:]
    for before in (0, 1, 1024, 1025, 2500):
        expected = list(enumerate(entries[:before]))[::-1]
        assert list(log.entries_backwards(before)) == expected


def test_entries_that_come_while_one_reads_are_read_too(open_log: OpenLog) -> None:
    log = open_log()
    log.append([b"first"])
    reading = log.entries()
    assert next(reading) == b"first"
    log.append([b"second"])
    assert list(reading) == [b"second"]


def test_proofs_at_earlier_sizes(open_log: OpenLog) -> None:
    log = open_log()
    entries = [b"entry %d" % number for number in range(1500)]
    for start in range(0, 1500, 100):
        log.append(entries[start : start + 100])
    for index, size in [(0, 1), (0, 1500), (255, 256), (256, 1000), (1499, 1500), (700, 701)]:
        root = generate.mth(entries[:size])
        verify_inclusion(
            leaf_hash(entries[index]), index, size, log.inclusion_proof(index, size), root
        )
    for old, new in [(1, 1500), (256, 257), (700, 1500), (1500, 1500)]:
        roots = generate.mth(entries[:old]), generate.mth(entries[:new])
        verify_consistency(old, new, *roots, log.consistency_proof(old, new))


def test_what_does_not_exist_is_not_proven(open_log: OpenLog) -> None:
    log = open_log()
    log.append([b"one", b"two"])
    calls: list[Callable[[], object]] = [
        lambda: log.entry(2),
        lambda: log.entry(-1),
        lambda: log.inclusion_proof(2, 2),
        lambda: log.inclusion_proof(0, 3),
        lambda: log.inclusion_proof(0, 0),
        lambda: log.consistency_proof(0, 2),
        lambda: log.consistency_proof(2, 1),
        lambda: log.consistency_proof(1, 3),
        lambda: log.append([b"x" * 65_536]),
    ]
    for call in calls:
        with pytest.raises(LandbridgeError) as caught:
            call()
        assert caught.value.reason is Reason.MALFORMED_REQUEST
    assert log.size == 2


def test_the_largest_entry_and_the_empty_one(open_log: OpenLog, key: SigningKey) -> None:
    log = open_log()
    for evidence in log.append([b"", b"x" * 65_535]):
        check_evidence(evidence, key)
    assert log.append([]) == []
    assert log.entry(0) == b""


def test_threads_share_a_log(open_log: OpenLog, key: SigningKey) -> None:
    log = open_log()
    batches = [[b"%d/%d" % (batch, number) for number in range(20)] for batch in range(40)]
    with ThreadPoolExecutor(8) as threads:
        evidence = [one for batch in threads.map(log.append, batches) for one in batch]
    for one in evidence:
        check_evidence(one, key)
        assert log.entry(one.index) == one.entry
    assert sorted(one.index for one in evidence) == list(range(800))
    log.check()


def test_two_openers_take_turns_and_never_fork(open_log: OpenLog, key: SigningKey) -> None:
    first, second = open_log(), open_log()
    heads = [head_of(first.head(), key)]
    for turn in range(40):
        writer = first if turn % 3 else second
        for one in writer.append([b"%d" % turn] * (turn + 1)):
            check_evidence(one, key)
        heads.append(head_of(writer.head(), key))
    last = writer
    for old in heads[1:]:
        proof = last.consistency_proof(old.size, heads[-1].size)
        verify_consistency(old.size, heads[-1].size, old.root, heads[-1].root, proof)
    assert open_log().size == sum(range(41))


def test_a_busy_file_is_refused_and_not_half_written(
    open_log: OpenLog, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("landbridge.log.database._LOCK_WAIT_S", 0.05)
    log = open_log()
    log.append([b"before"])
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    log.close()
    with pytest.raises(LandbridgeError) as caught:
        log.append([b"while busy"])
    assert caught.value.reason is Reason.LOG_UNAVAILABLE
    assert log.entry(0) == b"before"
    other.execute("ROLLBACK")
    other.close()
    assert log.append([b"after"])[0].index == 1


def test_a_folder_that_is_missing_or_none_is_named(tmp_path: Path, key: SigningKey) -> None:
    (tmp_path / "file").write_text("not a folder")
    for folder in ("unmounted", "file"):
        with pytest.raises(LandbridgeError) as caught:
            LogStore.open(tmp_path / folder / "log.sqlite", ORIGIN, key)
        assert caught.value.reason is Reason.LOG_UNAVAILABLE
        assert folder in caught.value.where


def test_a_key_for_another_use_does_not_sign_a_log(path: Path) -> None:
    with pytest.raises(LandbridgeError) as caught:
        LogStore.open(path, ORIGIN, SigningKey.generate("fsa.ed", KeyUse.QUERY))
    assert caught.value.reason is Reason.INVALID_CONFIGURATION
    assert not path.exists()
