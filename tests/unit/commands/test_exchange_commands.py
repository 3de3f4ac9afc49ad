"""The commands that write and read exchange formats: data on stdout, all talk on stderr."""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from landbridge.commands.main import run
from landbridge.keys import KeyUse
from landbridge.memorandum.document import Memorandum
from landbridge.opened_profile import open_profile
from landbridge.profile import profile_document, read_profile, write_document
from landbridge.sealing import SealingKey
from tests import example
from tests.memoranda import WHOLE, KeyRing, write_text
from tests.small_town import Town

Captured = pytest.CaptureFixture[str]
PAGE = Path(__file__).resolve().parents[3] / "docs/exchange.md"
NODE_TOML = """
[node]
agency = "registry"
database = "sqlite:///registry.sqlite"
[[datasets]]
name = "companies"
title = "Companies"
table = "companies"
subject_kind = "legal-entity"
keys = [{scheme = "company", column = "number"}]
fields = [{name = "name", column = "name", term = "name"}]
"""
NODE = str(example.EXAMPLE / "agencies/fsa.ed/node.toml")


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    town = Town(tmp_path_factory.mktemp("town"))
    yield town
    town.close()


@pytest.fixture
def profile(town: Town, tmp_path: Path) -> list[str]:
    """The arguments that name a saved profile and what it is verified by."""
    path = tmp_path / "profile.json"
    path.write_text(json.dumps(profile_document(town.profile())))
    trust = ["--bundle", str(town.bundle_path), "--federation", str(town.federation_path)]
    return [str(path), *trust]


def test_a_memorandum_is_exported_and_imported_again(tmp_path: Path, capsys: Captured) -> None:
    memo = write_text(tmp_path, WHOLE)
    assert run(["memo", "export", str(memo)]) == 0
    agreement = tmp_path / "agreement.jsonld"
    agreement.write_text(capsys.readouterr().out)
    assert run(["memo", "import", str(agreement)]) == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    again = write_text(tmp_path, shown.out, "again.yaml")
    assert Memorandum.from_yaml(again) == Memorandum.from_yaml(memo)
    assert run(["memo", "lint", str(again)]) == 0


def test_a_signed_form_is_exported_without_its_signatures(tmp_path: Path, capsys: Captured) -> None:
    memo, ring = write_text(tmp_path), KeyRing("nces.ed")
    ring.keys["nces.ed"].save(tmp_path / "key")
    signing = ["--key", str(tmp_path / "key"), "--agency", "nces.ed"]
    assert run(["memo", "sign", str(memo), *signing]) == 0
    assert run(["memo", "export", str(memo)]) == 0
    capsys.readouterr()
    assert run(["memo", "export", str(tmp_path / "ed-2026-01.jws.json")]) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out)["uid"] == "urn:landbridge:memorandum:ed-2026-01"
    assert "signatures stay behind" in shown.err


def test_what_cannot_be_imported_is_refused_with_file_and_place(
    tmp_path: Path, capsys: Captured
) -> None:
    assert run(["memo", "export", str(write_text(tmp_path))]) == 0
    agreement = json.loads(capsys.readouterr().out)
    agreement["permission"][0]["remedy"] = []
    path = tmp_path / "agreement.jsonld"
    path.write_text(json.dumps(agreement))
    assert run(["memo", "import", str(path)]) == 4
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("LB-4106  ")
    assert f"at: {path}: permission[0].remedy" in shown.err
    assert run(["memo", "import", str(tmp_path / "missing")]) == 2


def test_a_node_is_described(capsys: Captured) -> None:
    assert run(["node", "describe", NODE, "--as", "dcat-ap"]) == 0
    assert json.loads(capsys.readouterr().out)["@type"] == "dcat:Catalog"
    chosen = ["--as", "table-schema", "--dataset", "cash-monitoring-2019"]
    assert run(["node", "describe", NODE, *chosen]) == 0
    assert json.loads(capsys.readouterr().out)["name"] == "cash-monitoring-2019"


@pytest.mark.parametrize(
    ("arguments", "code", "exit_code"),
    [
        (["--as", "table-schema"], "LB-1106", 2),
        (["--as", "table-schema", "--dataset", "cash"], "LB-1006", 2),
        (["--as", "dcat-ap", "--dataset", "cash-monitoring-2019"], "LB-1106", 2),
        (["--as", "csvw"], "LB-1106", 2),
    ],
)
def test_a_node_is_not_described_by_guessing(
    arguments: list[str], code: str, exit_code: int, capsys: Captured
) -> None:
    assert run(["node", "describe", NODE, *arguments]) == exit_code
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith(code)


