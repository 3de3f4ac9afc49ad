"""A memorandum as an ODRL agreement and back: the same memorandum, or a refusal with its place."""

import copy
import json
import random
import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from landbridge.errors import LandbridgeError, Reason
from landbridge.exchange.draft import write_draft
from landbridge.exchange.odrl import write_agreement
from landbridge.exchange.odrl_import import read_agreement
from landbridge.memorandum.condition import AllOf, AnyOf, Condition, Not, Operator, Rule
from landbridge.memorandum.document import Memorandum
from landbridge.period import Period
from tests import example
from tests.memoranda import WHOLE, make_memorandum, write_text

Document = dict[str, Any]
Way = tuple[str | int, ...]

_SEED = 20_261_123
_LISTS = ("permission", "assignee", "constraint", "refinement", "duty", "predicates", "when")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Memorandum:
    return Memorandum.from_yaml(write_text(tmp_path_factory.mktemp("whole"), WHOLE))


@pytest.fixture
def agreement(whole: Memorandum) -> Document:
    return as_read(write_agreement(whole))


def as_read(document: Document) -> Document:
    read: Document = json.loads(json.dumps(document))
    return read


def to_bytes(document: object) -> bytes:
    return json.dumps(document).encode()


def refusal(document: object) -> LandbridgeError:
    data = document if isinstance(document, bytes) else to_bytes(document)
    with pytest.raises(LandbridgeError) as caught:
        read_agreement(data)
    assert caught.value.reason is Reason.NOT_IMPORTABLE
    return caught.value


def outcome(data: bytes) -> Memorandum | LandbridgeError:
    try:
        return read_agreement(data)
    except LandbridgeError as error:
        return error


def test_every_key_comes_back(whole: Memorandum, agreement: Document) -> None:
    assert read_agreement(to_bytes(agreement)).to_json() == whole.to_json()


@pytest.mark.parametrize("memorandum", example.memoranda(), ids=lambda each: each.id)
def test_the_examples_come_back(memorandum: Memorandum) -> None:
    assert read_agreement(to_bytes(write_agreement(memorandum))) == memorandum


NAMES = st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=4)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
VALUES = TEXTS | st.integers(-(2**53) + 1, 2**53 - 1)


@st.composite
def conditions(draw: st.DrawFn) -> Rule:
    operator = draw(st.sampled_from(sorted(Operator)))
    several = st.one_of(
        st.lists(TEXTS, min_size=1, max_size=3),
        st.lists(st.integers(0, 9), min_size=1, max_size=3),
        st.lists(st.booleans(), min_size=1, max_size=3),
    )
    operands: dict[Operator, st.SearchStrategy[Any]] = {
        Operator.IN: several.map(tuple),
        Operator.BETWEEN: st.tuples(st.integers(-9, 0), st.integers(0, 9)),
        Operator.WITHIN: st.builds(Period, years=st.integers(1, 9), days=st.integers(0, 9)),
        Operator.IS_NULL: st.none(),
        Operator.NOT_NULL: st.none(),
        Operator.EQ: VALUES | st.booleans(),
        Operator.NE: VALUES | st.booleans(),
    }
    return Condition(draw(NAMES), operator, draw(operands.get(operator, VALUES)))


RULES = st.recursive(
    conditions(),
    lambda rules: st.one_of(
        st.lists(rules, min_size=1, max_size=3).map(lambda parts: AllOf(tuple(parts))),
        st.lists(rules, min_size=1, max_size=3).map(lambda parts: AnyOf(tuple(parts))),
        rules.map(Not),
    ),
    max_leaves=6,
)


def with_rows(rules: list[Rule]) -> Memorandum | None:
    memorandum = make_memorandum([{}])
    grant = memorandum.grants[0].model_copy(update={"where": tuple(rules)})
    made = memorandum.model_copy(update={"grants": (grant,)})
    try:
        return Memorandum.from_json(made.to_json())
    except LandbridgeError:
        return None  # nested more deeply than a memorandum may be


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(RULES, min_size=1, max_size=3))
def test_whatever_rows_it_releases(tmp_path: Path, rules: list[Rule]) -> None:
    memorandum = with_rows(rules)
    if memorandum is not None:
        assert read_agreement(to_bytes(write_agreement(memorandum))) == memorandum
        draft = write_text(tmp_path, write_draft(memorandum))
        assert Memorandum.from_yaml(draft) == memorandum


def test_a_list_of_one_may_be_written_as_its_member(agreement: Document) -> None:
    def fold(value: Any) -> Any:
        if isinstance(value, list):
            return [fold(each) for each in value]
        if isinstance(value, dict):
            return {
                key: fold(inner[0] if key in _LISTS and len(inner) == 1 else inner)
                for key, inner in value.items()
            }
        return value

    context = agreement.pop("@context")
    folded = fold(agreement) | {"@context": context}
    assert isinstance(folded["permission"][0]["target"]["refinement"], list)
    assert isinstance(folded["permission"][2]["assignee"], str)
    assert read_agreement(to_bytes(folded)) == read_agreement(
        to_bytes(agreement | {"@context": context})
    )


