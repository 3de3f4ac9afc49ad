"""A log whose key changes while it runs: who signed what, who handed over, and after a restart."""

import sqlite3
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from landbridge.errors import LandbridgeError, Reason
from landbridge.keys import KeyUse, SigningKey
from landbridge.log.checkpoint import Checkpoint, read_checkpoint
from landbridge.log.evidence import Evidence
from landbridge.log.merkle import leaf_hash, verify_consistency, verify_inclusion
from landbridge.log.note import NoteSigner, NoteVerifier, find_signers, parse_note
from landbridge.log.store import LogStore
from tests.unit.log.conftest import ORIGIN

OpenLog = Callable[..., LogStore]


@pytest.fixture(scope="module")
def keys(key: SigningKey) -> list[SigningKey]:
    """Five keys of one log, the first that of the fixture."""
    return [key, *(SigningKey.generate("fsa.ed", KeyUse.LOG) for _ in range(4))]


def signers(note: bytes, keys: Iterable[SigningKey]) -> list[SigningKey]:
    """Name the keys that signed a note, in the order of their lines."""
    known = {NoteVerifier(ORIGIN, key.public).key_hash: key for key in keys}
    verifiers = [NoteVerifier(ORIGIN, key.public) for key in known.values()]
    return [known[one.key_hash] for one in find_signers(parse_note(note), verifiers)]


def check(evidence: Evidence, key: SigningKey) -> None:
    (signer,) = find_signers(parse_note(evidence.checkpoint), [NoteVerifier(ORIGIN, key.public)])
    assert signer.public == key.public
    head = read_checkpoint(parse_note(evidence.checkpoint))
    verify_inclusion(leaf_hash(evidence.entry), evidence.index, head.size, evidence.path, head.root)


def refusal(call: Callable[[], object]) -> LandbridgeError:
    with pytest.raises(LandbridgeError) as caught:
        call()
    return caught.value


def test_the_key_changes_between_two_appends(open_log: OpenLog, keys: list[SigningKey]) -> None:
    log = open_log()
    (before,) = log.append([b"before"])
    log.sign_with(keys[1])
    assert signers(log.head(), keys) == keys[:2]
    assert log.signer == keys[1].public
    (after,) = log.append([b"after"])
    assert signers(after.checkpoint, keys) == [keys[1]]
    check(before, keys[0])
    check(after, keys[1])
    assert refusal(lambda: check(after, keys[0])).reason is Reason.UNTRUSTED_KEY
    assert [before.index, after.index, log.size] == [0, 1, 2]


def test_each_change_is_kept_and_signed_by_both(
    open_log: OpenLog, path: Path, keys: list[SigningKey]
) -> None:
    log = open_log()
    for number, key in enumerate(keys[1:]):
        log.append([b"entry"] * 100 * number)
        log.sign_with(key)
    log.append([b"last"])
    log.close()
    again = LogStore.open(path, ORIGIN, keys[-1], [key.public for key in keys])
    newest = read_checkpoint(parse_note(again.head()))
    handovers = again.handovers()
    assert len(handovers) == len(keys) - 1
    for number, note in enumerate(handovers):
        assert signers(note, keys) == keys[number : number + 2]
        head = read_checkpoint(parse_note(note))
        assert head.origin == ORIGIN
        if head.size:
            path_between = again.consistency_proof(head.size, newest.size)
            verify_consistency(head.size, newest.size, head.root, newest.root, path_between)
    again.check()
    again.close()


def test_the_same_key_again_changes_nothing(open_log: OpenLog, key: SigningKey) -> None:
    log = open_log()
    log.append([b"one"])
    before = log.head()
    log.sign_with(key)
    assert log.head() == before
    assert log.handovers() == []


@pytest.mark.parametrize("entries", [[], [b"one", b"two"]])
def test_a_key_that_changed_while_nobody_was_there_takes_over(
    path: Path, keys: list[SigningKey], entries: list[bytes]
) -> None:
    log = LogStore.open(path, ORIGIN, keys[0])
    log.append(entries)
    log.close()
    assert refusal(lambda: LogStore.open(path, ORIGIN, keys[1])).reason is Reason.LOG_DAMAGED
    again = LogStore.open(path, ORIGIN, keys[1], [keys[0].public])
    assert signers(again.head(), keys) == keys[:2]
    assert [signers(note, keys) for note in again.handovers()] == [keys[:2]]
    check(again.append([b"three"])[0], keys[1])
    assert again.size == len(entries) + 1
    again.close()
    LogStore.open(path, ORIGIN, keys[1]).close()


