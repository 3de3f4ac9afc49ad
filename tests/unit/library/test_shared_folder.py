"""Several processes of one party follow one folder: each change is logged once, by whoever sees."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from landbridge.clock import system_clock
from landbridge.library.arrangement import Accept
from landbridge.library.history import History
from landbridge.library.known import known_at
from landbridge.library.store import Library
from landbridge.log.store import LogStore
from landbridge.memorandum.document import Memorandum
from landbridge.rpc.document_log import DocumentLog
from tests.libraries import PartyDesk, ids, memorandum
from tests.pki import REGISTRY

PROCESSES = 3
ROUNDS = 12


@pytest.fixture
def desk(tmp_path: Path) -> PartyDesk:
    return PartyDesk(tmp_path)


def library_of(desk: PartyDesk, log: LogStore, accept: Accept | None = None) -> Library:
    return Library(
        desk.state,
        desk.store,
        recorder=DocumentLog(log),
        refused=lambda _: None,
        agency=REGISTRY,
        accept=accept,
    )


def logged(desk: PartyDesk) -> list[tuple[str, bool]]:
    desk.log.refresh()
    return desk.logged()


def test_what_all_notice_at_once_is_logged_once(desk: PartyDesk) -> None:
    documents = [(f"text-{number}", memorandum(f"text-{number}")) for number in range(ROUNDS)]
    name, text = documents[0]
    path = desk.put(name, desk.form(text))
    together = Barrier(PROCESSES)

    def process() -> list[str]:
        log = desk.open_log()
        try:
            together.wait()
            library = library_of(desk, log)
            for name, text in documents[1:]:
                if together.wait() == 0:
                    desk.put(name, desk.form(text))
                together.wait()
                library.follow_files()
            if together.wait() == 0:
                path.unlink()
            together.wait()
            library.follow_files()
            return ids(library)
        finally:
            log.close()

    with ThreadPoolExecutor(PROCESSES) as threads:
        shelves = [each.result() for each in [threads.submit(process) for _ in range(PROCESSES)]]
    names = [name for name, _ in documents]
    assert all(sorted(each) == sorted(names[1:]) for each in shelves)
    assert logged(desk) == [*((name, False) for name in names), (names[0], True)]
    known = known_at(desk.state, system_clock())
    assert sorted(text.id for text in known.memoranda) == sorted(names[1:])


def test_what_another_has_noticed_alone_is_neither_ended_nor_brought_back(
    desk: PartyDesk,
) -> None:
    kept = desk.put("kept", desk.form(memorandum("kept")))
    first = library_of(desk, desk.log)
    meanwhile: list[str] = []

    def accept(text: Memorandum) -> None:
        # The second has looked at the folder already, and has not noted yet what it saw.
        if text.id == "mine" and not meanwhile:
            meanwhile.append(text.id)
            desk.put("theirs", desk.form(memorandum("theirs")))
            kept.unlink()
            (desk.state / "memoranda" / "mine.jws.json").rename(desk.state / "put-aside")
            first.follow_files()

    second = library_of(desk, desk.open_log(), accept)
    desk.put("mine", desk.form(memorandum("mine")))
    second.follow_files()
    there = [("kept", False), ("theirs", False), ("kept", True), ("mine", False)]
    assert logged(desk) == there
    second.follow_files()
    first.follow_files()
    assert ids(first) == ids(second) == ["theirs"]
    assert logged(desk) == [*there, ("mine", True)]


def test_an_entry_that_a_killed_process_logged_is_taken_from_the_log(desk: PartyDesk) -> None:
    desk.put("pair", desk.form(memorandum()))
    first, second = library_of(desk, desk.log), library_of(desk, desk.open_log())
    desk.put("second", desk.form(memorandum("second")))
    index = desk.state / "known" / "index.jsonl"
    first.follow_files()
    # As if it had been killed between log and index, in the middle of a line.
    lines = index.read_bytes().splitlines(keepends=True)
    index.write_bytes(b"".join(lines[:-1]) + lines[-1][:9])
    desk.put("third", desk.form(memorandum("third")))
    second.follow_files()
    assert logged(desk) == [("pair", False), ("second", False), ("third", False)]
    assert [one.change.subject for one in History(desk.state).logged] == ["pair", "second", "third"]
