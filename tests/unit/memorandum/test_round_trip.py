"""YAML, model and signed JSON say the same, whatever they hold; mangled text is refused."""

import json
import random
import string
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from landbridge.errors import LandbridgeError, Reason
from landbridge.memorandum.condition import conditions_of
from landbridge.memorandum.document import MAX_BYTES, Memorandum
from landbridge.memorandum.written_rule import read_rule, write_rule
from tests.memoranda import WHOLE, make_memorandum, write_text

NAMES = st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=4)
TEXTS = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], max_codepoint=0x2FFF), min_size=1, max_size=8
)
INTEGERS = st.integers(-(2**53) + 1, 2**53 - 1)
PERIODS = st.sampled_from(["P1D", "P2W", "P5Y", "P1Y6M"])
HOSTILE = [
    "'; DROP TABLE companies; --",
    '" OR 1=1 --',
    "x' UNION SELECT password FROM users --",
    "%' AND SLEEP(10) AND '1'='1",
    "\\'; SELECT 1; --",
    "${DATABASE} {{7*7}} :name ?1 %s %(x)s",
]
SIGNS = ['"', "'", "{", "}", "[", "]", ":", ",", "-", "#", "&x ", "*x", "!", "\t", "\n", "\0", "é"]
WORDS = ["5", "-1", "true", "~", "[]", "{}", "x", "2026-13-01", "1e9", '""', "null", "all:", "is"]


def is_a_title(text: str) -> bool:
    line = " ".join(text.split())
    return bool(line) and line.isprintable()


@st.composite
def written_conditions(draw: st.DrawFn) -> dict[str, Any]:
    values = draw(st.sampled_from([TEXTS, INTEGERS]))
    operand: dict[str, st.SearchStrategy[Any]] = {
        "eq": values | st.booleans(),
        "ne": values,
        "in": st.lists(values, min_size=1, max_size=3),
        "ge": values,
        "between": st.lists(INTEGERS, min_size=2, max_size=2).map(sorted),
        "within": PERIODS,
        "is-null": st.just(value=True),
    }
    operator = draw(st.sampled_from(sorted(operand)))
    return {"field": draw(NAMES), operator: draw(operand[operator])}


