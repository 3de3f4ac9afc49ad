import json
import stat
from pathlib import Path
from typing import Any

import pytest

from landbridge.commands.main import run
from landbridge.keys import KeyUse, SigningKey
from landbridge.memorandum.document import Memorandum
from landbridge.memorandum.signature import SignedForm, verify_memorandum
from tests.memoranda import TEXT, KeyRing, write_text

FEDERATION = r"""
[federation]
name = "test.example"
title = "Test"
[gateway]
agency = "exchange"
name = "main"
[agencies."nces.ed"]
title = "Register"
roles = ["node"]
[agencies."board.ny"]
title = "Board"
roles = ["requester"]
[schemes.id]
title = "Number"
subject_kind = "legal-entity"
[purposes.approval-review]
title = "Approval"
[purposes.complaint]
title = "Complaint"
"""
IN_FORCE = ["--at", "2026-07-01"]
Captured = pytest.CaptureFixture[str]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "memoranda").mkdir()
    (tmp_path / "federation.toml").write_text(FEDERATION)
    write_text(tmp_path / "memoranda")
    return tmp_path


@pytest.fixture
def yaml(folder: Path) -> Path:
    return folder / "memoranda" / "ed-2026-01.yaml"


def save_key(folder: Path, agency: str, use: KeyUse = KeyUse.MEMORANDUM) -> Path:
    path = folder / f"{agency}-{use}.key"
    SigningKey.generate(agency, use).save(path)
    return path


def sign(file: Path, agency: str, *more: str, key: Path | None = None) -> int:
    key = key or save_key(file.parent, agency)
    return run(["memo", "sign", str(file), "--key", str(key), "--agency", agency, *more])


def explain(folder: Path, *more: str, **change: str) -> int:
    asked = {
        "federation": str(folder),
        "from": "board.ny",
        "to": "nces.ed",
        "dataset": "institutions",
        "purpose": "approval-review",
    } | change
    options = [part for name, value in asked.items() for part in (f"--{name}", value)]
    return run(["memo", "explain", *options, *more])


def test_lint_passes_what_is_in_order(yaml: Path, capsys: Captured) -> None:
    assert run(["memo", "lint", str(yaml)]) == 0
    assert capsys.readouterr().out == (f"{yaml}: in order; 2 clauses between nces.ed, board.ny\n")


def test_lint_tells_of_every_file(folder: Path, yaml: Path, capsys: Captured) -> None:
    wrong = write_text(folder, TEXT.replace("title:", "titel:"), "wrong.yaml")
    missing = folder / "missing.yaml"
    assert run(["memo", "lint", str(wrong), str(yaml), str(missing)]) == 1
    out = capsys.readouterr().out
    assert f"{wrong}:2:1: unknown key 'titel'; did you mean 'title'?" in out
    assert f"{yaml}: in order" in out
    assert f"LB-4101  {missing}: the file cannot be read" in out


def test_lint_as_json_and_ndjson(folder: Path, yaml: Path, capsys: Captured) -> None:
    wrong = write_text(folder, TEXT.replace("[name, city]", "[]"), "wrong.yaml")
    assert run(["memo", "lint", str(yaml), str(wrong), "-o", "json"]) == 1
    right, broken = json.loads(capsys.readouterr().out)["files"]
    assert (right["ok"], right["memorandum"], right["clauses"]) == (True, "ed-2026-01", 2)
    assert (broken["ok"], broken["code"], broken["where"]) == (False, "LB-4101", f"{wrong}:13:13")
    assert run(["memo", "lint", str(yaml), str(wrong), "-o", "ndjson"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line) for line in lines] == [right, broken]


def test_lint_refuses_two_texts_under_one_id(folder: Path, yaml: Path, capsys: Captured) -> None:
    other = write_text(folder, TEXT.replace("Review", "Survey"), "other.yaml")
    assert run(["memo", "lint", str(yaml), str(other)]) == 1
    assert "another of these files has the id ed-2026-01" in capsys.readouterr().out
    assert run(["memo", "lint", str(yaml), str(yaml)]) == 0


def test_lint_says_on_stderr_what_is_out_of_force(folder: Path, capsys: Captured) -> None:
    old = write_text(folder, TEXT.replace("2026-", "2016-").replace("2027-", "2017-"), "old.yaml")
    assert run(["memo", "lint", str(old)]) == 0
    assert "is no longer in force" in capsys.readouterr().err


def test_lint_without_a_file_is_a_mistake_of_use(capsys: Captured) -> None:
    assert run(["memo", "lint"]) == 2
    assert "LB-1106" in capsys.readouterr().err


