"""The catalogue tells of keys, fields and links."""

from pathlib import Path

from landbridge.v1 import answer_pb2, catalogue_pb2, subject_pb2
from node.catalogue import build_catalogue
from node.node_file import FieldType
from tests.schools import load_config, load_federation

NODE = """
[node]
agency = "registrar"
database = "sqlite:///schools.db"
[[datasets]]
name = "bridge"
title = "Bridge"
table = "bridge"
subject_kind = "legal-entity"
as_of = "2019-06-20"
[[datasets.keys]]
scheme = "school"
column = "unit"
[[datasets.keys]]
scheme = "ope"
column = "base"
spellings = ["base"]
covers_group = true
[[datasets.fields]]
name = "unit"
column = "unit"
type = "identifier"
scheme = "school"
description = "Number of the school"
[[datasets.fields]]
name = "ope-id"
column = "ope"
type = "identifier"
scheme = "ope"
[[datasets]]
name = "names"
title = "Names"
table = "names"
subject_kind = "legal-entity"
[[datasets.keys]]
scheme = "ope"
column = "ope"
[[datasets.fields]]
name = "unit"
column = "unit"
type = "identifier"
scheme = "school"
[[datasets.fields]]
name = "name"
column = "name"
term = "school-name"
"""


def test_the_catalogue(tmp_path: Path) -> None:
    config = load_config(tmp_path, NODE)
    catalogue = build_catalogue(config, load_federation(tmp_path))
    assert catalogue.agency == "registrar"
    bridge, names = catalogue.datasets
    assert bridge == catalogue_pb2.Dataset(
        name="bridge",
        title="Bridge",
        subject_kind=subject_pb2.SUBJECT_KIND_LEGAL_ENTITY,
        as_of="2019-06-20",
        links=True,
        keys=[
            catalogue_pb2.Key(scheme="school"),
            catalogue_pb2.Key(scheme="ope", covers_group=True),
        ],
        fields=[
            catalogue_pb2.Field(
                name="unit",
                type=answer_pb2.VALUE_TYPE_IDENTIFIER,
                scheme="school",
                description="Number of the school",
            ),
            catalogue_pb2.Field(name="ope-id", type=answer_pb2.VALUE_TYPE_IDENTIFIER, scheme="ope"),
        ],
    )
    # Its key is no field, so that no record of it says both identifiers.
    assert not names.links
    assert names.fields[1].term == "school-name"
    assert names.fields[1].type == answer_pb2.VALUE_TYPE_TEXT


def test_types_are_numbered_as_in_the_wire_contract() -> None:
    for kind in FieldType:
        assert answer_pb2.ValueType.Name(kind.number) == f"VALUE_TYPE_{kind.name}"  # type: ignore[arg-type]