def join(rules: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    parts = st.lists(rules, min_size=1, max_size=2)
    return st.one_of(
        parts.map(lambda each: {"all": each}),
        parts.map(lambda each: {"any": each}),
        rules.map(lambda each: {"not": each}),
    )


RULES = written_conditions() | join(written_conditions()) | join(join(written_conditions()))


@given(RULES)
def test_a_rule_is_written_as_it_was_read(written: dict[str, Any]) -> None:
    assert write_rule(read_rule(written)) == written


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(where=st.lists(RULES, min_size=1, max_size=3), title=TEXTS.filter(is_a_title))
def test_yaml_model_and_json_say_the_same(
    tmp_path: Path, where: list[dict[str, Any]], title: str
) -> None:
    document = yaml.load(WHOLE, Loader=yaml.BaseLoader)
    (grant,) = document["grants"][2:]
    document |= {"illustrative": True, "title": title, "grants": [grant | {"where": where}]}
    # JSON is YAML, too.
    text = json.dumps(document, ensure_ascii=False)
    memorandum = Memorandum.from_yaml(write_text(tmp_path, text))
    assert [write_rule(rule) for rule in memorandum.grants[0].where] == where
    assert memorandum.title == " ".join(title.split())
    again = Memorandum.from_json(memorandum.to_json())
    assert again == memorandum
    assert again.to_json() == memorandum.to_json()


@pytest.mark.parametrize("text", HOSTILE)
def test_sql_in_a_text_is_only_a_text(tmp_path: Path, text: str) -> None:
    written = WHOLE.replace("Troy", json.dumps(text))
    memorandum = Memorandum.from_yaml(write_text(tmp_path, written))
    again = Memorandum.from_json(memorandum.to_json())
    assert again == memorandum
    values = [each.value for rule in again.grants[0].where for each in conditions_of(rule)]
    assert text in values


def mangle(text: str, seed: int) -> str:
    """Change a text as people and editors do, or as an attacker would; the same for each seed."""
    chance = random.Random(seed)
    lines = text.splitlines(keepends=True)
    place = chance.randrange(len(text))
    number = chance.randrange(len(lines))
    match chance.randrange(6):
        case 0:
            return text[:place] + chance.choice(SIGNS) + text[place:]
        case 1:
            return text[:place] + text[place + chance.randrange(1, 30) :]
        case 2:
            lines.insert(chance.randrange(len(lines)), lines[number])
        case 3:
            del lines[number]
        case 4:
            lines[number] = chance.choice("  -\t") + lines[number]
        case _:
            words = lines[number].split(" ")
            words[chance.randrange(len(words))] = chance.choice(WORDS)
            lines[number] = " ".join(words)
    return "".join(lines)


def attempt(read: Callable[[], Memorandum]) -> Memorandum | LandbridgeError:
    try:
        return read()
    except LandbridgeError as error:
        return error


def test_a_mangled_memorandum_is_read_or_refused_with_its_place(tmp_path: Path) -> None:
    refused = 0
    for seed in range(150):
        path = write_text(tmp_path, mangle(WHOLE, seed))
        result = attempt(partial(Memorandum.from_yaml, path))
        if isinstance(result, LandbridgeError):
            refused += 1
            assert result.reason is Reason.MALFORMED_MEMORANDUM
            assert str(path) in str(result)
        else:
            assert Memorandum.from_json(result.to_json()) == result
    # A test whose every case is refused at the first sign would show little.
    assert 50 < refused < 150


def test_a_mangled_payload_is_refused_or_another_memorandum(tmp_path: Path) -> None:
    whole = Memorandum.from_yaml(write_text(tmp_path, WHOLE))
    payload = whole.to_json().decode()
    for seed in range(300):
        mangled = mangle(payload, seed)
        result = attempt(partial(Memorandum.from_json, mangled.encode()))
        if isinstance(result, LandbridgeError):
            assert result.reason is Reason.MALFORMED_MEMORANDUM
        else:
            assert result.to_json() == mangled.encode()
            assert (result.digest == whole.digest) is (mangled == payload)


def test_more_mistakes_than_anyone_reads_are_counted(tmp_path: Path) -> None:
    wrong = ", ".join(f"N{number}" for number in range(900))
    path = write_text(tmp_path, WHOLE.replace("[name, city]", f"[{wrong}]"))
    with pytest.raises(LandbridgeError, match="and 800 further mistakes") as caught:
        Memorandum.from_yaml(path)
    assert str(caught.value).count("\n") == 100


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("amends", "a" * 9000),
        ("serve", "s" * 9000),
        ("field: city", f"{'f' * 9000}: city"),
        ("field: city", f"field: {'f' * 9000}"),
        ("asked: day", f"asked: {'d' * 9000}"),
        ("type: date", f"{'t' * 9000}: date"),
    ],
)
def test_a_message_repeats_no_more_than_anyone_reads(
    tmp_path: Path, right: str, wrong: str
) -> None:
    with pytest.raises(LandbridgeError) as caught:
        Memorandum.from_yaml(write_text(tmp_path, WHOLE.replace(right, wrong, 1)))
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(
    ("right", "wrong", "why"),
    [
        ("[active, closed]", f"[{', '.join(f'v{n}' for n in range(1001))}]", "at most 1000 values"),
        ("[name, city]", f"[{', '.join(f'v{n}' for n in range(1001))}]", "longer than 1000"),
        ("eq: Troy", f"eq: {'x' * 2001}", "texts of at most 2000 letters"),
        ("eq: Troy", f"eq: {'9' * 2001}", "too large for a whole number"),
        ("{field: city, eq: Troy}", "{not: " * 6 + "x" + "}" * 6, "nested deeper than 5 levels"),
        ("{field: city, eq: Troy}", "{not: " * 60 + "x" + "}" * 60, "nested deeper than 20"),
        ("{field: city, eq: Troy}", "[" * 5000, "nested deeper than 20"),
        ("eq: Troy", "eq: *troy", "alias"),
        ("eq: Troy", "eq: &troy Troy", "anchor"),
        ("eq: Troy", "<<: {eq: Troy}", "unknown key '<<'"),
        ("eq: Troy", "eq: Troy, eq: Rome", "written twice"),
        ("eq: Troy", "eq: !!str Troy", "tag"),
        ("until: 2027-12-31T00:00:00Z", "until: 2027-12-31", "must be a time in UTC"),
        ("until: 2027-12-31T00:00:00Z", "until: 2027-12-31 00:00:00", "must be a time in UTC"),
        ("until: 2027-12-31T00:00:00Z", "until: 2027-12-31T24:00:00Z", "must be a time in UTC"),
        ("until: 2027-12-31T00:00:00Z", "until: 20271231", "must be text"),
    ],
)
def test_what_is_too_much_or_ambiguous_is_refused(
    tmp_path: Path, right: str, wrong: str, why: str
) -> None:
    assert right in WHOLE
    with pytest.raises(LandbridgeError, match=why) as caught:
        Memorandum.from_yaml(write_text(tmp_path, WHOLE.replace(right, wrong, 1)))
    assert caught.value.reason is Reason.MALFORMED_MEMORANDUM


def test_more_conditions_than_a_node_should_hold_are_refused_before_they_are_read() -> None:
    row = {"field": "a", "eq": '"field":"field"'}
    grants = [{"where": [row] * 50} for _ in range(100)]
    payload = make_memorandum(grants).to_json()
    assert len(Memorandum.from_json(payload).grants) == 100
    one_more = make_memorandum([*grants, {"where": [row]}]).to_json()
    with pytest.raises(LandbridgeError, match="more than 5000 conditions") as caught:
        Memorandum.from_json(one_more)
    assert caught.value.where == "grants"


def test_a_memorandum_of_too_many_conditions_or_bytes_is_refused(tmp_path: Path) -> None:
    rows = ", ".join(["{field: a, eq: 1}"] * 100)
    start = WHOLE.index('  - clause: "2.3"')
    grant = WHOLE[start:] + f"    where: [{rows}]\n"
    with pytest.raises(LandbridgeError, match="more than 5000 conditions") as caught:
        Memorandum.from_yaml(write_text(tmp_path, WHOLE[:start] + grant * 51))
    assert caught.value.where.endswith(".yaml:12:3")
    with pytest.raises(LandbridgeError, match="larger than 1000000 bytes"):
        Memorandum.from_json(b'"' + b"x" * MAX_BYTES + b'"')


def test_more_joined_conditions_than_a_database_should_run_are_refused() -> None:
    one = {"field": "a", "eq": 1}
    read_rule({"any": [one] * 100})
    with pytest.raises(ValueError, match="more than 100 conditions"):
        read_rule({"any": [{"all": [one] * 51}, {"all": [one] * 50}]})
