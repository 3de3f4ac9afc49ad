"""`memo amend`, `suspend`, `resume`, `terminate` and `status`: a life by the command line."""

import json
from pathlib import Path
from typing import Any

import pytest

from landbridge.commands.main import run
from landbridge.keys import KeyUse
from landbridge.library.kinds import Kind
from landbridge.library.store import read_shelf
from landbridge.memorandum.document import Memorandum
from tests.libraries import PartyDesk, memorandum
from tests.memoranda import TEXT, WHOLE, write_text
from tests.pki import BOARD, REGISTRY

Captured = pytest.CaptureFixture[str]
PAIR = memorandum()


@pytest.fixture
def desk(tmp_path: Path) -> PartyDesk:
    desk = PartyDesk(tmp_path)
    desk.put("pair", desk.form(PAIR))
    return desk


def give(desk: PartyDesk, verb: str, *more: str, name: str = "pair") -> int:
    state = ["--state", str(desk.state)]
    return run(["memo", verb, name, *state, "--reason", "Audit of the register", *more])


def status(capsys: Captured, *more: str) -> list[dict[str, Any]]:
    capsys.readouterr()
    assert run(["memo", "status", *more, "-o", "json"]) == 0
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["memoranda"]
    return found


def stages(capsys: Captured, *more: str) -> dict[str, str]:
    return {one["memorandum"]: one["stands"] for one in status(capsys, *more)}


def test_suspended_resumed_terminated(desk: PartyDesk, capsys: Captured) -> None:
    state = ("--state", str(desk.state))
    assert stages(capsys, *state) == {"pair": "in force"}
    assert give(desk, "suspend", "--from", "2026-05-01") == 0
    assert f"{REGISTRY} suspends pair from 2026-05-01T00:00:00Z" in capsys.readouterr().out
    assert stages(capsys, *state) == {"pair": "suspended"}
    assert stages(capsys, *state, "--at", "2026-04-30") == {"pair": "in force"}
    assert give(desk, "resume", "--from", "2026-06-01") == 0
    assert stages(capsys, *state) == {"pair": "in force"}
    assert give(desk, "terminate", "--from", "2027-01-01", "-o", "json") == 0
    assert stages(capsys, *state, "--at", "2027-01-01") == {"pair": "terminated"}
    assert len(list((desk.state / "notices").glob("*.jws.json"))) == 3


def test_a_notice_from_now_counts_at_once(desk: PartyDesk, capsys: Captured) -> None:
    library = desk.library()
    assert give(desk, "suspend") == 0
    assert library.follow_files()
    assert stages(capsys, "--state", str(desk.state)) == {"pair": "suspended"}
    assert desk.refused == []


def test_notices_that_follow_one_another_at_once_count_in_their_order(
    desk: PartyDesk, capsys: Captured
) -> None:
    for verb in ("suspend", "resume", "suspend"):
        assert give(desk, verb) == 0
    far = ("--state", str(desk.state), "--at", "2099-01-01")
    assert stages(capsys, *far) == {"pair": "suspended"}
    assert give(desk, "resume") == 0
    assert stages(capsys, *far) == {"pair": "in force"}


def test_a_resumption_that_could_not_count_is_refused(desk: PartyDesk, capsys: Captured) -> None:
    assert give(desk, "suspend", "--from", "2026-05-01") == 0
    assert give(desk, "resume", "--from", "2026-05-01") == 4
    assert "LB-4104  a notice that stops it holds from the same" in capsys.readouterr().err


def test_a_notice_says_which_successor_it_is_not_on(desk: PartyDesk, capsys: Captured) -> None:
    desk.put("pair-2", desk.form(memorandum("pair-2", amends="pair"), BOARD))
    assert give(desk, "terminate") == 0
    assert "pair-2, which takes its place at 2020-01-01T00:00:00Z" in capsys.readouterr().err


def test_a_notice_on_a_clause(desk: PartyDesk, capsys: Captured) -> None:
    assert give(desk, "suspend", "--clause", "2", "--from", "2026-05-01") == 0
    (one,) = status(capsys, "--state", str(desk.state))
    assert one["stands"] == "in force"
    assert "stopped: clause 2" in one["notes"]
    assert any("Audit of the register" in note for note in one["notes"])


def test_a_notice_of_all_parties_is_signed_by_each(
    desk: PartyDesk, tmp_path: Path, capsys: Captured
) -> None:
    out = tmp_path / "end.jws.json"
    assert give(desk, "terminate", "--signer", BOARD) == 2
    assert "--out" in capsys.readouterr().err
    assert give(desk, "terminate", "--signer", BOARD, "--out", str(out)) == 0
    assert f"still to sign: {BOARD}" in capsys.readouterr().out
    key = tmp_path / "board.key"
    desk.key(BOARD).save(key)
    assert run(["memo", "sign", str(out), "--key", str(key), "--agency", BOARD]) == 0
    assert "all whom it names have signed" in capsys.readouterr().out
    assert run(["memo", "sign", str(out), "--key", str(key), "--agency", BOARD]) == 4
    assert "has signed already" in capsys.readouterr().err
    desk.put("end", out.read_bytes(), Kind.NOTICE)
    (notice,) = read_shelf(desk.state, desk.store.current.bundle, at=desk.clock()).notices
    assert notice.signers == {REGISTRY, BOARD}