def test_a_profile_is_converted_to_each_format(
    town: Town, profile: list[str], tmp_path: Path, capsys: Captured
) -> None:
    key = tmp_path / "query.key"
    town.parties["board"].keys[KeyUse.QUERY].save(key)
    assert run(["convert", *profile, "--as", "credential", "--key", str(key)]) == 0
    shown = capsys.readouterr()
    assert shown.out.count(".") == 2
    assert shown.err == ""
    assert run(["convert", *profile, "--as", "credential"]) == 0
    shown = capsys.readouterr()
    assert "issuer" not in json.loads(shown.out)
    assert "not signed" in shown.err
    mapped = ["--map", "name=name", "--map", "city=address"]
    assert run(["convert", *profile, "--as", "follow-the-money", *mapped]) == 0
    first, *_ = capsys.readouterr().out.splitlines()
    assert json.loads(first)["properties"]["address"] == ["Springfield"]
    assert run(["convert", *profile, "--as", "prov"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert len([name for name in told["entity"] if name.startswith("lb:answer-")]) == 3
    derived = {tuple(each.values()) for each in told["wasDerivedFrom"].values()}
    author = {each["prov:entity"]: each["prov:agent"] for each in told["wasAttributedTo"].values()}
    (answer,) = [used for made, used in derived if made == "lb:record-2-1"]
    assert author[answer] == author["lb:record-2-1"] == "agency:registry"


def test_an_opened_profile_is_converted_with_its_proofs(
    town: Town, tmp_path: Path, capsys: Captured
) -> None:
    key = SealingKey.generate()
    signed = read_profile(town.profile_for(town.query(seal_to=key.public)))
    document = write_document(open_profile(signed, key, town.federation).signed)
    path = tmp_path / "opened.json"
    path.write_text(json.dumps(document))
    trust = ["--bundle", str(town.bundle_path), "--federation", str(town.federation_path)]
    assert run(["convert", str(path), *trust, "--as", "credential"]) == 0
    credential = json.loads(capsys.readouterr().out)
    assert credential["evidence"][0]["opened"] == document["opened"]
    assert (
        run(["convert", str(path), *trust, "--as", "follow-the-money", "--map", "name=name"]) == 0
    )
    first, *_ = capsys.readouterr().out.splitlines()
    assert json.loads(first)["properties"]["name"] == ["Northgate Bakery"]
    assert run(["convert", str(path), *trust, "--as", "prov"]) == 0
    assert "lb:record-2-1" in json.loads(capsys.readouterr().out)["entity"]
    document["opened"][0]["contents"] = document["opened"][1]["contents"]
    path.write_text(json.dumps(document))
    assert run(["convert", str(path), *trust, "--as", "prov"]) == 4
    assert capsys.readouterr().out == ""


def test_a_profile_that_does_not_hold_is_not_converted(
    profile: list[str], capsys: Captured
) -> None:
    path = Path(profile[0])
    path.write_text(path.read_text().replace("revoked", "renewed"))
    for form in ("credential", "follow-the-money", "prov"):
        assert run(["convert", *profile, "--as", form]) == 4
        shown = capsys.readouterr()
        assert shown.out == ""
        assert shown.err.startswith("LB-4201")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--as", "prov", "--key", "key"],
        ["--as", "credential", "--map", "name=name"],
        ["--as", "follow-the-money", "--map", "name"],
        ["--as", "follow-the-money", "--map", "name="],
        ["--as", "follow-the-money", "--map", "name=name", "--map", "name=alias"],
        ["--as", "follow-the-money", "--map", "nmae=name"],
        ["--as", "follow-the-money", "--map", "name=colour"],
        ["--as", "bods"],
    ],
)
def test_options_that_do_not_fit_are_refused(
    profile: list[str], arguments: list[str], capsys: Captured
) -> None:
    assert run(["convert", *profile, *arguments]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("LB-1106")


def test_a_key_of_another_use_signs_no_credential(
    town: Town, profile: list[str], tmp_path: Path, capsys: Captured
) -> None:
    key = tmp_path / "log.key"
    town.parties["hall"].keys[KeyUse.LOG].save(key)
    assert run(["convert", *profile, "--as", "credential", "--key", str(key)]) == 4
    assert capsys.readouterr().err.startswith("LB-4002")


def test_every_command_of_the_page_runs(
    town: Town,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Captured,
) -> None:
    monkeypatch.chdir(tmp_path)
    write_text(tmp_path, WHOLE, "memorandum.yaml")
    (tmp_path / "profile.json").write_text(json.dumps(profile_document(town.profile())))
    (tmp_path / "trust-bundle.json").write_bytes(town.bundle.document)
    (tmp_path / "federation.toml").write_text(town.federation_path.read_text())
    (tmp_path / "node.toml").write_text(NODE_TOML)
    town.parties["board"].keys[KeyUse.QUERY].save(tmp_path / "query.key")
    lines = re.findall(r"^\$ landbridge (.*)$", PAGE.read_text(), re.MULTILINE)
    assert len(lines) == 8
    for line in lines:
        command, _, target = line.partition(" > ")
        assert run(shlex.split(command)) == 0, line
        shown = capsys.readouterr()
        assert shown.out, line
        if target:
            (tmp_path / target).write_text(shown.out)
    drafts = [Memorandum.from_yaml(tmp_path / name) for name in ("memorandum.yaml", "draft.yaml")]
    assert drafts[0].digest == drafts[1].digest
