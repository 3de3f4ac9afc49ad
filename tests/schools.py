"""A small federation of schools and its registrar's node, for tests of sources."""

from collections.abc import Sequence
from pathlib import Path

from landbridge.errors import LandbridgeError
from landbridge.federation import Federation
from landbridge.memorandum.condition import Rule
from landbridge.subject import SubjectId
from landbridge.v1 import answer_pb2
from node.config import NodeConfig, load_node_config
from node.sources.lookup import Lookup, Question, Wanted
from node.sources.source import Source
from node.task import Reading

FEDERATION = r"""
[federation]
name = "schools.example"
title = "Schools"
[gateway]
agency = "exchange"
[agencies.registrar]
title = "Registrar"
roles = ["node"]
[agencies.board]
title = "Board"
roles = ["requester"]
[schemes.school]
title = "School number"
subject_kind = "legal-entity"
pattern = '\d{6}'
[schemes.ope]
title = "OPE id"
subject_kind = "legal-entity"
read = ["strip", "unquote", "upper", "pad 8"]
pattern = '\d{6}[0-9A-Z]\d'
[schemes.ope.spellings]
quoted = ["quote"]
unpadded = ["unpad"]
base = ["first 6"]
base-unpadded = ["first 6", "unpad"]
[schemes.person]
title = "Person number"
subject_kind = "natural-person"
[purposes.review]
title = "Review"
[terms.school-name]
title = "Name"
compare = "letters"
[limits]
max_records = 5
"""


def load_federation(folder: Path) -> Federation:
    path = folder / "federation.toml"
    path.write_text(FEDERATION)
    return Federation.load(path)


def write_config(folder: Path, text: str) -> Path:
    path = folder / "node.toml"
    path.write_text(text)
    return path


def load_config(folder: Path, text: str) -> NodeConfig:
    return load_node_config(write_config(folder, text), load_federation(folder))


def open_source(folder: Path, text: str) -> Source:
    return Source.open(load_config(folder, text), load_federation(folder), folder / "work")


def look_up(  # noqa: PLR0913 - what a lookup holds
    dataset: str,
    fields: Sequence[str],
    asked: str,
    *aliases: str,
    where: Sequence[Rule] = (),
    broad: bool = False,
    predicates: Sequence[Question] = (),
    counted: bool = False,
) -> Lookup:
    """Make a lookup of identifiers in normal form, written `scheme:value`."""
    subject, *others = (SubjectId(*text.split(":")) for text in (asked, *aliases))
    wanted = Wanted(dataset, tuple(fields), tuple(where), tuple(predicates), counted)
    return Lookup(wanted, subject, tuple(others), broad)


def read(source: Source, lookup: Lookup) -> list[answer_pb2.Record]:
    """Fetch one lookup that is to succeed."""
    (outcome,) = source.fetch([lookup])
    assert not isinstance(outcome, LandbridgeError), outcome
    return outcome


def texts(records: Sequence[answer_pb2.Record]) -> list[list[str]]:
    """Return the canonical text of each value; of numbers and truth as Python writes them."""
    return [[canonical(value) for value in record.values] for record in records]


def canonical(value: answer_pb2.Value) -> str:
    kind = value.WhichOneof("canonical")
    if kind == "list":
        return "|".join(canonical(item) for item in value.list.items)
    return "" if kind is None else str(getattr(value, kind))


def dataset_answer(reading: Reading) -> answer_pb2.DatasetAnswer:
    """Return what an answer says on one dataset."""
    (dataset,) = answer_pb2.Answer.FromString(reading.write()).datasets
    return dataset
