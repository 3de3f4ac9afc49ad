"""The JSON Schema for editors says what the reader says, as far as a schema can."""

import json
from pathlib import Path

import jsonschema
import pytest

from landbridge.errors import LandbridgeError
from landbridge.memorandum.document import Memorandum
from landbridge.memorandum.schema import json_schema
from landbridge.strict_yaml import read_yaml
from tests.memoranda import TEXT, WHOLE, write_text

SCHEMA = Path(__file__).parents[3] / "docs" / "schemas" / "memorandum.schema.json"


def test_the_schema_for_editors_is_up_to_date() -> None:
    # To write it anew: python docs/schemas/make.py
    assert json.loads(SCHEMA.read_text()) == json_schema()
    jsonschema.Draft202012Validator.check_schema(json_schema())


def accepted(text: str, folder: Path) -> tuple[bool, bool]:
    """Say whether the schema accepts a text, and whether the reader does."""
    document = read_yaml(text, "m.yaml").data
    valid = jsonschema.Draft202012Validator(json_schema()).is_valid(document)
    try:
        Memorandum.from_yaml(write_text(folder, text))
    except LandbridgeError:
        return valid, False
    return valid, True


@pytest.mark.parametrize("text", [TEXT, WHOLE])
def test_a_right_memorandum_is_right_for_both(tmp_path: Path, text: str) -> None:
    assert accepted(text, tmp_path) == (True, True)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("requesters:", "requestors:"),
        ("[name, city]", "[]"),
        ("[name, city]", "[name, name]"),
        ("[name, city]", "name"),
        ("from: 2026-01-01T00:00:00Z", "from: soon"),
        ("in: [active, closed]", "in: active"),
        ("in: [active, closed]", "in: []"),
        ("between: [10, 99]", "between: [10]"),
        ("between: [10, 99]", "between: [10, true]"),
        ("within: P5Y", "within: 5 years"),
        ("within: P5Y", "within: {asked: day}"),
        ("is-null: true", "is-null: false"),
        ("eq: Troy", "equals: Troy"),
        ("eq: Troy", "eq: Troy, ne: Rome"),
        ("{field: city, eq: Troy}", "[{field: city, eq: Troy}]"),
        ("- any:", "- or:"),
        ("le: {asked: day}", "le: {ask: day}"),
        ("type: date", "type: day"),
        ("asks: {day", "asks: {Day"),
        ("name: licensed-on", "name: Licensed on"),
        ("of: [1, 2]", "of: [1, 1]"),
        ("of: [1, 2]", "of: [1, true]"),
        ('clause: "2.1"', "clause: 2"),
        ("amends: whole-2025", "amends: Whole 2025"),
        ("queries: 100", "queries: 0"),
        ("per: day", "per: fortnight"),
        ("sealed: true", "sealed: very"),
        ("retention: P2Y", "retention: 2Y"),
        ("retention: P2Y", "retention:"),
        ("    fields: [name, city]\n", ""),
        ("    fields: [licence]\n", "    fields: [licence]\n    predicates: []\n"),
        ("stale_revocation: serve", "stale_revocation: server"),
    ],
)
def test_what_the_schema_refuses_is_what_the_reader_refuses(
    tmp_path: Path, right: str, wrong: str
) -> None:
    assert right in WHOLE
    assert accepted(WHOLE.replace(right, wrong, 1), tmp_path) == (False, False)
