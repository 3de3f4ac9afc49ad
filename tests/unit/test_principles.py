"""What Landbridge does not do, by principle, held against protos, schemas, code and examples."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.protobuf.descriptor import Descriptor, FileDescriptor

from landbridge.v1 import (
    answer_pb2,
    catalogue_pb2,
    envelope_pb2,
    gateway_service_pb2,
    log_pb2,
    node_service_pb2,
    profile_pb2,
    query_pb2,
    reason_pb2,
    subject_pb2,
)

ROOT = Path(__file__).parents[2]
FILES: list[FileDescriptor] = [
    module.DESCRIPTOR
    for module in (
        answer_pb2,
        catalogue_pb2,
        envelope_pb2,
        gateway_service_pb2,
        log_pb2,
        node_service_pb2,
        profile_pb2,
        query_pb2,
        reason_pb2,
        subject_pb2,
    )
]
FORBIDDEN = frozenset(
    {
        *("score", "scores", "scoring", "rating", "ratings", "rank", "ranks", "ranking", "grade"),
        *("grades", "grading", "creditworthiness", "sanction", "sanctions", "blacklist"),
        *("biometric", "fingerprints", "behaviour", "behavior", "friends", "followers"),
    }
)


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
            if path.parent.name == "v1":
                continue
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                    yield node.name
                elif isinstance(node, ast.Name):
                    yield node.id
                elif isinstance(node, ast.arg):
                    yield node.arg


def names_in_schemas() -> Iterator[str]:
    for path in (ROOT / "docs" / "schemas").glob("*.json"):
        yield from re.findall(r'"([^"]+)"\s*:', path.read_text())


def names_in_examples() -> Iterator[str]:
    for path in (ROOT / "examples").rglob("node.toml"):
        for dataset in tomllib.loads(path.read_text())["datasets"]:
            yield dataset["name"]
            yield from (field["name"] for field in dataset["fields"])
    for path in (ROOT / "examples").rglob("federation.toml"):
        yield from tomllib.loads(path.read_text())["terms"]


@pytest.mark.parametrize(
    "source", [names_in_protos, names_in_code, names_in_schemas, names_in_examples]
)
def test_nobody_is_scored_rated_ranked_or_sanctioned(source: object) -> None:
    names = set(source())  # type: ignore[operator]
    assert names, "nothing was looked at"
    assert {name for name in names if words(name) & FORBIDDEN} == set()


def test_no_rpc_lists_or_searches_subjects() -> None:
    """Every rpc that gives records takes a signed query, which is about one subject."""
    methods = {
        method.name: method.input_type
        for file in FILES
        for service in file.services_by_name.values()
        for method in service.methods
    }
    giving_no_records = {"GetCatalogue", "GetDirectory"}
    for name, request in methods.items():
        if name not in giving_no_records:
            assert "Envelope" in set(_types_under(request)), name
    assert query_pb2.Query.DESCRIPTOR.fields_by_name["subject"].is_repeated is False


def _types_under(message: Descriptor, seen: frozenset[str] = frozenset()) -> Iterator[str]:
    yield message.name
    for field in message.fields:
        inner = field.message_type
        if inner is not None and inner.full_name not in seen:
            yield from _types_under(inner, seen | {inner.full_name})