@pytest.mark.parametrize(
    ("more", "name", "code"),
    [
        ((), "pear", "LB-1106"),
        (("--clause", "9"), "pair", "LB-4104"),
        (("--from", "soon"), "pair", "LB-1106"),
        (("--agency", BOARD), "pair", "LB-4002"),
        (("--signer", "stranger", "--out", "x"), "pair", "LB-4102"),
        (("--clause", ""), "pair", "LB-4104"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_written(
    desk: PartyDesk, capsys: Captured, more: tuple[str, ...], name: str, code: str
) -> None:
    assert give(desk, "suspend", *more, name=name) != 0
    assert code in capsys.readouterr().err
    assert not (desk.state / "notices").exists()


def test_a_key_of_others_gives_no_notice(desk: PartyDesk, tmp_path: Path, capsys: Captured) -> None:
    query = tmp_path / "query.key"
    type(desk.key(REGISTRY)).generate(REGISTRY, KeyUse.QUERY).save(query)
    assert give(desk, "suspend", "--key", str(query)) == 4
    assert "LB-4002" in capsys.readouterr().err


def test_stages_before_and_after_agreement(
    desk: PartyDesk, tmp_path: Path, capsys: Captured
) -> None:
    draft = write_text(tmp_path)
    offered = desk.put("offer", desk.form(memorandum("second"), BOARD))
    assert stages(capsys, str(draft), str(offered)) == {"ed-2026-01": "draft", "second": "offered"}
    successor = memorandum(
        "pair-2", amends="pair", valid=("2026-06-01T00:00:00Z", "2026-07-01T00:00:00Z")
    )
    desk.put("pair-2", desk.form(successor))
    folder = ("--state", str(desk.state))
    assert stages(capsys, *folder, "--at", "2026-05-31")["pair-2"] == "agreed"
    later = stages(capsys, *folder, "--at", "2026-06-01")
    assert (later["pair"], later["pair-2"]) == ("amended", "in force")
    assert stages(capsys, *folder, "--at", "2026-07-01")["pair-2"] == "lapsed"
    desk.put("pair-3", desk.form(memorandum("pair-3", amends="pair")))
    assert stages(capsys, *folder)["pair-3"] == "refused"
    assert run(["memo", "status", *folder]) == 0
    shown = capsys.readouterr()
    assert "pair is amended by" in shown.out
    assert "LB-4103 pair-3.jws.json" in shown.err


def test_what_was_known_then(desk: PartyDesk, capsys: Captured) -> None:
    folder = ("--state", str(desk.state))
    desk.library()
    assert stages(capsys, *folder, "--known", "2026-01-01") == {}
    (one,) = status(capsys, *folder, "--known", "2100-01-01", "--at", "2026-05-01")
    assert one["stands"] == "in force"
    assert any("log entry 0" in note for note in one["notes"])
    assert run(["memo", "status", "--known", "2026-01-01"]) == 2
    assert run(["memo", "status", *folder, "--at", "x"]) == 2
    assert capsys.readouterr().err.count("LB-1106") == 2


def amend(file: Path, *more: str, name: str = "new-2026", start: str = "2026-09-01") -> int:
    return run(["memo", "amend", str(file), "--id", name, "--from", start, *more])


@pytest.mark.parametrize("text", [TEXT, WHOLE])
def test_a_successor_is_the_same_but_for_its_time(
    tmp_path: Path, capsys: Captured, text: str
) -> None:
    old = Memorandum.from_yaml(file := write_text(tmp_path, text))
    assert amend(file) == 0
    assert f"takes the place of {old.id} at 2026-09-01T00:00:00Z" in capsys.readouterr().out
    new = Memorandum.from_yaml(tmp_path / "new-2026.yaml")
    assert (new.id, new.amends) == ("new-2026", old.id)
    assert (new.valid.from_, new.valid.until) == ("2026-09-01T00:00:00Z", old.valid.until)
    same = {"id", "amends", "valid", "grants"}
    assert new.model_dump(exclude=same) == old.model_dump(exclude=same)
    for one, other in zip(old.grants, new.grants, strict=True):
        assert one.model_dump(exclude={"valid"}) == other.model_dump(exclude={"valid"})
        assert new.validity_of(other).end == old.validity_of(one).end
    assert run(["memo", "lint", str(file), str(tmp_path / "new-2026.yaml")]) == 0


def test_a_clause_that_has_ended_is_left_out(tmp_path: Path) -> None:
    file = write_text(tmp_path)
    assert amend(file, "--until", "2027-06-01", start="2027-01-01") == 0
    new = Memorandum.from_yaml(tmp_path / "new-2026.yaml")
    assert [grant.clause for grant in new.grants] == ["2.1"]
    assert new.valid.until == "2027-06-01T00:00:00Z"


@pytest.mark.parametrize(
    ("more", "name_and_start", "code"),
    [
        ((), ("new", "2028-06-01"), "LB-4101"),
        (("--until", "2029-01-01"), ("new", "2028-06-01"), "LB-4103"),
        ((), ("new", "2025-06-01"), "LB-4103"),
        ((), ("ed-2026-01", "2026-06-01"), "LB-1106"),
        ((), ("../evil", "2026-06-01"), "LB-1106"),
        ((), ("New", "2026-06-01"), "LB-1106"),
        ((), ("new", "whenever"), "LB-1106"),
        (("--until", "2026-05-01"), ("new", "2026-06-01"), "LB-4101"),
    ],
)
def test_what_could_not_follow_is_not_written(
    tmp_path: Path,
    capsys: Captured,
    more: tuple[str, ...],
    name_and_start: tuple[str, str],
    code: str,
) -> None:
    file = write_text(tmp_path)
    before = sorted(tmp_path.iterdir())
    name, start = name_and_start
    assert amend(file, *more, name=name, start=start) != 0
    assert code in capsys.readouterr().err
    assert sorted(tmp_path.iterdir()) == before
