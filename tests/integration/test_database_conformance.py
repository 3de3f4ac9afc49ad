"""Every real database executes every rule exactly as `meets` says, and receives nothing else."""

import re
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from landbridge.errors import LandbridgeError, Reason
from landbridge.memorandum.condition import (
    AllOf,
    AnyOf,
    Condition,
    Not,
    Operator,
    Rule,
    meets,
    on_day,
)
from landbridge.period import Period
from tests.integration.conftest import DATABASES, PostgresServer, make_registrar
from tests.integration.database_tables import (
    EXACT_FIELDS,
    INEXACT_FIELDS,
    OWN_INEXACT_FIELDS,
    TYPES,
    Filled,
    conditions,
    create,
    exact_fields,
    node_file,
    read_values,
)
from tests.schools import look_up, open_source, read

EVERY = [condition for field in EXACT_FIELDS for condition in conditions(field)]
OPERANDS: dict[str, str | int] = {
    "real": "0.5",
    "late": "2014-08-25",
    "part": 1,
    "ope": "00100500",
    "zoned": "2014-08-25T10:00:00",
}
_AT_ONCE = 60


@pytest.fixture(scope="module", params=DATABASES)
def filled(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Filled]:
    folder = tmp_path_factory.mktemp("conformance")
    registrar = make_registrar(request, folder)
    create(registrar)
    source = open_source(folder, node_file(registrar.dialect, registrar.url))
    registrar.listen(source)
    yield Filled(registrar, source, read_values(source))
    source.close()
    registrar.close()


def answers(filled: Filled, rules: Sequence[Rule]) -> dict[str, list[bool]]:
    """Ask every rule as a question with yes or no about every unit."""
    found: dict[str, list[bool]] = {unit: [] for unit in filled.units}
    for start in range(0, len(rules), _AT_ONCE):
        asked = [(f"q{n}", (rule,)) for n, rule in enumerate(rules[start : start + _AT_ONCE])]
        outcomes = filled.source.fetch(
            [look_up("schools", [], f"school:{unit}", predicates=asked) for unit in filled.units]
        )
        for unit, outcome in zip(filled.units, outcomes, strict=True):
            assert not isinstance(outcome, LandbridgeError), outcome.__cause__
            (record,) = outcome
            found[unit] += [value.boolean for value in record.values]
    return found


def released(filled: Filled, rule: Rule) -> set[str]:
    """Return the units whose rows a rule releases."""
    outcomes = filled.source.fetch(
        [look_up("schools", ["unit"], f"school:{unit}", where=[rule]) for unit in filled.units]
    )
    assert not [outcome for outcome in outcomes if isinstance(outcome, LandbridgeError)]
    return {unit for unit, outcome in zip(filled.units, outcomes, strict=True) if outcome}


def expected(filled: Filled, rules: Sequence[Rule]) -> dict[str, list[bool]]:
    return {unit: [meets(rule, filled.value_of(unit)) for rule in rules] for unit in filled.units}


def test_every_condition_means_what_meets_says(filled: Filled) -> None:
    every = [
        condition
        for field in exact_fields(filled.registrar.dialect)
        for condition in conditions(field)
    ]
    for rule in every:
        filled.source.check_rule("schools", rule)
    # Negated, an expression that is NULL where it should be false shows.
    rules = [Not(rule) if number % 2 else rule for number, rule in enumerate(every)]
    found, right = answers(filled, rules), expected(filled, rules)
    wrong = [
        (str(rule), unit, filled.values[unit])
        for n, rule in enumerate(rules)
        for unit in filled.units
        if found[unit][n] is not right[unit][n]
    ]
    assert not wrong
    # Both answers occur, or nothing would be shown.
    assert {truth for truths in right.values() for truth in truths} == {True, False}


def joined(parts: st.SearchStrategy[Rule]) -> st.SearchStrategy[Rule]:
    several = st.lists(parts, min_size=1, max_size=4).map(tuple)
    return st.one_of(several.map(AllOf), several.map(AnyOf), parts.map(Not))


RULES: st.SearchStrategy[Rule] = st.recursive(st.sampled_from(EVERY), joined, max_leaves=8)


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(rules=st.lists(RULES, min_size=20, max_size=30))
def test_joined_rules_mean_what_meets_says(filled: Filled, rules: list[Rule]) -> None:
    right = expected(filled, rules)
    assert answers(filled, rules) == right
    assert released(filled, rules[0]) == {unit for unit in filled.units if right[unit][0]}


def test_what_is_only_counted_is_what_would_be_released(filled: Filled) -> None:
    for rule in (Not(EVERY[0]), *EVERY[::9]):
        outcomes = filled.source.fetch(
            [
                look_up("schools", [], f"school:{unit}", where=[rule], counted=True)
                for unit in filled.units
            ]
        )
        counted = {
            unit: [record.ByteSize() for record in outcome]
            for unit, outcome in zip(filled.units, outcomes, strict=True)
            if not isinstance(outcome, LandbridgeError)
        }
        whole = released(filled, rule)
        assert counted == {unit: [0] if unit in whole else [] for unit in filled.units}


