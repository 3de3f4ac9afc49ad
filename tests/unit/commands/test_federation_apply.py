"""`federation apply` before anything is sent: what is asked for, and what is made where."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from certs.authority import Root
from landbridge.agency import Role
from landbridge.clock import system_clock
from landbridge.commands.card import Card
from landbridge.commands.federation_apply import make_application
from landbridge.commands.main import run
from landbridge.errors import LandbridgeError, Reason
from landbridge.keys import KeyUse, SigningKey, public_text

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def card(tmp_path: Path) -> Path:
    key = SigningKey.generate("market.example", KeyUse.BUNDLE)
    made = Card(
        federation="market.example",
        address="10.0.0.2:7102",
        dns_name="main.gateway.exchange.market.example",
        anchor=public_text(key.public),
        roots=Root.create("market.example", system_clock).pem.decode(),
    )
    path = tmp_path / "card.json"
    path.write_bytes(made.to_bytes())
    return path


def apply(card: Path, *more: str) -> int:
    words = ["federation", "apply", str(card), "--agency", "food.gov", "--title", "Food inspection"]
    return run([*words, *more])


def test_a_dry_run_makes_nothing_and_sends_nothing(
    card: Path, tmp_path: Path, capsys: Captured
) -> None:
    state = tmp_path / "state"
    assert apply(card, "--party", f"node={state}@10.0.0.9:7101", "--dry-run") == 0
    told = capsys.readouterr().out
    assert "food.gov (Food inspection) asks to join market.example" in told
    assert f"node at 10.0.0.9:7101, keys in {state}" in told
    assert "nothing was sent" in told
    assert not state.exists()
    assert apply(card, "--party", f"node={state}@[::1]:7101", "--dry-run", "-o", "json") == 0
    assert json.loads(capsys.readouterr().out)["parties"][0]["address"] == "[::1]:7101"


@pytest.mark.parametrize(
    ("parties", "message"),
    [
        (["node"], "does not name a party"),
        (["nod=/x@h:1"], "did you mean 'node'"),
        (["node=/x"], "others have to know where"),
        (["node=/x@h:1", "requester=/x"], "a folder of its own"),
        (["node=/x@h:1", "node=/y@h:1"], "named once"),
        (["requester/Board=/x"], "not an identity"),
    ],
)
def test_a_party_that_cannot_be_is_a_mistake(
    card: Path, capsys: Captured, parties: Sequence[str], message: str
) -> None:
    options = [part for party in parties for part in ("--party", party)]
    assert apply(card, *options, "--dry-run") == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "{}", "[]", "{" * 9999, '{"federation": "market.example"}'])
def test_what_is_no_card_is_refused(tmp_path: Path, capsys: Captured, text: str) -> None:
    path = tmp_path / "card.json"
    path.write_text(text)
    assert apply(path, "--party", "requester=/x", "--dry-run") == 1
    assert "LB-1101" in capsys.readouterr().err


def test_keys_are_made_where_they_stay_and_used_again(card: Path, tmp_path: Path) -> None:
    read = Card.read(card.read_bytes(), where="card")
    parties = [f"node={tmp_path / 'node'}@10.0.0.9:7101", f"requester={tmp_path / 'board'}"]
    first, seal = make_application(read, "food.gov", "Food inspection", parties)
    again, same = make_application(read, "food.gov", "Food inspection", parties)
    assert (first.keys, seal.key_id) == (again.keys, same.key_id)
    assert {key.use for key in first.keys} == {KeyUse.LOG, KeyUse.MEMORANDUM, KeyUse.QUERY}
    node, board = first.parties
    assert (node.role, board.role) == (Role.NODE, Role.REQUESTER)
    for party, folder in ((node, tmp_path / "node"), (board, tmp_path / "board")):
        assert party.log == public_text(SigningKey.load(folder / "keys" / "log.key").public)
        assert (folder / "pseudonym.key").stat().st_mode & 0o777 == 0o600
    assert node.log != board.log
    assert not (tmp_path / "board" / "keys" / "memorandum.key").exists()


def test_another_agencys_folder_is_not_used(card: Path, tmp_path: Path) -> None:
    read = Card.read(card.read_bytes(), where="card")
    parties = [f"node={tmp_path / 'node'}@10.0.0.9:7101"]
    make_application(read, "tax.gov", "Tax office", parties)
    with pytest.raises(LandbridgeError, match=r"holds keys of tax\.gov") as caught:
        make_application(read, "food.gov", "Food inspection", parties)
    assert caught.value.reason is Reason.USAGE


def test_a_consent_desk_asks_for_a_key_of_its_own(card: Path, tmp_path: Path) -> None:
    read = Card.read(card.read_bytes(), where="card")
    parties = [f"requester={tmp_path / 'desk'}", f"node={tmp_path / 'node'}@10.0.0.9:7101"]
    asked, _ = make_application(read, "town.gov", "Town hall", parties, consent_desk=True)
    assert [key.use for key in asked.keys].count(KeyUse.CONSENT) == 1
    held = SigningKey.load(tmp_path / "desk" / "keys" / "consent.key")
    assert held.use is KeyUse.CONSENT
    # A member that asks again without the flag keeps it.
    again, _ = make_application(read, "town.gov", "Town hall", parties)
    assert public_text(held.public) in {key.public_key for key in again.keys}
