"""What Landbridge does not do, by principle, held against protos, schemas, code and examples."""

import ast
import csv
import importlib
import pkgutil
import re
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.protobuf.descriptor import Descriptor, FileDescriptor
from stdnum.ee import ik

import landbridge.v1
from landbridge.commands.main import COMMANDS
from landbridge.consent.record import json_schema
from landbridge.errors import LandbridgeError, Reason
from landbridge.exchange.credential import write_credential
from landbridge.exchange.follow_the_money import write_entities
from landbridge.federation import Federation
from landbridge.memorandum.condition import Operator
from landbridge.policy.small_counts import shown_count
from landbridge.profile import profile_document
from landbridge.subject import Schemes, SubjectKind
from landbridge.v1 import query_pb2
from tests.consents import by_desk, terms
from tests.persons import MARK, SCHEME, invent
from tests.small_town import Town

ROOT = Path(__file__).parents[2]
FILES: list[FileDescriptor] = [
    importlib.import_module(f"landbridge.v1.{module.name}").DESCRIPTOR
    for module in pkgutil.iter_modules(landbridge.v1.__path__)
    if module.name.endswith("_pb2")
]
OF_SPELLINGS = {"score_cutoff"}
"""How rapidfuzz calls the least likeness of two spellings: a name that was mistyped."""
KEY = re.compile(r"[A-Za-z][A-Za-z0-9_-]{2,60}")
"""What could be a key of a document, a column or a name on the wire."""
FORBIDDEN = frozenset(
    {
        *("score", "scores", "scoring", "rating", "ratings", "rank", "ranks", "ranking", "grade"),
        *("grades", "grading", "creditworthiness", "sanction", "sanctions", "blacklist"),
        *("biometric", "fingerprints", "behaviour", "behavior", "friends", "followers"),
    }
)
PERSONS = {SubjectKind.NATURAL_PERSON}
NAMES = {"name", "nimi"}
"""Columns of examples that hold a person's name."""


def words(name: str) -> set[str]:
    return set(re.findall(r"[a-z]+", re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()))


def names_in_messages(messages: list[Descriptor]) -> Iterator[str]:
    for message in messages:
        yield message.name
        yield from (field.name for field in message.fields)
        yield from names_in_messages(list(message.nested_types))


def names_in_protos() -> Iterator[str]:
    for file in FILES:
        yield from names_in_messages(list(file.message_types_by_name.values()))
        for enum in file.enum_types_by_name.values():
            yield from (value.name for value in enum.values)
        for service in file.services_by_name.values():
            yield from (method.name for method in service.methods)


def names_in_code() -> Iterator[str]:
    for package in ("landbridge", "gateway", "node", "certs"):
        for path in (ROOT / package).rglob("*.py"):
            if path.parent.name != "v1":
                yield from names_in(path.read_text())


