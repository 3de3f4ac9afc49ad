"""The home folder: found from anywhere below it, read with line and column, written whole."""

from dataclasses import replace
from pathlib import Path

import pytest

from landbridge.errors import LandbridgeError, Reason
from landbridge.home import Home, find_home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    folder = tmp_path / ".landbridge"
    written = Home(
        folder=folder,
        federation=tmp_path / 'a "quoted" folder' / "federation.toml",
        gateway_address="127.0.0.1:7100",
        gateway_dns_name="main.gateway.hall.town.example",
        requester="board.ny",
        requesters={"board.ny": folder / "parties" / "board", "bank": tmp_path / "bank"},
        admins={"first": folder / "admins" / "first", "second": tmp_path / "second"},
        authority=folder / "authority",
        root=tmp_path / "vault",
    )
    written.write()
    return written


def test_what_is_written_is_read(home: Home) -> None:
    assert Home.read(home.folder) == home
    assert home.bundle == home.folder / "trust-bundle.json"


def test_paths_within_the_folder_are_relative_so_that_it_can_be_moved(
    home: Home, tmp_path: Path
) -> None:
    moved = tmp_path / "moved"
    home.folder.rename(moved)
    assert Home.read(moved).requesters["board.ny"] == moved / "parties" / "board"


def test_the_requester_is_the_one_named_or_the_default(home: Home, tmp_path: Path) -> None:
    assert home.state_of() == ("board.ny", home.folder / "parties" / "board")
    assert home.state_of("bank") == ("bank", tmp_path / "bank")


def test_an_unknown_requester_is_refused_with_the_nearest(home: Home) -> None:
    with pytest.raises(LandbridgeError, match=r"no keys of 'board.nj'; did you mean") as caught:
        home.state_of("board.nj")
    assert caught.value.reason is Reason.USAGE
    assert "board.ny, bank" in caught.value.next_step


def test_an_administrator_is_named_where_there_are_several(home: Home, tmp_path: Path) -> None:
    assert home.admin("second") == ("second", tmp_path / "second")
    with pytest.raises(LandbridgeError, match="not said which administrator") as caught:
        home.admin()
    assert caught.value.reason is Reason.USAGE
    with pytest.raises(LandbridgeError, match="did you mean 'first'"):
        home.admin("frist")


def test_the_only_administrator_need_not_be_named(home: Home, tmp_path: Path) -> None:
    alone = replace(home, admins={"second": tmp_path / "second"}, authority=None, root=None)
    alone.write()
    read = Home.read(home.folder)
    assert read.admin() == ("second", tmp_path / "second")
    assert (read.authority, read.root) == (None, None)


def test_a_misspelt_key_is_told_with_its_place(home: Home) -> None:
    path = home.folder / "home.toml"
    path.write_text(path.read_text().replace("address", "adress"))
    with pytest.raises(LandbridgeError, match=r"home\.toml:\d+:\d+") as caught:
        Home.read(home.folder)
    assert caught.value.reason is Reason.INVALID_CONFIGURATION


def test_a_folder_without_a_home_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(LandbridgeError) as caught:
        Home.read(tmp_path)
    assert "landbridge up" in caught.value.next_step


def test_home_is_the_one_given_then_the_variable_then_the_nearest_above(
    home: Home, tmp_path: Path
) -> None:
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    named = {"LANDBRIDGE_HOME": str(tmp_path / "named")}
    given = tmp_path / "given"
    assert find_home(given, start=below, environment=named) == given
    assert find_home(start=below, environment=named) == tmp_path / "named"
    assert find_home(start=below, environment={}) == home.folder


def test_no_home_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(LandbridgeError) as caught:
        find_home(start=tmp_path, environment={})
    assert caught.value.reason is Reason.USAGE
    assert caught.value.where == str(tmp_path)
