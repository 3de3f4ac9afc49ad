"""The example of synthetic teachers fits together, and its records are what its script writes."""

import csv
import runpy
import tomllib

import pytest

from landbridge.federation import Federation
from landbridge.memorandum.document import Memorandum
from landbridge.subject import SubjectKind
from node.config import load_node_config
from tests.example import ROOT
from tests.persons import invent

EXAMPLE = ROOT / "examples/teachers"
FEDERATION = Federation.load(EXAMPLE / "federation.toml")
SCRIPT = runpy.run_path(str(EXAMPLE / "write_persons.py"))


def test_the_records_are_what_the_script_writes() -> None:
    written = SCRIPT["files"]()
    for path, text in written.items():
        assert (EXAMPLE / "agencies" / path).read_text(encoding="utf-8") == text, path
    data = EXAMPLE.glob("agencies/*/data/*")
    assert {str(path.relative_to(EXAMPLE / "agencies")) for path in data} == written.keys()


def test_every_node_is_configured_and_about_persons() -> None:
    for path in EXAMPLE.glob("agencies/*/node.toml"):
        config = load_node_config(path, FEDERATION)
        assert config.node.agency == path.parent.name
        kinds = {dataset.subject_kind for dataset in config.datasets}
        assert kinds == {SubjectKind.NATURAL_PERSON}


def test_each_clause_stands_on_consent_or_on_a_statute() -> None:
    (path,) = EXAMPLE.glob("memoranda/*.yaml")
    memorandum = Memorandum.from_yaml(path)
    assert memorandum.illustrative
    assert [grant.needs_consent for grant in memorandum.grants] == [True, True, False]
    assert memorandum.consent_desks == ("citizen-desk",)
    assert {party for grant in memorandum.grants for party in grant.requesters} <= set(
        FEDERATION.agencies
    )


@pytest.mark.parametrize("number", ["89010022093", "78201068651", "79407222064", "87902058560"])
def test_the_persons_of_the_readme_are_there(number: str) -> None:
    assert number in {person.number for person in invent(12, seed=27560)}
    assert number in (EXAMPLE / "README.md").read_text()


def test_the_readme_tells_of_bans_and_licences_as_they_are() -> None:
    def column(path: str, key: str, value: str) -> dict[str, str]:
        with (EXAMPLE / "agencies" / path).open(encoding="utf-8", newline="") as file:
            return {row[key]: row[value] for row in csv.DictReader(file)}

    assert column("conduct.edu/data/bans.csv", "person", "until") == {
        "79407222064": "",
        "87902058560": "2017-10-29",
    }
    licences = column("licensing.edu/data/licences.csv", "isikukood", "state")
    assert (licences["89010022093"], licences["78201068651"]) == ("V", "S")
    assert "78101293086" not in licences


def test_the_demo_runs_commands_on_its_own_persons() -> None:
    steps = tomllib.loads((EXAMPLE / "demo.toml").read_text())["steps"]
    words = {word for step in steps for word in step.get("run", ())}
    asked = {word for word in words if word.startswith("ee-isikukood:")}
    assert asked
    for subject in asked:
        assert str(FEDERATION.schemes.parse(subject)) == subject