def names_in(source: str) -> Iterator[str]:
    """Every name that code gives or uses, and every text that could be a key of a document."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.name
            case ast.Name():
                yield node.id
            case ast.Attribute():
                yield node.attr
            case ast.arg() | ast.keyword():
                yield node.arg or ""
            case ast.Constant(value=str(text)) if KEY.fullmatch(text):
                yield text


def names_in_schemas() -> Iterator[str]:
    for path in (ROOT / "docs" / "schemas").glob("*.json"):
        yield from re.findall(r'"([^"]+)"\s*:', path.read_text())


def names_in_examples() -> Iterator[str]:
    for path in (ROOT / "examples").rglob("node.toml"):
        for dataset in tomllib.loads(path.read_text())["datasets"]:
            yield dataset["name"]
            yield from (field["name"] for field in dataset["fields"])
    for path in (ROOT / "examples").rglob("federation.toml"):
        yield from tomllib.loads(path.read_text()).get("terms", {})


def keys_of(document: object) -> Iterator[str]:
    if isinstance(document, dict):
        for key, value in document.items():
            yield key
            yield from keys_of(value)
    elif isinstance(document, list):
        for item in document:
            yield from keys_of(item)


def names_in_profiles() -> Iterator[str]:
    """Every key of a profile that was assembled, and of the forms in which it is passed on."""
    with tempfile.TemporaryDirectory() as folder:
        town = Town(Path(folder))
        document = profile_document(town.profile())
        town.close()
    yield from keys_of(document)
    yield from keys_of(write_credential(document, None))
    for entity in write_entities(document, {}):
        yield from keys_of(entity)


@pytest.mark.parametrize(
    "source",
    [names_in_protos, names_in_code, names_in_schemas, names_in_examples, names_in_profiles],
)
def test_nobody_is_scored_rated_ranked_or_sanctioned(source: object) -> None:
    names = set(source())  # type: ignore[operator]
    assert names, "nothing was looked at"
    assert {name for name in names if words(name) & FORBIDDEN} <= OF_SPELLINGS


@pytest.mark.parametrize(
    "planted",
    [
        "def credit_score(): ...",
        "class RiskRating: ...",
        "profile.ranking",
        "assemble(grade=1)",
        'document["payment-score"] = 1',
        "def f(sanctions): ...",
    ],
)
def test_a_planted_name_is_found(planted: str) -> None:
    assert any(words(name) & FORBIDDEN for name in names_in(planted))


def test_no_rpc_lists_or_searches_subjects() -> None:
    """Every rpc that gives records takes a signed query, which is about one subject."""
    methods = {
        method.name: method.input_type
        for file in FILES
        if "authority" not in file.name  # certificates and keys
        for service in file.services_by_name.values()
        for method in service.methods
    }
    giving_no_records = {
        *("GetCatalogue", "GetDirectory"),
        # Agreements, notices on them, and ends of consents, which name no person.
        *("ListDocuments", "GetDocuments", "OfferDocuments"),
        # Heads of logs, and which answers of all were superseded.
        *("GetCheckpoint", "GetConsistencyProof", "AddCheckpoint", "AddCheckpoints"),
        *("GetWitnessed", "TellWitnessed", "GetStatusList"),
    }
    # Signed statements, each by whoever speaks for one subject, or on one case.
    signed_by_the_subject = {"SubmitStep", "ListAccesses", "GetCase"}
    for name, request in methods.items():
        if name not in giving_no_records | signed_by_the_subject:
            assert "Envelope" in set(_types_under(request)), name
    assert query_pb2.Query.DESCRIPTOR.fields_by_name["subject"].is_repeated is False


def test_no_condition_looks_for_what_is_like_something() -> None:
    """Records are asked for by an exact identifier, and rules compare whole values."""
    for name in Operator:
        assert not set(re.split("[-_]", name.value)) & {"like", "match", "matches", "contains"}
    assert not {"search", "find", "list", "lookup"} & COMMANDS.keys()


def test_one_person_at_a_time() -> None:
    """A query is about one subject, a person is asked about alone, a consent is of one person."""
    query = query_pb2.Query.DESCRIPTOR
    question = query_pb2.Question.DESCRIPTOR
    assert not query.fields_by_name["subject"].is_repeated
    assert not question.fields_by_name["query"].is_repeated
    for path in ("gateway/federator.py", "node/responder.py"):
        calls = {
            node.func.id
            for node in ast.walk(ast.parse((ROOT / path).read_text()))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        }
        assert "check_alone" in calls, path
    header = json_schema()["$defs"]["Header"]["properties"]
    assert header["pii_principal_id"]["$ref"].endswith("/Principal")
    with pytest.raises(TypeError):
        terms(subjects=[person.subject for person in invent(2, seed=1)])
    assert by_desk().count(b'"payload"') == 1


@pytest.mark.parametrize("count", range(8))
def test_small_counts_of_persons_are_never_shown(count: int) -> None:
    shown = shown_count(count, SubjectKind.NATURAL_PERSON)
    assert shown == (str(count) if count >= 5 else "fewer than 5")


def test_persons_of_examples_are_synthetic() -> None:
    """No number of an example can be anybody's, and every name says that nobody has it."""
    seen = 0
    for path in (ROOT / "examples").glob("*/federation.toml"):
        schemes = Federation.load(path).schemes
        persons = [name for name in schemes if schemes[name].subject_kind in PERSONS]
        for folder in path.parent.glob("agencies/*/node.toml") if persons else ():
            config = tomllib.loads(folder.read_text())
            assert "database" not in config["node"], "its records cannot be looked at here"
            for file in config["files"]:
                seen += _check_synthetic(folder.parent / "data" / file["path"], schemes)
    assert seen > 20


def _check_synthetic(path: Path, schemes: Schemes) -> int:
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        numbers = [cell for cell in row.values() if re.fullmatch(r"\d{11}", cell)]
        assert len(numbers) == 1, "each row is about one person"
        assert ik.get_birth_date(schemes.parse(f"{SCHEME}:{numbers[0]}").value).year >= 2170
        names = [cell for column, cell in row.items() if column in NAMES]
        assert all(name.startswith(MARK) for name in names)
    return len(rows)


def test_the_scheme_of_the_example_takes_no_number_of_a_person_who_lives() -> None:
    schemes = Federation.load(ROOT / "examples/teachers/federation.toml").schemes
    with pytest.raises(LandbridgeError) as caught:
        schemes.parse(f"{SCHEME}:36805280109")  # the number of python-stdnum's own documentation
    assert caught.value.reason is Reason.MALFORMED_IDENTIFIER


def _types_under(message: Descriptor, seen: frozenset[str] = frozenset()) -> Iterator[str]:
    yield message.name
    for field in message.fields:
        inner = field.message_type
        if inner is not None and inner.full_name not in seen:
            yield from _types_under(inner, seen | {inner.full_name})
