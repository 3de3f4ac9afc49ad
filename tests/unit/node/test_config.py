"""node.toml: every mistake is named with its place, and with what was probably meant."""

from pathlib import Path

import pytest

from landbridge.configuration import json_schema
from landbridge.errors import LandbridgeError, Reason
from node.node_file import NodeFile
from tests.schools import load_config

NODE = """
[node]
agency = "registrar"
records = ["data"]

[[files]]
table = "schools"
path = "schools.csv"

[[datasets]]
name = "schools"
title = "Schools"
table = "schools"
subject_kind = "legal-entity"
as_of = "2019-06-20"
as_of_field = "updated"

[[datasets.keys]]
scheme = "ope"
column = "OPE ID"
spellings = ["unpadded", "quoted"]

[[datasets.fields]]
name = "name"
column = "Name"
term = "school-name"

[[datasets.fields]]
name = "updated"
column = "Updated"
type = "date"
dates = ["%m/%d/%Y"]
"""


def refusal(folder: Path, text: str) -> str:
    with pytest.raises(LandbridgeError) as caught:
        load_config(folder, text)
    assert caught.value.reason is Reason.INVALID_CONFIGURATION
    return caught.value.message.replace(f"{folder}/", "")


def test_a_right_configuration_is_read(tmp_path: Path) -> None:
    config = load_config(tmp_path, NODE)
    (dataset,) = config.datasets
    assert dataset.keys[0].spellings == ("unpadded", "quoted")
    assert str(dataset.as_of) == "2019-06-20"
    assert config.node.statement_timeout_ms == 2000
    assert config.place("datasets", 0, "keys", 0, "column") == f"{tmp_path}/node.toml:20:10"


@pytest.mark.parametrize(
    ("right", "wrong", "complaint"),
    [
        (
            'agency = "registrar"',
            'agenzy = "registrar"',
            "unknown key 'agenzy'; did you mean 'agency'?",
        ),
        (
            '[[datasets.fields]]\nname = "name"',
            '[[datasets.fields]]\nnames = "name"',
            "unknown key 'names'; did you mean 'name'?",
        ),
        (
            'agency = "registrar"',
            'agency = "registra"',
            "'registra' is not an agency of schools.example with a node; did you mean 'registrar'?",
        ),
        (
            'agency = "registrar"',
            'agency = "board"',
            "'board' is not an agency of schools.example with a node",
        ),
        (
            'scheme = "ope"',
            'scheme = "opi"',
            "'opi' is not an identifier scheme of the federation; did you mean 'ope'?",
        ),
        (
            'scheme = "ope"',
            'scheme = "person"',
            "'person' names a natural-person, not a legal-entity",
        ),
        ('"quoted"]', '"qoted"]', "scheme ope has no spelling 'qoted'; did you mean 'quoted'?"),
        (
            'term = "school-name"',
            'term = "school-nam"',
            "'school-nam' is not a shared term of schools.example; did you mean 'school-name'?",
        ),
        (
            'type = "date"',
            'type = "dat"',
            "code, identifier, money; did you mean 'date'?",
        ),
        ('type = "date"', 'type = "integer"', "a field of type integer has no 'dates'"),
        ('dates = ["%m/%d/%Y"]', 'dates = ["%m/%d"]', "'%m/%d' does not read a whole date"),
        (
            'as_of_field = "updated"',
            'as_of_field = "update"',
            "'update' is not a date field of schools; did you mean 'updated'?",
        ),
        (
            'as_of_field = "updated"',
            'as_of_field = "name"',
            "'name' is not a date field of schools",
        ),
        ('name = "updated"', 'name = "name"', "'name' is there already"),
        ('name = "updated"', 'name = "Updated On"', "'Updated On' does not serve as a name"),
        (
            'path = "schools.csv"',
            'path = "schools.csv"\nencoding = "cp1253x"',
            "'cp1253x' is not a known encoding",
        ),
        (
            'path = "schools.csv"',
            'path = "schools.csv"\nencoding = "rot13"',
            "'rot13' is not an encoding of text",
        ),
        (
            'path = "schools.csv"',
            'path = "schools.csv"\nheader_line = 0',
            "greater than or equal to 1",
        ),
        (
            'column = "Name"',
            'column = "Name"\ntype = "code"',
            "a field of type code needs the key 'codes'",
        ),
        (
            'column = "Name"',
            'column = "Name"\ntype = "money"\ncurrency = "usd"',
            "'usd' is not an ISO 4217 currency",
        ),
        (
            'column = "Name"',
            'column = "Name"\ntype = "identifier"',
            "a field of type identifier needs the key 'scheme'",
        ),
        (
            'column = "Name"',
            'column = "Name"\ntype = "identifier"\nscheme = "opee"',
            "'opee' is not an identifier scheme of the federation; did you mean 'ope'?",
        ),
        (
            'column = "Name"',
            'column = "Name"\ntype = "boolean"\ncodes = {Y = "yes"}',
            "a code of a boolean means true or false",
        ),
        (
            'column = "Name"',
            'column = "Name"\ntype = "code"\ncodes = {Y = true}',
            "what a code means is written as text",
        ),
    ],
)
def test_a_mistake_is_named_with_its_place(
    tmp_path: Path, right: str, wrong: str, complaint: str
) -> None:
    text = NODE.replace(right, wrong, 1)
    (line,) = [line for line in refusal(tmp_path, text).splitlines() if complaint in line]
    first = next(
        number
        for number, (left, right) in enumerate(
            zip(NODE.split("\n"), text.split("\n"), strict=False), start=1
        )
        if left != right
    )
    # A key that is missing is placed at its table, whose header stands above.
    assert first - 3 <= int(line.split(":")[1]) <= first + max(1, wrong.count("\n"))


