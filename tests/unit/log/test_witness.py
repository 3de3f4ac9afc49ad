"""A witness: what it cosigns, what it refuses, and what it still knows after a restart."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from landbridge.errors import LandbridgeError, Reason
from landbridge.keys import KeyUse, SigningKey
from landbridge.log.cosignature import CosignatureVerifier, find_witnesses
from landbridge.log.note import parse_note
from landbridge.log.store import LogStore
from landbridge.log.witness import Brought, Witness, Word
from tests.witnessing import NOW, Town, bring, fill, origin_of


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    made = Town(tmp_path)
    made.key("liar")
    yield made
    made.close()


def reason(call: Callable[[], object]) -> Reason:
    with pytest.raises(LandbridgeError) as caught:
        call()
    return caught.value.reason


def test_it_cosigns_what_continues_what_it_has_seen(town: Town) -> None:
    log, witness = town.log("tax"), town.witness("food")
    verifier = CosignatureVerifier(origin_of("food"), town.key("food").public)
    old = 0
    for count in (1, 2, 300):
        fill(log, count)
        line = bring(log, witness, old)
        note = parse_note(log.head() + line)
        assert find_witnesses(note, [verifier], NOW // 1000).believed == {
            verifier.name: NOW // 1000
        }
        old = log.size
    # The same head again: it says so with a newer time.
    town.now += 5_000
    note = parse_note(log.head() + bring(log, witness, old))
    assert find_witnesses(note, [verifier]).believed == {verifier.name: NOW // 1000 + 5}


def test_who_does_not_know_what_it_has_seen_is_told_the_size(town: Town) -> None:
    log, witness = town.log("tax"), town.witness("food")
    fill(log, 5)
    first = log.head()
    bring(log, witness, 0)
    fill(log, 3)
    for old in (0, 3, 8):
        path = log.consistency_proof(old, 8) if 0 < old < 8 else ()
        word = witness.add(log.head(), old, path)
        assert (word.line, word.seen_size) == (b"", 5)
    bring(log, witness, 5)
    # A smaller tree is never cosigned again, whatever the caller says.
    for old in (0, 5):
        word = witness.add(first, old, ())
        assert (word.line, word.seen_size) == (b"", 8)
    seen = witness.seen(log.origin)
    assert seen is not None
    assert (seen.size, seen.checkpoint) == (8, log.head())


def test_several_heads_at_once_are_judged_each_by_itself(town: Town) -> None:
    witness = town.witness("food")
    tax, water, fire = (town.log(agency) for agency in ("tax", "water", "fire"))
    for log in (tax, water, fire):
        fill(log, 3)
    assert bring(fire, witness, 0)
    forged = town.signed("fire", 3, bytes(32))
    outcomes = witness.add_all(
        [
            Brought(tax.head(), 0, ()),
            Brought(b"nonsense", 0, ()),
            Brought(forged, 3, ()),
            Brought(water.head(), 2, (bytes(32),)),
            Brought(water.head(), 0, ()),
        ]
    )
    found = [one.reason if isinstance(one, LandbridgeError) else one.seen_size for one in outcomes]
    assert found == [3, Reason.BAD_LOG_EVIDENCE, Reason.LOG_FORKED, 0, 3]
    for outcome, log in ((outcomes[0], tax), (outcomes[4], water)):
        seen = witness.seen(log.origin)
        assert isinstance(outcome, Word)
        assert seen is not None
        assert (seen.checkpoint, seen.line) == (log.head(), outcome.line)
    assert len(town.files[0].forks()) == 1


def test_of_two_histories_of_one_log_brought_at_once_one_is_cosigned(town: Town) -> None:
    witness, log = town.witness("food"), town.log("tax")
    fill(log, 3)
    other = town.signed("tax", 3, bytes(32))
    first, second = witness.add_all([Brought(log.head(), 0, ()), Brought(other, 0, ())])
    assert isinstance(first, Word)
    assert isinstance(second, Word)
    assert (bool(first.line), second.line, second.seen_size) == (True, b"", 3)
    # Who then says that it knows the size is told of the fork.
    assert reason(lambda: witness.add(other, 3, ())) is Reason.LOG_FORKED


def test_what_it_refuses(town: Town) -> None:
    log, witness = town.log("tax"), town.witness("food")
    fill(log, 3)
    bring(log, witness, 0)
    fill(log, 5)
    good = log.consistency_proof(3, 8)
    refusals = {
        "wrong path": reason(lambda: witness.add(log.head(), 3, good[::-1])),
        "no path": reason(lambda: witness.add(log.head(), 3, ())),
        "too long": reason(lambda: witness.add(log.head(), 3, [bytes(32)] * 64)),
        "short hash": reason(lambda: witness.add(log.head(), 3, [good[0][:31], *good[1:]])),
        "old above new": reason(lambda: witness.add(log.head(), 9, ())),
        "malformed": reason(lambda: witness.add(log.head()[:-2], 3, good)),
        "empty": reason(lambda: witness.add(b"", 0, ())),
        "unknown log": reason(
            lambda: witness.add(log.head().replace(b"tax.town", b"fax.town"), 3, good)
        ),
        "its own": reason(lambda: witness.add(town.signed("food", 1), 0, ())),
        "no such size": reason(lambda: witness.add(town.signed("liar", 1 << 63), 0, ())),
        "empty tree with a root": reason(
            lambda: witness.add(town.signed("liar", 0, bytes(32)), 0, ())
        ),
    }
    assert refusals == {
        "wrong path": Reason.BAD_LOG_EVIDENCE,
        "no path": Reason.BAD_LOG_EVIDENCE,
        "too long": Reason.MALFORMED_REQUEST,
        "short hash": Reason.BAD_LOG_EVIDENCE,
        "old above new": Reason.MALFORMED_REQUEST,
        "malformed": Reason.BAD_LOG_EVIDENCE,
        "empty": Reason.BAD_LOG_EVIDENCE,
        "unknown log": Reason.UNTRUSTED_KEY,
        "its own": Reason.MALFORMED_REQUEST,
        "no such size": Reason.BAD_LOG_EVIDENCE,
        "empty tree with a root": Reason.BAD_LOG_EVIDENCE,
    }
    forged = bytearray(log.head())
    forged[-4] ^= 1
    assert reason(lambda: witness.add(bytes(forged), 3, good)) in (
        Reason.BAD_SIGNATURE,
        Reason.BAD_LOG_EVIDENCE,
    )
    # None of this has changed what it knows, and the honest head still counts.
    assert witness.add(log.head(), 3, good).line


def test_a_fork_is_named_with_both_heads_and_kept(town: Town) -> None:
    log, other, witness = town.log("tax"), town.log("tax", "-fork"), town.witness("food")
    fill(log, 3)
    fill(other, 2)
    fill(other, 1, "changed")
    bring(log, witness, 0)
    for old in (0, 3):
        with pytest.raises(LandbridgeError) as caught:
            bring(other, witness, old)
        assert caught.value.reason is Reason.LOG_FORKED
        assert caught.value.message.count("3 entries, root") == 2
    (fork,) = town.files[0].forks()
    assert {fork.first, fork.second} == {log.head(), other.head()}
    # A fork that grows is no better: the proof of the one does not fit the other.
    fill(other, 2)
    path = other.consistency_proof(3, 5)
    assert reason(lambda: witness.add(other.head(), 3, path)) is Reason.BAD_LOG_EVIDENCE
    fill(log, 1)
    assert bring(log, witness, 3)


def test_it_knows_after_a_restart_what_it_had_seen(town: Town) -> None:
    log, other = town.log("tax"), town.log("tax", "-fork")
    fill(log, 3)
    fill(other, 3, "changed")
    bring(log, town.witness("food"), 0)
    again = town.witness("food")
    assert reason(lambda: bring(other, again, 3)) is Reason.LOG_FORKED


def test_it_cosigns_with_the_next_key_once_it_has_it(town: Town) -> None:
    log, witness = town.log("tax"), town.witness("food")
    fill(log, 1)
    bring(log, witness, 0)
    town.keys["food"].append(SigningKey.generate("food", KeyUse.LOG))
    witness.use_key(town.key("food"))
    note = parse_note(log.head() + bring(log, witness, 1))
    verifiers = [CosignatureVerifier(origin_of("food"), key.public) for key in town.keys["food"]]
    assert not find_witnesses(note, verifiers[:1]).believed
    assert set(find_witnesses(note, verifiers[1:]).believed) == {origin_of("food")}


def test_many_callers_at_once_never_bring_it_back(town: Town) -> None:
    log, witness = town.log("tax"), town.witness("food")
    heads = []
    for _ in range(24):
        fill(log, 1)
        heads.append((log.size, log.head()))
    cosigned: dict[int, list[int]] = {}

    def hammer(start: int) -> None:
        lines = cosigned.setdefault(start, [])
        for size, head in heads[start:] + heads[:start]:
            seen = witness.seen(log.origin)
            old = seen.size if seen else 0
            if old > size:
                continue
            path = log.consistency_proof(old, size) if 0 < old < size else ()
            if witness.add(head, old, path).line:
                lines.append(size)

    threads = [threading.Thread(target=hammer, args=(start,)) for start in range(0, 24, 6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # In which order two threads note what they were given says nothing.
    assert all(lines == sorted(lines) for lines in cosigned.values())
    last = witness.seen(log.origin)
    assert last is not None
    assert last.size == max(size for lines in cosigned.values() for size in lines)


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=st.lists(st.tuples(st.booleans(), st.integers(0, 9), st.integers(0, 9)), max_size=12))
def test_it_never_cosigns_two_histories(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[bool, int, int]]
) -> None:
    """However two histories, their sizes and old sizes are mixed, all it cosigns is one history."""
    town = Town(tmp_path_factory.mktemp("town"))
    try:
        first, second = town.log("tax"), town.log("tax", "-fork")
        heads = []
        for log, mark in ((first, ""), (second, "changed")):
            fill(log, 2)
            sizes = {2: log.head()}
            for _ in range(7):
                fill(log, 1, mark)
                sizes[log.size] = log.head()
            heads.append((log, sizes))
        _mix(town.witness("food"), heads, steps)
    finally:
        town.close()


def _mix(
    witness: Witness,
    heads: list[tuple[LogStore, dict[int, bytes]]],
    steps: list[tuple[bool, int, int]],
) -> None:
    cosigned: list[tuple[int, int]] = []
    for changed, size, old in steps:
        log, sizes = heads[changed]
        if size not in sizes:
            continue
        path = log.consistency_proof(old, size) if 0 < old < size else ()
        try:
            word = witness.add(sizes[size], old, path)
        except LandbridgeError:
            continue
        if word.line:
            cosigned.append((size, changed))
    assert cosigned == sorted(cosigned, key=lambda each: each[0])
    assert len({changed for size, changed in cosigned if size > 2}) <= 1
