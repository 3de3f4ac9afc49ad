"""`memo explain`, `matrix`, `diff` and `lapse` on a federation's folder."""

import json
from pathlib import Path
from typing import Any

import pytest

from landbridge.commands.main import run

Captured = pytest.CaptureFixture[str]

FEDERATION = r"""
[federation]
name = "test.example"
title = "Test"
[gateway]
agency = "exchange"
name = "main"
[agencies."courts"]
title = "Courts"
roles = ["node"]
[agencies."board.ny"]
title = "Board"
roles = ["requester"]
[agencies."lender"]
title = "Lender"
roles = ["requester"]
[schemes.id]
title = "Number"
subject_kind = "legal-entity"
[purposes.review]
title = "Review"
[purposes.credit]
title = "Credit"
"""
NODE = """
[node]
agency = "courts"
database = "sqlite:///courts.db"
[[datasets]]
name = "judgments"
title = "Judgments"
table = "judgments"
subject_kind = "legal-entity"
keys = [{scheme = "id", column = "id"}]
fields = [
  {name = "court", column = "court"},
  {name = "decided_on", column = "decided_on", type = "date"},
  {name = "amount", column = "amount", type = "money", currency = "EUR"},
  {name = "state", column = "state", type = "code", codes = {1 = "final", 2 = "open"}},
]
"""
OLD = """\
memorandum: courts-2026
title: Judgments
parties: [courts, board.ny]
legal_basis: Courts Act
valid: {from: 2026-01-01T00:00:00Z, until: 2030-01-01T00:00:00Z}
grants:
  - clause: "1"
    provider: courts
    dataset: judgments
    requesters: [board.ny]
    fields: [court, decided_on, amount]
    where: [{field: decided_on, ge: 2020-01-01}]
    purposes: [review]
    subject_kinds: [legal-entity]
"""
NEW = """\
memorandum: courts-2027
title: Judgments
parties: [courts, board.ny, lender]
legal_basis: Courts Act
valid: {from: 2027-01-01T00:00:00Z, until: 2030-01-01T00:00:00Z}
amends: courts-2026
grants:
  - clause: "1"
    provider: courts
    dataset: judgments
    requesters: [board.ny]
    fields: [court, decided_on]
    where: [{field: decided_on, gt: 2019-02-28}]
    purposes: [review]
    subject_kinds: [legal-entity]
    quota: {queries: 100, per: day}
  - clause: "2"
    provider: courts
    dataset: judgments
    requesters: [lender]
    predicates:
      - name: owes_more
        title: Was it ever sentenced to pay more than this?
        asks: {threshold: {type: integer}}
        when: [{field: amount, gt: {asked: threshold}}]
    purposes: [credit]
    subject_kinds: [legal-entity]
    sealed: true
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "memoranda").mkdir()
    (tmp_path / "agencies" / "courts").mkdir(parents=True)
    (tmp_path / "federation.toml").write_text(FEDERATION)
    (tmp_path / "agencies" / "courts" / "node.toml").write_text(NODE)
    (tmp_path / "memoranda" / "courts-2026.yaml").write_text(OLD)
    return tmp_path


@pytest.fixture
def draft(folder: Path) -> Path:
    path = folder / "draft.yaml"
    path.write_text(NEW)
    return path


def told(capsys: Captured, *command: str) -> tuple[int, dict[str, Any]]:
    code = run(["memo", *command, "-o", "json"])
    return code, json.loads(capsys.readouterr().out)


def diff(capsys: Captured, *command: str, since: str = "2026-06-01") -> list[dict[str, Any]]:
    code, document = told(capsys, "diff", *command, "--since", since)
    assert code == (3 if document["differences"] else 0)
    found: list[dict[str, Any]] = document["differences"]
    return found


def test_diff_shows_each_change_with_a_record(folder: Path, draft: Path, capsys: Captured) -> None:
    changes = {
        (change["requester"], *change["fields"], change["effect"]): change
        for change in diff(capsys, str(folder), str(draft))
    }
    assert set(changes) == {
        ("board.ny", "amount", "refused"),
        ("board.ny", "court", "decided_on", "records"),
        ("lender", "owes_more", "allowed"),
    }
    records = changes["board.ny", "court", "decided_on", "records"]
    day = records["appears"]["values"]["decided_on"]
    assert "2019-03-01" <= day < "2020-01-01"
    assert records["disappears"] is None
    assert (records["from"], records["until"]) == ("2027-01-01T00:00:00Z", "2030-01-01T00:00:00Z")
    assert (records["old"], records["new"]) == ("courts-2026 1", "courts-2027 1")
    assert records["terms"] == [{"term": "quota", "old": "", "new": "100 queries a day"}]
    assert changes["lender", "owes_more", "allowed"]["circumstances"] == "in sealed answers"


def test_diff_in_sentences(folder: Path, draft: Path, capsys: Captured) -> None:
    assert run(["memo", "diff", str(folder), str(draft), "--since", "2026-06-01"]) == 3
    out = capsys.readouterr().out
    assert "board.ny asks courts for judgments, purpose review:" in out
    assert "becomes refused: amount (courts-2026 1)" in out
    assert "would become visible" in out
    assert "proven: there is no record that would no longer be visible" in out
    assert "quota: none -> 100 queries a day" in out
    assert "holds in sealed answers" in out


def test_diff_of_the_same_in_other_words_is_none(folder: Path, capsys: Captured) -> None:
    other = folder / "other.yaml"
    other.write_text(
        OLD.replace(
            "[{field: decided_on, ge: 2020-01-01}]",
            "[{not: {any: [{field: decided_on, le: 2019-12-31}, {not: {field: decided_on,"
            " not-null: true}}]}}, {field: decided_on, ne: 2019-12-31}]",
        )
    )
    # An unreadable day meets neither part of the `any`, nor any comparison: only `ne` shuts it out.
    assert diff(capsys, str(folder), str(other)) == []
    assert run(["memo", "diff", str(folder), str(other)]) == 0
    assert "Nothing becomes allowed or refused" in capsys.readouterr().out


def test_types_come_from_the_node_or_are_guessed_and_said(
    folder: Path, tmp_path: Path, capsys: Captured
) -> None:
    later = OLD.replace("ge: 2020-01-01", "gt: 2019-12-31")
    other = folder / "other.yaml"
    other.write_text(later)
    # No day lies between the last of December and the first of January.
    assert diff(capsys, str(folder), str(other)) == []
    lone = tmp_path / "lone.yaml"
    lone.write_text(OLD)
    assert run(["memo", "diff", str(lone), str(other), "-o", "ndjson"]) == 3
    captured = capsys.readouterr()
    assert "no node.toml tells the type of decided_on" in captured.err
    assert json.loads(captured.out)["appears"]["values"] == {"decided_on": "2019-12-31T12:00:00"}
    found = diff(capsys, str(lone), str(other), "--federation", str(folder))
    assert found == []


def test_that_a_subject_is_told_later_is_a_term(folder: Path, capsys: Captured) -> None:
    delay = '    delayed_disclosure: {legal_basis: "Inquiries Act, section 9", delay: P6M}\n'
    other = folder / "other.yaml"
    other.write_text(OLD + delay)
    (change,) = diff(capsys, str(folder), str(other))
    told_later = "the subject is told after P6M, by Inquiries Act, section 9"
    assert change["effect"] == "terms"
    assert change["terms"] == [{"term": "disclosure", "old": "", "new": told_later}]
    (folder / "memoranda" / "courts-2026.yaml").write_text(OLD + delay)
    asked = ("--from", "board.ny", "--purpose", "review", "--at", "2026-05-01", "--field", "court")
    _, (verdict,) = explain(capsys, folder, *asked)
    assert verdict["terms"] == {"disclosure": told_later}


def test_diff_says_which_draft_does_not_count(folder: Path, draft: Path, capsys: Captured) -> None:
    draft.write_text(NEW.replace("from: 2027-01-01", "from: 2025-01-01"))
    assert run(["memo", "diff", str(folder), str(draft), "--since", "2026-06-01"]) == 3
    captured = capsys.readouterr()
    assert "LB-4103 courts-2027 does not count: it begins before courts-2026" in captured.err
    assert "becomes refused: court, decided_on, amount" in captured.out


def test_two_folders_are_held_against_each_other(
    folder: Path, tmp_path: Path, capsys: Captured
) -> None:
    other = tmp_path / "drafts"
    other.mkdir()
    (other / "a.yaml").write_text(OLD.replace("fields: [court, ", "fields: ["))
    (change,) = diff(capsys, str(folder), str(other))
    assert (change["effect"], change["fields"]) == ("refused", ["court"])
    empty = tmp_path / "empty"
    empty.mkdir()
    assert run(["memo", "diff", str(folder), str(empty)]) == 2
    assert "LB-1106" in capsys.readouterr().err


def test_matrix_shows_who_can_see_what(folder: Path, draft: Path, capsys: Captured) -> None:
    code, document = told(capsys, "matrix", str(folder), "--at", "2026-06-01")
    assert code == 0
    (cell,) = document["releases"]
    assert (cell["requester"], cell["fields"]) == ("board.ny", ["court", "decided_on", "amount"])
    assert cell["where"] == [{"field": "decided_on", "ge": "2020-01-01"}]
    assert (cell["from"], cell["until"]) == ("2026-01-01T00:00:00Z", "2030-01-01T00:00:00Z")
    assert told(capsys, "matrix", str(folder), "--at", "2031-01-01")[0] == 4
    assert told(capsys, "matrix", str(folder), "--all-time", "--field", "plaintiff")[0] == 4
    assert run(["memo", "matrix", str(draft), "--at", "2028-01-01", "--from", "lender"]) == 0
    out = capsys.readouterr().out
    assert "owes_more" in out
    assert "in sealed answers" in out


def test_matrix_over_all_time_follows_succession(
    folder: Path, draft: Path, capsys: Captured
) -> None:
    draft.rename(folder / "memoranda" / "courts-2027.yaml")
    _, document = told(capsys, "matrix", str(folder), "--all-time", "--from", "board.ny")
    assert [(c["memorandum"], c["from"][:4], c["until"][:4]) for c in document["releases"]] == [
        ("courts-2026", "2026", "2027"),
        ("courts-2027", "2027", "2030"),
    ]


def test_lapse_says_who_loses_what_and_why(folder: Path, draft: Path, capsys: Captured) -> None:
    draft.rename(folder / "memoranda" / "courts-2027.yaml")
    near = ("lapse", str(folder), "--at", "2026-12-01", "--within", "90d")
    code, document = told(capsys, *near)
    assert code == 3
    (loss,) = document["losses"]
    assert (loss["requester"], loss["fields"], loss["cause"]) == ("board.ny", ["amount"], "amended")
    assert (loss["at"], loss["wholly"]) == ("2027-01-01T00:00:00Z", True)
    code, document = told(capsys, "lapse", str(folder), "--at", "2029-12-01", "--within", "P1M")
    assert [(loss["requester"], loss["cause"]) for loss in document["losses"]] == [
        ("board.ny", "lapsed"),
        ("lender", "lapsed"),
    ]
    assert run(["memo", "lapse", str(folder), "--at", "2028-01-01", "--within", "6m"]) == 0
    assert "Nobody loses anything" in capsys.readouterr().out
    assert run(["memo", "lapse", str(folder), "--within", "soon"]) == 2
    assert run(["memo", *near]) == 3
    assert "loses amount, as courts-2026 1 gives way to its successor" in capsys.readouterr().out


def explain(capsys: Captured, folder: Path, *more: str) -> tuple[int, list[dict[str, Any]]]:
    base = ("--federation", str(folder), "--to", "courts", "--dataset", "judgments")
    code, document = told(capsys, "explain", *base, *more)
    verdicts: list[dict[str, Any]] = document["verdicts"]
    return code, verdicts


def test_explain_tells_of_sealing_and_of_what_a_predicate_asks(
    folder: Path, draft: Path, capsys: Captured
) -> None:
    draft.rename(folder / "memoranda" / "courts-2027.yaml")
    asked = (
        "--from",
        "lender",
        "--purpose",
        "credit",
        "--at",
        "2027-05-01",
        "--field",
        "owes_more",
    )
    code, (verdict,) = explain(capsys, folder, *asked)
    assert (code, verdict["code"]) == (4, "LB-3010")
    assert "sealed answer" in verdict["changes"][0]["steps"][0]
    code, (verdict,) = explain(capsys, folder, *asked, "--sealed")
    assert (code, verdict["field"], verdict["allowed"]) == (0, "owes_more", True)
    assert verdict["predicate"]["asks"] == {"threshold": "integer"}
    assert verdict["terms"] == {"sealed": "only sealed"}
    code, (verdict,) = explain(capsys, folder, *asked, "--sealed", "--argument", "threshold=much")
    assert (code, verdict["code"]) == (4, "LB-1009")
    assert "much" not in verdict["problem"]
    code, (verdict,) = explain(capsys, folder, *asked, "--sealed", "--argument", "threshold=5")
    assert (code, verdict["code"]) == (0, "LB-0001")
    assert run(["memo", "explain", "--argument", "x", *asked, "--to", "courts", "--dataset", "j",
                "--federation", str(folder)]) == 2  # fmt: skip


def test_explain_tells_of_succession(folder: Path, draft: Path, capsys: Captured) -> None:
    draft.rename(folder / "memoranda" / "courts-2027.yaml")
    asked = ("--from", "board.ny", "--purpose", "review", "--field", "amount", "--at", "2027-05-01")
    code, (verdict,) = explain(capsys, folder, *asked)
    assert (code, verdict["code"], verdict["memorandum"]) == (4, "LB-3004", "courts-2027")
    steps = [step for change in verdict["changes"] for step in change["steps"]]
    assert any("taken the place" in step for step in steps)


def test_a_requester_is_shown_nothing_of_others_agreements(
    folder: Path, draft: Path, capsys: Captured
) -> None:
    secret = NEW.replace("parties: [courts, board.ny, lender]", "parties: [courts, lender]")
    secret = secret.replace("amends: courts-2026\n", "").replace("[board.ny]", "[lender]")
    secret = secret.replace("dataset: judgments", "dataset: fines")
    draft.with_name("memoranda").joinpath("courts-2027.yaml").write_text(secret)
    base = ["memo", "explain", "--federation", str(folder), "--to", "courts", "--dataset"]
    asked = [*base, "fines", "--from", "board.ny", "--purpose", "credit", "--at", "2027-05-01"]
    for shape in ("table", "json"):
        assert run([*asked, "--field", "owes_more", "--requester-view", "-o", shape]) == 4
        captured = capsys.readouterr()
        assert "courts-2027" not in captured.out + captured.err
        assert "lender" not in captured.out + captured.err
    assert run([*asked, "--field", "owes_more"]) == 4
    assert "courts-2027" in capsys.readouterr().out
    other = [*base, "fine", "--from", "board.ny", "--purpose", "review", "--requester-view"]
    assert run(other) == 4
    assert "fines" not in capsys.readouterr().err


def test_explain_needs_memoranda(capsys: Captured) -> None:
    asked = ["--from", "a", "--to", "b", "--dataset", "d", "--purpose", "p"]
    assert run(["memo", "explain", *asked]) == 2
    assert "--federation" in capsys.readouterr().err
    assert run(["memo", "explain", *asked, "--known", "2026-01-01"]) == 2
    assert "--known" in capsys.readouterr().err