def at(document: Document, way: Way) -> Any:
    found: Any = document
    for key in way:
        found = found[key]
    return found


@pytest.mark.parametrize(
    ("way", "value", "place"),
    [
        (("@type",), "Offer", "@type"),
        (("profile",), "urn:other", "profile"),
        (("@context", 1, "not"), "odrl:and", "@context"),
        (("uid",), "whole-2026", "uid"),
        (("permission", 0, "assigner"), "urn:landbridge:agency:board.ny", "permission[0].target"),
        (("permission", 0, "constraint", 0, "operator"), "isNoneOf", "permission[0].constraint"),
        (("permission", 0, "constraint", 2, "operator"), "gt", "permission[0].constraint"),
        (("permission", 0, "constraint", 5, "rightOperand"), True, "grants[0].quota.queries"),
        (("permission", 0, "constraint", 5, "window"), "hours", "grants[0].quota.per"),
        (("permission", 0, "action", 0, "rdf:value"), {"@id": "odrl:use"}, "permission[0].action"),
        (("permission", 0, "prohibition"), [], "permission[0].prohibition"),
        (("permission", 0, "target", "refinement", 0, "operator"), "isA", "refinement[0].operator"),
        (("permission", 0, "target", "refinement", 0, "leftOperand"), "spatial", "refinement[0]"),
        (("permission", 0, "target", "refinement", 0, "unit"), "days", "refinement[0].unit"),
        (("permission", 1, "predicates", 0, "asks", 0, "argumentType"), "money", "asks.day.type"),
        (("permission", 1, "duty"), [], "permission[1].duty"),
        (("permission", 2, "clause"), "", "grants[2].clause"),
        (("prohibition",), [{"action": "odrl:use"}], "prohibition"),
        (("inheritFrom",), "urn:other:policy", "inheritFrom"),
    ],
)
def test_what_no_memorandum_says_is_refused_where_it_stands(
    agreement: Document, way: Way, value: object, place: str
) -> None:
    at(agreement, way[:-1])[way[-1]] = value
    assert place in refusal(agreement).where


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b"\xff\xfe",
        b'{"@type": "Agreement"}',
        b'{"@type": "Agreement", "@type": "Agreement"}',
        b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b" " * 4_000_001,
    ],
    ids=["empty", "null", "list", "bytes", "bare", "twice", "deep", "huge"],
)
def test_what_is_no_agreement_is_refused(data: bytes) -> None:
    refusal(data)


@pytest.mark.parametrize(
    "value",
    ["NaN", "1e999", "1.0", "12.50", str(2**70), "9" * 6000, "null", '"\\ud800"', '{"@value": 1}'],
)
def test_values_that_no_memorandum_has_are_refused(agreement: Document, value: str) -> None:
    refusal(to_bytes(agreement).replace(b'"Troy"', value.encode()))


def test_deeply_nested_conditions_are_refused(agreement: Document) -> None:
    rule: Document = {"leftOperand": "field:a", "operator": "eq", "rightOperand": 1}
    for _ in range(30):
        rule = {"not": {"@list": [rule]}}
    agreement["permission"][0]["target"]["refinement"] = [rule]
    assert "refinement[0]" in refusal(agreement).where


def ways(value: Any, way: Way = ()) -> Iterator[Way]:
    if way:
        yield way
    entries = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in entries:
        if isinstance(inner, dict | list):
            yield from ways(inner, (*way, key))
        else:
            yield (*way, key)


def test_every_change_is_read_exactly_or_refused(agreement: Document) -> None:
    chance = random.Random(_SEED)
    before = read_agreement(to_bytes(agreement))
    context = agreement.pop("@context")
    changes = list(ways(agreement))
    assert len(changes) > 200
    kept = 0
    for way in changes:
        changed = copy.deepcopy(agreement)
        holder = at(changed, way[:-1])
        value = chance.choice([None, 7, "x", [], {}, True, ["x"], {"@list": 1}, "DELETE"])
        if value == "DELETE":
            del holder[way[-1]]
        elif holder[way[-1]] == value:
            continue
        else:
            holder[way[-1]] = value
        changed["@context"] = context
        read = outcome(to_bytes(changed))
        if isinstance(read, LandbridgeError):
            # Where several things are wrong, the message lists each with its place.
            places = bool(read.where) or "\n" in read.message
            assert (read.reason, places) == (Reason.NOT_IMPORTABLE, True), way
        else:
            kept += 1
            assert read != before, way
            assert read_agreement(to_bytes(write_agreement(read))) == read
    # Free text may say anything, so a few changes make another memorandum.
    assert 0 < kept < len(changes) / 4


def test_mangled_text_never_breaks_the_reader(agreement: Document) -> None:
    chance = random.Random(_SEED)
    text = to_bytes(agreement)
    for _ in range(300):
        start = chance.randrange(len(text))
        end = min(len(text), start + chance.randrange(1, 40))
        middle = chance.choice([b"", b"\x00", b'"', b"{}", b"]", text[start:end] * 2])
        read = outcome(text[:start] + middle + text[end:])
        assert isinstance(read, Memorandum) or read.reason is Reason.NOT_IMPORTABLE
