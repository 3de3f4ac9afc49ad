"""A node takes a memorandum only if it can execute each of its own clauses exactly as written."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from landbridge.errors import LandbridgeError, Reason
from node.config import NodeConfig
from node.executable import check_executable
from node.sources.source import Source
from tests.memoranda import make_memorandum
from tests.schools import load_config, load_federation

CONFIG = """
[node]
agency = "registrar"
title = "Registrar"
records = ["."]
[[files]]
table = "schools"
path = "schools.csv"
[[datasets]]
name = "schools"
title = "Schools"
table = "schools"
subject_kind = "legal-entity"
[[datasets.keys]]
scheme = "school"
column = "id"
[[datasets.fields]]
name = "name"
column = "name"
type = "text"
description = "Name"
[[datasets.fields]]
name = "pupils"
column = "pupils"
type = "integer"
description = "Pupils"
[[datasets.fields]]
name = "opened"
column = "opened"
type = "date"
description = "Opened on"
"""


@pytest.fixture(scope="module")
def registrar(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[NodeConfig, Source]]:
    folder = tmp_path_factory.mktemp("registrar")
    (folder / "schools.csv").write_text("id,name,pupils,opened\n000001,North,300,2001-09-01\n")
    config = load_config(folder, CONFIG)
    source = Source.open(config, load_federation(folder), folder / "work")
    yield config, source
    source.close()


def check(registrar: tuple[NodeConfig, Source], grant: Mapping[str, Any]) -> None:
    usual = {"provider": "registrar", "dataset": "schools", "requesters": ["board"]}
    if "predicates" not in grant:
        usual |= {"fields": ["name"]}  # type: ignore[dict-item]
    parties = ("registrar", "board", "other")
    check_executable(make_memorandum([{**usual, **grant}], parties=parties), *registrar)


def predicate(**parts: Any) -> dict[str, Any]:
    when = [{"field": "pupils", "gt": 100}]
    return {"predicates": [{"name": "large", "title": "Large?", "when": when, **parts}]}


@pytest.mark.parametrize(
    "grant",
    [
        {"fields": ["name", "pupils"]},
        {"where": [{"field": "opened", "within": "P30Y"}]},
        predicate(),
        predicate(
            asks={"size": {"type": "integer"}, "day": {"type": "date"}},
            when=[
                {"field": "pupils", "ge": {"asked": "size"}},
                {"not": {"field": "opened", "lt": {"asked": "day"}}},
            ],
        ),
        {"provider": "other", "dataset": "anything", "fields": ["whatever"]},
    ],
    ids=["fields", "rows", "predicate", "asking predicate", "another's clause"],
)
def test_what_can_be_executed_is_taken(
    registrar: tuple[NodeConfig, Source], grant: Mapping[str, Any]
) -> None:
    check(registrar, grant)


@pytest.mark.parametrize(
    ("grant", "reason", "what"),
    [
        ({"dataset": "pupils"}, Reason.UNKNOWN_DATASET, "'pupils' is not published"),
        ({"fields": ["name", "roof"]}, Reason.UNKNOWN_FIELD, "no field 'roof'"),
        ({"where": [{"field": "roof", "eq": "flat"}]}, Reason.UNKNOWN_FIELD, "no field 'roof'"),
        (
            predicate(when=[{"any": [{"field": "roof", "eq": "flat"}]}]),
            Reason.UNKNOWN_FIELD,
            "no field 'roof'",
        ),
        (predicate(name="pupils"), Reason.INVALID_CONFIGURATION, "has a field 'pupils'"),
        (
            {"where": [{"field": "pupils", "eq": "many"}]},
            Reason.INVALID_CONFIGURATION,
            "is not a number",
        ),
        (
            {"where": [{"field": "pupils", "within": "P1Y"}]},
            Reason.INVALID_CONFIGURATION,
            "pupils",
        ),
        (
            predicate(
                asks={"size": {"type": "date"}},
                when=[{"field": "pupils", "ge": {"asked": "size"}}],
            ),
            Reason.INVALID_CONFIGURATION,
            "pupils",
        ),
        (
            predicate(
                asks={"name": {"type": "text", "of": ["North", " South"]}},
                when=[{"field": "name", "eq": {"asked": "name"}}],
            ),
            Reason.INVALID_CONFIGURATION,
            "name",
        ),
        (
            {"subject_kinds": ["natural-person"], "statute": "Act, 1"},
            Reason.SUBJECT_KIND_NOT_COVERED,
            "legal-entity",
        ),
    ],
)
def test_what_cannot_is_refused_whole(
    registrar: tuple[NodeConfig, Source], grant: Mapping[str, Any], reason: Reason, what: str
) -> None:
    with pytest.raises(LandbridgeError, match=what) as caught:
        check(registrar, grant)
    assert caught.value.reason is reason
