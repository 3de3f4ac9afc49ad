"""Acts on the command line: what came of them, and how an application is found and not mistaken."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from certs.application import Application, AppliedKey, AppliedParty, fingerprint
from landbridge.agency import Role
from landbridge.commands import passphrase
from landbridge.commands.act import exit_code, outcome, outcome_lines
from landbridge.commands.applications import find, waiting
from landbridge.commands.passphrase import choose_passphrase, read_passphrase
from landbridge.errors import LandbridgeError, Reason
from landbridge.keys import KeyUse, SigningKey, public_text
from landbridge.trust.approval import Act, Statement
from landbridge.v1 import authority_service_pb2 as wire

STATEMENT = Statement("market.example", Act.AUTHORITY_ACTIVATE, "root-2")


def came_of(response: wire.SubmitResponse, *, dry_run: bool = False) -> dict[str, Any]:
    return outcome(STATEMENT, response, "first", dry_run=dry_run)


def test_an_act_that_is_done_names_its_bundle_and_effects() -> None:
    made = came_of(wire.SubmitResponse(done=True, bundle_number=14, effects=["root-1 retires"]))
    assert outcome_lines(made) == [
        "authority.activate root-2: done in bundle 14",
        "  root-1 retires",
    ]
    assert exit_code(made) == 0


def test_an_act_that_misses_a_signature_says_how_to_give_it() -> None:
    made = came_of(wire.SubmitResponse(signatures_missing=1))
    assert outcome_lines(made)[-1] == (
        "one more administrator has to sign: the same command again with their own --as"
    )
    assert exit_code(made) == 3


def test_a_dry_run_shows_what_stands_against_it_and_changes_nothing() -> None:
    made = came_of(
        wire.SubmitResponse(signatures_missing=2, effects=["e"], obstacles=["tax.gov/node lags"]),
        dry_run=True,
    )
    lines = outcome_lines(made)
    assert "  ! tax.gov/node lags" in lines
    assert "administrators that have to sign: 2" in lines
    assert lines[-1] == "nothing was changed"
    assert exit_code(made) == 3
    assert exit_code(came_of(wire.SubmitResponse(), dry_run=True)) == 0


def application(agency: str = "food.gov") -> bytes:
    key = SigningKey.generate(agency, KeyUse.MEMORANDUM)
    return Application(
        federation="market.example",
        agency=agency,
        title="Food inspection",
        parties=(AppliedParty(role=Role.NODE, name="main", address="10.0.0.9:7101"),),
        keys=(AppliedKey(use=KeyUse.MEMORANDUM, public_key=public_text(key.public)),),
        made_at=datetime(2026, 11, 23, 5, 40, tzinfo=UTC),
    ).to_bytes()


@pytest.fixture
def pending() -> list[wire.PendingAct]:
    statements = [application(), application(), STATEMENT.to_bytes(), b"{"]
    return [wire.PendingAct(statement=statement) for statement in statements]


def test_an_application_is_found_by_the_fingerprint_and_not_by_its_name(
    pending: list[wire.PendingAct],
) -> None:
    """Anybody may hand one in under any name: only the fingerprint tells the two apart."""
    for act in pending[:2]:
        read_out = fingerprint(act.statement)
        found, document = find(pending, "food.gov", read_out[:39].upper())
        assert (found.agency, document) == ("food.gov", act.statement)
    assert len(waiting(pending)) == 2


@pytest.mark.parametrize(
    ("read_out", "message"),
    [
        ("1f2e 3d4c", "not complete"),
        ("", "not complete"),
        ("z" * 32, "not complete"),
        ("0" * 64, "2 of food.gov wait, none has it"),
    ],
)
def test_a_fingerprint_that_does_not_fit_accepts_nobody(
    pending: list[wire.PendingAct], read_out: str, message: str
) -> None:
    with pytest.raises(LandbridgeError, match=message) as caught:
        find(pending, "food.gov", read_out)
    assert caught.value.reason is Reason.USAGE


def test_a_passphrase_file_is_of_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "passphrase"
    path.write_text("correct horse battery\n")
    with pytest.raises(LandbridgeError) as caught:
        read_passphrase(path, "root-1")
    assert caught.value.reason is Reason.KEY_EXPOSED
    path.chmod(0o600)
    assert read_passphrase(path, "root-1") == b"correct horse battery"
    path.write_text("short")
    with pytest.raises(LandbridgeError, match="5 characters"):
        choose_passphrase(path, "root-1")


def test_nobody_at_the_terminal_is_told_to_give_a_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(passphrase.sys.stdin, "isatty", lambda: False)
    with pytest.raises(LandbridgeError) as caught:
        read_passphrase(None, "root-1")
    assert "--passphrase-file" in caught.value.next_step