def test_parties_sign_in_turn_and_the_result_verifies(yaml: Path, capsys: Captured) -> None:
    ring = KeyRing("nces.ed", "board.ny")
    for agency, key in ring.keys.items():
        path = yaml.parent / f"{agency}.key"
        key.save(path)
        assert sign(yaml, agency, key=path) == 0
    out = capsys.readouterr().out
    assert "still to sign: board.ny" in out
    assert "every party has signed" in out
    signed = yaml.with_name("ed-2026-01.jws.json")
    assert verify_memorandum(signed.read_bytes(), ring.find) == Memorandum.from_yaml(yaml)
    assert stat.S_IMODE(signed.stat().st_mode) == 0o644


def test_a_party_signs_a_signed_form_it_was_sent(
    folder: Path, yaml: Path, capsys: Captured
) -> None:
    assert sign(yaml, "nces.ed", "-o", "json") == 0
    first = yaml.with_name("ed-2026-01.jws.json")
    assert json.loads(capsys.readouterr().out) == {
        "memorandum": "ed-2026-01",
        "digest": Memorandum.from_yaml(yaml).digest,
        "file": str(first),
        "signed_by": "nces.ed",
        "missing": ["board.ny"],
    }
    sent = folder / "sent.jws.json"
    assert sign(first, "board.ny", "--out", str(sent)) == 0
    assert len(SignedForm.parse(sent.read_bytes()).signatures) == 2
    assert len(SignedForm.parse(first.read_bytes()).signatures) == 1


def test_signing_twice_is_refused_and_changes_nothing(yaml: Path, capsys: Captured) -> None:
    assert sign(yaml, "nces.ed") == 0
    before = yaml.with_name("ed-2026-01.jws.json").read_bytes()
    assert sign(yaml, "nces.ed") == 4
    assert "LB-4102  nces.ed has signed already" in capsys.readouterr().err
    assert yaml.with_name("ed-2026-01.jws.json").read_bytes() == before


def test_strangers_and_wrong_keys_are_refused(folder: Path, yaml: Path, capsys: Captured) -> None:
    assert sign(yaml, "va") == 4
    assert "LB-4102  va is no party" in capsys.readouterr().err
    assert sign(yaml, "nces.ed", key=save_key(folder, "board.ny")) == 4
    assert "LB-4002" in capsys.readouterr().err
    assert sign(yaml, "nces.ed", key=save_key(folder, "nces.ed", KeyUse.QUERY)) == 4
    assert "LB-4002" in capsys.readouterr().err
    open_key = save_key(folder, "nces.ed")
    open_key.chmod(0o644)
    assert sign(yaml, "nces.ed", key=open_key) == 4
    assert "LB-4011" in capsys.readouterr().err
    assert not list(yaml.parent.glob("*.json"))


def test_a_text_changed_after_signing_is_refused(yaml: Path, capsys: Captured) -> None:
    assert sign(yaml, "nces.ed") == 0
    write_text(yaml.parent, TEXT.replace("[name, city]", "[name, city, phone]"))
    assert sign(yaml, "board.ny") == 4
    assert "LB-4001  the signed form holds another text" in capsys.readouterr().err


def test_signing_never_writes_over_another_file(folder: Path, yaml: Path, capsys: Captured) -> None:
    taken = folder / "taken.json"
    taken.write_text("mine")
    assert sign(yaml, "nces.ed", "--out", str(taken)) == 2
    assert "LB-1106" in capsys.readouterr().err
    assert taken.read_text() == "mine"