def test_a_crash_between_log_and_key_file_leaves_a_log_that_opens(
    path: Path, keys: list[SigningKey]
) -> None:
    """The log has the new key already, and the key file still the old one."""
    log = LogStore.open(path, ORIGIN, keys[0])
    log.append([b"one"])
    log.sign_with(keys[1])
    log.append([b"two"])
    log.close()
    listed: list[Ed25519PublicKey] = [key.public for key in keys[:2]]
    again = LogStore.open(path, ORIGIN, keys[0], listed)
    check(again.append([b"three"])[0], keys[0])
    again.sign_with(keys[1])
    check(again.append([b"four"])[0], keys[1])
    again.close()


def test_a_head_does_not_grow_with_keys_that_sign_nothing(
    open_log: OpenLog, keys: list[SigningKey]
) -> None:
    log = open_log()
    log.append([b"one"])
    for _ in range(40):
        for key in (*keys[1:], keys[0]):
            log.sign_with(key)
    assert signers(log.head(), keys) == [keys[-1], keys[0]]
    log.append([b"two"])
    assert len(log.handovers()) == 40 * len(keys)


@pytest.mark.parametrize(
    "stranger",
    [SigningKey.generate("fsa.ed", KeyUse.QUERY), SigningKey.generate("va", KeyUse.LOG)],
    ids=["another use", "another agency"],
)
def test_a_stranger_never_signs(open_log: OpenLog, key: SigningKey, stranger: SigningKey) -> None:
    log = open_log()
    assert refusal(lambda: log.sign_with(stranger)).reason is Reason.INVALID_CONFIGURATION
    check(log.append([b"one"])[0], key)


def test_a_disk_that_refuses_leaves_the_key_before(
    open_log: OpenLog, path: Path, keys: list[SigningKey]
) -> None:
    log = open_log()
    log.append([b"one"])
    away = path.rename(path.with_name("away"))
    assert refusal(lambda: log.sign_with(keys[1])).reason is Reason.LOG_UNAVAILABLE
    assert log.signer == keys[0].public
    away.rename(path)
    check(log.append([b"two"])[0], keys[0])
    log.sign_with(keys[1])
    check(log.append([b"three"])[0], keys[1])


def test_two_processes_may_be_at_one_log_while_its_key_changes(
    path: Path, keys: list[SigningKey]
) -> None:
    listed = [key.public for key in keys[:2]]
    one = LogStore.open(path, ORIGIN, keys[0], listed)
    other = LogStore.open(path, ORIGIN, keys[0], listed)
    one.append([b"one"])
    one.sign_with(keys[1])
    check(one.append([b"two"])[0], keys[1])
    check(other.append([b"three"])[0], keys[0])
    other.sign_with(keys[1])
    check(one.append([b"four"])[0], keys[1])
    check(other.append([b"five"])[0], keys[1])
    assert [one.size, other.size] == [4, 5]
    one.close()
    other.close()


def test_appends_go_on_while_the_key_changes(open_log: OpenLog, keys: list[SigningKey]) -> None:
    log = open_log()
    with ThreadPoolExecutor(4) as pool:
        futures = []
        for key in keys[1:]:
            futures += [pool.submit(log.append, [b"%d" % number] * 3) for number in range(25)]
            log.sign_with(key)
        evidence = [one for future in futures for one in future.result()]
    assert sorted(one.index for one in evidence) == list(range(300))
    for one in evidence:
        # A head between two keys is never handed out: both stand in the handovers alone.
        (signer,) = signers(one.checkpoint, keys)
        check(one, signer)
    log.check()
    assert [signers(note, keys) for note in log.handovers()] == [
        keys[number : number + 2] for number in range(4)
    ]


def test_a_log_from_before_keys_could_change(path: Path, keys: list[SigningKey]) -> None:
    log = LogStore.open(path, ORIGIN, keys[0])
    log.append([b"one"])
    log.close()
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE handover")
    connection.close()
    old = LogStore.open(path, ORIGIN, keys[0])
    assert old.handovers() == []
    old.sign_with(keys[1])
    assert len(old.handovers()) == 1
    old.close()


def spoil(path: Path, note: bytes) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE handover SET checkpoint = ?", (note,))
    connection.close()


def test_a_handover_that_was_changed_is_noticed(path: Path, keys: list[SigningKey]) -> None:
    log = LogStore.open(path, ORIGIN, keys[0])
    log.append([b"one", b"two"])
    log.sign_with(keys[1])
    (note,) = log.handovers()
    log.append([b"three"])
    log.close()
    other = NoteSigner(ORIGIN, keys[0]).sign(Checkpoint(ORIGIN, 2, bytes(32)).text())
    later = NoteSigner(ORIGIN, keys[0]).sign(Checkpoint(ORIGIN, 9, bytes(32)).text())
    forged = note.replace(b"\n2\n", b"\n1\n")
    for spoiled in (other, later, forged, b"", note[:-1]):
        spoil(path, spoiled)
        assert refusal(lambda: LogStore.open(path, ORIGIN, keys[1])).reason is Reason.LOG_DAMAGED
    spoil(path, note)
    LogStore.open(path, ORIGIN, keys[1]).close()
