"""What holds a library up or takes something out of it: odd files, files that go."""

import errno
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from landbridge.library.kinds import Kind
from landbridge.library.shelf import Shelf
from landbridge.library.store import read_shelf
from tests.libraries import PartyDesk, ids, memorandum
from tests.pki import BOARD, REGISTRY

PAIR = memorandum()


@pytest.fixture
def desk(tmp_path: Path) -> PartyDesk:
    return PartyDesk(tmp_path)


def make_folder(path: Path) -> None:
    path.mkdir()


def make_pipe(path: Path) -> None:
    os.mkfifo(path)


def make_loop(path: Path) -> None:
    path.symlink_to(path)


def make_endless(path: Path) -> None:
    path.symlink_to("/dev/zero")


def make_huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(300_000_000)


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(os.path.relpath(path))


@pytest.mark.parametrize(
    "make", [make_folder, make_pipe, make_loop, make_endless, make_huge, make_socket]
)
def test_an_odd_file_keeps_no_suspension_from_counting(
    desk: PartyDesk, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], None]
) -> None:
    desk.put("pair", desk.form(PAIR))
    library = desk.library()
    monkeypatch.chdir(desk.state)
    make(desk.state / "memoranda" / "odd.jws.json")
    desk.put("stop", desk.notice(PAIR, "suspend", REGISTRY), Kind.NOTICE)
    assert library.follow_files()
    assert [notice.kind for notice in library.shelf.notices] == ["suspend"]
    assert ids(library) == ["pair"]
    assert desk.refused == [("odd", "LB-1101")]
    assert not library.follow_files()


def test_what_could_not_be_read_is_tried_again(desk: PartyDesk) -> None:
    folder = desk.state / "memoranda" / "pair.jws.json"
    folder.mkdir(parents=True)
    library = desk.library()
    assert ids(library) == []
    folder.rmdir()
    desk.put("pair", desk.form(PAIR))
    assert library.follow_files()
    assert ids(library) == ["pair"]


def test_what_takes_a_file_s_place_is_read_though_its_time_is_set_back(desk: PartyDesk) -> None:
    file = desk.put("pair", desk.form(PAIR))
    library = desk.library()
    former = file.stat()
    time.sleep(0.02)  # the disk's clock ticks
    file.write_bytes(bytes(former.st_size))
    os.utime(file, ns=(former.st_atime_ns, former.st_mtime_ns))
    library.follow_files()
    assert desk.refused == [("pair", "LB-4101")]


def test_a_file_that_goes_lifts_no_suspension(desk: PartyDesk) -> None:
    desk.put("pair", desk.form(PAIR))
    path = desk.put("stop", desk.notice(PAIR, "suspend", REGISTRY), Kind.NOTICE)
    library = desk.library()
    path.unlink()
    library.follow_files()
    assert [notice.kind for notice in library.shelf.notices] == ["suspend"]
    # Nor after a restart, nor while its memorandum is away.
    text = desk.state / "memoranda" / "pair.jws.json"
    text.rename(text.with_suffix(".away"))
    again = desk.library()
    assert again.shelf.notices == ()
    text.with_suffix(".away").rename(text)
    again.follow_files()
    assert [notice.kind for notice in again.shelf.notices] == ["suspend"]
    desk.put("go", desk.notice(PAIR, "resume", REGISTRY, since="2026-06-01T00:00:00Z"), Kind.NOTICE)
    again.follow_files()
    assert len(again.shelf.notices) == 2


def test_a_successor_that_goes_brings_no_wider_text_back(desk: PartyDesk) -> None:
    desk.put("pair", desk.form(PAIR))
    since = ("2026-01-01T00:00:00Z", "2100-01-01T00:00:00Z")
    successor = memorandum("pair-2", valid=since, amends="pair")
    path = desk.put("pair-2", desk.form(successor))
    library = desk.library()
    path.unlink()
    library.follow_files()
    for shelf in (library.shelf, desk.library().shelf, shelf_of(desk)):
        settled = shelf.settled
        assert settled.superseded_at["pair"] == successor.valid.start
        assert settled.spans(successor, successor.grants[0], BOARD) == ()
        assert successor.digest not in shelf.shown
    assert desk.logged()[-1] == ("pair-2", True)
    # What was agreed comes back as it was.
    desk.put("pair-2", desk.form(successor))
    library.follow_files()
    assert library.shelf.settled.spans(successor, successor.grants[0], BOARD)


def shelf_of(desk: PartyDesk) -> Shelf:
    return read_shelf(desk.state, desk.store.current.bundle, at=desk.clock(), agency=REGISTRY)


def test_a_folder_that_cannot_be_looked_at_for_a_moment_takes_nothing_away(
    desk: PartyDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.put("pair", desk.form(PAIR))
    library = desk.library()

    def refuse(_: str) -> None:
        raise OSError(errno.EMFILE, "too many open files")

    with monkeypatch.context() as busy:
        busy.setattr(os, "scandir", refuse)
        with pytest.raises(OSError, match="too many"):
            library.follow_files()
    assert ids(library) == ["pair"]
    assert not library.follow_files()