def test_show_reads_as_sentences(yaml: Path, capsys: Captured) -> None:
    assert run(["memo", "show", str(yaml)]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "ILLUSTRATIVE: this is an example; no agency has agreed on it." in out
    assert "It is between nces.ed and board.ny." in out
    assert (
        "Clause 2.1: board.ny may read name and city from institutions of nces.ed about legal "
        "entities, only of records where status is one of 'active', 'closed' and closed_on is at "
        "least '2015-01-01', for the purpose approval-review, on the legal basis of 20 U.S.C. "
        "1099b, from 2026-01-01T00:00:00Z until 2027-12-31T00:00:00Z."
    ) in out
    assert "for the purpose approval-review or complaint, on the legal basis of State law 12" in out
    assert out.endswith("Everything else is refused.")


def test_show_of_a_signed_form_says_that_it_does_not_verify(yaml: Path, capsys: Captured) -> None:
    assert sign(yaml, "nces.ed") == 0
    capsys.readouterr()
    signed = yaml.with_name("ed-2026-01.jws.json")
    assert run(["memo", "show", str(signed)]) == 0
    shown = capsys.readouterr()
    assert "Signed by nces.ed with the key nces.ed/memorandum/" in shown.out
    assert "still to sign: board.ny" in shown.err
    assert "not verified here" in shown.err
    assert run(["memo", "show", str(signed), "-o", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["document"]["memorandum"] == "ed-2026-01"
    assert [entry["agency"] for entry in document["signatures"]] == ["nces.ed"]


def test_show_of_a_broken_signed_form_names_the_file(yaml: Path, capsys: Captured) -> None:
    broken = yaml.with_name("broken.jws.json")
    broken.write_text("{}")
    assert run(["memo", "show", str(broken)]) == 4
    err = capsys.readouterr().err
    assert "LB-4101" in err
    assert str(broken) in err


def verdicts(capsys: Captured) -> dict[str, Any]:
    told = json.loads(capsys.readouterr().out)
    return {verdict["field"]: verdict for verdict in told["verdicts"]}


def test_explain_without_a_field_covers_every_field(folder: Path, capsys: Captured) -> None:
    assert explain(folder, *IN_FORCE, "-o", "json") == 0
    told = verdicts(capsys)
    assert {name: verdict["clause"] for name, verdict in told.items()} == {
        "city": "2.1",
        "name": "2.1",
        "phone": "2.2",
    }
    assert told["name"]["where"][1] == {"field": "closed_on", "ge": "2015-01-01"}
    assert told["phone"]["legal_basis"] == "State law 12"


def test_explain_tells_what_holds_while_revocation_data_are_too_old(
    folder: Path, yaml: Path, capsys: Captured
) -> None:
    stale = (*IN_FORCE, "--revocation-stale", "-o", "json")
    assert explain(folder, *stale) == 4
    (told,) = verdicts(capsys).values()
    assert (told["field"], told["code"], told["clause"]) == ("", "LB-3008", "2.1")
    assert "`stale_revocation: serve`" in json.dumps(told["changes"])
    assert run(["memo", "show", str(yaml)]) == 0
    assert "too old, providers refuse (LB-3008)." in capsys.readouterr().out
    yaml.write_text(yaml.read_text().replace("grants:", "stale_revocation: serve\ngrants:"))
    assert explain(folder, *stale) == 0
    capsys.readouterr()
    assert run(["memo", "show", str(yaml)]) == 0
    assert "too old, providers serve all the same." in capsys.readouterr().out


def test_explain_of_a_mixed_request_is_partial(folder: Path, capsys: Captured) -> None:
    assert explain(folder, "--field", "name", "--field", "phone", "--at", "2026-02-01") == 3
    captured = capsys.readouterr()
    assert "allowed" in captured.out
    assert "refused LB-3004" in captured.out
    assert "2.2: the clause would have to be in force at 2026-02-01" in captured.out
    assert "as if every party had signed" in captured.err


@pytest.mark.parametrize(
    ("change", "code", "step"),
    [
        ({"purpose": "complaint", "field": "name"}, "LB-3004", "would have to release name"),
        ({"from": "nces.ed"}, "LB-3002", "name the requester nces.ed"),
        ({"at": "2028-01-01"}, "LB-3006", "be in force at 2028-01-01T00:00:00.000Z"),
        ({"subject-kind": "natural-person"}, "LB-3005", "cover the subject kind natural-person"),
        ({"dataset": "institution"}, "LB-3001", "sign a memorandum with a clause on institution"),
    ],
)
def test_explain_says_what_would_have_to_change(
    folder: Path, capsys: Captured, change: dict[str, str], code: str, step: str
) -> None:
    assert explain(folder, "-o", "ndjson", **{"at": "2026-07-01"} | change) == 4
    captured = capsys.readouterr()
    told = [json.loads(line) for line in captured.out.splitlines()]
    assert {verdict["code"] for verdict in told} == {code}
    assert step in json.dumps(told)
    if change.get("dataset"):
        assert "did you mean 'institutions'?" in captured.err


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"purpose": "approval-revue"}, "did you mean 'approval-review'?"),
        ({"from": "board.nz"}, "did you mean 'board.ny'?"),
        ({"to": "nces.ef"}, "did you mean 'nces.ed'?"),
        ({"at": "tomorrow"}, "'tomorrow' is not a time"),
    ],
)
def test_explain_refuses_what_the_federation_does_not_have(
    folder: Path, capsys: Captured, change: dict[str, str], told: str
) -> None:
    assert explain(folder, **change) == 2
    captured = capsys.readouterr()
    assert told in captured.err
    assert captured.out == ""


def test_text_of_a_memorandum_cannot_write_markup(folder: Path, capsys: Captured) -> None:
    text = TEXT.replace("20 U.S.C. 1099b", "[red]Law[/red]")
    path = write_text(folder / "memoranda", text)
    assert run(["memo", "show", str(path)]) == 0
    assert "[red]Law[/red]" in capsys.readouterr().out
    assert explain(folder, *IN_FORCE) == 0
    assert "[red]Law[/red]" in capsys.readouterr().out
