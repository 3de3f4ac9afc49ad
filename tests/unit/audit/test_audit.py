"""Every access that one of several logs hides is named, and nothing else is."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from landbridge.audit.finding import Kind
from landbridge.audit.look import Terms
from landbridge.errors import LandbridgeError, Reason
from landbridge.log.checkpoint import Checkpoint
from landbridge.log.store import LogStore
from landbridge.v1 import log_pb2, reason_pb2
from tests.compared_logs import (
    FSA,
    GATEWAY,
    LATER,
    NCES,
    ORIGINS,
    REQUESTER,
    START,
    Entries,
    Keys,
    compare,
    digest_of,
    history_of,
    make_keys,
    write_log,
    write_logs,
)

COUNT = 5
HIDDEN = 2
KEYS = make_keys()
TRIPLES = (
    ORIGINS,
    (REQUESTER, GATEWAY, FSA),
    (GATEWAY, FSA),
    (GATEWAY, NCES, FSA),
    (REQUESTER, GATEWAY),
    (REQUESTER, FSA),
)


def without(entries: Entries, origin: str, number: int) -> None:
    """Take what a log holds about a query away."""
    entries[origin] = [
        entry for entry in entries[origin] if entry.query_digest != digest_of(number)
    ]


@pytest.mark.parametrize("origins", TRIPLES)
def test_honest_logs_are_silent(tmp_path: Path, origins: Sequence[str]) -> None:
    report = compare(write_logs(tmp_path, KEYS, history_of(COUNT, KEYS).entries, origins), KEYS)
    assert (report.result, report.findings, report.queries) == ("clean", (), COUNT)


@pytest.mark.parametrize(
    ("origins", "hides"),
    [(origins, hides) for origins in TRIPLES for hides in origins if hides != REQUESTER],
)
def test_an_access_that_one_of_them_hides_is_named(
    tmp_path: Path, origins: Sequence[str], hides: str
) -> None:
    entries = history_of(COUNT, KEYS).entries
    without(entries, hides, HIDDEN)
    report = compare(write_logs(tmp_path, KEYS, entries, origins), KEYS)
    assert report.result == "findings"
    named = [one for one in report.findings if one.query]
    assert {(one.by, one.query) for one in named} == {(hides, digest_of(HIDDEN))}
    assert all(one.proof and one.code == "LB-4301" and hides in one.sentence for one in named)
    assert {one.by for one in report.findings} == {hides}
    # That a node answered does not show alone that a profile was handed out.
    alone = hides == GATEWAY and REQUESTER not in origins
    assert {one.kind for one in named} == {Kind.DIFFERS if alone else Kind.HIDDEN}
    assert all(bool(one.word) is alone for one in named)


@pytest.mark.parametrize("origins", [one for one in TRIPLES if REQUESTER in one])
def test_a_query_that_the_requester_hides_is_named(tmp_path: Path, origins: Sequence[str]) -> None:
    entries = history_of(COUNT, KEYS).entries
    without(entries, REQUESTER, HIDDEN)
    report = compare(write_logs(tmp_path, KEYS, entries, origins), KEYS)
    (found,) = report.findings
    assert (found.by, found.query) == (REQUESTER, digest_of(HIDDEN))
    # One other party could have invented the query; two agencies that hold it have not.
    alone = len(origins) == 2
    assert (found.kind, bool(found.word)) == (Kind.DIFFERS if alone else Kind.HIDDEN, alone)


def test_a_gateway_that_failed_before_its_profile_is_unfinished_not_accused(
    tmp_path: Path,
) -> None:
    history = history_of(COUNT, KEYS)
    history.ask(COUNT)
    for origin in (GATEWAY, REQUESTER):
        history.entries[origin].pop()
    report = compare(write_logs(tmp_path, KEYS, history.entries), KEYS)
    (found,) = report.findings
    assert (report.result, found.kind, found.by) == ("unfinished", Kind.UNFINISHED, GATEWAY)


def test_a_receipt_that_was_never_written_is_unfinished(tmp_path: Path) -> None:
    history = history_of(COUNT, KEYS)
    history.entries[REQUESTER].pop()
    report = compare(write_logs(tmp_path, KEYS, history.entries), KEYS)
    assert [(one.kind, one.by) for one in report.findings] == [(Kind.UNFINISHED, REQUESTER)]


def test_an_answer_that_came_too_late_is_unfinished(tmp_path: Path) -> None:
    history = history_of(COUNT, KEYS)
    history.ask(COUNT)
    for entry in (history.entries[GATEWAY][-1], history.entries[REQUESTER][-1]):
        kept = [heard for heard in entry.heard if heard.origin != FSA]
        del entry.heard[:]
        entry.heard.extend(kept)
        entry.accesses[0].CopyFrom(
            log_pb2.Access(agency="fsa.ed", dataset="schools", outcome=reason_pb2.REASON_CODE_LATE)
        )
    history.entries[REQUESTER][-1].heard[0].CopyFrom(history.heard(GATEWAY))
    report = compare(write_logs(tmp_path, KEYS, history.entries), KEYS)
    (found,) = report.findings
    assert (found.kind, found.by) == (Kind.UNFINISHED, GATEWAY)
    assert "came late" in found.sentence


@pytest.mark.parametrize("origins", [ORIGINS, (GATEWAY, FSA), (REQUESTER, FSA)])
def test_a_forked_log_is_named_with_both_heads(tmp_path: Path, origins: Sequence[str]) -> None:
    entries = history_of(COUNT, KEYS).entries
    # Another history: what the others heard of is all there, in another order.
    entries[FSA][0], entries[FSA][1] = entries[FSA][1], entries[FSA][0]
    report = compare(write_logs(tmp_path, KEYS, entries, origins), KEYS)
    (found,) = report.findings
    assert (found.kind, found.by, found.code) == (Kind.FORKED, FSA, "LB-4302")
    one, other = found.heads
    assert one.size == other.size == 1
    assert one.root != other.root


def test_a_fork_of_a_log_that_is_not_shown_follows_from_two_who_heard_it(tmp_path: Path) -> None:
    history = history_of(COUNT, KEYS)
    heard = history.entries[REQUESTER][-1].heard[1]
    heard.checkpoint = history.sign(FSA, COUNT, bytes(32))
    paths = write_logs(tmp_path / "signed", KEYS, history.entries, (REQUESTER, GATEWAY))
    (found,) = compare(paths, KEYS).findings
    assert (found.kind, found.by) == (Kind.FORKED, FSA)
    heard.checkpoint = Checkpoint(FSA, COUNT, bytes(32)).text().encode()
    paths = write_logs(tmp_path / "unsigned", KEYS, history.entries, (REQUESTER, GATEWAY))
    (found,) = compare(paths, KEYS).findings
    assert (found.kind, found.by) == (Kind.DIFFERS, REQUESTER)


def test_two_copies_of_one_log_that_do_not_fit_are_a_fork(tmp_path: Path) -> None:
    entries = history_of(COUNT, KEYS).entries
    here = write_log(tmp_path / "here", KEYS[FSA], FSA, entries[FSA])
    older = write_log(tmp_path / "older", KEYS[FSA], FSA, entries[FSA][:3])
    other = write_log(tmp_path / "other", KEYS[FSA], FSA, entries[FSA][1:4])
    assert compare([older, here], KEYS).result == "clean"
    report = compare([here, other], KEYS)
    assert [(one.kind, one.by) for one in report.findings] == [(Kind.FORKED, FSA)]


def test_a_head_that_a_witness_holds_is_held_against_the_log(tmp_path: Path) -> None:
    entries = history_of(COUNT, KEYS).entries
    here = write_log(tmp_path / "here", KEYS[FSA], FSA, entries[FSA])
    heads = {}
    for name, part in (("fits", entries[FSA][:3]), ("forked", entries[FSA][1:4])):
        place = write_log(tmp_path / name, KEYS[FSA], FSA, part)
        store = LogStore.open(place / "log.sqlite", FSA, KEYS[FSA])
        heads[name] = store.head()
        store.close()
    assert compare([here], KEYS, terms=Terms(LATER, heads={"w": heads["fits"]})).result == "clean"
    report = compare([here], KEYS, terms=Terms(LATER, heads={"w": heads["forked"]}))
    (found,) = report.findings
    assert (found.kind, found.heads[0].shown_by) == (Kind.FORKED, "w")
    spoiled = bytes([heads["fits"][0] ^ 1]) + heads["fits"][1:]
    with pytest.raises(LandbridgeError):
        compare([here], KEYS, terms=Terms(LATER, heads={"w": spoiled}))


def _requester(entry: log_pb2.LogEntry) -> None:
    entry.requester = "somebody.else"


def _purpose(entry: log_pb2.LogEntry) -> None:
    entry.purpose = "curiosity"


def _case(entry: log_pb2.LogEntry) -> None:
    entry.case_reference = "another"


def _released(entry: log_pb2.LogEntry) -> None:
    entry.accesses[0].released.append("officer")


def _records(entry: log_pb2.LogEntry) -> None:
    entry.accesses[0].records += 1


def _outcome(entry: log_pb2.LogEntry) -> None:
    entry.accesses[0].outcome = reason_pb2.REASON_CODE_NO_RECORD


def _query(entry: log_pb2.LogEntry) -> None:
    entry.query_digest = bytes(32)


def _dataset(entry: log_pb2.LogEntry) -> None:
    entry.accesses[0].dataset = "other"


def _refused(entry: log_pb2.LogEntry) -> None:
    del entry.accesses[0].refused[:]


def _payload(entry: log_pb2.LogEntry) -> None:
    entry.payload_digest = bytes(32)


WAYS = (
    _requester,
    _purpose,
    _case,
    _released,
    _records,
    _outcome,
    _query,
    _dataset,
    _refused,
    _payload,
)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_whatever_one_party_takes_away_or_alters_is_named(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    history = history_of(3, KEYS)
    origin = data.draw(st.sampled_from(ORIGINS))
    number = data.draw(st.integers(0, len(history.entries[origin]) - 1))
    entry = history.entries[origin][number]
    fits = [way for way in WAYS if entry.accesses or way in (*WAYS[:3], _query)]
    way: Callable[[log_pb2.LogEntry], None] | None = data.draw(st.sampled_from([None, *fits]))
    digest = entry.query_digest
    if way is None:
        del history.entries[origin][number]
    else:
        way(entry)
    folder = tmp_path_factory.mktemp("logs")
    report = compare(write_logs(folder, KEYS, history.entries), KEYS)
    assert any(one.query == digest and origin in one.sentence for one in report.findings)


@pytest.mark.parametrize("way", [_released, _records, _outcome, _dataset, _refused])
@pytest.mark.parametrize("teller", [GATEWAY, REQUESTER])
def test_what_is_listed_otherwise_than_it_was_released_differs(
    tmp_path: Path, teller: str, way: Callable[[log_pb2.LogEntry], None]
) -> None:
    entries = history_of(COUNT, KEYS).entries
    way(entries[teller][-1])
    report = compare(write_logs(tmp_path, KEYS, entries, (teller, FSA)), KEYS)
    assert {(one.kind, one.by, one.query) for one in report.findings} == {
        (Kind.DIFFERS, teller, digest_of(COUNT - 1))
    }


def test_a_receipt_of_another_profile_differs(tmp_path: Path) -> None:
    entries = history_of(COUNT, KEYS).entries
    _payload(entries[REQUESTER][-1])
    report = compare(write_logs(tmp_path, KEYS, entries, (REQUESTER, GATEWAY)), KEYS)
    (found,) = report.findings
    assert (found.kind, found.query) == (Kind.DIFFERS, digest_of(COUNT - 1))
    assert "another profile was received" in found.sentence


def test_an_entry_named_for_another_query_is_found_among_many_alike(tmp_path: Path) -> None:
    entries = history_of(3 * COUNT, KEYS).entries
    one, other = entries[GATEWAY][8].heard[0], entries[GATEWAY][10].heard[0]
    kept = log_pb2.Heard()
    kept.CopyFrom(one)
    one.CopyFrom(other)
    other.CopyFrom(kept)
    report = compare(write_logs(tmp_path, KEYS, entries, (GATEWAY, FSA)), KEYS)
    assert {found.query for found in report.findings} == {digest_of(8), digest_of(10)}
    assert {found.by for found in report.findings} == {GATEWAY}


def test_what_is_missing_at_the_newest_end_is_waited_for(tmp_path: Path) -> None:
    """Another process writes meanwhile: what was in flight has come when it is looked at again."""
    whole = history_of(COUNT, KEYS)
    late = whole.entries[GATEWAY].pop()
    paths = write_logs(tmp_path, KEYS, whole.entries, (GATEWAY, FSA))

    def come(_: float) -> None:
        write_log(tmp_path, KEYS[GATEWAY], GATEWAY, [late])

    terms = Terms(START + 1000 * COUNT, grace_ms=60_000)
    now = [START + 1000 * COUNT]
    report = compare(paths, KEYS, terms=terms, sleep=come)
    assert (report.result, now) == ("clean", [terms.now])


def test_what_stays_away_is_named_when_the_grace_is_over(tmp_path: Path) -> None:
    whole = history_of(COUNT, KEYS)
    whole.entries[GATEWAY].pop()
    paths = write_logs(tmp_path, KEYS, whole.entries, (GATEWAY, FSA))
    report = compare(paths, KEYS, terms=Terms(START + 1000 * COUNT))
    assert [(one.kind, one.by) for one in report.findings] == [(Kind.DIFFERS, GATEWAY)]


def test_copies_of_different_age_are_compared_up_to_a_time(tmp_path: Path) -> None:
    history = history_of(COUNT, KEYS)
    older = {**history.entries, GATEWAY: history.entries[GATEWAY][:2]}
    paths = write_logs(tmp_path, KEYS, older, (GATEWAY, FSA))
    terms = Terms(LATER)
    assert {one.by for one in compare(paths, KEYS, terms=terms).findings} == {GATEWAY}
    report = compare(paths, KEYS, terms=replace(terms, until=START + 2000))
    assert (report.result, report.queries) == ("clean", 2)
    report = compare(paths, KEYS, terms=replace(terms, since=START + 2000))
    assert report.queries == COUNT - 2


@pytest.mark.parametrize("since", [Terms(LATER).since, START + 1000])
@pytest.mark.parametrize("at", [-1, (1 << 63) - 1])
def test_nobody_dates_a_query_out_of_sight(tmp_path: Path, at: int, since: int) -> None:
    entries = history_of(COUNT, KEYS).entries
    without(entries, GATEWAY, HIDDEN)
    dated = next(one for one in entries[FSA] if one.query_digest == digest_of(HIDDEN))
    dated.logged_at_unix_ms = at
    paths = write_logs(tmp_path, KEYS, entries)
    report = compare(paths, KEYS, terms=Terms(LATER, since=since))
    found = [one for one in report.findings if one.query == digest_of(HIDDEN)]
    assert {GATEWAY, FSA} <= {one.by for one in found}
    assert any("dates its entry" in one.sentence and one.by == FSA for one in found)


@pytest.mark.parametrize("terms", [Terms(LATER, since=LATER), Terms(LATER, until=START)])
def test_what_heads_prove_is_no_matter_of_time(tmp_path: Path, terms: Terms) -> None:
    entries = history_of(COUNT, KEYS).entries
    here = write_log(tmp_path / "here", KEYS[FSA], FSA, entries[FSA])
    other = write_log(tmp_path / "other", KEYS[FSA], FSA, entries[FSA][1:4])
    store = LogStore.open(other / "log.sqlite", FSA, KEYS[FSA])
    head = store.head()
    store.close()
    for paths, heads in (([here, other], {}), ([here], {"w": head})):
        report = compare(paths, KEYS, terms=replace(terms, heads=heads))
        assert [one.kind for one in report.findings] == [Kind.FORKED]


@pytest.mark.parametrize(
    "size", [1, COUNT, COUNT + 7, (1 << 63) - 1], ids=["first", "last", "behind", "huge"]
)
@pytest.mark.parametrize("liar", [REQUESTER, GATEWAY])
def test_who_makes_a_head_up_accuses_himself(tmp_path: Path, liar: str, size: int) -> None:
    history = history_of(COUNT, KEYS)
    heard = next(one for one in history.entries[liar][-1].heard if one.origin == FSA)
    heard.checkpoint = Checkpoint(FSA, size, bytes(32)).text().encode() + b"\n\xe2\x80\x94 x eA==\n"
    heard.leaf_hash, heard.index = bytes(32), size - 1
    report = compare(write_logs(tmp_path, KEYS, history.entries), KEYS)
    kinds = {one.kind for one in report.findings if one.by == FSA}
    assert not kinds
    assert any("what is false" in one.sentence and one.by == liar for one in report.findings)


def test_a_leaf_that_no_log_ever_showed_accuses_who_names_it(tmp_path: Path) -> None:
    """Under a head that fits, the log itself says which entries it holds."""
    history = history_of(COUNT, KEYS)
    history.entries[GATEWAY][-1].heard[0].leaf_hash = bytes(32)
    report = compare(write_logs(tmp_path, KEYS, history.entries, (GATEWAY, FSA)), KEYS)
    assert {one.by for one in report.findings} == {GATEWAY}
    assert any(one.word == (GATEWAY,) for one in report.findings)


def test_an_invented_profile_proves_nothing_against_anybody(tmp_path: Path) -> None:
    history = history_of(COUNT, KEYS)
    invented = history.entries[GATEWAY][-1]
    invented.query_digest = digest_of(99)
    del invented.heard[:]
    for origin in (REQUESTER, FSA, NCES):
        without(history.entries, origin, COUNT - 1)
    report = compare(write_logs(tmp_path, KEYS, history.entries), KEYS)
    assert report.findings
    assert all((one.kind, one.word) == (Kind.DIFFERS, (GATEWAY,)) for one in report.findings)


def test_a_fresh_gateway_that_took_no_answer_in_is_not_accused(tmp_path: Path) -> None:
    history = history_of(1, KEYS)
    for entry in (history.entries[GATEWAY][0], history.entries[REQUESTER][1]):
        del entry.heard[:]
        for access in entry.accesses:
            access.CopyFrom(
                log_pb2.Access(
                    agency=access.agency, dataset="schools", outcome=reason_pb2.REASON_CODE_LATE
                )
            )
    history.entries[REQUESTER][1].heard.append(history.heard(GATEWAY))
    for origins in (ORIGINS, (GATEWAY, FSA), (GATEWAY, FSA, NCES)):
        folder = tmp_path / str(len(origins))
        report = compare(write_logs(folder, KEYS, history.entries, origins), KEYS)
        assert report.result == "unfinished"


def test_nobody_is_accused_where_another_log_of_the_role_is_not_shown(tmp_path: Path) -> None:
    second = "exchange.institutions.example/gateway/second"
    keys: Keys = {**KEYS, second: KEYS[GATEWAY]}
    entries = history_of(COUNT, KEYS).entries
    without(entries, GATEWAY, HIDDEN)
    paths = write_logs(tmp_path, KEYS, entries, (GATEWAY, FSA))
    assert compare(paths, keys).result == "clean"


def test_an_altered_file_is_an_error_not_a_finding(tmp_path: Path) -> None:
    paths = write_logs(tmp_path, KEYS, history_of(COUNT, KEYS).entries, (GATEWAY, FSA))
    file = paths[1] / "log.sqlite"
    data = file.read_bytes()
    file.write_bytes(data.replace(b"oversight", b"0versight", 1))
    with pytest.raises(LandbridgeError) as caught:
        compare(paths, KEYS)
    assert caught.value.reason is Reason.LOG_DAMAGED
    assert str(paths[1]) in caught.value.where


def test_a_log_of_nobody_is_refused(tmp_path: Path) -> None:
    keys = {origin: key for origin, key in KEYS.items() if origin != FSA}
    paths = write_logs(tmp_path, KEYS, history_of(1, KEYS).entries, (GATEWAY, FSA))
    with pytest.raises(LandbridgeError) as caught:
        compare(paths, keys)
    assert caught.value.reason is Reason.UNTRUSTED_KEY


def test_large_logs_are_read_by_other_processes_with_the_same_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("landbridge.audit.readers.FEWEST_FOR_PROCESSES", 1)
    monkeypatch.setattr("landbridge.audit.readers.PART", 2)
    entries = history_of(COUNT, KEYS).entries
    without(entries, FSA, HIDDEN)
    paths = write_logs(tmp_path, KEYS, entries)
    report = compare(paths, KEYS)
    monkeypatch.undo()
    assert report == compare(paths, KEYS)
    assert {(one.by, one.query) for one in report.findings if one.query} == {
        (FSA, digest_of(HIDDEN))
    }


def test_what_another_process_cannot_read_is_said_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("landbridge.audit.readers.FEWEST_FOR_PROCESSES", 1)
    paths = write_logs(tmp_path, KEYS, history_of(1, KEYS).entries, (GATEWAY, FSA))
    store = LogStore.open(paths[1] / "log.sqlite", FSA, KEYS[FSA])
    store.append([b"no entry of ours"])
    store.close()
    with pytest.raises(LandbridgeError) as caught:
        compare(paths, KEYS)
    assert (caught.value.reason, caught.value.where) == (Reason.LOG_DAMAGED, str(paths[1]))
