"""A query about a person is about that person alone: schemes, keys and links let no other in."""

from pathlib import Path

import pytest

from landbridge.federation import Federation
from landbridge.links import FollowedIdentifiers, LinkingRecord
from landbridge.subject import IdentifierScheme, Schemes, SubjectId, SubjectKind
from node.config import load_node_config
from tests.bundles import refusal
from tests.example import ROOT

EXAMPLE = ROOT / "examples/teachers"
SCHEMES = Schemes(
    IdentifierScheme(name, title=name, subject_kind=SubjectKind.NATURAL_PERSON)
    for name in ("code", "passport", "licence")
)
ASKED = SubjectId("code", "1")


def record(*identifiers: SubjectId) -> LinkingRecord:
    return LinkingRecord(ASKED, False, identifiers, "a", "d", "r")  # noqa: FBT003


def follow(*records: LinkingRecord) -> FollowedIdentifiers:
    followed = FollowedIdentifiers(ASKED, SCHEMES, max_links=20)
    followed.add_round(records)
    return followed


def test_one_other_identifier_of_a_person_is_followed() -> None:
    passport, licence = SubjectId("passport", "P1"), SubjectId("licence", "L1")
    assert follow(record(passport), record(passport, licence)).aliases == (licence, passport)


def test_several_in_one_scheme_are_shown_and_not_followed() -> None:
    """A household's or a couple's record would lead to somebody who was not asked about."""
    passports = [SubjectId("passport", number) for number in ("P1", "P2")]
    for followed in (follow(record(*passports)), follow(*map(record, passports))):
        assert followed.aliases == ()
        assert followed.overflowed == {"passport": 2}
        assert {link.linked for link in followed.links} == set(passports)


def test_a_scheme_of_persons_stands_for_no_group(tmp_path: Path) -> None:
    text = (EXAMPLE / "federation.toml").read_text()
    path = tmp_path / "federation.toml"
    path.write_text(text.replace('"natural-person"', '"natural-person"\ngroup = true'))
    error = refusal(lambda: Federation.load(path))
    assert error.code == "LB-1101"
    assert "stands for one" in error.message


@pytest.mark.parametrize("key", ["covers_group = true", 'list = ";"'])
def test_a_dataset_on_persons_has_a_key_for_each(key: str, tmp_path: Path) -> None:
    text = (EXAMPLE / "agencies/conduct.edu/node.toml").read_text()
    path = tmp_path / "node.toml"
    path.write_text(text.replace('column = "person"', f'column = "person"\n{key}'))
    federation = Federation.load(EXAMPLE / "federation.toml")
    error = refusal(lambda: load_node_config(path, federation))
    assert error.code == "LB-1101"
    assert "about one person" in error.message
