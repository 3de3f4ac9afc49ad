"""What a party knew survives kills, cuts and losses, or says that it does not."""

import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from landbridge.clock import system_clock
from landbridge.commands.memo.known_then import read_known
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.library.changes import Change, Logged
from landbridge.library.history import History
from landbridge.library.kinds import Kind, digest_of
from landbridge.library.known import known_at
from tests.libraries import PartyDesk, memorandum, raised
from tests.pki import REGISTRY

PAIR = memorandum()
SECOND = memorandum("second")


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = system_clock()

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def desk(tmp_path: Path, clock: Clock) -> PartyDesk:
    return PartyDesk(tmp_path, clock=clock)


def names(state: Path, at: int) -> list[str]:
    return [text.id for text in known_at(state, at).memoranda]


def test_the_index_is_made_anew_from_the_log(desk: PartyDesk, clock: Clock) -> None:
    desk.put("pair", desk.form(PAIR))
    library = desk.library()
    first = clock.now
    clock.now += 1000
    desk.put("second", desk.form(SECOND))
    library.follow_files()
    (desk.state / "known" / "index.jsonl").unlink()
    desk.library()
    assert names(desk.state, first) == ["pair"]
    assert names(desk.state, clock.now) == ["pair", "second"]
    assert desk.log.size == 2


class Killed(BaseException):
    """The process is killed."""


class Dying:
    """A log in front of which, or behind which, the process is killed."""

    def __init__(self, desk: PartyDesk, *, logged: bool) -> None:
        self._log = desk
        self._logged = logged
        self.entries: list[Logged] = []

    def size(self) -> int:
        return self._log.log.size

    def append(self, changes: Sequence[Change], *, after: int) -> Sequence[Logged]:
        if self._logged:
            from landbridge.rpc.document_log import DocumentLog  # noqa: PLC0415

            DocumentLog(self._log.log, clock=self._log.clock).append(changes, after=after)
        raise Killed

    def since(self, entry: int) -> Iterable[Logged]:
        del entry
        return ()


@pytest.mark.parametrize("logged", [False, True])
def test_a_kill_before_or_behind_the_log_loses_and_doubles_nothing(
    desk: PartyDesk, clock: Clock, *, logged: bool
) -> None:
    desk.put("pair", desk.form(PAIR))
    desk.library()
    document = desk.form(SECOND)
    change = Change(Kind.MEMORANDUM, "second", digest_of(document))
    with pytest.raises(Killed):
        History(desk.state).note([change], {change.digest: document}, Dying(desk, logged=logged))
    at_kill = clock.now
    clock.now += 5000
    desk.put("second", document)
    desk.library()
    assert desk.logged() == [("pair", False), ("second", False)]
    assert names(desk.state, at_kill) == (["pair", "second"] if logged else ["pair"])
    assert names(desk.state, clock.now) == ["pair", "second"]


def test_an_index_cut_at_any_byte_is_completed(desk: PartyDesk, clock: Clock) -> None:
    desk.put("pair", desk.form(PAIR))
    desk.put("second", desk.form(SECOND))
    desk.library()
    index = desk.state / "known" / "index.jsonl"
    whole = index.read_bytes()
    for length in range(0, len(whole), 23):
        index.write_bytes(whole[:length])
        desk.library()
        assert names(desk.state, clock.now) == ["pair", "second"]
        assert desk.log.size == 2


def test_a_document_that_was_changed_in_the_archive_is_found(desk: PartyDesk, clock: Clock) -> None:
    desk.put("pair", desk.form(PAIR))
    desk.library()
    (kept,) = (desk.state / "known").glob("*.jws.json")
    kept.write_bytes(desk.form(SECOND))
    error = raised(lambda: known_at(desk.state, clock.now))
    assert error.reason is Reason.LOG_DAMAGED
    kept.unlink()
    assert raised(lambda: known_at(desk.state, clock.now)).reason is Reason.INVALID_CONFIGURATION


@pytest.mark.parametrize(
    "line",
    [
        "[1]",
        "{",
        "{}",
        '{"logged":1}',
        '{"logged":[{"at":1,"entry":0,"kind":"z"}]}',
        '{"announced":"x"}',
    ],
)
def test_a_damaged_index_is_refused_with_its_place(desk: PartyDesk, line: str) -> None:
    folder = desk.state / "known"
    folder.mkdir()
    (folder / "index.jsonl").write_text(f"{line}\n")
    with pytest.raises(LandbridgeError, match="index of documents") as caught:
        History(desk.state)
    assert caught.value.reason is Reason.LOG_DAMAGED
    assert "index.jsonl" in caught.value.where


def test_an_index_that_goes_while_the_process_runs_is_written_anew(
    desk: PartyDesk, clock: Clock
) -> None:
    desk.put("pair", desk.form(PAIR))
    library = desk.library()
    first = clock.now
    (desk.state / "known" / "index.jsonl").unlink()
    clock.now += 1000
    desk.put("second", desk.form(SECOND))
    library.follow_files()
    assert names(desk.state, first) == ["pair"]
    assert names(desk.state, clock.now) == ["pair", "second"]


def test_the_log_itself_tells_what_a_party_could_not_do(desk: PartyDesk, clock: Clock) -> None:
    def accept(_: object) -> None:
        raise refuse(Reason.INVALID_CONFIGURATION, "no such dataset")

    desk.put("pair", desk.form(PAIR))
    desk.library(accept=accept)
    (desk.state / "known" / "index.jsonl").unlink()
    desk.library(accept=accept)
    assert len(known_at(desk.state, clock.now).notices) == 1


def test_a_lost_archive_is_made_anew_from_the_folder(desk: PartyDesk, clock: Clock) -> None:
    desk.put("pair", desk.form(PAIR))
    desk.put("stop", desk.notice(PAIR, "suspend", REGISTRY), Kind.NOTICE)
    desk.library()
    shutil.rmtree(desk.state / "known")
    desk.library()
    assert names(desk.state, clock.now) == ["pair"]
    # A stop of which nothing is left keeps the party from starting: nobody can tell what it was.
    (desk.state / "notices" / "stop.jws.json").unlink()
    shutil.rmtree(desk.state / "known")
    assert raised(desk.library).reason is Reason.INVALID_CONFIGURATION


def test_an_index_that_says_something_else_than_the_log_is_found(
    desk: PartyDesk, clock: Clock
) -> None:
    desk.put("pair", desk.form(PAIR))
    desk.library()
    assert read_known(desk.state, clock.now).memoranda == (PAIR,)
    index = desk.state / "known" / "index.jsonl"
    index.write_text(index.read_text().replace(str(clock.now), str(clock.now - 1000)))
    assert raised(lambda: read_known(desk.state, clock.now)).reason is Reason.LOG_DAMAGED
