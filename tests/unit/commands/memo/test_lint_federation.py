"""`landbridge memo lint`: a memorandum held against its federation, and against the others."""

import json
from pathlib import Path

import pytest

from landbridge.commands.main import run
from landbridge.commands.memo.fit import Surroundings, find_misfits
from landbridge.keys import KeyUse, SigningKey
from landbridge.memorandum.document import Memorandum
from landbridge.memorandum.signature import SignedForm
from tests.example import EXAMPLE, memoranda
from tests.memoranda import write_text

FEDERATION = """
[federation]
name = "town.example"
title = "Town"
[gateway]
agency = "exchange"
name = "main"
[agencies."register.gov"]
title = "Register"
roles = ["node"]
[agencies."far.gov"]
title = "A node elsewhere"
roles = ["node"]
[agencies."city"]
title = "City"
roles = ["requester"]
[schemes.company-number]
title = "Company number"
subject_kind = "legal-entity"
[purposes.permit]
title = "Permit"
"""
NODE = """
[node]
agency = "register.gov"
database = "sqlite:///register.sqlite"
[[datasets]]
name = "companies"
title = "Companies"
table = "companies"
subject_kind = "legal-entity"
keys = [{ scheme = "company-number", column = "number" }]
fields = [
  { name = "name", column = "name" },
  { name = "state", column = "state", type = "code", codes = { "A" = "active", "D" = "dead" } },
  { name = "entered", column = "entered", type = "date" },
  { name = "size", column = "size", type = "integer" },
  { name = "open", column = "open", type = "boolean", codes = { "1" = true, "0" = false } },
]
"""
TEXT = """\
memorandum: permits
title: Permits
parties: [register.gov, city]
legal_basis: Law
valid: {from: 2026-01-01T00:00:00Z, until: 2036-01-01T00:00:00Z}
link_sources: [register.gov/companies]
grants:
  - clause: "1"
    provider: register.gov
    dataset: companies
    requesters: [city]
    fields: [name, size]
    where:
      - any: [{field: state, in: [active, dead]}, {not: {field: entered, ge: 2015-01-01}}]
    purposes: [permit]
    subject_kinds: [legal-entity]
  - clause: "2"
    provider: register.gov
    dataset: companies
    requesters: [city]
    predicates:
      - name: entered-by
        title: Had it been entered by that day?
        asks: {day: {type: date}, state: {type: text, of: [active, dead]}}
        when: [{field: entered, le: {asked: day}}, {field: state, eq: {asked: state}}]
    purposes: [permit]
    subject_kinds: [legal-entity]
"""
Captured = pytest.CaptureFixture[str]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "agencies" / "register.gov").mkdir(parents=True)
    (tmp_path / "federation.toml").write_text(FEDERATION)
    (tmp_path / "agencies" / "register.gov" / "node.toml").write_text(NODE)
    return tmp_path


def lint(folder: Path, *files: Path) -> int:
    return run(["memo", "lint", *map(str, files), "--federation", str(folder)])


def test_what_the_federation_has_is_in_order(folder: Path, capsys: Captured) -> None:
    assert lint(folder, write_text(folder, TEXT)) == 0
    assert "in order; 2 clauses between register.gov, city" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("right", "wrong", "why"),
    [
        ("parties: [register.gov, city]", "parties: [register.gov, city, @citi]", "did you mean"),
        ("legal_basis: Law", "consent_desks: [@desk]\nlegal_basis: Law", "desk is no agency"),
        ("[register.gov/companies]", "[@register.gov/company]", "no dataset 'company'"),
        ("[register.gov/companies]", "[@nowhere/companies]", "nowhere is no agency"),
        ("purposes: [permit]", "purposes: [@permits]", "no purpose 'permits'; did you mean"),
        ("dataset: companies", "dataset: @company", "no dataset 'company'; did you mean"),
        ("requesters: [city]", "requesters: [city, @register.gov]", "is no requester"),
        ("provider: register.gov", "provider: @city", "city runs no node"),
        ("[legal-entity]", "[@natural-person]\n    statute: Law", "are about a legal-entity"),
        ("fields: [name, size]", "fields: [name, @siz]", "no field 'siz'; did you mean 'size'"),
        ("{field: state, in", "{field: @stat, in", "no field 'stat'; did you mean 'state'"),
        ("in: [active, dead]", "in: [active, @dad]", "'dad' is not a code of state"),
        ("in: [active, dead]}", "ge: @active}", "type code have no order"),
        ("ge: 2015-01-01", "ge: @2015-02-30", "not a day written like"),
        ("ge: 2015-01-01", "ge: @2015-1-1", "not a day written like"),
        ("ge: 2015-01-01", "ge: @5", "not a day written like"),
        ("entered, ge: 2015-01-01", "size, ge: @many", "not a number"),
        ("entered, ge: 2015-01-01", 'open, eq: @"true"', "neither true nor false"),
        ("entered, ge: 2015-01-01", "size, within: @P5Y", "are no days"),
        ("name: entered-by", "name: @size", "size is a field of companies"),
        ("{field: entered, le: {asked", "{field: @enterd, le: {asked", "no field 'enterd'"),
        ("day: {type: date}", "day: {type: integer}", "of type integer, and entered of type date"),
        ("of: [active, dead]", "of: [active, ded]", "'ded' is not a code of state"),
        ("type: text, of: [active, dead]", "type: text", "list in `of` which values"),
    ],
)
def test_what_the_federation_lacks_is_told_at_its_place(
    folder: Path, capsys: Captured, right: str, wrong: str, why: str
) -> None:
    """The mark @ stands before the place that the message names."""
    assert right in TEXT
    marked = TEXT.replace(right, wrong, 1)
    path = write_text(folder, marked.replace("@", ""))
    assert lint(folder, path) == 1
    told = capsys.readouterr().out
    assert told.startswith("LB-4101  ")
    assert why in told
    if "@" in marked:
        before = marked[: marked.index("@")]
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        assert f"{path}:{line}:{column}: " in told