@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
@given(day=st.dates(date(2013, 1, 1), date(2021, 1, 1)), years=st.integers(1, 9))
def test_within_means_the_days_up_to_today(filled: Filled, day: date, years: int) -> None:
    rules: list[Rule] = []
    for field in EXACT_FIELDS:
        if field.get("type") in ("date", "timestamp"):
            rule = Condition(field["name"], Operator.WITHIN, Period(years=years))
            filled.source.check_rule("schools", Not(rule))
            rules += [on_day(rule, day), on_day(Not(rule), day)]
    assert answers(filled, rules) == expected(filled, rules)


def test_what_cannot_be_exact_is_refused(filled: Filled) -> None:
    dialect = filled.registrar.dialect
    fields = [*INEXACT_FIELDS, *OWN_INEXACT_FIELDS[dialect]]
    refused = {}
    for field in fields:
        name = field["name"]
        try:
            rule = Not(Condition(name, Operator.EQ, OPERANDS.get(name, "A")))
            filled.source.check_rule("schools", rule)
        except LandbridgeError as error:
            refused[name] = error
    names = [field["name"] for field in fields]
    assert list(refused) == (["several"] if dialect == "sqlite" else names)
    for error in refused.values():
        assert error.reason is Reason.INVALID_CONFIGURATION
        assert "cannot be executed on dataset schools" in error.message


def test_emptiness_can_be_tested_on_any_text(filled: Filled) -> None:
    for field in ("late", "ope", "several"):
        filled.source.check_rule("schools", Condition(field, Operator.IS_NULL))


def test_the_statement_holds_granted_columns_keys_and_the_condition(filled: Filled) -> None:
    whole = next(f["name"] for f in EXACT_FIELDS if f.get("type") == "integer")
    words = EXACT_FIELDS[0]["name"]
    where = Condition(whole, Operator.GE, 0)
    before = len(filled.registrar.statements())
    read(filled.source, look_up("schools", [words], "school:100000", where=[where]))
    (statement,) = filled.registrar.statements()[before:]
    selected, _, condition = statement.partition("FROM")
    assert columns_in(selected) == {"unit", "words"}
    assert columns_in(condition) == {"unit", "whole"}


def test_a_predicate_selects_keys_and_truth_alone(filled: Filled) -> None:
    whole = next(f["name"] for f in EXACT_FIELDS if f.get("type") == "integer")
    words = EXACT_FIELDS[0]["name"]
    above = (f"{whole}-above", (Condition(whole, Operator.GT, 36),))
    where = Condition(words, Operator.NOT_NULL)
    before = len(filled.registrar.statements())
    unit = next(unit for unit in filled.units if filled.values[unit][words] is not None)
    lookup = look_up("schools", [], f"school:{unit}", predicates=[above], where=[where])
    (record,) = read(filled.source, lookup)
    assert record.record == ""
    assert (record.about.scheme, record.about.value) == ("school", unit)
    assert [value.boolean for value in record.values] == [meets(above[1][0], filled.value_of(unit))]
    (statement,) = filled.registrar.statements()[before:]
    selected, _, condition = statement.partition("FROM")
    outside = re.sub(r"CASE WHEN .* END", "", selected, flags=re.DOTALL)
    assert columns_in(outside) == {"unit"}
    assert columns_in(selected) == {"unit", "whole"}
    assert columns_in(condition) == {"unit", "words"}


def columns_in(text: str) -> set[str]:
    """Return the columns of the table that a part of a statement names."""
    # The table's name, and what PostgreSQL's log says of parameters, name none.
    text = text.partition("\nDETAIL")[0]
    return {name for name in ("unit", *TYPES["sqlite"]) if re.search(rf"\b{name}\b", text)}


def test_days_beyond_the_calendar_meet_nothing_in_postgresql(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    url = postgres.create(
        "endless",
        "CREATE TABLE schools (unit text PRIMARY KEY, day date)",
        "INSERT INTO schools VALUES ('100001', 'infinity'), ('100002', '12000-01-01'),"
        " ('100003', '0044-03-15 BC'), ('100004', '9999-12-31')",
    )
    source = open_source(tmp_path, ENDLESS.format(url=url))
    after = Condition("day", Operator.GE, "0001-01-01")
    filled, empty = Condition("day", Operator.NOT_NULL), Condition("day", Operator.IS_NULL)
    rules = {"after": after, "not": Not(after), "filled": filled, "empty": empty}
    asked = [(name, (rule,)) for name, rule in rules.items()]
    outcomes = source.fetch(
        [look_up("schools", [], f"school:10000{n}", predicates=asked) for n in (1, 2, 3, 4)]
    )
    source.close()
    truths = [
        [value.boolean for value in outcome[0].values]
        for outcome in outcomes
        if isinstance(outcome, list)
    ]
    assert truths == [[False, True, False, False]] * 3 + [[True, False, True, False]]


ENDLESS = """
[node]
agency = "registrar"
database = "{url}"
[[datasets]]
name = "schools"
title = "Schools"
table = "schools"
subject_kind = "legal-entity"
[[datasets.keys]]
scheme = "school"
column = "unit"
[[datasets.fields]]
name = "day"
column = "day"
type = "date"
"""