def test_every_mistake_is_listed_at_once(tmp_path: Path) -> None:
    text = NODE.replace('scheme = "ope"', 'scheme = "opi"').replace("school-name", "school")
    assert refusal(tmp_path, text).count("node.toml:") == 2


def test_an_empty_list_is_named(tmp_path: Path) -> None:
    text = NODE.replace('["unpadded", "quoted"]', "[]")
    assert refusal(tmp_path, text).count("the list is empty") == 1


def test_only_files_have_lists_of_keys(tmp_path: Path) -> None:
    text = NODE.replace('column = "OPE ID"', 'column = "OPE ID"\nlist = ","').replace(
        'table = "schools"\nsubject', 'table = "others"\nsubject'
    )
    assert "only a key of [[files]] may be a list" in refusal(tmp_path, text)


def test_a_database_url_takes_environment_variables(tmp_path: Path) -> None:
    text = NODE.replace("records =", 'database = "postgresql://${LB_USER}@db/x"\nrecords =')
    config = load_config(tmp_path, text)
    assert config.database_url({"LB_USER": "reader"}) == "postgresql://reader@db/x"
    with pytest.raises(LandbridgeError, match="LB_USER is not set") as caught:
        config.database_url({})
    assert caught.value.where == f"{tmp_path}/node.toml:4:12"
    assert load_config(tmp_path, NODE).database_url({}) is None


def test_the_first_folder_of_records_that_exists_is_taken(tmp_path: Path) -> None:
    text = NODE.replace('["data"]', '["${LB_RECORDS}", "missing", "data"]')
    config = load_config(tmp_path, text)
    with pytest.raises(LandbridgeError, match="no folder of records is there") as caught:
        config.records_folder({})
    assert caught.value.reason is Reason.UNREADABLE_FILE
    (tmp_path / "data").mkdir()
    assert config.records_folder({}) == tmp_path / "data"
    assert config.records_folder({"LB_RECORDS": ""}) == tmp_path / "data"
    (tmp_path / "elsewhere").mkdir()
    named = {"LB_RECORDS": str(tmp_path / "elsewhere")}
    assert config.records_folder(named) == tmp_path / "elsewhere"


def test_the_published_schema_is_up_to_date() -> None:
    schema = Path(__file__).parents[3] / "docs" / "schemas" / "node.schema.json"
    assert schema.read_text() == json_schema(NodeFile), "run docs/schemas/make.py"