def test_every_misfit_is_told_at_once(folder: Path, capsys: Captured) -> None:
    text = TEXT.replace("[active, dead]}, ", "[ative, ded]}, ").replace("[name, size]", "[nam]")
    assert lint(folder, write_text(folder, text)) == 1
    told = capsys.readouterr().out
    assert all(word in told for word in ("'ative'", "'ded'", "'nam'"))


def test_a_signed_form_is_held_against_the_federation_too(folder: Path, capsys: Captured) -> None:
    key = SigningKey.generate("city", KeyUse.MEMORANDUM)
    memorandum = Memorandum.from_yaml(write_text(folder, TEXT.replace("[name, size]", "[siz]")))
    signed = folder / "permits.jws.json"
    signed.write_bytes(SignedForm(memorandum.to_json()).add(key, "city").to_bytes())
    assert lint(folder, signed) == 1
    assert f"{signed}: grants[0].fields[0]: companies has no field 'siz'" in capsys.readouterr().out


def test_what_cannot_be_looked_up_is_said(folder: Path, capsys: Captured) -> None:
    far = TEXT.replace("register.gov", "far.gov").replace("[name, size]", "[anything]")
    assert lint(folder, write_text(folder, far)) == 0
    assert "no node.toml of far.gov is there" in capsys.readouterr().err


def test_a_broken_description_of_a_node_is_told(folder: Path, capsys: Captured) -> None:
    node = folder / "agencies" / "register.gov" / "node.toml"
    node.write_text(NODE.replace("type = ", "typ = ", 1))
    assert lint(folder, write_text(folder, TEXT)) == 1
    err = capsys.readouterr().err
    assert "LB-1101" in err
    assert "unknown key 'typ'" in err


def write_successor(folder: Path, name: str) -> Path:
    text = TEXT.replace("memorandum: permits", f"memorandum: {name}\namends: permits")
    return write_text(folder, text, f"{name}.yaml")


def test_two_successors_of_one_memorandum_are_refused(folder: Path, capsys: Captured) -> None:
    old, twin = write_text(folder, TEXT, "permits.yaml"), write_successor(folder, "twin")
    assert lint(folder, old, twin) == 0
    capsys.readouterr()
    files = [str(old), str(twin), str(write_successor(folder, "other"))]
    assert run(["memo", "lint", *files, "-o", "json"]) == 1
    first, *twins = json.loads(capsys.readouterr().out)["files"]
    assert first["ok"]
    assert [each["code"] for each in twins] == ["LB-4103", "LB-4103"]
    assert twins[0]["where"] == f"{twin}:2:9"
    assert "is amended by other, too" in twins[0]["message"]


def test_what_may_not_be_meant_is_noted_at_its_place(folder: Path, capsys: Captured) -> None:
    path = write_text(folder, TEXT)
    assert run(["memo", "lint", str(path)]) == 0
    told = capsys.readouterr()
    assert f"note: {path}:24:21: clause 2: whoever asks entered-by about many" in told.err
    assert "note" not in told.out


def test_a_successor_without_the_one_it_amends_is_noted(folder: Path, capsys: Captured) -> None:
    assert run(["memo", "lint", str(write_successor(folder, "next"))]) == 0
    assert "permits, which next amends, is not among these files" in capsys.readouterr().err


def test_the_example_fits_its_federation() -> None:
    around = Surroundings.load(EXAMPLE)
    for memorandum in memoranda():
        assert list(find_misfits(memorandum, around)) == []
